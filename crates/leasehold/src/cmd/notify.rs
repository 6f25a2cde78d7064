//! Tells the manager of services how the server stands, where one wants to know: the protocol of `sd_notify(3)`.

/// The server can be used.
pub(crate) const READY: &str = "READY=1";
/// It stops in order.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Tells it. Without a manager nothing happens; one that does not listen is no reason to stop.
pub(crate) fn tell(state: &str) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET")
        && let Err(error) = linux::send(&socket, state)
    {
        tracing::warn!(%error, state, "the manager of services could not be told");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = state;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::io;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    pub(super) fn send(socket: &OsStr, state: &str) -> io::Result<()> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(socket)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
    }
}
