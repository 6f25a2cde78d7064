//! The listeners of the services that run in this process.

use std::collections::BTreeMap;

use leasehold_runtime::Config;

use super::served::Door;
use super::{AppOptions, StartError};

/// The setting of the one for files over HTTP.
pub(super) const UPDATES_HTTP: &str = "updates.http_listen";
/// The setting of the gateway's.
pub(super) const GATEWAY: &str = "gateway.listen";

/// The listeners, by the setting that gives each its address.
pub(super) struct Doors(BTreeMap<&'static str, Door>);

impl Doors {
    /// Binds one for each service that runs here.
    pub(super) async fn open(options: &AppOptions) -> Result<Self, StartError> {
        let AppOptions { config, services, listen, .. } = options;
        let Config { licensing, sync, updates, gateway, .. } = config;
        let wanted = [
            ("licensing.listen", services.licensing, listen.licensing.unwrap_or(licensing.listen)),
            ("sync.listen", services.sync, listen.sync.unwrap_or(sync.listen)),
            ("updates.listen", services.updates, listen.updates.unwrap_or(updates.listen)),
        ];
        let mut doors = BTreeMap::new();
        for (setting, _, address) in wanted.into_iter().filter(|(_, runs, _)| *runs) {
            doors.insert(setting, Door::open(config, address, setting).await?);
        }
        if services.updates {
            let address = listen.updates_http.unwrap_or(updates.http_listen);
            doors.insert(UPDATES_HTTP, Door::open_http(config, address, UPDATES_HTTP).await?);
        }
        if services.gateway {
            let address = listen.gateway.unwrap_or(gateway.listen);
            doors.insert(GATEWAY, Door::open_gateway(config, address, GATEWAY).await?);
        }
        Ok(Self(doors))
    }

    /// The one of this setting.
    ///
    /// # Panics
    ///
    /// If its service does not run here, or it was taken before.
    pub(super) fn take(&mut self, setting: &'static str) -> Door {
        self.0.remove(setting).expect("each service that runs here has a listener of its own")
    }
}
