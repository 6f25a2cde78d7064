//! `leasehold sync enrol`: makes the server one of a vendor's.

use std::path::PathBuf;

use leasehold_proto::sync::v1::{EnrolRequest, EnrolResponse, Enrolment};
use serde::Serialize;

use super::connection::ServerArgs;
use super::enrolment_file;
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The enrolment file that the vendor sent
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "license_server_id",
        conflicts_with_all = ["license_server_id", "vendor_id", "vendor_root", "address", "vendor_recipient"]
    )]
    file: Option<PathBuf>,
    /// Without a file: the id that the vendor gave this server, a UUID
    #[arg(long, value_name = "ID", requires_all = ["vendor_id", "vendor_root"])]
    license_server_id: Option<String>,
    /// The vendor's id
    #[arg(long, value_name = "VENDOR", requires = "license_server_id")]
    vendor_id: Option<String>,
    /// The vendor's root key, 64 hexadecimal digits; it is pinned
    #[arg(long, value_name = "KEY", requires = "license_server_id")]
    vendor_root: Option<String>,
    /// Where the back office of the vendor is, `https://HOST[:PORT]`; by files only where it is left out
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "URL",
        requires = "license_server_id"
    )]
    address: String,
    /// Whom request files are sealed for: age1…; the first bundle says it where it is left out
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "RECIPIENT",
        requires = "license_server_id"
    )]
    vendor_recipient: String,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the key that was made
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let enrolment = match &args.file {
        Some(file) => enrolment_file::read(file)?,
        None => Enrolment {
            license_server_id: args.license_server_id.unwrap_or_default(),
            vendor_id: args.vendor_id.unwrap_or_default(),
            vendor_name: String::new(),
            vendor_root: args.vendor_root.unwrap_or_default(),
            address: args.address,
            vendor_recipient: args.vendor_recipient,
            contact: None,
        },
    };
    let service = args.server.connect().await?;
    let has_address = !enrolment.address.is_empty();
    let request = EnrolRequest { instance: args.server.instance, enrolment: Some(enrolment) };
    let answer = service.call(request, |mut stub, request| async move { stub.enrol(request).await }).await?;
    if args.output == Format::Json {
        return List { rows: vec![KeyRow::of(answer)], total: 1 }.print(args.output);
    }
    say(&told(&answer, has_address));
    Ok(())
}

fn told(answer: &EnrolResponse, has_address: bool) -> String {
    let fingerprint = &answer.fingerprint;
    if answer.was_enrolled {
        return format!(
            "It was enrolled just so; nothing was changed. Its key has the fingerprint {fingerprint}."
        );
    }
    let next = if has_address {
        "`leasehold sync now` fetches its rights."
    } else {
        "`leasehold sync export FILE` makes the request that the vendor answers with its rights."
    };
    format!("Enrolled. The server's key has the fingerprint {fingerprint}. {next}")
}

/// The key of a server.
#[derive(Serialize)]
struct KeyRow {
    signing_key_id: String,
    fingerprint: String,
    was_enrolled: bool,
}

impl KeyRow {
    fn of(answer: EnrolResponse) -> Self {
        let EnrolResponse { signing_key_id, fingerprint, was_enrolled } = answer;
        Self { signing_key_id, fingerprint, was_enrolled }
    }
}

impl Row for KeyRow {
    const NAME: &'static str = "keys";
    const COLUMNS: &'static [Column] = &[left("FINGERPRINT")];
    const EMPTY: &'static str = "There is no key.";

    fn cells(&self) -> Vec<String> {
        vec![self.fingerprint.clone()]
    }
}
