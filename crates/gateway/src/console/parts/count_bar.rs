//! The count bar: used, reserved and idle, available, overdraft, always in this order and these colours.

use askama::Template;
use askama::filters::HtmlSafe;

use super::number::grouped;

/// How the counts of a feature stand, as a bar. Counts are those of one feature and version.
///
/// It has no bar for what is uncounted; numbers stand beside it in any case.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/count_bar.html")]
pub(crate) struct CountBar {
    /// Names the bar for live changes: unique on its page.
    pub(crate) key: String,
    /// Counts out, overdraft and overage included.
    pub(crate) used: i64,
    /// Counts set aside by reservations and not in use.
    pub(crate) reserved_idle: i64,
    /// Counts owned; `None` is uncounted.
    pub(crate) total: Option<i64>,
    /// Of the used, beyond what is owned: overdraft and overage.
    pub(crate) beyond: i64,
}

impl HtmlSafe for CountBar {}

/// A stretch of the bar, in percent of its width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where it begins, as an attribute: `12.5%`.
    pub(crate) x: String,
    /// How wide it is, as an attribute.
    pub(crate) width: String,
}

impl CountBar {
    /// What the whole width stands for.
    fn base(&self) -> i64 {
        self.total.unwrap_or(0).max(self.used + self.reserved_idle).max(1)
    }

    fn stretch(&self, from: i64, count: i64) -> Stretch {
        Stretch { x: self.percent(from), width: self.percent(count) }
    }

    /// A count in percent of the width, to a tenth, without floating point.
    fn percent(&self, count: i64) -> String {
        let tenths = i128::from(count.max(0)) * 1000 / i128::from(self.base());
        format!("{}.{}%", tenths / 10, tenths % 10)
    }

    fn within(&self) -> i64 {
        (self.used - self.beyond).max(0)
    }

    /// Used, of what is owned.
    pub(crate) fn used_part(&self) -> Stretch {
        self.stretch(0, self.within())
    }

    /// Reserved and idle.
    pub(crate) fn reserved_part(&self) -> Stretch {
        self.stretch(self.within(), self.reserved_idle)
    }

    /// Beyond what is owned, at the end of the bar.
    pub(crate) fn beyond_part(&self) -> Stretch {
        self.stretch(self.base() - self.beyond, self.beyond)
    }

    /// Where the owned counts end, if the bar goes on behind them.
    pub(crate) fn owned_mark(&self) -> Option<String> {
        let total = self.total?;
        (self.beyond > 0 && total < self.base()).then(|| self.percent(total))
    }

    /// The bar in words.
    pub(crate) fn words(&self) -> String {
        let Some(total) = self.total else { return format!("{} used, uncounted", grouped(self.used)) };
        let mut words = format!("{} of {} used", grouped(self.used), grouped(total));
        if self.reserved_idle > 0 {
            words.push_str(&format!(", {} reserved and idle", grouped(self.reserved_idle)));
        }
        let available = (total - self.within() - self.reserved_idle).max(0);
        words.push_str(&format!(", {} available", grouped(available)));
        if self.beyond > 0 {
            words.push_str(&format!(", {} beyond what is owned", grouped(self.beyond)));
        }
        words
    }
}

/// What the colours of the bar mean. Stands under every sheet that has bars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Template)]
#[template(path = "parts/legend.html")]
pub(crate) struct Legend;

impl HtmlSafe for Legend {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(used: i64, reserved_idle: i64, total: Option<i64>, beyond: i64) -> CountBar {
        CountBar { key: "bar".into(), used, reserved_idle, total, beyond }
    }

    #[test]
    fn parts_follow_one_another() {
        let bar = bar(41, 24, Some(70), 0);
        assert_eq!(bar.used_part(), Stretch { x: "0.0%".into(), width: "58.5%".into() });
        assert_eq!(bar.reserved_part(), Stretch { x: "58.5%".into(), width: "34.2%".into() });
        assert_eq!(bar.beyond_part().width, "0.0%");
        assert_eq!(bar.owned_mark(), None);
        assert_eq!(bar.words(), "41 of 70 used, 24 reserved and idle, 5 available");
    }

    #[test]
    fn use_beyond_the_owned_counts_widens_the_base() {
        let bar = bar(176, 0, Some(160), 16);
        assert_eq!(bar.used_part().width, "90.9%");
        assert_eq!(bar.beyond_part(), Stretch { x: "90.9%".into(), width: "9.0%".into() });
        assert_eq!(bar.owned_mark().as_deref(), Some("90.9%"));
        assert_eq!(bar.words(), "176 of 160 used, 0 available, 16 beyond what is owned");
    }

    #[test]
    fn nothing_owned_and_nothing_used_is_an_empty_bar() {
        assert_eq!(bar(0, 0, Some(0), 0).used_part().width, "0.0%");
    }

    #[test]
    fn what_is_uncounted_has_no_bar() {
        let html = bar(7, 0, None, 0).to_string();
        assert!(!html.contains("<svg"), "{html}");
        assert!(html.contains("uncounted"), "{html}");
    }

    #[test]
    fn widths_are_attributes_and_never_styles() {
        let html = bar(1, 0, Some(4), 0).to_string();
        assert!(html.contains(r#"width="25.0%""#), "{html}");
        assert!(!html.contains("style"), "{html}");
    }
}
