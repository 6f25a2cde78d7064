//! Use over time as a picture: an area for use, a line for what is owned, ticks for denials.
//!
//! Shapes are drawn in a coordinate system that the browser stretches; texts are ordinary text around them, so that they
//! stay readable on a narrow screen. The same figures stand in a table one click away.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::number::{grouped, one_or_many};

/// Units of the coordinate system for one hour.
const STEP: usize = 10;
/// Units of the coordinate system from the bottom to the top.
const HEIGHT: i64 = 100;

/// Use in one hour.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hour {
    /// The hour's start.
    pub(crate) at: Timestamp,
    /// Highest counts out; `None` where nothing was recorded, because the server was down.
    pub(crate) peak: Option<i64>,
    /// Average counts out.
    pub(crate) average: f64,
    /// Counts owned; `None` is uncounted, or not known.
    pub(crate) owned: Option<i64>,
    /// Refusals.
    pub(crate) denied: i64,
}

impl Hour {
    /// `29 Nov, 14:00`, in UTC.
    pub(crate) fn label(&self) -> String {
        self.at.to_zoned(TimeZone::UTC).strftime("%-d %b, %H:%M").to_string()
    }

    fn peak_text(&self) -> String {
        self.peak.map_or_else(|| "–".to_owned(), grouped)
    }

    fn average_text(&self) -> String {
        if self.peak.is_some() { format!("{:.1}", self.average) } else { "–".to_owned() }
    }

    fn owned_text(&self) -> String {
        self.owned.map_or_else(|| "–".to_owned(), grouped)
    }

    fn denied_text(&self) -> String {
        grouped(self.denied)
    }

    fn words(&self) -> String {
        let Some(peak) = self.peak else { return format!("{}: nothing recorded", self.label()) };
        let mut words = format!("{}: peak {}", self.label(), grouped(peak));
        if let Some(owned) = self.owned {
            words.push_str(&format!(" of {}", grouped(owned)));
        }
        if self.denied > 0 {
            words.push_str(&format!(", {}", one_or_many(self.denied, "denial", "denials")));
        }
        words
    }
}

/// A small line of use without axes, for a row or a strip.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "parts/spark.html")]
pub(crate) struct Spark {
    /// Names it for live changes: unique on its page.
    pub(crate) key: String,
    /// Peaks by hour, oldest first; `None` where nothing was recorded.
    pub(crate) peaks: Vec<Option<i64>>,
    /// Counts owned, which the top stands for if use stays below.
    pub(crate) owned: Option<i64>,
}

impl HtmlSafe for Spark {}

impl Spark {
    fn span(&self) -> usize {
        self.peaks.len().max(1) * STEP
    }

    fn top(&self) -> i64 {
        ceiling(self.peaks.iter().flatten().copied().max().unwrap_or(0).max(self.owned.unwrap_or(0)))
    }

    fn edge(&self) -> String {
        edge(&self.peaks, self.top())
    }

    fn area(&self) -> String {
        area(&self.peaks, self.top())
    }
}

/// Use of one feature over time.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "parts/chart.html")]
pub(crate) struct Chart {
    /// What it shows, in words.
    pub(crate) title: String,
    /// The hours, oldest first, one for each.
    pub(crate) hours: Vec<Hour>,
}

impl HtmlSafe for Chart {}

impl Chart {
    fn peaks(&self) -> Vec<Option<i64>> {
        self.hours.iter().map(|hour| hour.peak).collect()
    }

    fn owned(&self) -> Vec<Option<i64>> {
        self.hours.iter().map(|hour| hour.owned).collect()
    }

    /// Whether anything was recorded.
    fn is_known(&self) -> bool {
        self.hours.iter().any(|hour| hour.peak.is_some())
    }

    fn span(&self) -> usize {
        self.hours.len().max(1) * STEP
    }

    /// What the top of the picture stands for.
    fn top(&self) -> i64 {
        ceiling(self.highest().max(self.owned().into_iter().flatten().max().unwrap_or(0)))
    }

    fn highest(&self) -> i64 {
        self.peaks().into_iter().flatten().max().unwrap_or(0)
    }

    fn denied(&self) -> i64 {
        self.hours.iter().map(|hour| hour.denied).sum()
    }

    fn edge(&self) -> String {
        edge(&self.peaks(), self.top())
    }

    fn area(&self) -> String {
        area(&self.peaks(), self.top())
    }

    fn owned_edge(&self) -> String {
        edge(&self.owned(), self.top())
    }

    /// Labels at the top, the middle and the bottom.
    fn marks(&self) -> [String; 3] {
        [grouped(self.top()), grouped(self.top() / 2), "0".to_owned()]
    }

