//! `leasehold feature`: what is owned and how much of it is out.

use leasehold_proto::licensing::v1::{FeatureSummary, ListFeaturesRequest, ListFeaturesResponse};
use serde::Serialize;

use super::connection::{ListArgs, Stub};
use super::value::{count, time};
use crate::exit::Failure;
use crate::output::{Column, Row, left, right};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List features by name and version: owned, out, reserved, available
    List(ListArgs),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    let Command::List(args) = command;
    let instance = &args.server.instance;
    let server = args.server.connect().await?;
    let call = |mut stub: Stub, page| {
        let request = ListFeaturesRequest { instance: instance.clone(), page: Some(page) };
        async move { stub.list_features(request).await }
    };
    let read =
        |answer: ListFeaturesResponse| (answer.features.iter().map(FeatureRow::of).collect(), answer.page);
    server.pages(&args, call, read).await?.print(args.output)
}

/// All line items of one name and version, summed. `null` in `total` and `available` is uncounted, in
/// `overdraft` without limit, in the expirations permanent.
#[derive(Serialize)]
struct FeatureRow {
    name: String,
    version: String,
    total: Option<i64>,
    used: i64,
    reserved: i64,
    reserved_idle: i64,
    available: Option<i64>,
    overdraft: Option<i64>,
    overdraft_used: i64,
    overage: i64,
    first_expiration: Option<String>,
    last_expiration: Option<String>,
    metered: bool,
    counted: bool,
}

impl FeatureRow {
    fn of(message: &FeatureSummary) -> Self {
        Self {
            name: message.name.clone(),
            version: message.version.clone(),
            total: message.total,
            used: message.used,
            reserved: message.reserved,
            reserved_idle: message.reserved_idle,
            available: message.available,
            overdraft: message.overdraft,
            overdraft_used: message.overdraft_used,
            overage: message.overage,
            first_expiration: time(message.first_expiration.as_ref()),
            last_expiration: time(message.last_expiration.as_ref()),
            metered: message.metered,
            counted: message.counted,
        }
    }
}

impl Row for FeatureRow {
    const NAME: &'static str = "features";
    const COLUMNS: &'static [Column] = &[
        left("FEATURE"),
        left("VERSION"),
        right("TOTAL"),
        right("USED"),
        right("RESERVED"),
        right("AVAILABLE"),
        right("OVERDRAFT"),
        right("OVERAGE"),
        left("FIRST EXPIRATION"),
        left("LAST EXPIRATION"),
    ];
    const EMPTY: &'static str = "No feature is owned, or none matches. Rights come from the vendor: \
                                 `leasehold sync identity` shows how the server stands with it.";

    fn cells(&self) -> Vec<String> {
        let expiration = |at: &Option<String>| at.clone().unwrap_or_else(|| "permanent".to_owned());
        let overdraft = match (self.overdraft, self.overdraft_used) {
            (limit, 0) => count(limit, "unlimited"),
            (limit, used) => format!("{used} of {}", count(limit, "unlimited")),
        };
        vec![
            self.name.clone(),
            self.version.clone(),
            count(self.total, "uncounted"),
            self.used.to_string(),
            self.reserved.to_string(),
            count(self.available, "uncounted"),
            overdraft,
            self.overage.to_string(),
            expiration(&self.first_expiration),
            expiration(&self.last_expiration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_named_in_the_table_and_null_in_json() {
        let summary = FeatureSummary {
            name: "Export".to_owned(),
            version: "1.0".to_owned(),
            used: 3,
            overdraft: Some(2),
            overdraft_used: 1,
            ..FeatureSummary::default()
        };
        let row = FeatureRow::of(&summary);
        let cells =
            ["Export", "1.0", "uncounted", "3", "0", "uncounted", "1 of 2", "0", "permanent", "permanent"];
        assert_eq!(row.cells(), cells);
        assert_eq!(cells.len(), FeatureRow::COLUMNS.len());
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(
            (&json["total"], &json["first_expiration"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
        assert_eq!(json["overdraft_used"], 1);
    }
}
