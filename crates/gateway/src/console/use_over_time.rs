//! Use over time from what the service recorded: every hour has its place, those in which nobody looked are gaps.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::parts::{Hour, Spark};
use crate::model::{FeatureUsage, UsagePoint, UsageQuery};

/// The hours of a day.
pub(crate) const DAY: i64 = 24;

/// The last hours up to the one that is running, as services are asked for them.
pub(crate) fn query(feature: &str, hours: i64, now: Timestamp) -> UsageQuery {
    let running = hour_of(now);
    let from = running.checked_sub(SignedDuration::from_hours(hours - 1)).unwrap_or(Timestamp::MIN);
    UsageQuery { feature: feature.to_owned(), from: Some(from), until: Some(now), step: "HOUR".to_owned() }
}

fn hour_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at)
}

/// The points, one for each hour up to the one that is running.
pub(crate) fn hours(points: &[UsagePoint], hours: i64, now: Timestamp) -> Vec<Hour> {
    let known: HashMap<i64, &UsagePoint> =
        points.iter().filter_map(|point| Some((hour_of(point.at?).as_second(), point))).collect();
    let running = hour_of(now).as_second();
    let hour = |back: i64| {
        let at = running - back * 3600;
        let point = known.get(&at);
        Some(Hour {
            at: Timestamp::from_second(at).ok()?,
            peak: point.map(|point| point.peak),
            average: point.map_or(0.0, |point| point.average),
            owned: point.and_then(|point| point.owned),
            denied: point.map_or(0, |point| point.denials),
        })
    };
    (0..hours).rev().filter_map(hour).collect()
}

/// The last day of a feature as a small line.
pub(crate) fn spark(
    key: String,
    usage: &[FeatureUsage],
    feature: &str,
    owned: Option<i64>,
    now: Timestamp,
) -> Spark {
    let points = usage.iter().find(|usage| usage.feature == feature).map_or(&[][..], |usage| &usage.points);
    let peaks = hours(points, DAY, now).into_iter().map(|hour| hour.peak).collect();
    Spark { key, peaks, owned }
}

/// The last day of all features: their averages summed, because their peaks need not fall together.
pub(crate) fn spark_of_all(key: String, usage: &[FeatureUsage], now: Timestamp) -> Spark {
    let mut sums = vec![None; usize::try_from(DAY).unwrap_or_default()];
    for feature in usage {
        for (sum, hour) in sums.iter_mut().zip(hours(&feature.points, DAY, now)) {
            if hour.peak.is_some() {
                *sum = Some(sum.unwrap_or(0.0) + hour.average);
            }
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "counts of licences are far below 2^53")]
    let peaks = sums.into_iter().map(|sum: Option<f64>| sum.map(|sum| sum.round() as i64)).collect();
    Spark { key, peaks, owned: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn point(time: &str, peak: i64, average: f64) -> UsagePoint {
        UsagePoint { at: Some(at(time)), peak, average, owned: Some(9), denials: 1 }
    }

    #[test]
    fn every_hour_has_its_place_and_what_is_not_known_is_a_gap() {
        let now = at("2026-11-29T14:20:00Z");
        let points = [point("2026-11-29T12:00:00Z", 4, 2.5), point("2026-11-29T14:00:00Z", 6, 5.0)];
        let hours = hours(&points, 3, now);
        let peaks: Vec<Option<i64>> = hours.iter().map(|hour| hour.peak).collect();
        assert_eq!(peaks, [Some(4), None, Some(6)]);
        assert_eq!(hours[0].at, at("2026-11-29T12:00:00Z"));
        assert_eq!((hours[1].owned, hours[2].owned), (None, Some(9)));
    }

    #[test]
    fn services_are_asked_for_whole_hours() {
        let query = query("a", 24, at("2026-11-29T14:20:00Z"));
        assert_eq!(query.from, Some(at("2026-11-28T15:00:00Z")));
        assert_eq!((query.until, query.step.as_str()), (Some(at("2026-11-29T14:20:00Z")), "HOUR"));
    }

    #[test]
    fn averages_of_all_features_are_summed() {
        let now = at("2026-11-29T14:20:00Z");
        let usage = |average| FeatureUsage {
            feature: "a".into(),
            points: vec![point("2026-11-29T14:00:00Z", 9, average)],
        };
        let spark = spark_of_all("all".into(), &[usage(1.5), usage(2.25)], now);
        assert_eq!(spark.peaks.len(), 24);
        assert_eq!(spark.peaks[22..], [None, Some(4)]);
    }
}
