//! Builds the services of one process, joins them, and serves each.

use std::sync::Arc;

use leasehold_gateway::Gateway;
use leasehold_licensing::Licensing;
use leasehold_runtime::{Background, Readiness, Services, http};
use leasehold_sync::Sync;
use leasehold_updates::Updates;

use super::doors::{Doors, GATEWAY, UPDATES_HTTP};
use super::inside::Inside;
use super::served::Served;
use super::store::OpenStore;
use super::{AppOptions, StartError, gateway, licensing, observe, sync, updates};

/// What the services of this process are called in it. They end with this value, once nobody calls them.
#[derive(Default)]
pub(super) struct Handles {
    licensing: Option<Licensing>,
    sync: Option<Sync>,
    updates: Option<Updates>,
    gateway: Option<Gateway>,
}

/// What the services are built with, and where they are served.
pub(super) struct Site<'a> {
    pub(super) options: &'a AppOptions,
    pub(super) store: &'a OpenStore,
    pub(super) background: &'a Background,
    pub(super) readiness: &'a Readiness,
}

impl Site<'_> {
    /// Builds every service that runs here, and serves each at its door once all are built.
    pub(super) async fn build(&self, mut doors: Doors, served: &mut Served) -> Result<Handles, StartError> {
        let AppOptions { config, services, .. } = self.options;
        let mut inside = Inside::new(*services, config);
        let mut handles = Handles::default();
        let licensing = self.licensing(&mut inside, &mut handles).await?;
        let sync = self.sync(&mut inside, &mut handles).await?;
        let updates = self.updates(&mut inside, &mut handles).await?;
        let gateway = self.gateway(&mut inside, &mut handles).await?;

        let (grace, readiness, background) = (config.runtime.shutdown_grace, self.readiness, self.background);
        if let Some(built) = licensing {
            let built = (built, inside.licensing());
            served
                .serve(doors.take("licensing.listen"), built, ("licensing", grace), readiness, background)
                .await?;
        }
        if let Some(built) = sync {
            let built = (built, inside.sync());
            served.serve(doors.take("sync.listen"), built, ("sync", grace), readiness, background).await?;
        }
        if let Some((services, web)) = updates {
            let built = (services, inside.updates());
            served
                .serve(doors.take("updates.listen"), built, ("updates", grace), readiness, background)
                .await?;
            served.serve_http(doors.take(UPDATES_HTTP), web, "updates_http", background);
        }
        if let Some(server) = gateway {
            served.serve_http(doors.take(GATEWAY), server, "gateway", background);
        }
        Ok(handles)
    }

    async fn licensing(
        &self,
        inside: &mut Inside<'_>,
        handles: &mut Handles,
    ) -> Result<Option<Services>, StartError> {
        let Some(kept) = self.store.licensing() else { return Ok(None) };
        observe::needs_store(self.readiness, self.store.name(), Arc::clone(&kept));
        let kept = (kept, self.store.master_key());
        let sync = inside.way_to_sync("licensing")?;
        let (handle, services) =
            licensing::wire(self.options, kept, sync, self.background, self.readiness).await?;
        handles.licensing = Some(handle);
        Ok(Some(services))
    }

    async fn sync(
        &self,
        inside: &mut Inside<'_>,
        handles: &mut Handles,
    ) -> Result<Option<Services>, StartError> {
        let Some(kept) = self.store.sync() else { return Ok(None) };
        let kept = (kept, self.store.master_key());
        let licensing = inside.way_to_licensing("sync")?;
        let (handle, services) =
            sync::wire(self.options, kept, licensing, self.background, self.readiness).await?;
        handles.sync = Some(handle);
        Ok(Some(services))
    }

    async fn updates(
        &self,
        inside: &mut Inside<'_>,
        handles: &mut Handles,
    ) -> Result<Option<(Services, http::Server)>, StartError> {
        let Some((kept, directory)) = self.store.updates() else { return Ok(None) };
        observe::needs_updates_store(self.readiness, Arc::clone(&kept));
        let kept = (kept, self.store.master_key());
        let ways = updates::Ways {
            licensing: inside.way_to_licensing("updates")?,
            sync: inside.way_to_sync("updates")?,
        };
        let (handle, services, web) =
            updates::wire(self.options, kept, directory, ways, self.background).await?;
        handles.updates = Some(handle);
        Ok(Some((services, web)))
    }

    async fn gateway(
        &self,
        inside: &mut Inside<'_>,
        handles: &mut Handles,
    ) -> Result<Option<http::Server>, StartError> {
        let Some(kept) = self.store.gateway() else { return Ok(None) };
        observe::needs_gateway_store(self.readiness, Arc::clone(&kept));
        let ways = gateway::Ways {
            licensing: inside.way_to_licensing("gateway")?,
            sync: inside.way_to_sync("gateway")?,
            updates: inside.way_to_updates("gateway")?,
        };
        let (handle, server) = gateway::wire(self.options, kept, ways, self.background).await?;
        handles.gateway = Some(handle);
        Ok(Some(server))
    }
}