    /// Labels of the first, the middle and the last hour.
    fn ends(&self) -> Vec<String> {
        let hours = &self.hours;
        let mut wanted = vec![0, hours.len() / 2, hours.len().saturating_sub(1)];
        wanted.dedup();
        wanted.into_iter().filter_map(|index| hours.get(index)).map(Hour::label).collect()
    }

    /// Each hour with where its column begins.
    fn columns(&self) -> impl Iterator<Item = (usize, &Hour)> {
        self.hours.iter().enumerate().map(|(index, hour)| (index * STEP, hour))
    }

    /// The picture in words.
    fn words(&self) -> String {
        let owned = self.hours.iter().rev().find_map(|hour| hour.owned);
        let owned = owned.map_or_else(|| "uncounted".to_owned(), |owned| format!("{} owned", grouped(owned)));
        format!(
            "{}: peak {}, {owned}, {}",
            self.title,
            grouped(self.highest()),
            one_or_many(self.denied(), "denial", "denials")
        )
    }
}

/// The steps along the tops of the columns, with gaps where nothing is known.
fn edge(counts: &[Option<i64>], top: i64) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (index, count) in counts.iter().enumerate() {
        if let Some(count) = count {
            let y = height(*count, top);
            let start = if drawing { format!("V{y}") } else { format!("M{} {y}", index * STEP) };
            path.push_str(&format!("{start}H{}", (index + 1) * STEP));
        }
        drawing = count.is_some();
    }
    path
}

/// The columns themselves.
fn area(counts: &[Option<i64>], top: i64) -> String {
    let mut path = String::new();
    for (index, count) in counts.iter().enumerate() {
        if let Some(count) = count {
            let (left, right, y) = (index * STEP, (index + 1) * STEP, height(*count, top));
            path.push_str(&format!("M{left} {HEIGHT}V{y}H{right}V{HEIGHT}Z"));
        }
    }
    path
}

fn height(count: i64, top: i64) -> i64 {
    HEIGHT - count.clamp(0, top) * HEIGHT / top.max(1)
}

/// The next round number at or above it whose half is round as well.
fn ceiling(highest: i64) -> i64 {
    let small = [2, 4, 6, 8].into_iter().find(|step| *step >= highest);
    let tens = |unit: &i64| [10, 12, 16, 20, 24, 30, 40, 50, 60, 80].map(|step| step * unit);
    let units = std::iter::successors(Some(1_i64), |unit| unit.checked_mul(10)).take(15);
    small.or_else(|| units.flat_map(|unit| tens(&unit)).find(|step| *step >= highest)).unwrap_or(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(peaks: &[Option<i64>], owned: Option<i64>) -> Chart {
        let start: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let hours = peaks.iter().enumerate().map(|(index, peak)| Hour {
            at: start + jiff::SignedDuration::from_hours(i64::try_from(index).unwrap()),
            peak: *peak,
            average: 0.5,
            owned: peak.and(owned),
            denied: i64::from(*peak >= Some(4)),
        });
        Chart { title: "Use of VR Mode".into(), hours: hours.collect() }
    }

    #[test]
    fn the_top_is_a_round_number_above_everything() {
        for (highest, top) in [
            (0, 2),
            (2, 2),
            (3, 4),
            (9, 10),
            (13, 16),
            (17, 20),
            (22, 24),
            (45, 50),
            (754, 800),
            (1846, 2000),
        ] {
            assert_eq!(ceiling(highest), top, "{highest}");
        }
    }

    #[test]
    fn columns_become_steps_and_what_is_not_known_a_gap() {
        let chart = chart(&[Some(0), None, Some(2), Some(4)], Some(4));
        assert_eq!(chart.edge(), "M0 100H10M20 50H30V0H40");
        assert_eq!(chart.area(), "M0 100V100H10V100ZM20 100V50H30V100ZM30 100V0H40V100Z");
        assert_eq!(chart.owned_edge(), "M0 0H10M20 0H30V0H40");
        assert_eq!(chart.ends(), ["28 Nov, 12:00", "28 Nov, 14:00", "28 Nov, 15:00"]);
    }

    #[test]
    fn the_picture_is_told_in_words_and_figures() {
        let html = chart(&[Some(1), None, Some(4)], Some(3)).to_string();
        assert!(html.contains("Use of VR Mode: peak 4, 3 owned, 1 denial"), "{html}");
        assert!(html.contains("28 Nov, 13:00: nothing recorded"), "{html}");
        assert!(html.contains("28 Nov, 14:00: peak 4 of 3, 1 denial"), "{html}");
        assert!(html.contains("<table"), "{html}");
        assert!(!html.contains("style="), "{html}");
    }

    #[test]
    fn without_anything_recorded_there_is_a_sentence_and_no_picture() {
        for peaks in [&[][..], &[None, None]] {
            let html = chart(peaks, Some(3)).to_string();
            assert!(!html.contains("<svg"), "{html}");
            assert!(html.contains("No use"), "{html}");
        }
    }
}
