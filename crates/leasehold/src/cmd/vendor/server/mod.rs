//! `leasehold vendor server`: licence servers at customers', their keys, and how their exchanges stand.

mod enrolment;
mod row;

use std::path::PathBuf;

use leasehold_proto::backoffice::v1::{
    ClearServerKeysRequest, CreateLicenseServerRequest, GetLicenseServerRequest, ListLicenseServersRequest,
    ListLicenseServersResponse,
};
use leasehold_proto::convert::time::duration;

use super::super::settings::folder_of;
use super::connection::{ListArgs, OneArgs, ServerArgs, Stub, print_one};
use crate::exit::{Exit, Failure};
use crate::output::say;
use row::LicenseServerRow;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a licence server, and write what it needs to be enrolled
    Create {
        /// Its name for people, unique for the customer
        name: String,
        /// The customer's name
        #[arg(long, value_name = "CUSTOMER")]
        customer: String,
        /// How far ahead each bundle sets its deadline: 1h to 366d; 30d where it is left out
        #[arg(long, value_name = "TIME")]
        synchronize_within: Option<String>,
        /// Write the enrolment file there
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        one: OneArgs,
    },
    /// List licence servers by customer and name
    List(ListArgs),
    /// Show one licence server
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        one: OneArgs,
    },
    /// Write what a licence server needs to be enrolled
    Enrolment {
        /// Its id
        id: String,
        /// Write the enrolment file there; to standard output where it is left out
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Free a licence server's id from its keys, and end the suspicion of a clone
    ///
    /// The next server that synchronises under this id is bound to it then.
    ClearKeys {
        /// Its id
        id: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        one: OneArgs,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { name, customer, synchronize_within, out, one } => {
            let within = synchronize_within.as_deref().map(within).transpose()?;
            let request = CreateLicenseServerRequest { name, customer, synchronize_within: within };
            create(request, out, one).await
        }
        Command::List(args) => list(args).await,
        Command::Show { id, one } => {
            let staff = one.server.connect().await?;
            let request = GetLicenseServerRequest { license_server_id: id };
            let answer = staff.call(staff.stub().get_license_server(request)).await?;
            print_one(LicenseServerRow::of(&answer.license_server.unwrap_or_default()), one.output)
        }
        Command::Enrolment { id, out, server } => {
            let staff = server.connect().await?;
            let request = GetLicenseServerRequest { license_server_id: id };
            let answer = staff.call(staff.stub().get_license_server(request)).await?;
            enrolment::put(&answer.enrolment.unwrap_or_default(), out.as_deref())
        }
        Command::ClearKeys { id, reason, one } => {
            let staff = one.server.connect().await?;
            let request = ClearServerKeysRequest { license_server_id: id, reason };
            let answer = staff.call(staff.stub().clear_server_keys(request)).await?;
            print_one(LicenseServerRow::of(&answer.license_server.unwrap_or_default()), one.output)
        }
    }
}

async fn create(
    request: CreateLicenseServerRequest,
    out: Option<PathBuf>,
    one: OneArgs,
) -> Result<(), Failure> {
    // Before anything is made.
    out.as_deref().map_or(Ok(()), folder_of)?;
    if let Some(out) = out.as_deref().filter(|out| out.exists()) {
        return Err(enrolment::is_there(out));
    }
    let staff = one.server.connect().await?;
    let answer = staff.call(staff.stub().create_license_server(request)).await?;
    let row = LicenseServerRow::of(&answer.license_server.unwrap_or_default());
    match &out {
        Some(out) => enrolment::put(&answer.enrolment.unwrap_or_default(), Some(out))?,
        None => say(&format!(
            "`leasehold vendor server enrolment {} --out FILE` writes what it needs to be enrolled.",
            row.license_server_id
        )),
    }
    print_one(row, one.output)
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let staff = args.server.connect().await?;
    let call = |mut stub: Stub, page| async move {
        stub.list_license_servers(ListLicenseServersRequest { page: Some(page) }).await
    };
    let read = |answer: ListLicenseServersResponse| {
        (answer.license_servers.iter().map(LicenseServerRow::of).collect(), answer.page)
    };
    staff.pages(&args, call, read).await?.print(args.output)
}

/// A length of time with its unit.
fn within(text: &str) -> Result<prost_types::Duration, Failure> {
    leasehold::estate_file::length_of_time(text)
        .map(duration)
        .map_err(|problem| Failure::new(Exit::Usage, format!("--synchronize-within: {problem}")))
}
