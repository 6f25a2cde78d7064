//! `leasehold vendor entitlement`: what a customer has bought for a licence server.

use std::path::PathBuf;

use leasehold_proto::backoffice::v1::{
    CreateEntitlementRequest, DeleteEntitlementRequest, Entitlement, ListEntitlementsRequest,
    ListEntitlementsResponse, UpdateEntitlementRequest,
};
use leasehold_proto::licensing::v1::LineItem;
use serde::Serialize;

use super::super::sync::enrolment_file;
use super::super::value::{count, seconds, time};
use super::connection::{ListArgs, OneArgs, ServerArgs, Stub, print_one};
use super::line_item_flags::LineItemFlags;
use crate::exit::Failure;
use crate::output::{Column, Row, left, right, say};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Give a licence server rights
    Create {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        rights: Box<LineItemFlags>,
        #[command(flatten)]
        one: OneArgs,
    },
    /// Replace the rights of an entitlement
    Update {
        /// Its id
        entitlement: String,
        #[command(flatten)]
        rights: Box<LineItemFlags>,
        #[command(flatten)]
        one: OneArgs,
    },
    /// Remove an entitlement
    Delete {
        /// Its id
        entitlement: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List entitlements, oldest first
    List {
        /// Only those of this licence server
        #[arg(long, default_value = "", hide_default_value = true, value_name = "ID")]
        server_id: String,
        #[command(flatten)]
        list: ListArgs,
    },
}

/// The licence server that gets rights.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Of {
    /// The licence server's id
    #[arg(long, value_name = "ID")]
    server_id: Option<String>,
    /// The licence server that this enrolment file was made for, in place of its id
    #[arg(long, value_name = "FILE")]
    enrolment: Option<PathBuf>,
}

impl Of {
    fn id(self) -> Result<String, Failure> {
        match (self.server_id, self.enrolment) {
            (Some(id), _) => Ok(id),
            (None, Some(file)) => Ok(enrolment_file::read(&file)?.license_server_id),
            (None, None) => unreachable!("one of them is required"),
        }
    }
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { of, rights, one } => {
            let request =
                CreateEntitlementRequest { license_server_id: of.id()?, line_items: rights.read()? };
            let staff = one.server.connect().await?;
            let answer = staff.call(staff.stub().create_entitlement(request)).await?;
            print_one(EntitlementRow::of(&answer.entitlement.unwrap_or_default()), one.output)
        }
        Command::Update { entitlement, rights, one } => {
            let request =
                UpdateEntitlementRequest { entitlement_id: entitlement, line_items: rights.read()? };
            let staff = one.server.connect().await?;
            let answer = staff.call(staff.stub().update_entitlement(request)).await?;
            print_one(EntitlementRow::of(&answer.entitlement.unwrap_or_default()), one.output)
        }
        Command::Delete { entitlement, server } => {
            let staff = server.connect().await?;
            let request = DeleteEntitlementRequest { entitlement_id: entitlement };
            staff.call(staff.stub().delete_entitlement(request)).await?;
            say("Removed. The licence server loses the rights with its next synchronisation.");
            Ok(())
        }
        Command::List { server_id, list } => print_list(server_id, list).await,
    }
}

async fn print_list(server_id: String, args: ListArgs) -> Result<(), Failure> {
    let staff = args.server.connect().await?;
    let call = |mut stub: Stub, page| {
        let request = ListEntitlementsRequest { license_server_id: server_id.clone(), page: Some(page) };
        async move { stub.list_entitlements(request).await }
    };
    let read = |answer: ListEntitlementsResponse| {
        (answer.entitlements.iter().map(EntitlementRow::of).collect(), answer.page)
    };
    staff.pages(&args, call, read).await?.print(args.output)
}

/// What a customer has bought for a licence server.
#[derive(Serialize)]
struct EntitlementRow {
    entitlement_id: String,
    customer: String,
    license_server_id: String,
    revision: u64,
    created_at: Option<String>,
    line_items: Vec<LineItemRow>,
}

/// A line item, in short. `count` is `null` where it is uncounted, `expires_at` where it never expires.
#[derive(Serialize)]
struct LineItemRow {
    line_item_id: String,
    product: String,
    feature: String,
    version: String,
    count: Option<i64>,
    starts_at: Option<String>,
    expires_at: Option<String>,
}

impl EntitlementRow {
    fn of(message: &Entitlement) -> Self {
        Self {
            entitlement_id: message.entitlement_id.clone(),
            customer: message.customer.clone(),
            license_server_id: message.license_server_id.clone(),
            revision: message.revision,
            created_at: time(message.created_at.as_ref()),
            line_items: message.line_items.iter().map(LineItemRow::of).collect(),
        }
    }
}

impl LineItemRow {
    fn of(message: &LineItem) -> Self {
        Self {
            line_item_id: message.line_item_id.clone(),
            product: message.product.clone(),
            feature: message.feature.clone(),
            version: message.version.clone(),
            count: message.count,
            starts_at: time(message.starts_at.as_ref()),
            expires_at: time(message.expires_at.as_ref()),
        }
    }

    /// For a table: `5 cad 2.0`.
    fn short(&self) -> String {
        format!("{} {} {}", count(self.count, "uncounted"), self.feature, self.version)
    }
}

impl Row for EntitlementRow {
    const NAME: &'static str = "entitlements";
    const COLUMNS: &'static [Column] = &[
        left("ENTITLEMENT"),
        left("CUSTOMER"),
        left("LICENCE SERVER"),
        right("REVISION"),
        left("CREATED"),
        left("LINE ITEMS"),
    ];
    const EMPTY: &'static str =
        "There is no entitlement, or none matches. `leasehold vendor entitlement create` gives rights.";

    fn cells(&self) -> Vec<String> {
        let items: Vec<String> = self.line_items.iter().map(LineItemRow::short).collect();
        vec![
            self.entitlement_id.clone(),
            self.customer.clone(),
            self.license_server_id.clone(),
            self.revision.to_string(),
            seconds(self.created_at.as_ref()),
            items.join(", "),
        ]
    }
}
