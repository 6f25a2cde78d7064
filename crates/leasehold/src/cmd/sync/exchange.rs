//! One exchange with the vendor, as a row and in words.

use std::fmt::Write as _;

use leasehold_proto::sync::v1::Exchange;
use serde::Serialize;

use super::super::value::{or_dash, seconds, time, without_prefix};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, print, right};

/// Most changes that are shown to people.
const SHOWN: usize = 50;

/// One exchange with the vendor.
#[derive(Serialize)]
pub(super) struct ExchangeRow {
    number: u64,
    way: String,
    state: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    sent_bytes: i64,
    received_bytes: i64,
    bundle_sequence: u64,
    changes: Vec<String>,
    synchronize_before: Option<String>,
    failed_step: Option<String>,
    failure_reason: String,
    message: String,
    actor: String,
}

impl ExchangeRow {
    pub(super) fn of(message: &Exchange) -> Self {
        let failed = !message.failure_reason.is_empty();
        Self {
            number: message.number,
            way: without_prefix(message.way().as_str_name(), "EXCHANGE_WAY_"),
            state: without_prefix(message.state().as_str_name(), "EXCHANGE_STATE_"),
            started_at: time(message.started_at.as_ref()),
            ended_at: time(message.ended_at.as_ref()),
            sent_bytes: message.sent_bytes,
            received_bytes: message.received_bytes,
            bundle_sequence: message.bundle_sequence,
            changes: message.changes.clone(),
            synchronize_before: time(message.synchronize_before.as_ref()),
            failed_step: failed.then(|| without_prefix(message.failed_step().as_str_name(), "SYNC_STEP_")),
            failure_reason: message.failure_reason.clone(),
            message: message.message.clone(),
            actor: message.actor.clone(),
        }
    }

    /// Prints one that went well: what changed, and until when that holds.
    pub(super) fn print(self, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => List { rows: vec![self], total: 1 }.print(format),
            Format::Table => print(&self.told()),
        }
    }

    fn told(&self) -> String {
        let mut text = match self.changes.len() {
            0 => format!("Synchronised: bundle {}, and nothing has changed.\n", self.bundle_sequence),
            1 => format!("Synchronised: bundle {}, with 1 change.\n", self.bundle_sequence),
            count => format!("Synchronised: bundle {}, with {count} changes.\n", self.bundle_sequence),
        };
        for change in self.changes.iter().take(SHOWN) {
            let _ = writeln!(text, "  {}", change.replace(char::is_control, "\u{fffd}"));
        }
        if self.changes.len() > SHOWN {
            let _ = writeln!(text, "  and {} more; `-o json` shows them all", self.changes.len() - SHOWN);
        }
        let _ = writeln!(text, "Synchronise again before {}.", seconds(self.synchronize_before.as_ref()));
        text
    }
}

impl Row for ExchangeRow {
    const NAME: &'static str = "exchanges";
    const COLUMNS: &'static [Column] = &[
        right("NUMBER"),
        left("WAY"),
        left("STATE"),
        left("STARTED"),
        left("ENDED"),
        right("SENT"),
        right("RECEIVED"),
        right("BUNDLE"),
        right("CHANGES"),
        left("BY"),
        left("REASON"),
        left("MESSAGE"),
    ];
    const EMPTY: &'static str =
        "There was no exchange with the vendor yet, or none matches. `leasehold sync now` begins one.";

    fn cells(&self) -> Vec<String> {
        let bundle = match self.bundle_sequence {
            0 => "-".to_owned(),
            sequence => sequence.to_string(),
        };
        vec![
            self.number.to_string(),
            self.way.clone(),
            self.state.clone(),
            seconds(self.started_at.as_ref()),
            seconds(self.ended_at.as_ref()),
            self.sent_bytes.to_string(),
            self.received_bytes.to_string(),
            bundle,
            self.changes.len().to_string(),
            or_dash(&self.actor),
            or_dash(&self.failure_reason),
            or_dash(&self.message),
        ]
    }
}

#[cfg(test)]
mod tests {
    use leasehold_proto::sync::v1::{ExchangeState, ExchangeWay, SyncStep};

    use super::*;

    #[test]
    fn an_exchange_is_told_with_its_changes() {
        let mut message = Exchange {
            number: 3,
            way: ExchangeWay::Online.into(),
            state: ExchangeState::Done.into(),
            bundle_sequence: 7,
            changes: vec!["L1: added".to_owned(), "a\u{1b}b".to_owned()],
            synchronize_before: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
            ..Exchange::default()
        };
        let row = ExchangeRow::of(&message);
        assert_eq!(row.cells().len(), ExchangeRow::COLUMNS.len());
        assert_eq!(
            (row.way.as_str(), row.state.as_str(), row.failed_step.as_deref()),
            ("ONLINE", "DONE", None)
        );
        assert_eq!(
            row.told(),
            "Synchronised: bundle 7, with 2 changes.\n  L1: added\n  a\u{fffd}b\n\
             Synchronise again before 2026-01-01T00:00:00Z.\n"
        );
        message.changes = vec!["x".to_owned(); 60];
        assert!(ExchangeRow::of(&message).told().contains("and 10 more"));
        message.failed_step = SyncStep::Verify.into();
        message.failure_reason = "REPLAYED".to_owned();
        assert_eq!(ExchangeRow::of(&message).failed_step.as_deref(), Some("VERIFY"));
    }
}
