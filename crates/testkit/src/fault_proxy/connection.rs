//! Connections through the proxy: taken, pumped both ways, cut.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Direction, POLL, Release, Shared};

const PIECE: usize = 64 * 1024;
/// How much of what went before a trap sees again, for what is cut in two by the network.
const OVERLAP: usize = 64;

/// Takes connections while they are not refused; a port that refuses is not listened at.
pub(super) async fn listen(shared: Arc<Shared>, first: TcpListener, port: u16) {
    let mut changes = shared.changes.subscribe();
    let mut listener = Some(first);
    loop {
        if shared.rules().refusing {
            listener = None;
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(open) = &listener else {
            listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.ok();
            if listener.is_none() {
                tokio::time::sleep(POLL).await;
            }
            continue;
        };
        tokio::select! {
            taken = open.accept() => {
                if let Ok((client, _)) = taken {
                    tokio::spawn(serve(shared.clone(), client));
                }
            }
            _ = changes.changed() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream) {
    let cuts = shared.rules().cuts;
    let mut changes = shared.changes.subscribe();
    let both = async {
        let server = TcpStream::connect(shared.to).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            pump(&shared, Direction::ToServer, from_client, to_server),
            pump(&shared, Direction::ToClient, from_server, to_client),
        )
    };
    tokio::select! {
        // Either side's trouble ends both.
        _ = both => {}
        _ = changes.wait_for(|_| shared.rules().cuts != cuts) => {}
    }
}

async fn pump(
    shared: &Shared,
    direction: Direction,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    let mut changes = shared.changes.subscribe();
    // The last bytes before the piece, then the piece.
    let mut seen: Vec<u8> = Vec::new();
    let mut piece = vec![0; PIECE];
    let mut caught: Option<Arc<Release>> = None;
    loop {
        let length = from.read(&mut piece).await?;
        if length > 0 {
            seen.drain(..seen.len().saturating_sub(OVERLAP));
            seen.extend_from_slice(&piece[..length]);
            caught =
                caught.filter(|release| !release.is_released()).or_else(|| catch(shared, direction, &seen));
        }
        let delay = shared.rules().of(direction).delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        may_pass(shared, direction, caught.as_deref(), &mut changes).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
    }
}

async fn may_pass(
    shared: &Shared,
    direction: Direction,
    caught: Option<&Release>,
    changes: &mut watch::Receiver<u64>,
) {
    let free = |_: &u64| {
        let held = shared.rules().of(direction).hold;
        !held && caught.is_none_or(Release::is_released)
    };
    // The sender lives in what is borrowed here.
    let _ = changes.wait_for(free).await;
}

fn catch(shared: &Shared, direction: Direction, seen: &[u8]) -> Option<Arc<Release>> {
    let mut rules = shared.rules();
    let traps = &mut rules.of(direction).traps;
    let fitting = (0..traps.len()).find(|index| (traps[*index].fits)(seen))?;
    let trap = traps.remove(fitting)?;
    // Nobody may be waiting any more.
    let _ = trap.tell.send(());
    Some(trap.released)
}
