//! The lists of updates as tables.

use crate::api::export::{Row, time};
use crate::model::{UpdateClient, UpdateEvent, UpdateProduct, UpdateRelease};

fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

impl Row for UpdateProduct {
    const COLUMNS: &'static [&'static str] =
        &["name", "releases", "newest_version", "newest_released_at", "clients", "current_clients"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.releases.to_string(),
            text(self.newest_version.as_ref()),
            time(self.newest_released_at),
            self.clients.to_string(),
            self.current_clients.to_string(),
        ]
    }
}

impl Row for UpdateRelease {
    const COLUMNS: &'static [&'static str] = &[
        "product",
        "version",
        "kind",
        "channel",
        "os",
        "arch",
        "target",
        "length",
        "sha256",
        "state",
        "held",
        "emergency",
        "notes",
        "withdrawn_reason",
        "features",
        "released_at",
        "seen_at",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.product.clone(),
            self.version.clone(),
            self.kind.clone(),
            self.channel.clone(),
            text(self.os.as_ref()),
            text(self.arch.as_ref()),
            self.target.clone(),
            self.length.to_string(),
            self.sha256.clone(),
            self.state.clone(),
            self.held.to_string(),
            self.emergency.to_string(),
            self.notes.clone(),
            text(self.withdrawn_reason.as_ref()),
            self.features.join(" "),
            time(self.released_at),
            time(self.seen_at),
        ]
    }
}

impl Row for UpdateClient {
    const COLUMNS: &'static [&'static str] = &[
        "client_id",
        "hostid",
        "alias",
        "client_version",
        "time_zone",
        "free_bytes",
        "first_seen_at",
        "seen_at",
        "products",
    ];

    fn cells(&self) -> Vec<String> {
        let products: Vec<_> = self
            .products
            .iter()
            .map(|it| format!("{} {} {}", it.product, it.channel, it.version.as_deref().unwrap_or("-")))
            .collect();
        vec![
            self.client_id.clone(),
            self.hostid.clone(),
            self.alias.clone(),
            self.client_version.clone(),
            self.time_zone.clone(),
            self.free_bytes.map_or_else(String::new, |bytes| bytes.to_string()),
            time(self.first_seen_at),
            time(self.seen_at),
            products.join("; "),
        ]
    }
}

impl Row for UpdateEvent {
    const COLUMNS: &'static [&'static str] = &[
        "sequence",
        "at",
        "received_at",
        "product",
        "version",
        "state",
        "message",
        "fetched_bytes",
        "assignment_id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            time(self.at),
            time(self.received_at),
            self.product.clone(),
            self.version.clone(),
            self.state.clone(),
            self.message.clone(),
            self.fetched_bytes.to_string(),
            self.assignment_id.clone(),
        ]
    }
}
