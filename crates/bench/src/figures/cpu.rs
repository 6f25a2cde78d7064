//! How much of the machine each program uses during a run: the load and what it drives share its cores.

use std::time::{Duration, Instant};

use super::machine::{busy_time, family_time, processor_time};

/// Programs that are watched, from the start of a run on.
pub(super) struct Cpu {
    programs: Vec<(&'static str, u32)>,
    since: Instant,
    used: Option<Vec<Duration>>,
    busy: Option<Duration>,
}

impl Cpu {
    /// Starts watching these processes, each with its children, beside this one and the whole machine.
    pub(super) fn start(programs: Vec<(&'static str, u32)>) -> Self {
        let used = used(&programs);
        Self { programs, since: Instant::now(), used, busy: busy_time() }
    }

    /// What they used since, of the machine and for each of so many calls; empty where the system does not say.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(super) fn stop(self, calls: u64) -> String {
        let elapsed = self.since.elapsed().as_secs_f64();
        let (Some(before), Some(after)) = (&self.used, used(&self.programs)) else { return String::new() };
        let (Some(idle), Some(busy)) = (self.busy, busy_time()) else { return String::new() };
        let cores = |before: Duration, after: Duration| after.saturating_sub(before).as_secs_f64() / elapsed;
        let shares: Vec<f64> =
            before.iter().zip(after).map(|(before, after)| cores(*before, after)).collect();
        let names = self.programs.iter().map(|(name, _)| *name).chain(["load generator"]);
        let a_call = |share: f64| share * elapsed * 1_000_000.0 / calls.max(1) as f64;
        let list =
            names.zip(&shares).map(|(name, share)| format!("{name} {share:.2} ({:.0})", a_call(*share)));
        let list: Vec<String> = list.collect();
        let others = (cores(idle, busy) - shares.iter().sum::<f64>()).max(0.0);
        format!("cores used (µs a call): {}, everybody else {others:.2}", list.join(", "))
    }
}

fn used(programs: &[(&'static str, u32)]) -> Option<Vec<Duration>> {
    let programs = programs.iter().map(|(_, process)| family_time(*process));
    programs.chain([processor_time(std::process::id())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_its_share() {
        let told = Cpu::start(vec![("server", std::process::id())]).stop(1);
        assert!(
            told.starts_with("cores used (µs a call): server ") && told.contains(", load generator "),
            "{told}"
        );
        assert_eq!(Cpu::start(vec![("nobody", u32::MAX)]).stop(1), "");
    }
}
