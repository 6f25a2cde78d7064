//! Background loops: the allocators and who tells what they decided, the hearings, the care for each instance, its
//! answer keys, notices, what is counted, and pruning. Each stops when the service does.

mod answer_keys;
mod care;
mod endings;
mod notices;
pub(crate) mod prune;
mod reaper;
pub(crate) mod tallies;

use leasehold_runtime::Background;

use crate::Error;
use crate::allocator;
use crate::hearing;
use crate::state::Shared;

/// Rows looked at in one tick; the rest waits for the next.
const TICK_LIMIT: u32 = 1_000;

/// Starts every loop of the service.
pub(crate) fn spawn(licensing: &Shared, background: &Background) -> Result<(), Error> {
    for instance in licensing.instances() {
        allocator::spawn(licensing, instance.id, background)?;
        if let Some(receiver) = licensing.hearing(instance.id).take_receiver() {
            background.spawn("licensing.hearing", hearing::run(licensing.clone(), instance.id, receiver));
        }
        background.spawn("licensing.care", care::run(licensing.clone(), instance.clone()));
        background.spawn("licensing.answer_keys", answer_keys::run(licensing.clone(), instance.id));
        background.spawn("licensing.endings", endings::run(licensing.clone(), instance.id));
        background.spawn("licensing.notices", notices::run(licensing.clone(), instance.id));
        background.spawn("licensing.tallies", tallies::run(licensing.clone(), instance.id));
    }
    background.spawn("licensing.pruning", prune::run(licensing.clone()));
    Ok(())
}
