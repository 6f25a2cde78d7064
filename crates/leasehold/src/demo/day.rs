//! The day of the firm: every device lives, somebody watches the counts, and the vendor publishes an update.
//!
//! Not responsible for starting or stopping servers, nor for what is made of what was noted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leasehold_promises::history::History;
use leasehold_runtime::Clock;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use super::device::{Device, Firm};
use super::server::Started;
use super::watch::Watched;
use super::{Audience, Error, Options, repository, watch};

/// How often the audience hears how it goes.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// What a day leaves behind.
pub(super) struct Worked {
    /// What clients sent and heard.
    pub(super) histories: Vec<History>,
    /// What was seen meanwhile.
    pub(super) watched: Watched,
    /// Whether an update went out.
    pub(super) published: bool,
}

/// Lets every device live until the day is over, somebody watch the counts meanwhile, and the vendor publish an update.
pub(super) async fn work(
    options: &Options,
    started: &Started,
    firm: &Firm,
    (vendor, audience): (&Path, &dyn Audience),
) -> Result<Worked, Error> {
    let over = CancellationToken::new();
    let out = Arc::new(AtomicU64::new(0));
    let watching = tokio::spawn(watch::watch(started.books.clone(), Arc::clone(&out), over.clone()));
    let (vendor, clock) = (vendor.to_owned(), Arc::clone(&options.clock));
    let going_out =
        go_out(vendor, started.running.updates_addr(), clock, options.pace.update(), over.clone());
    let going_out = tokio::spawn(going_out);
    let mut devices = JoinSet::new();
    for number in 0..options.clients {
        let address = format!("http://{}", started.running.licensing_addr());
        let endpoint = Endpoint::from_shared(address).expect("an address makes a URI");
        let device = Device::new(firm, number, endpoint.connect_lazy())?;
        devices.spawn(device.run(over.clone()));
    }
    let tell = async {
        let (start, mut code) = (Instant::now(), started.code.clone());
        let mut ticks = interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if code.has_changed().unwrap_or(false) {
                audience.another_code(&code.borrow_and_update());
            }
            audience.goes_on(start.elapsed(), &firm.counts.now(), out.load(Ordering::Relaxed));
        }
    };
    tokio::select! {
        () = until(options.duration) => {}
        () = options.shutdown.cancelled() => {}
        () = started.shutdown.cancelled() => {}
        () = tell => {}
    }
    over.cancel();
    let mut histories = Vec::new();
    while let Some(ended) = devices.join_next().await {
        histories.extend(ended.map_err(|error| Error::Client(error.to_string()))??);
    }
    let watched = watching.await.map_err(|error| Error::Client(error.to_string()))??;
    let published = going_out.await.map_err(|error| Error::Client(error.to_string()))??;
    Ok(Worked { histories, watched, published })
}

/// Publishes an update after a while, unless the day is over before; whether it did.
async fn go_out(
    vendor: PathBuf,
    updates: SocketAddr,
    clock: Arc<dyn Clock>,
    after: Duration,
    over: CancellationToken,
) -> Result<bool, Error> {
    if over.run_until_cancelled(sleep(after)).await.is_none() {
        return Ok(false);
    }
    repository::go_out(&vendor, updates, clock).await?;
    Ok(true)
}

async fn until(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => std::future::pending().await,
    }
}
