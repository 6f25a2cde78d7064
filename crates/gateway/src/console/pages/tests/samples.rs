//! What the sample pages have in common.

use jiff::Timestamp;

use crate::console::assets::Assets;
use crate::console::parts::{CountBar, Hour, Last, ListState, Listing, Spark, Tone, When};
use crate::console::shell::{FormToken, Health, Section, Shell, Theme, User, Waiting};

/// The moment at which the samples are looked at.
pub(super) fn now() -> Timestamp {
    "2026-11-29T14:20:00Z".parse().unwrap()
}

/// So many seconds ago.
pub(super) fn ago(seconds: i64) -> When {
    When::new(Timestamp::from_second(now().as_second() - seconds).unwrap(), now())
}

/// In so many seconds.
pub(super) fn ahead(seconds: i64) -> When {
    ago(-seconds)
}

pub(super) const DAY: i64 = 86_400;

pub(super) fn token() -> FormToken {
    FormToken { value: "c2FtcGxl".into() }
}

pub(super) fn shell(title: &str, section: Section) -> Shell {
    Shell {
        title: title.into(),
        section,
        here: "/".into(),
        assets: Assets::here(),
        theme: Theme::System,
        instance: "Plant North".into(),
        health: Health { tone: Tone::Good, text: "4 services, 2 stores healthy".into() },
        synchronised: Last::At(ago(3 * 3600)),
        user: User { name: "ada".into(), roles: "ADMIN".into() },
        token: token(),
        waiting: Waiting { back_office: 1 },
        said: None,
    }
}

pub(super) fn bar(key: &str, used: i64, reserved_idle: i64, total: Option<i64>, beyond: i64) -> CountBar {
    CountBar { key: format!("bar-{key}"), used, reserved_idle, total, beyond }
}

/// A working day's curve up to `high`, with a gap in the night.
pub(super) fn curve(high: i64, hours: usize) -> Vec<Option<i64>> {
    const SHARE: [i64; 24] =
        [5, 4, 3, 2, 2, 3, 8, 30, 60, 82, 90, 96, 70, 88, 100, 97, 92, 70, 40, 22, 15, 10, 8, 6];
    (0..hours).map(|hour| (hour % 24 != 3).then(|| SHARE[(hour + 15) % 24] * high / 100)).collect()
}

pub(super) fn spark(key: &str, high: i64, owned: Option<i64>) -> Spark {
    Spark { key: format!("spark-{key}"), peaks: curve(high, 24), owned }
}

pub(super) fn hours(high: i64, owned: Option<i64>, count: usize) -> Vec<Hour> {
    let first = now().as_second() / 3600 * 3600 - i64::try_from(count).unwrap() * 3600;
    let hour = |(index, peak): (usize, Option<i64>)| Hour {
        at: Timestamp::from_second(first + i64::try_from(index).unwrap() * 3600).unwrap(),
        peak,
        average: 0.8,
        owned: peak.and(owned),
        denied: i64::from(peak.is_some() && peak >= owned) * 3,
    };
    curve(high, count).into_iter().enumerate().map(hour).collect()
}

pub(super) fn listing(path: &str, search: &str, columns: &[&str], total: u64) -> Listing {
    let state = ListState { search: search.into(), ..ListState::default() };
    Listing::new(path, &state, columns).with_total(total)
}
