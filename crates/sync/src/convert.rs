//! Messages and what is kept: each as the other. Rules of single fields are checked here.

use leasehold_domain::text;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::SyncStep;
use leasehold_runtime::error::reason_name;
use leasehold_signing::sealed_file::Recipient;
use leasehold_signing::{VendorId, VerifyingKey};
use leasehold_store::sync::{Contact, Enrolment, Exchange, ExchangeState, Failure, Step, Way};
use tonic::transport::Uri;
use uuid::Uuid;

use crate::Error;
use crate::error::Failed;

/// Longest short text in bytes.
const MAX_SHORT: usize = 255;

/// What the vendor says, checked; a field's path is below `enrolment`.
pub(crate) fn read_enrolment(message: Option<pb::Enrolment>) -> Result<Enrolment, Error> {
    let wrong =
        |field: &str, problem: &dyn ToString| Error::field(format!("enrolment.{field}"), problem.to_string());
    let message = message
        .ok_or_else(|| Error::field("enrolment", "is missing; give what the vendor's enrolment file says"))?;
    let license_server_id = Uuid::try_parse(&message.license_server_id).map_err(|_| {
        wrong("license_server_id", &"is not a UUID; give the id that the vendor gave this server")
    })?;
    VendorId::new(&message.vendor_id).map_err(|error| wrong("vendor_id", &error))?;
    let root: VerifyingKey = message.vendor_root.parse().map_err(|error| wrong("vendor_root", &error))?;
    check_address(&message.address).map_err(|problem| wrong("address", &problem))?;
    check_recipient(&message.vendor_recipient).map_err(|problem| wrong("vendor_recipient", &problem))?;
    let contact = message.contact.unwrap_or_default();
    check_names(&message.vendor_name, &contact).map_err(|(field, problem)| wrong(field, &problem))?;
    Ok(Enrolment {
        license_server_id,
        vendor_id: message.vendor_id,
        vendor_name: message.vendor_name,
        vendor_root: *root.as_bytes(),
        address: message.address,
        vendor_recipient: message.vendor_recipient,
        contact: Contact { mail: contact.mail, web: contact.web, phone: contact.phone },
    })
}

/// The vendor's name and contact, which a bundle renews.
pub(crate) fn check_names(name: &str, contact: &pb::VendorContact) -> Result<(), (&'static str, String)> {
    for (field, value) in [
        ("vendor_name", name),
        ("contact.mail", contact.mail.as_str()),
        ("contact.web", contact.web.as_str()),
        ("contact.phone", contact.phone.as_str()),
    ] {
        text::check_optional(value, MAX_SHORT).map_err(|error| (field, error.to_string()))?;
    }
    Ok(())
}

/// A recipient of files, or nothing.
pub(crate) fn check_recipient(recipient: &str) -> Result<(), String> {
    if recipient.is_empty() {
        return Ok(());
    }
    recipient.parse::<Recipient>().map(drop).map_err(|error| error.to_string())
}

/// An address of a back office, or nothing.
fn check_address(address: &str) -> Result<(), String> {
    let wrong = || {
        format!(
            "{:?} is no address of a back office; give https://HOST or https://HOST:PORT, or leave it empty where the \
             vendor is reached by files only",
            address.chars().take(80).collect::<String>()
        )
    };
    if address.is_empty() {
        return Ok(());
    }
    text::check(address, MAX_SHORT).map_err(|error| error.to_string())?;
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let is_host = uri.host().is_some_and(|host| !host.is_empty()) && !authority.contains('@');
    match uri.scheme_str() {
        Some("https" | "http") if is_bare && is_host => Ok(()),
        _ => Err(wrong()),
    }
}

/// What is kept of an enrolment.
pub(crate) fn enrolment(enrolment: &Enrolment) -> pb::Enrolment {
    let root = VerifyingKey::from_slice(&enrolment.vendor_root);
    let Contact { mail, web, phone } = enrolment.contact.clone();
    pb::Enrolment {
        license_server_id: enrolment.license_server_id.to_string(),
        vendor_id: enrolment.vendor_id.clone(),
        vendor_name: enrolment.vendor_name.clone(),
        // It was one when it was enrolled.
        vendor_root: root.map(|root| root.to_string()).unwrap_or_default(),
        address: enrolment.address.clone(),
        vendor_recipient: enrolment.vendor_recipient.clone(),
        contact: Some(pb::VendorContact { mail, web, phone }),
    }
}

/// What is kept of an exchange, without what was sent and received.
pub(crate) fn exchange(exchange: &Exchange) -> pb::Exchange {
    let failure = exchange.failure.as_ref();
    let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    pb::Exchange {
        number: exchange.number,
        way: way(exchange.way).into(),
        state: state(exchange.state).into(),
        started_at: Some(timestamp(exchange.started_at)),
        ended_at: exchange.ended_at.map(timestamp),
        sent_bytes: bytes(exchange.sent_bytes),
        received_bytes: bytes(exchange.received_bytes),
        bundle_sequence: exchange.bundle_sequence,
        changes: exchange.changes.clone(),
        synchronize_before: exchange.synchronize_before.map(timestamp),
        failed_step: failure.map_or(SyncStep::Unspecified, |failure| step(failure.step)).into(),
        failure_reason: failure.map(|failure| failure.reason.clone()).unwrap_or_default(),
        message: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
        actor: exchange.actor.clone(),
    }
}

