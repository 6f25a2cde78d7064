//! What holders do with their time.

use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Holder, PLENTY, TTL, prize};
use crate::checker::tenure::{End, Tenure};

/// The word to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn call(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_called(&self) -> bool {
        *self.0.borrow()
    }

    pub(super) async fn sleep_until(&self, until: Instant) {
        let mut told = self.0.subscribe();
        // The sender is `self`.
        let _ = tokio::time::timeout_at(until, told.wait_for(|called| *called)).await;
    }
}

/// Holds one grant all the time, and takes another where it is lost.
pub(crate) async fn stay(mut holder: Holder, stop: Stop) -> Vec<Tenure> {
    let mut tenures = Vec::new();
    while !stop.is_called() {
        let mut tenure = holder.take(PLENTY).await.expect("there are enough for everybody");
        while !stop.is_called() && tenure.lost().is_none() {
            holder.keep(&mut tenure, Duration::MAX / 4, &stop).await;
        }
        tenures.push(tenure);
    }
    tenures
}

/// Holds a grant for a while and falls silent for good, as a program does that was killed; then another begins.
pub(crate) async fn live_and_die(seed: u64, number: u64, ports: Vec<u16>, stop: Stop) -> Vec<Tenure> {
    let mut tenures = Vec::new();
    for life in 0.. {
        if stop.is_called() {
            break;
        }
        let mut holder = Holder::new(seed, format!("mortal {number}.{life}"), &ports);
        let mut tenure = holder.take(PLENTY).await.expect("there are enough for everybody");
        let time = Duration::from_millis(holder.rng.random_range(500..12_000));
        holder.keep(&mut tenure, time, &stop).await;
        tenure.end = End::Silent;
        tenures.push(tenure);
        // Not so many dead at once that the server takes it for a fault of its own.
        stop.sleep_until(Instant::now() + TTL).await;
    }
    tenures
}

/// Fights for a prize that only one can have: takes it when it can, keeps it for a while, and gives it back or falls
/// silent. Each time it is another device, so that nobody takes over what it held itself. Who is waiting for the prize
/// at the end waits until it has it.
pub(crate) async fn fight(seed: u64, number: u64, prizes: u64, ports: Vec<u16>, stop: Stop) -> Vec<Tenure> {
    let mut tenures = Vec::new();
    for life in 0.. {
        if stop.is_called() {
            break;
        }
        let mut holder = Holder::new(seed, format!("fighter {number}.{life}"), &ports);
        let mut tenure = win(&mut holder, &prize(number % prizes)).await;
        let is_last = stop.is_called();
        let time = Duration::from_millis(holder.rng.random_range(200..5_000));
        holder.keep(&mut tenure, time, &stop).await;
        if tenure.lost().is_none() && (is_last || holder.rng.random_bool(0.5)) {
            tenure = holder.give_back(tenure).await;
        } else {
            tenure.end = End::Silent;
        }
        tenures.push(tenure);
    }
    tenures
}

async fn win(holder: &mut Holder, prize: &str) -> Tenure {
    loop {
        if let Some(tenure) = holder.take(prize).await {
            return tenure;
        }
        let pause = holder.rng.random_range(150..450);
        sleep(Duration::from_millis(pause)).await;
    }
}
