//! Features and line items with their counters, as messages.

use leasehold_domain::cell::LineItemState;
use leasehold_domain::feature::Summary;
use leasehold_domain::{Cell, Source};

use super::field::to_int64;
use super::time::timestamp;
use crate::licensing::v1 as pb;

impl From<&Summary> for pb::FeatureSummary {
    fn from(summary: &Summary) -> Self {
        Self {
            name: summary.name.to_string(),
            version: summary.version.to_string(),
            total: summary.total.map(to_int64),
            used: to_int64(summary.used),
            reserved: to_int64(summary.reserved),
            reserved_idle: to_int64(summary.reserved_idle),
            available: summary.available.map(to_int64),
            overdraft: summary.overdraft.map(to_int64),
            overdraft_used: to_int64(summary.overdraft_used),
            overage: to_int64(summary.overage),
            first_expiration: summary.first_expiration.map(timestamp),
            last_expiration: summary.last_expiration.map(timestamp),
            metered: summary.metered,
            counted: summary.total.is_some(),
        }
    }
}

impl From<&LineItemState> for pb::LineItemStatus {
    fn from(state: &LineItemState) -> Self {
        let idle = state.reserved_idle();
        // The default pool is the least of the sources, so it comes first.
        let cells = state.cells.iter().map(|(source, cell)| cell_status(source, *cell)).collect();
        Self {
            line_item: Some((&state.item).into()),
            used: to_int64(state.out()),
            reserved: to_int64(state.reserved_used() + idle),
            reserved_idle: to_int64(idle),
            overdraft_used: to_int64(state.overdraft_used()),
            overage: to_int64(state.overage()),
            cells,
        }
    }
}

fn cell_status(source: &Source, cell: Cell) -> pb::CellStatus {
    pb::CellStatus {
        source: Some(source.into()),
        allocated: to_int64(cell.allocated),
        used: to_int64(cell.used),
    }
}
