//! Moments and days: relative to read, exact on hover.

#![allow(unused_qualifications, reason = "the macro of templates writes whole paths")]

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment, shown as its distance from now, with the exact time on hover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ self.machine() }}" title="{{ self.exact() }}">{{ self.relative() }}</time>"#
)]
pub(crate) struct When {
    /// The moment.
    pub(crate) at: Timestamp,
    /// What it is told from.
    pub(crate) now: Timestamp,
}

impl HtmlSafe for When {}

impl When {
    /// A moment as told from `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// `3 h ago`, `in 25 days`, `now`.
    pub(crate) fn relative(&self) -> String {
        let seconds = self.at.as_second() - self.now.as_second();
        match seconds {
            -1..=1 => "now".to_owned(),
            2.. => format!("in {}", span(seconds)),
            _ => format!("{} ago", span(-seconds)),
        }
    }

    /// `29 Nov 2026, 23:03:18 UTC`.
    pub(crate) fn exact(&self) -> String {
        self.at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M:%S UTC").to_string()
    }

    /// As RFC 3339, to the second.
    fn machine(&self) -> String {
        self.at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// When something was last done, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"{% match self %}{% when Self::At(at) %}{{ at }}{% when Self::Never %}never{% when Self::Unknown %}–{% endmatch %}"#
)]
pub(crate) enum Last {
    /// Then.
    At(When),
    /// Not yet.
    Never,
    /// Whoever knows it does not answer.
    Unknown,
}

impl HtmlSafe for Last {}

impl Last {
    /// When, if it is known.
    pub(crate) fn at(&self) -> Option<When> {
        if let Self::At(at) = self { Some(*at) } else { None }
    }

    /// Whether nobody knows.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// The day on which something ends, or that it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(when) = self.when() %}<time datetime="{{ when.machine() }}" title="{{ when.exact() }}, {{ when.relative() }}">{{ self.day() }}</time>{% else %}permanent{% endif %}"#
)]
pub(crate) struct Day {
    /// When; `None` is never.
    pub(crate) at: Option<Timestamp>,
    /// What it is told from.
    pub(crate) now: Timestamp,
}

impl HtmlSafe for Day {}

impl Day {
    /// A day as told from `now`.
    pub(crate) fn new(at: Option<Timestamp>, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// `2027-03-31`, or `permanent`.
    pub(crate) fn day(&self) -> String {
        self.at.map_or_else(
            || "permanent".to_owned(),
            |at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string(),
        )
    }

    /// Whole days until then, if it is in the future.
    pub(crate) fn days_left(&self) -> Option<i64> {
        let seconds = self.at?.as_second() - self.now.as_second();
        (seconds > 0).then_some(seconds / 86_400)
    }

    /// Whether it is over.
    pub(crate) fn is_past(&self) -> bool {
        self.at.is_some_and(|at| at <= self.now)
    }

    fn when(&self) -> Option<When> {
        self.at.map(|at| When::new(at, self.now))
    }
}

/// A length of time in its largest fitting unit: `42 s`, `5 min`, `3 h`, `25 days`, `14 months`.
pub(crate) fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..=172_799 => format!("{} h", seconds / HOUR),
        172_800..=63_071_999 => format!("{} days", seconds / DAY),
        _ => format!("{} years", seconds / (365 * DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn distances_use_the_largest_fitting_unit() {
        let now = at("2026-11-29T12:00:00Z");
        for (moment, text) in [
            ("2026-11-29T12:00:01Z", "now"),
            ("2026-11-29T11:59:18Z", "42 s ago"),
            ("2026-11-29T11:55:00Z", "5 min ago"),
            ("2026-11-29T09:00:00Z", "3 h ago"),
            ("2026-11-28T11:00:00Z", "25 h ago"),
            ("2026-11-04T12:00:00Z", "25 days ago"),
            ("2026-12-24T12:00:00Z", "in 25 days"),
            ("2027-11-26T12:00:00Z", "in 362 days"),
            ("2030-11-29T12:00:00Z", "in 4 years"),
        ] {
            assert_eq!(When::new(at(moment), now).relative(), text, "{moment}");
        }
    }

    #[test]
    fn a_moment_carries_its_exact_time() {
        let html = When::new(at("2026-11-29T09:00:07Z"), at("2026-11-29T12:00:07Z")).to_string();
        assert_eq!(
            html,
            r#"<time datetime="2026-11-29T09:00:07Z" title="29 Nov 2026, 09:00:07 UTC">3 h ago</time>"#
        );
    }

    #[test]
    fn a_day_without_end_is_permanent() {
        let now = at("2026-11-29T12:00:00Z");
        assert_eq!(Day::new(None, now).to_string(), "permanent");
        let day = Day::new(Some(at("2027-01-31T23:59:59Z")), now);
        assert!(day.to_string().ends_with(">2027-01-31</time>"));
        assert_eq!(day.days_left(), Some(63));
        assert!(!day.is_past());
        assert!(Day::new(Some(now), now).is_past());
        assert_eq!(Day::new(Some(now), now).days_left(), None);
    }
}
