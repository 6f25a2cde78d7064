//! The enrolment file that a vendor sends: a JSON object. Not responsible for whether its values are good; the server
//! checks them.

use std::path::Path;

use leasehold_proto::sync::v1::{Enrolment, VendorContact};
use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// Longest file in bytes.
const MAX: u64 = 64 * 1024;

/// The message `Enrolment` in JSON. Fields that this release does not know are passed over.
#[derive(Deserialize)]
struct Text {
    license_server_id: String,
    vendor_id: String,
    #[serde(default)]
    vendor_name: String,
    vendor_root: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    vendor_recipient: String,
    #[serde(default)]
    contact: Contact,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Contact {
    mail: String,
    web: String,
    phone: String,
}

/// Reads a file.
pub(in crate::cmd) fn read(path: &Path) -> Result<Enrolment, Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::error(format!("{shown} cannot be read: {error}"));
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX {
        let text = format!("{shown} is no enrolment file: it has more than {MAX} bytes");
        return Err(Failure::new(Exit::Usage, text));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|error| {
        let text = format!(
            "{shown} is no enrolment file: {error}; give the file as the vendor sent it (`leasehold vendor server \
             enrolment` makes it again)"
        );
        Failure::new(Exit::Usage, text)
    })
}

fn parse(text: &str) -> Result<Enrolment, serde_json::Error> {
    let text: Text = serde_json::from_str(text)?;
    Ok(Enrolment {
        license_server_id: text.license_server_id,
        vendor_id: text.vendor_id,
        vendor_name: text.vendor_name,
        vendor_root: text.vendor_root,
        address: text.address,
        vendor_recipient: text.vendor_recipient,
        contact: Some(VendorContact {
            mail: text.contact.mail,
            web: text.contact.web,
            phone: text.contact.phone,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_missing_may_and_what_is_new_is_passed_over() {
        let read = parse(
            r#"{"license_server_id": "a", "vendor_id": "b", "vendor_root": "c", "contact": {"mail": "d"}, "newer": 1}"#,
        );
        let read = read.unwrap();
        assert_eq!((read.license_server_id.as_str(), read.vendor_root.as_str()), ("a", "c"));
        assert_eq!((read.address.as_str(), read.contact.unwrap().mail.as_str()), ("", "d"));
        for (text, part) in [
            ("{}", "license_server_id"),
            (r#"{"license_server_id": "a", "vendor_id": "b"}"#, "vendor_root"),
            ("age", "expected"),
        ] {
            assert!(parse(text).unwrap_err().to_string().contains(part), "{text}");
        }
    }
}
