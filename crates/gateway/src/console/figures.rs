//! Counts of features as bars, tags and sums. Nothing is decided here: what services count is added up and shown.

use jiff::Timestamp;

use super::parts::{CountBar, Day, Tag, Tone, grouped};
use crate::model::{FeatureSummary, LineItemStatus};

/// Days before its end at which something is told to end soon.
pub(crate) const SOON: i64 = 90;

/// One feature, all its versions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    /// The name.
    pub(crate) name: String,
    /// Counts owned; `None` where a version has no count.
    pub(crate) total: Option<i64>,
    /// Counts out.
    pub(crate) used: i64,
    /// Counts set aside.
    pub(crate) reserved: i64,
    /// Of these, idle.
    pub(crate) idle: i64,
    /// Counts to be had; `None` without limit.
    pub(crate) available: Option<i64>,
    /// Counts in use on overdraft.
    pub(crate) overdraft: i64,
    /// Counts out beyond what a later bundle left.
    pub(crate) overage: i64,
    /// First end of a line item.
    pub(crate) first: Option<Timestamp>,
    /// Whether its use adds up.
    pub(crate) metered: bool,
}

impl Whole {
    /// The versions, which are of one feature.
    pub(crate) fn of(versions: &[&FeatureSummary]) -> Self {
        let sum = |count: fn(&FeatureSummary) -> i64| versions.iter().map(|version| count(version)).sum();
        let sum_or_none =
            |count: fn(&FeatureSummary) -> Option<i64>| versions.iter().map(|version| count(version)).sum();
        Self {
            name: versions.first().map(|version| version.name.clone()).unwrap_or_default(),
            total: sum_or_none(|version| version.total),
            used: sum(|version| version.used),
            reserved: sum(|version| version.reserved),
            idle: sum(|version| version.reserved_idle),
            available: sum_or_none(|version| version.available),
            overdraft: sum(|version| version.overdraft_used),
            overage: sum(|version| version.overage),
            first: versions.iter().filter_map(|version| version.first_expiration).min(),
            metered: versions.iter().any(|version| version.metered),
        }
    }

    /// The features of a list that is ordered by name.
    pub(crate) fn each(rows: &[FeatureSummary]) -> Vec<Self> {
        let groups = rows.chunk_by(|one, other| one.name == other.name);
        groups.map(|group| Self::of(&group.iter().collect::<Vec<_>>())).collect()
    }

    /// The bar, under a name for live changes.
    pub(crate) fn bar(&self, key: String) -> CountBar {
        CountBar {
            key,
            used: self.used,
            reserved_idle: self.idle,
            total: self.total,
            beyond: self.overdraft + self.overage,
        }
    }

    /// What is out of the ordinary.
    pub(crate) fn tags(&self, denied: i64, now: Timestamp) -> Vec<Tag> {
        let mut tags = tags((self.overdraft, self.overage), self.metered, Day::new(self.first, now));
        if denied > 0 {
            tags.push(Tag::new(Tone::Bad, format!("{} denied today", grouped(denied))));
        }
        tags
    }

    /// How much it needs somebody: greater comes first.
    pub(crate) fn need(&self, denied: i64) -> (i64, i64, i64) {
        let share = self.total.map_or(0, |total| self.used.saturating_mul(100) / total.max(1));
        (denied, self.overdraft + self.overage, share)
    }
}

/// What is out of the ordinary about one version.
pub(crate) fn version_tags(version: &FeatureSummary, now: Timestamp) -> Vec<Tag> {
    let beyond = (version.overdraft_used, version.overage);
    tags(beyond, version.metered, Day::new(version.first_expiration, now))
}

fn tags((overdraft, overage): (i64, i64), metered: bool, end: Day) -> Vec<Tag> {
    let mut tags = Vec::new();
    if overdraft > 0 {
        tags.push(Tag::new(Tone::Warn, format!("overdraft {}", grouped(overdraft))));
    }
    if overage > 0 {
        tags.push(Tag::new(Tone::Bad, format!("overage {}", grouped(overage))));
    }
    if metered {
        tags.push(Tag::new(Tone::Plain, "metered"));
    }
    tags.extend(end_tag(end));
    tags
}

/// That something is over or ends soon.
pub(crate) fn end_tag(end: Day) -> Option<Tag> {
    if end.is_past() {
        return Some(Tag::new(Tone::Bad, "ended"));
    }
    let days = end.days_left().filter(|days| *days < SOON)?;
    let text = match days {
        0 => "ends today".to_owned(),
        1 => "ends tomorrow".to_owned(),
        days => format!("ends in {days} days"),
    };
    Some(Tag::new(Tone::Warn, text))
}

/// The bar of one version.
pub(crate) fn version_bar(version: &FeatureSummary, key: String) -> CountBar {
    CountBar {
        key,
        used: version.used,
        reserved_idle: version.reserved_idle,
        total: version.total,
        beyond: version.overdraft_used + version.overage,
    }
}

/// The bar of one line item.
pub(crate) fn item_bar(item: &LineItemStatus, key: String) -> CountBar {
    CountBar {
        key,
        used: item.used,
        reserved_idle: item.reserved_idle,
        total: item.line_item.count,
        beyond: item.overdraft_used + item.overage,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A version of a feature, for tests.
    pub(crate) fn version(name: &str, version: &str, total: Option<i64>, used: i64) -> FeatureSummary {
        FeatureSummary {
            name: name.into(),
            version: version.into(),
            total,
            used,
            reserved: 0,
            reserved_idle: 0,
            available: total.map(|total| (total - used).max(0)),
            overdraft: Some(0),
            overdraft_used: total.map_or(0, |total| (used - total).max(0)),
            overage: 0,
            first_expiration: None,
            last_expiration: None,
            metered: false,
            counted: total.is_some(),
        }
    }

    #[test]
    fn versions_of_a_feature_are_summed() {
        let rows = [version("a", "1", Some(4), 3), version("a", "2", Some(6), 7), version("b", "1", None, 2)];
        let [a, b] = Whole::each(&rows).try_into().unwrap();
        assert_eq!((a.total, a.used, a.available, a.overdraft), (Some(10), 10, Some(1), 1));
        assert_eq!((b.name.as_str(), b.total, b.available), ("b", None, None));
    }

    #[test]
    fn a_feature_with_an_uncounted_version_is_uncounted() {
        let rows = [version("a", "1", Some(4), 3), version("a", "2", None, 7)];
        assert_eq!(Whole::each(&rows)[0].total, None);
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_said() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let mut row = version("a", "1", Some(4), 5);
        row.first_expiration = Some("2026-12-24T12:00:00Z".parse().unwrap());
        let texts: Vec<String> = Whole::of(&[&row]).tags(9, now).into_iter().map(|tag| tag.text).collect();
        assert_eq!(texts, ["overdraft 1", "ends in 25 days", "9 denied today"]);
    }

    #[test]
    fn ends_are_told_while_there_is_something_to_do() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let text = |end: &str| end_tag(Day::new(Some(end.parse().unwrap()), now)).map(|tag| tag.text);
        assert_eq!(text("2026-11-29T12:00:00Z").as_deref(), Some("ended"));
        assert_eq!(text("2026-11-29T18:00:00Z").as_deref(), Some("ends today"));
        assert_eq!(text("2026-11-30T18:00:00Z").as_deref(), Some("ends tomorrow"));
        assert_eq!(text("2027-02-26T18:00:00Z").as_deref(), Some("ends in 89 days"));
        assert_eq!(text("2027-02-27T18:00:00Z"), None);
        assert_eq!(end_tag(Day::new(None, now)), None);
    }
}
