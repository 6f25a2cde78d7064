//! `leasehold vendor updates add`: a file is staged.

use std::path::PathBuf;

use leasehold_artifacts::{Criticality, Kind, Release};

use super::list::UpdateRow;
use super::place::{Place, failure, now};
use crate::exit::Failure;
use crate::output::{Format, List, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, which is copied
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// What it is a release of
    #[arg(long, value_name = "NAME")]
    product: String,
    /// One to four numbers with dots
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// How it is rolled out: a definition by itself, software when an administrator says so
    #[arg(long, value_enum)]
    kind: KindFlag,
    /// The channel it is for
    #[arg(long, default_value = "stable", value_name = "NAME")]
    channel: String,
    /// A feature that licenses it; may be given several times; without any, all of the product do
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// The operating system it is for, like `linux`; left out: any
    #[arg(long, value_name = "NAME")]
    os: Option<String>,
    /// The processor architecture it is for, like `x86_64`; left out: any
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,
    /// The lowest version that can go to this one directly
    #[arg(long, value_name = "VERSION")]
    minimum_version: Option<String>,
    /// What people should know about it
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// It cannot wait: it rolls out without soak times
    #[arg(long)]
    emergency: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How a file is rolled out.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum KindFlag {
    /// Data that changes often
    Definition,
    /// A program
    Software,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let kind = match args.kind {
        KindFlag::Definition => Kind::Definition,
        KindFlag::Software => Kind::Software,
    };
    let release = Release {
        channel: args.channel,
        os: args.os,
        arch: args.arch,
        minimum_version: args.minimum_version,
        notes: args.notes,
        criticality: if args.emergency { Criticality::Emergency } else { Criticality::Normal },
        features: args.features,
        ..Release::new(&args.product, &args.version, kind)
    };
    let added = args.place.open()?.add(&args.file, release, now()).map_err(|error| failure(&error))?;
    if args.output == Format::Table {
        say("Nobody sees it before `leasehold vendor updates publish`.");
    }
    List { rows: vec![UpdateRow::of(added)], total: 1 }.print(args.output)
}
