//! The life of a device: programs start, take licences, work, and end well or badly.

use std::time::Duration;

use leasehold_client::{CheckoutError, Client, Guard, State};
use rand::RngExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::definitions::Definitions;
use super::profile::{Farewell, Profile, Task};
use super::{Device, Error, Line};
use crate::demo::counts::Event;

/// How long a return may take at the end of a program.
const RETURN: Duration = Duration::from_secs(10);
/// The place that the programs of a device with one hold at.
const SLOT: &str = "seat 1";

impl Device {
    /// Starts program after program until the day is over.
    pub(super) async fn live(
        &mut self,
        definitions: &mut Definitions,
        over: &CancellationToken,
    ) -> Result<(), Error> {
        let arrival = self.pace.arrival(&mut self.rng);
        pause(arrival, over).await;
        while !over.is_cancelled() {
            let (line, client) = self.start().await?;
            self.counts.add(Event::Started);
            let ended = CancellationToken::new();
            let program = async {
                self.run_program(&line, &client, over).await;
                ended.cancel();
            };
            tokio::join!(program, definitions.follow(&client, &ended));
            self.counts.add(Event::Ended);
            drop(client);
            if self.rng.random_bool(0.4) {
                self.relay.show_an_old_token().await;
            }
            let rest = self.pace.rest(&mut self.rng);
            pause(rest, over).await;
        }
        Ok(())
    }

    /// A program does a few things, one after the other or two at a time, and ends.
    async fn run_program(&mut self, line: &Line, client: &Client, over: &CancellationToken) {
        let mut held: Vec<(Task, Guard)> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            if over.is_cancelled() {
                break;
            }
            let task = self.profile.task(&mut self.rng);
            match self.check_out(client, &task).await {
                Some(guard) => held.push((task, guard)),
                None => {
                    let patience = self.pace.patience(&mut self.rng);
                    pause(patience, over).await;
                    continue;
                }
            }
            self.work(&held, over).await;
            if held.len() > 1 || self.rng.random_bool(0.5) {
                let (task, guard) = held.remove(0);
                self.end_one(task, guard).await;
            }
        }
        // When the day is over, some have left their programs open.
        let farewell = match Profile::farewell(&mut self.rng) {
            Farewell::Leave if over.is_cancelled() => Farewell::Crash,
            farewell => farewell,
        };
        if farewell == Farewell::Crash && !held.is_empty() {
            if !over.is_cancelled() {
                self.counts.add(Event::Crashed);
            }
            return line.cut();
        }
        self.end_program(held, farewell).await;
    }

    async fn check_out(&mut self, client: &Client, task: &Task) -> Option<Guard> {
        let mut checkout = task.checkout.clone();
        if self.profile.has_slot() {
            checkout = checkout.slot(SLOT);
        }
        match client.checkout(checkout).await {
            Ok(guard) => {
                self.counts.add(Event::Granted);
                Some(guard)
            }
            Err(error) => {
                self.counts.add(Event::Denied(reason(&error)));
                None
            }
        }
    }

    /// Works for a while, or until nothing is held any more.
    async fn work(&mut self, held: &[(Task, Guard)], over: &CancellationToken) {
        let time = self.pace.work(&mut self.rng);
        let all_lost = async {
            for (_, guard) in held {
                let mut states = guard.watch();
                // The channel closes when nobody keeps the guard up any more.
                let _ = states.wait_for(|state| matches!(state, State::Lost(_))).await;
            }
        };
        tokio::select! {
            () = pause(time, over) => {}
            () = all_lost => {}
        }
    }

    async fn end_program(&mut self, held: Vec<(Task, Guard)>, farewell: Farewell) {
        for (task, guard) in held {
            if farewell == Farewell::Return {
                self.end_one(task, guard).await;
            } else {
                // An online grant is returned in the background, a borrow runs to its end.
                self.counts.add(if task.borrowed { Event::Left } else { Event::Returned });
            }
        }
    }

    /// Returns one grant; a borrow may be left to its end.
    async fn end_one(&mut self, task: Task, guard: Guard) {
        if task.borrowed && self.rng.random_bool(0.5) {
            return self.counts.add(Event::Left);
        }
        if let Ok(Ok(())) = timeout(RETURN, guard.release()).await {
            self.counts.add(Event::Returned);
        }
    }
}

/// Waits, no longer than the day.
async fn pause(time: Duration, over: &CancellationToken) {
    tokio::select! {
        () = sleep(time) => {}
        () = over.cancelled() => {}
    }
}

/// Why a checkout gave nothing, by the name that the contract has for it.
fn reason(error: &CheckoutError) -> String {
    let name = match error {
        CheckoutError::Refused { reason, .. } => reason.as_str_name().trim_start_matches("REFUSAL_REASON_"),
        CheckoutError::WholeRequestRefused { reason, .. } => {
            reason.as_str_name().trim_start_matches("REQUEST_REFUSAL_")
        }
        CheckoutError::Server { reason, .. } => reason.as_str_name().trim_start_matches("ERROR_REASON_"),
        CheckoutError::Unverified { .. } => "UNVERIFIED",
        CheckoutError::Invalid { .. } => "INVALID",
        _ => "UNREACHABLE",
    };
    name.to_owned()
}
