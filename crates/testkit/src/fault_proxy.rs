//! A TCP proxy that does what networks do: it cuts, refuses, holds back and delays; and it can catch one certain
//! answer on its way, so that a test can do something between its sending and its arrival.

mod connection;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::Error;

/// How often a port that was just left is tried again.
const POLL: Duration = Duration::from_millis(10);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connected.
    ToServer,
    /// Back to it.
    ToClient,
}

/// A proxy in front of one address. Dropping it ends it and cuts its connections.
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    port: u16,
    listening: JoinHandle<()>,
}

/// Something that was asked to be caught. Dropping it lets through what it caught.
#[derive(Debug)]
pub struct Caught {
    come: Option<oneshot::Receiver<()>>,
    released: Arc<Release>,
}

/// What all connections obey.
#[derive(Debug)]
struct Shared {
    to: SocketAddr,
    rules: Mutex<Rules>,
    /// Counts changes of the rules, to wake those who wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Rules {
    to_server: Rule,
    to_client: Rule,
    refusing: bool,
    /// How often everything was cut.
    cuts: u64,
}

#[derive(Debug, Default)]
struct Rule {
    hold: bool,
    delay: Duration,
    traps: VecDeque<Trap>,
}

type Fits = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// What to catch: the first piece of a stream that fits.
struct Trap {
    fits: Fits,
    tell: oneshot::Sender<()>,
    released: Arc<Release>,
}

/// Whether what was caught may go on.
#[derive(Debug)]
struct Release {
    released: Mutex<bool>,
    shared: Arc<Shared>,
}

impl FaultProxy {
    /// Starts a proxy at a free port of 127.0.0.1 in front of a port of 127.0.0.1.
    pub async fn start(port: u16) -> Result<Self, Error> {
        Self::start_to((Ipv4Addr::LOCALHOST, port).into()).await
    }

    /// The same in front of any address.
    pub async fn start_to(to: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(Error::system("cannot listen at a free port"))?;
        let port = listener.local_addr().map_err(Error::system("cannot find out the port"))?.port();
        let shared = Arc::new(Shared { to, rules: Mutex::default(), changes: watch::Sender::new(0) });
        let listening = tokio::spawn(connection::listen(shared.clone(), listener, port));
        Ok(Self { shared, port, listening })
    }

    /// Where it listens, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection that there is. New ones are taken.
    pub fn cut(&self) {
        self.shared.change(|rules| rules.cuts += 1);
    }

    /// Refuses new connections, as a machine does where nobody listens, from the moment that this returns.
    pub async fn refuse(&self) {
        self.shared.change(|rules| rules.refusing = true);
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Keeps all bytes of a direction back, of every connection, until [`Self::heal`].
    pub fn hold(&self, direction: Direction) {
        self.shared.change(|rules| rules.of(direction).hold = true);
    }

    /// Lets every piece of a direction wait for so long.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.shared.change(|rules| rules.of(direction).delay = delay);
    }

    /// Lets everything through again, what was held back first. What was caught stays so.
    pub async fn heal(&self) {
        self.shared.change(|rules| {
            rules.refusing = false;
            for direction in [Direction::ToServer, Direction::ToClient] {
                let rule = rules.of(direction);
                (rule.hold, rule.delay) = (false, Duration::ZERO);
            }
        });
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Catches the next piece of a direction that fits, of any connection: from then on that connection gets nothing
    /// in that direction until the catch is let go. `fits` sees what came at once, after the last bytes before it.
    pub fn catch(&self, direction: Direction, fits: impl FnMut(&[u8]) -> bool + Send + 'static) -> Caught {
        let (tell, come) = oneshot::channel();
        let released = Arc::new(Release { released: Mutex::new(false), shared: self.shared.clone() });
        let trap = Trap { fits: Box::new(fits), tell, released: released.clone() };
        self.shared.change(|rules| rules.of(direction).traps.push_back(trap));
        Caught { come: Some(come), released }
    }
}

/// What [`FaultProxy::catch`] takes, for a piece with these bytes in it.
pub fn containing(bytes: impl Into<Vec<u8>>) -> impl FnMut(&[u8]) -> bool + Send + 'static {
    let bytes = bytes.into();
    move |piece| piece.windows(bytes.len().max(1)).any(|window| window == bytes)
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Caught {
    /// Waits until it is caught.
    pub async fn wait(&mut self, within: Duration) -> Result<(), Error> {
        let Some(come) = self.come.as_mut() else { return Ok(()) };
        match tokio::time::timeout(within, come).await {
            Ok(Ok(())) => {
                self.come = None;
                Ok(())
            }
            _ => Err(Error::NothingCaught { within }),
        }
    }

    /// Lets it through.
    pub fn let_go(self) {}
}

impl Drop for Caught {
    fn drop(&mut self) {
        *self.released.released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.released.shared.change(|_| ());
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules());
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Rules {
    fn of(&mut self, direction: Direction) -> &mut Rule {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Release {
    fn is_released(&self) -> bool {
        *self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Trap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Trap").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
