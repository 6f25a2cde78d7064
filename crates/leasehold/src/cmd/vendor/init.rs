//! `leasehold vendor init`: a vendor's directory with its keys, and the database of its back office.

use std::path::{Path, PathBuf};

use leasehold::app::backoffice::{VendorError, VendorPlace, create_vendor};
use leasehold_backoffice::Setup;
use leasehold_runtime::{Clock, SystemClock};
use leasehold_store::backoffice::Contact;
use serde::Serialize;

use super::place::{Settings, failure, place};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, print, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory, which is made: it holds the root key, and everything else where no database is named
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The vendor's id, which stands in every certificate and never changes
    #[arg(long, value_name = "ID")]
    vendor_id: String,
    /// The vendor's name for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The mail address that licence servers show their administrators
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
    mail: String,
    /// The web page that they show
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    web: String,
    /// The telephone number that they show
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NUMBER")]
    phone: String,
    /// Where they reach the back office: `https://HOST[:PORT]`; left out, they synchronise by files only
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    address: String,
    /// Where a vendor is set up already, change nothing and succeed
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    settings: Settings,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = args.settings.load(Vec::new())?;
    let place = place(&config, Some(args.dir.clone()))?;
    let setup = Setup {
        vendor_id: args.vendor_id.clone(),
        name: args.name,
        contact: Contact { mail: args.mail, web: args.web, phone: args.phone },
        address: args.address,
    };
    let now = SystemClock::new().now();
    let made = create_vendor(&config, &args.dir, &place, setup, now).await;
    if args.keep && made.as_ref().is_err_and(VendorError::is_set_up) {
        say(&format!("{} is a vendor's already; nothing was changed.", args.dir.display()));
        return Ok(());
    }
    let root = made.map_err(|error| {
        let failure = failure(&error);
        // A back office that runs there is one that was set up.
        let there = error.is_set_up() || (error.is_taken() && failure.exit == Exit::Unavailable);
        if !there {
            return failure;
        }
        let text = if error.is_set_up() {
            format!("{error}. Start it with `leasehold vendor serve`, or name another directory with --dir")
        } else {
            format!(
                "{} is a vendor's already, and its back office runs; nothing was changed",
                args.dir.display()
            )
        };
        Failure::new(Exit::Conflict, text)
    })?;
    let row = VendorRow {
        vendor_id: args.vendor_id,
        directory: args.dir.display().to_string(),
        root_key: root.to_string(),
        fingerprint: root.id().fingerprint().to_string(),
    };
    if args.output == Format::Json {
        return List { rows: vec![row], total: 1 }.print(Format::Json);
    }
    print(&next_steps(&row, &args.dir, &place))
}

fn next_steps(row: &VendorRow, directory: &Path, place: &VendorPlace) -> String {
    let directory = directory.display();
    let flag = match place {
        VendorPlace::Dir(_) => format!(" --dir {directory}"),
        VendorPlace::Postgres => " --database-url URL".to_owned(),
    };
    format!(
        "Set up the vendor {} in {directory}.\n\nRoot key:    {}\nFingerprint: {}\n\n{directory}/vendor-root.key is the \
         root key. Whoever has it can speak for the vendor, and nothing replaces it: keep a copy\nin a safe place; it is \
         needed again only to renew the online key (`leasehold vendor certify`), which is good for three years: do it\na year before that ends.\n\nNext, start the back office:\n  leasehold \
         vendor serve{flag}\nand, while it runs, add a customer and its licence server:\n  leasehold vendor customer \
         create NAME\n  leasehold vendor server create NAME --customer CUSTOMER --out enrolment.json\n",
        row.vendor_id, row.root_key, row.fingerprint
    )
}

/// A vendor that was set up.
#[derive(Serialize)]
struct VendorRow {
    vendor_id: String,
    directory: String,
    root_key: String,
    fingerprint: String,
}

impl Row for VendorRow {
    const NAME: &'static str = "vendors";
    const COLUMNS: &'static [Column] = &[left("VENDOR"), left("DIRECTORY"), left("FINGERPRINT")];
    const EMPTY: &'static str = "No vendor was set up.";

    fn cells(&self) -> Vec<String> {
        vec![self.vendor_id.clone(), self.directory.clone(), self.fingerprint.clone()]
    }
}
