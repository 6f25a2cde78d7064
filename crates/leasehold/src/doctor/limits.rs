//! How much the system lets a process have.

use super::Finding;

const CHECK: &str = "open_files";
/// With fewer a busy server runs out: each connection takes one.
const ENOUGH: u64 = 8_192;
/// With fewer it hardly starts.
const LEAST: u64 = 256;

#[cfg(unix)]
pub(super) fn check() -> Vec<Finding> {
    use rustix::process::{Resource, getrlimit};
    vec![judge(getrlimit(Resource::Nofile).current)]
}

#[cfg(not(unix))]
pub(super) fn check() -> Vec<Finding> {
    Vec::new()
}

/// `limit` is the number of files that a process may have open; `None` is no limit.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no such limit to ask for"))]
fn judge(limit: Option<u64>) -> Finding {
    let Some(limit) = limit else { return Finding::passed(CHECK, "no limit for a process started here") };
    let found = format!("{limit} for a process started here");
    let remedy = format!(
        "raise it to {ENOUGH} or more: `ulimit -n {ENOUGH}`, LimitNOFILE= in a unit (`leasehold service install` sets it)"
    );
    match limit {
        ..LEAST => Finding::failed(CHECK, found, remedy),
        LEAST..ENOUGH => Finding::warning(CHECK, format!("{found}, and each connection takes one"), remedy),
        _ => Finding::passed(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{Failed, Passed, Warning};
    use super::*;

    #[test]
    fn few_open_files_are_a_warning_and_hardly_any_a_failure() {
        for (limit, verdict) in
            [(None, Passed), (Some(65_536), Passed), (Some(1_024), Warning), (Some(64), Failed)]
        {
            let found = judge(limit);
            assert_eq!((found.verdict, found.remedy.is_some()), (verdict, verdict != Passed), "{found:?}");
        }
    }
}
