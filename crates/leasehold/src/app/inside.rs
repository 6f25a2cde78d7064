//! The ways between services: within the process where both run here, else to where the configuration says.

use leasehold_runtime::peer::{self, Arrivals};
use leasehold_runtime::{Caller, Config};
use tonic::transport::Channel;

use super::{Chosen, StartError};

/// The services of this process, and who comes to each of them from within it.
pub(super) struct Inside<'a> {
    services: Chosen,
    config: &'a Config,
    licensing: Vec<Arrivals>,
    sync: Vec<Arrivals>,
    updates: Vec<Arrivals>,
}

impl<'a> Inside<'a> {
    /// Nobody comes to anybody yet.
    pub(super) fn new(services: Chosen, config: &'a Config) -> Self {
        Self { services, config, licensing: Vec::new(), sync: Vec::new(), updates: Vec::new() }
    }

    /// The way of the service `from` to licensing.
    pub(super) fn way_to_licensing(&mut self, from: &str) -> Result<Channel, StartError> {
        if self.services.licensing {
            return Ok(arrive(from, &mut self.licensing));
        }
        self.elsewhere(self.config.services.licensing.as_deref(), "services.licensing")
    }

    /// The way of the service `from` to synchronisation.
    pub(super) fn way_to_sync(&mut self, from: &str) -> Result<Channel, StartError> {
        if self.services.sync {
            return Ok(arrive(from, &mut self.sync));
        }
        self.elsewhere(self.config.services.sync.as_deref(), "services.sync")
    }

    /// The way of the service `from` to updates, where they are served; `None` where nobody says that they are.
    pub(super) fn way_to_updates(&mut self, from: &str) -> Result<Option<Channel>, StartError> {
        if self.services.updates {
            return Ok(Some(arrive(from, &mut self.updates)));
        }
        let address = self.config.services.updates.as_deref();
        address.map(|address| self.elsewhere(Some(address), "services.updates")).transpose()
    }

    /// Who comes to licensing from within.
    pub(super) fn licensing(&mut self) -> Vec<Arrivals> {
        std::mem::take(&mut self.licensing)
    }

    /// Who comes to synchronisation from within.
    pub(super) fn sync(&mut self) -> Vec<Arrivals> {
        std::mem::take(&mut self.sync)
    }

    /// Who comes to updates from within.
    pub(super) fn updates(&mut self) -> Vec<Arrivals> {
        std::mem::take(&mut self.updates)
    }

    fn elsewhere(&self, address: Option<&str>, setting: &'static str) -> Result<Channel, StartError> {
        let address = address.ok_or(StartError::NoPeer { setting })?;
        Ok(peer::remote(address, setting, &self.config.tls, &self.config.services)?)
    }
}

fn arrive(from: &str, arrivals: &mut Vec<Arrivals>) -> Channel {
    let (channel, arriving) = peer::in_process(Caller::service(from));
    arrivals.push(arriving);
    channel
}