/// A failure as it is kept.
pub(crate) fn failure(failed: &Failed) -> Failure {
    Failure {
        step: kept_step(failed.step),
        reason: reason_name(failed.reason).to_owned(),
        message: failed.message.clone(),
    }
}

fn way(way: Way) -> pb::ExchangeWay {
    match way {
        Way::Online => pb::ExchangeWay::Online,
        Way::File => pb::ExchangeWay::File,
    }
}

fn state(state: ExchangeState) -> pb::ExchangeState {
    match state {
        ExchangeState::Requested => pb::ExchangeState::Requested,
        ExchangeState::Applying => pb::ExchangeState::Applying,
        ExchangeState::Done => pb::ExchangeState::Done,
        ExchangeState::Failed => pb::ExchangeState::Failed,
    }
}

fn step(step: Step) -> SyncStep {
    match step {
        Step::Resolve => SyncStep::Resolve,
        Step::Connect => SyncStep::Connect,
        Step::Tls => SyncStep::Tls,
        Step::Exchange => SyncStep::Exchange,
        Step::Verify => SyncStep::Verify,
        Step::Apply => SyncStep::Apply,
    }
}

fn kept_step(step: SyncStep) -> Step {
    match step {
        SyncStep::Unspecified | SyncStep::Resolve => Step::Resolve,
        SyncStep::Connect => Step::Connect,
        SyncStep::Tls => Step::Tls,
        SyncStep::Exchange => Step::Exchange,
        SyncStep::Verify => Step::Verify,
        SyncStep::Apply => Step::Apply,
    }
}

/// Most bytes of the address of an update repository, and of its root.
const MAX_UPDATES_ADDRESS: usize = 1_000;
const MAX_UPDATES_ROOT: usize = 512_000;

/// Where a vendor's update repository is, and its root: both or neither.
pub(crate) fn check_update_repository(address: &str, root: &[u8]) -> Result<(), String> {
    if address.is_empty() != root.is_empty() {
        return Err("`updates_address` and `updates_root` belong together, and one is missing".to_owned());
    }
    let plain = |char: char| char.is_ascii_graphic();
    let has_scheme = address.starts_with("https://") || address.starts_with("http://");
    let is_address = has_scheme && address.chars().all(plain) && address.len() <= MAX_UPDATES_ADDRESS;
    if !address.is_empty() && !is_address {
        return Err("`updates_address` is no address".to_owned());
    }
    if root.len() > MAX_UPDATES_ROOT {
        return Err(format!("`updates_root` has more than {MAX_UPDATES_ROOT} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use leasehold_domain::Rejection;

    use super::*;

    fn good() -> pb::Enrolment {
        pb::Enrolment {
            license_server_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            vendor_id: "example".to_owned(),
            vendor_name: "Example Ltd".to_owned(),
            vendor_root: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned(),
            address: "https://vendor.example.com:8443".to_owned(),
            vendor_recipient: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned(),
            contact: Some(pb::VendorContact {
                mail: "m".to_owned(),
                web: String::new(),
                phone: "p".to_owned(),
            }),
        }
    }

    #[test]
    fn an_enrolment_comes_back_and_what_may_be_missing_may() {
        let read = read_enrolment(Some(good())).unwrap();
        assert_eq!(enrolment(&read), good());
        let bare = pb::Enrolment {
            vendor_name: String::new(),
            address: String::new(),
            vendor_recipient: String::new(),
            contact: None,
            ..good()
        };
        assert!(read_enrolment(Some(bare)).is_ok());
    }

    #[test]
    fn what_is_wrong_with_an_enrolment_is_named() {
        type Edit = fn(&mut pb::Enrolment);
        let cases: [(&str, Edit); 14] = [
            ("license_server_id", |it| it.license_server_id.clear()),
            ("license_server_id", |it| it.license_server_id.push('0')),
            ("vendor_id", |it| it.vendor_id.clear()),
            ("vendor_id", |it| it.vendor_id.push('\n')),
            ("vendor_root", |it| it.vendor_root.clear()),
            ("vendor_root", |it| it.vendor_root = "0".repeat(64)),
            ("address", |it| it.address = "vendor.example.com".to_owned()),
            ("address", |it| it.address = "ftp://vendor.example.com".to_owned()),
            ("address", |it| it.address = "https://".to_owned()),
            ("address", |it| it.address = "https://kim:secret@vendor.example.com".to_owned()),
            ("address", |it| it.address = "https://vendor.example.com/path".to_owned()),
            ("vendor_recipient", |it| it.vendor_recipient = "AGE-SECRET-KEY-1".to_owned()),
            ("vendor_name", |it| it.vendor_name = "x".repeat(256)),
            ("contact.mail", |it| it.contact.as_mut().unwrap().mail.push('\u{7}')),
        ];
        for (field, edit) in cases {
            let mut message = good();
            edit(&mut message);
            match read_enrolment(Some(message)) {
                Err(Error::Rejected(Rejection::Field { field: named, problem })) => {
                    assert_eq!(named, format!("enrolment.{field}"));
                    assert!(!problem.contains("SECRET-KEY"), "{problem}");
                }
                other => panic!("{field}: {other:?}"),
            }
        }
        assert!(read_enrolment(None).is_err());
    }

    #[test]
    fn steps_come_back() {
        for kept in Step::ALL {
            assert_eq!(kept_step(step(kept)), kept);
        }
    }
}
