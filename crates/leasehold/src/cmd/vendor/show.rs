//! `leasehold vendor show`: who the vendor is, and how its keys stand.

use leasehold_proto::backoffice::v1::{GetVendorRequest, GetVendorResponse};
use serde::Serialize;

use super::super::value::{or_dash, seconds, time};
use super::connection::{OneArgs, print_one};
use crate::exit::Failure;
use crate::output::{Column, Row, left};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    one: OneArgs,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let staff = args.one.server.connect().await?;
    let answer = staff.call(staff.stub().get_vendor(GetVendorRequest {})).await?;
    print_one(VendorRow::of(answer), args.one.output)
}

/// A vendor.
#[derive(Serialize)]
struct VendorRow {
    vendor_id: String,
    name: String,
    root_key: String,
    root_fingerprint: String,
    online_key_id: String,
    online_not_after: Option<String>,
    recipient: String,
    address: String,
    mail: String,
    web: String,
    phone: String,
}

impl VendorRow {
    fn of(message: GetVendorResponse) -> Self {
        let contact = message.contact.unwrap_or_default();
        Self {
            vendor_id: message.vendor_id,
            name: message.name,
            root_key: message.root_key,
            root_fingerprint: message.root_fingerprint,
            online_key_id: message.online_key_id,
            online_not_after: time(message.online_not_after.as_ref()),
            recipient: message.recipient,
            address: message.address,
            mail: contact.mail,
            web: contact.web,
            phone: contact.phone,
        }
    }
}

impl Row for VendorRow {
    const NAME: &'static str = "vendors";
    const COLUMNS: &'static [Column] = &[
        left("VENDOR"),
        left("NAME"),
        left("ROOT FINGERPRINT"),
        left("ONLINE KEY UNTIL"),
        left("ADDRESS"),
        left("MAIL"),
    ];
    const EMPTY: &'static str = "There is no vendor.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.vendor_id.clone(),
            self.name.clone(),
            self.root_fingerprint.clone(),
            seconds(self.online_not_after.as_ref()),
            or_dash(&self.address),
            or_dash(&self.mail),
        ]
    }
}
