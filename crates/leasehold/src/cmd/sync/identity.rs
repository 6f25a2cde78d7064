//! `leasehold sync identity`: who the server is to its vendor.

use std::fmt::Write as _;

use leasehold_proto::sync::v1::{GetIdentityRequest, GetIdentityResponse, SyncStatus};
use serde::Serialize;

use super::super::value::{hostid, or_dash, seconds, time, without_prefix};
use super::connection::ServerArgs;
use crate::exit::Failure;
use crate::output::{Format, print, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let service = args.server.connect().await?;
    let request = GetIdentityRequest { instance: args.server.instance };
    let answer =
        service.call(request, |mut stub, request| async move { stub.get_identity(request).await }).await?;
    let unenrolled = answer.status() == SyncStatus::Unenrolled;
    let facts = Facts::of(&answer);
    match args.output {
        Format::Json => print(&(serde_json::to_string_pretty(&facts).map_err(Failure::error)? + "\n")),
        Format::Table => {
            print(&facts.lines())?;
            if unenrolled {
                say("It has no vendor yet; `leasehold sync enrol --file FILE` enrols it.");
            }
            Ok(())
        }
    }
}

/// Who a server is to its vendor.
#[derive(Serialize)]
struct Facts {
    status: String,
    license_server_id: String,
    vendor_id: String,
    vendor_name: String,
    vendor_root: String,
    address: String,
    vendor_recipient: String,
    contact: Contact,
    signing_key_id: String,
    fingerprint: String,
    recipient: String,
    hostids: Vec<String>,
    bundle_sequence: u64,
    synchronized_at: Option<String>,
    synchronize_before: Option<String>,
    next_at: Option<String>,
    outstanding: i32,
    notices: Vec<String>,
}

#[derive(Serialize)]
struct Contact {
    mail: String,
    web: String,
    phone: String,
}

impl Facts {
    fn of(message: &GetIdentityResponse) -> Self {
        let enrolment = message.enrolment.clone().unwrap_or_default();
        let contact = enrolment.contact.unwrap_or_default();
        Self {
            status: without_prefix(message.status().as_str_name(), "SYNC_STATUS_"),
            license_server_id: enrolment.license_server_id,
            vendor_id: enrolment.vendor_id,
            vendor_name: enrolment.vendor_name,
            vendor_root: enrolment.vendor_root,
            address: enrolment.address,
            vendor_recipient: enrolment.vendor_recipient,
            contact: Contact { mail: contact.mail, web: contact.web, phone: contact.phone },
            signing_key_id: message.signing_key_id.clone(),
            fingerprint: message.fingerprint.clone(),
            recipient: message.recipient.clone(),
            hostids: message.hostids.iter().map(|found| hostid(Some(found))).collect(),
            bundle_sequence: message.bundle_sequence,
            synchronized_at: time(message.synchronized_at.as_ref()),
            synchronize_before: time(message.synchronize_before.as_ref()),
            next_at: time(message.next_at.as_ref()),
            outstanding: message.outstanding,
            notices: message.notices.clone(),
        }
    }

    /// One line for each, for people.
    fn lines(&self) -> String {
        let contact = [&self.contact.mail, &self.contact.web, &self.contact.phone];
        let contact: Vec<&str> =
            contact.into_iter().map(String::as_str).filter(|at| !at.is_empty()).collect();
        let bundle = match self.bundle_sequence {
            0 => "none yet".to_owned(),
            sequence => format!("{sequence}, since {}", seconds(self.synchronized_at.as_ref())),
        };
        let mut text = String::new();
        for (name, value) in [
            ("Status", self.status.clone()),
            ("License server", or_dash(&self.license_server_id)),
            ("Fingerprint", or_dash(&self.fingerprint)),
            ("Vendor", vendor(&self.vendor_name, &self.vendor_id)),
            ("Contact", or_dash(&contact.join(", "))),
            ("Address", or_dash(&self.address)),
            ("Bundle", bundle),
            ("Synchronise before", seconds(self.synchronize_before.as_ref())),
            ("Next by itself", seconds(self.next_at.as_ref())),
            ("Requests by file", self.outstanding.to_string()),
            ("Host ids", or_dash(&self.hostids.join(", "))),
            ("Recipient", or_dash(&self.recipient)),
            ("Vendor's root", or_dash(&self.vendor_root)),
        ] {
            let _ = writeln!(text, "{name:<19} {}", value.replace(char::is_control, "\u{fffd}"));
        }
        for notice in &self.notices {
            let printable = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
            let notice: String = notice.chars().map(printable).collect();
            let _ = writeln!(text, "\n{notice}");
        }
        text
    }
}

fn vendor(name: &str, id: &str) -> String {
    match (name, id) {
        ("", id) => or_dash(id),
        (name, id) => format!("{name} ({id})"),
    }
}

#[cfg(test)]
mod tests {
    use leasehold_proto::sync::v1::{Enrolment, VendorContact};

    use super::*;

    #[test]
    fn people_read_a_line_for_each_fact() {
        let message = GetIdentityResponse {
            status: SyncStatus::Synchronized.into(),
            enrolment: Some(Enrolment {
                license_server_id: "the-id".to_owned(),
                vendor_id: "example".to_owned(),
                vendor_name: "Example Ltd".to_owned(),
                contact: Some(VendorContact { mail: "a@b".to_owned(), ..VendorContact::default() }),
                ..Enrolment::default()
            }),
            bundle_sequence: 3,
            synchronized_at: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
            notices: vec!["Two\nlines\u{1b}".to_owned()],
            ..GetIdentityResponse::default()
        };
        let text = Facts::of(&message).lines();
        for line in [
            "Status              SYNCHRONIZED",
            "License server      the-id",
            "Vendor              Example Ltd (example)",
            "Contact             a@b",
            "Address             -",
            "Bundle              3, since 2026-01-01T00:00:00Z",
            "Two",
            "lines\u{fffd}",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
