//! From starting the program to its first grant.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::{Measured, Setting};
use crate::figures::product::Site;
use crate::figures::table::{Better, Figure};
use crate::load::{CheckOut, endpoint};
use crate::tell;

/// Starts of which the middle one counts.
const STARTS: usize = 5;
/// How long a start may take before it counts as failed.
const START_PATIENCE: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_millis(1);

/// The middle of several starts on a data directory.
pub(in crate::figures) async fn start(setting: &Setting) -> Result<Measured, String> {
    let site = setting.program.embedded(1).await?;
    let devices = Arc::new(AtomicU64::new(0));
    // The first start puts the estate in force and brings the program into memory.
    tell("P9: one start that does not count");
    first_grant(&site, &devices).await?;
    let mut lengths = Vec::with_capacity(STARTS);
    for number in 1..=STARTS {
        let length = first_grant(&site, &devices).await?;
        tell(&format!("P9: start {number} of {STARTS}: {:.3} s", length.as_secs_f64()));
        lengths.push(length.as_secs_f64());
    }
    lengths.sort_by(f64::total_cmp);
    let figure = Figure {
        id: "P9",
        work: "`serve all` embedded, start to first grant, median of 5",
        ours: lengths[STARTS / 2],
        theirs: None,
        unit: "s",
        better: Better::Lower,
        must: 1.5,
        goal: 0.5,
    };
    let note = format!("P9: fastest {:.3} s, slowest {:.3} s.", lengths[0], lengths[STARTS - 1]);
    Ok(Measured { figures: vec![figure], notes: vec![note] })
}

/// Starts the server, asks until it grants, and stops it again.
async fn first_grant(site: &Site, devices: &Arc<AtomicU64>) -> Result<Duration, String> {
    let start = Instant::now();
    let mut product = site.serve()?;
    let endpoint = endpoint(product.address())?;
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) if start.elapsed() > START_PATIENCE => {
                return Err(format!("the server did not start within {START_PATIENCE:?}: {error}"));
            }
            Err(_) => product.still_runs()?,
        }
        tokio::time::sleep(RETRY).await;
    };
    let mut client = CheckOut::new(channel, site.features().into(), Arc::clone(devices));
    while let Err(error) = client.check_out().await {
        product.still_runs()?;
        if start.elapsed() > START_PATIENCE {
            return Err(format!("the server granted nothing within {START_PATIENCE:?}: {error}"));
        }
        tokio::time::sleep(RETRY).await;
    }
    let length = start.elapsed();
    drop(client);
    product.stop().await?;
    Ok(length)
}
