//! What a figure depends on beside the programs: the machine, its disk, and who else uses it.

use std::path::Path;
use std::time::Duration;

/// Linux counts processor time in hundredths of a second, whatever the kernel's own tick.
const TICKS_A_SECOND: u64 = 100;

/// One line for each fact. `folder` is on the disk that is written to.
pub(super) fn facts(folder: &Path) -> Vec<String> {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = value(&read("/proc/meminfo"), "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let load = read("/proc/loadavg");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let disk = mount(&read("/proc/mounts"), folder).unwrap_or_else(|| "an unknown file system".to_owned());
    vec![
        format!("machine: {cores} cores of {cpu}, memory {memory}, Linux {kernel}"),
        format!("data on {disk}, in {}", folder.display()),
        format!("load average before: {load} (figures of a busy machine are lower, ours and theirs)"),
    ]
}

/// Processor time that a process has used so far; `None` where the system does not say.
pub(super) fn processor_time(process: u32) -> Option<Duration> {
    ticks(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The same together with that of its children, those that live and those that have ended.
pub(super) fn family_time(process: u32) -> Option<Duration> {
    let own = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    // One that has ended since the list was read counts among the ended ones the next time.
    let living = children.split(' ').filter_map(|child| processor_time(child.parse().ok()?));
    Some(ticks(&own)? + ended_ticks(&own)? + living.sum::<Duration>())
}

/// Memory of a process that is in use and not swapped out, in bytes; `None` where the system does not say.
pub(super) fn resident(process: u32) -> Option<u64> {
    kibibytes(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmRSS")
}

/// The most that it ever was.
pub(super) fn resident_peak(process: u32) -> Option<u64> {
    kibibytes(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmHWM")
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let text = value(status, key)?;
    text.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// Processor time that all processes together have used since the machine started; `None` where it does not say.
pub(super) fn busy_time() -> Option<Duration> {
    busy_ticks(&std::fs::read_to_string("/proc/stat").ok()?)
}

fn busy_ticks(stat: &str) -> Option<Duration> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // user, nice, system, idle, waiting for disks, interrupts twice; what comes after is not this machine's.
    let [user, nice, system, _, _, hard, soft, ..] = fields.as_slice() else { return None };
    Some(Duration::from_millis((user + nice + system + hard + soft) * 1_000 / TICKS_A_SECOND))
}

fn ticks(stat: &str) -> Option<Duration> {
    two_fields(stat, 11)
}

/// Of children that have ended and were waited for.
fn ended_ticks(stat: &str) -> Option<Duration> {
    two_fields(stat, 13)
}

fn two_fields(stat: &str, place: usize) -> Option<Duration> {
    // The program's name is in brackets and may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(place);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_A_SECOND))
}

fn value(text: &str, key: &str) -> Option<String> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(rest.trim_start_matches(['\t', ' ', ':']).to_owned())
}

/// The file system that holds a folder: the mount with the longest path above it.
fn mount(mounts: &str, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let above = fields.filter(|(_, path, _)| folder.starts_with(path));
    // Of two at one place, the later one hides the earlier.
    let (device, _, kind) = above.max_by_key(|(_, path, _)| path.len())?;
    let volatile = matches!(kind, "tmpfs" | "ramfs");
    let warning = if volatile { ", which is memory: set TMPDIR to a folder on a disk" } else { "" };
    Some(format!("{kind} ({device}{warning})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 9 0 0 0 250 50 600 100 20 0 9 0 100";
        assert_eq!(ticks(stat), Some(Duration::from_secs(3)));
        assert_eq!(ended_ticks(stat), Some(Duration::from_secs(7)));
        assert!(family_time(std::process::id()) >= processor_time(std::process::id()));
        assert!(processor_time(std::process::id()).is_some());
        assert_eq!(ticks("nonsense"), None);
        let stat = "cpu  100 10 50 9000 700 20 20 5 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(stat), Some(Duration::from_secs(2)));
        assert!(busy_time() >= processor_time(std::process::id()));
    }

    #[test]
    fn memory_is_told_in_kibibytes() {
        assert_eq!(kibibytes("Name:\ta\nVmRSS:\t    1024 kB\n", "VmRSS"), Some(1 << 20));
        assert!(resident(std::process::id()) > Some(1 << 20));
        assert!(resident_peak(std::process::id()) >= resident(std::process::id()));
    }

    #[test]
    fn the_nearest_mount_holds_a_folder() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /no/tmp tmpfs rw 0 0\n/dev/vdb /no/tmpdir xfs rw 0 0\n";
        assert_eq!(mount(mounts, Path::new("/no/data")).unwrap(), "ext4 (/dev/vda)");
        assert_eq!(mount(mounts, Path::new("/no/tmpdir/a")).unwrap(), "xfs (/dev/vdb)");
        assert!(mount(mounts, Path::new("/no/tmp/a")).unwrap().contains("which is memory"));
    }
}
