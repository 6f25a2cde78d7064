//! The enrolment file: the message `Enrolment` in JSON, which `leasehold sync enrol` reads.

use std::path::Path;

use leasehold_proto::sync::v1::Enrolment;
use serde::Serialize;

use super::super::super::client_config::write_new;
use crate::exit::{Exit, Failure};
use crate::output::{print, say};

#[derive(Serialize)]
struct File<'a> {
    license_server_id: &'a str,
    vendor_id: &'a str,
    vendor_name: &'a str,
    vendor_root: &'a str,
    address: &'a str,
    vendor_recipient: &'a str,
    contact: Contact<'a>,
}

#[derive(Serialize)]
struct Contact<'a> {
    mail: &'a str,
    web: &'a str,
    phone: &'a str,
}

/// Writes the file, or prints it.
pub(super) fn put(enrolment: &Enrolment, out: Option<&Path>) -> Result<(), Failure> {
    let text = json(enrolment)?;
    let Some(out) = out else { return print(&text) };
    if !write_new(out, &text)? {
        return Err(is_there(out));
    }
    say(&format!(
        "Wrote {}: give it to the administrator of the licence server, for `leasehold sync enrol --file`.",
        out.display()
    ));
    Ok(())
}

/// Nothing is overwritten.
pub(super) fn is_there(path: &Path) -> Failure {
    let text = format!("{} is there already, and nothing is overwritten; give another --out", path.display());
    Failure::new(Exit::Conflict, text)
}

fn json(enrolment: &Enrolment) -> Result<String, Failure> {
    let contact = enrolment.contact.clone().unwrap_or_default();
    let file = File {
        license_server_id: &enrolment.license_server_id,
        vendor_id: &enrolment.vendor_id,
        vendor_name: &enrolment.vendor_name,
        vendor_root: &enrolment.vendor_root,
        address: &enrolment.address,
        vendor_recipient: &enrolment.vendor_recipient,
        contact: Contact { mail: &contact.mail, web: &contact.web, phone: &contact.phone },
    };
    Ok(serde_json::to_string_pretty(&file).map_err(Failure::error)? + "\n")
}
