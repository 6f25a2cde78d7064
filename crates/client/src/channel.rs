//! The channel to the server: made when it is first needed, and again whenever it broke.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint, Error};

use crate::address::ServerAddress;

/// Silent for both of these together, and the connection is taken for dead.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A channel that connects by itself. To be called on a runtime.
pub(crate) fn lazy(server: &ServerAddress, connect_timeout: Duration) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(format!("http://{server}"))?
        .user_agent(concat!("leasehold-client/", env!("CARGO_PKG_VERSION")))?
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        // A dead connection is found before the next heartbeat needs it.
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_lazy())
}
