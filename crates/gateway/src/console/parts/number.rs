//! Numbers as people read them.

use std::fmt;

use askama::filters::HtmlSafe;

/// A number that a template writes with a comma at every third digit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count(pub(crate) i64);

impl HtmlSafe for Count {}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(self.0))
    }
}

/// The number with a comma at every third digit: `1,846`.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The count, or a dash where a feature has none. The word stands elsewhere in the row.
pub(crate) fn or_dash(count: Option<i64>) -> String {
    count.map_or_else(|| "–".to_owned(), grouped)
}

/// The count, or a dash for 0: for columns that are empty as a rule.
pub(crate) fn if_any(count: i64) -> String {
    if count == 0 { "–".to_owned() } else { grouped(count) }
}

/// `1 feature`, `12 features`.
pub(crate) fn one_or_many(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_digit_has_a_comma() {
        for (number, text) in [
            (0, "0"),
            (12, "12"),
            (999, "999"),
            (1846, "1,846"),
            (123_456, "123,456"),
            (7_654_321, "7,654,321"),
            (-1200, "−1,200"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn words_follow_the_number() {
        assert_eq!(one_or_many(1, "feature", "features"), "1 feature");
        assert_eq!(one_or_many(0, "feature", "features"), "0 features");
        assert_eq!(or_dash(None), "–");
        assert_eq!(or_dash(Some(0)), "0");
        assert_eq!(if_any(0), "–");
        assert_eq!(if_any(5000), "5,000");
    }
}
