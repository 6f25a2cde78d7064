//! A figure, what it must reach, and how figures are shown: as a table for people, as JSON for programs.

use std::fmt::Write as _;

use serde::Serialize;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    /// More.
    Higher,
    /// Less.
    Lower,
}

/// A measured figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) id: &'static str,
    pub(super) work: &'static str,
    pub(super) ours: f64,
    /// What it is compared to; `None` where it stands for itself.
    pub(super) theirs: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) better: Better,
    /// For the ratio where there is one, else for the figure itself.
    pub(super) must: f64,
    pub(super) goal: f64,
}

impl Figure {
    /// Ours divided by theirs.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.theirs.map(|theirs| self.ours / theirs)
    }

    /// Whether it reaches what it must.
    pub(super) fn met(&self) -> bool {
        let judged = self.ratio().unwrap_or(self.ours);
        match self.better {
            Better::Higher => judged >= self.must,
            Better::Lower => judged <= self.must,
        }
    }

    fn bound(&self, bound: f64) -> String {
        let sign = match self.better {
            Better::Higher => "≥",
            Better::Lower => "≤",
        };
        let unit = if self.theirs.is_some() { "×" } else { self.unit };
        format!("{sign} {bound} {unit}")
    }

    fn cells(&self) -> [String; 9] {
        let absent = || "–".to_owned();
        [
            self.id.to_owned(),
            self.work.to_owned(),
            number(self.ours),
            self.theirs.map_or_else(absent, number),
            self.unit.to_owned(),
            self.ratio().map_or_else(absent, |ratio| format!("{ratio:.2} ×")),
            self.bound(self.must),
            self.bound(self.goal),
            if self.met() { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

/// The figures as a table in which columns line up.
pub(super) fn table(figures: &[Figure]) -> String {
    let head = ["id", "work", "ours", "theirs", "unit", "ratio", "must", "goal", "met"].map(str::to_owned);
    let rows: Vec<[String; 9]> = std::iter::once(head).chain(figures.iter().map(Figure::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..9).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The figures as a JSON list.
pub(super) fn json(figures: &[Figure]) -> Result<String, String> {
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a str,
        ours: f64,
        theirs: Option<f64>,
        unit: &'a str,
        ratio: Option<f64>,
        must: f64,
        goal: f64,
        met: bool,
    }
    let rows = figures.iter().map(|figure| Row {
        id: figure.id,
        ours: figure.ours,
        theirs: figure.theirs,
        unit: figure.unit,
        ratio: figure.ratio(),
        must: figure.must,
        goal: figure.goal,
        met: figure.met(),
    });
    serde_json::to_string_pretty(&rows.collect::<Vec<_>>())
        .map_err(|error| format!("the figures cannot be written as JSON: {error}"))
}

fn number(number: f64) -> String {
    if number >= 100.0 { format!("{number:.0}") } else { format!("{number:.3}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rate(ours: f64) -> Figure {
        Figure {
            id: "P12",
            work: "checkouts",
            ours,
            theirs: Some(500.0),
            unit: "1/s",
            better: Better::Higher,
            must: 8.0,
            goal: 20.0,
        }
    }

    fn start(ours: f64) -> Figure {
        Figure {
            id: "P9",
            theirs: None,
            unit: "s",
            better: Better::Lower,
            must: 1.5,
            goal: 0.5,
            ..rate(ours)
        }
    }

    #[test]
    fn the_must_is_a_bound_of_the_ratio_or_of_the_figure_itself() {
        assert!(rate(4_000.0).met() && !rate(3_999.0).met());
        assert!(start(1.5).met() && !start(1.51).met());
        let latency = Figure { better: Better::Lower, must: 3.0, ..rate(1_500.0) };
        assert!(latency.met() && !Figure { ours: 1_501.0, ..latency }.met());
    }

    #[test]
    fn columns_line_up() {
        let text = table(&[rate(9_000.0), start(0.25)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "P12  checkouts  9000   500     1/s   18.00 ×  ≥ 8 ×    ≥ 20 ×   yes");
        assert_eq!(lines[2], "P9   checkouts  0.250  –       s     –        ≤ 1.5 s  ≤ 0.5 s  yes");
        assert!(table(&[rate(1.0)]).trim_end().ends_with("NO"));
    }

    #[test]
    fn the_document_has_the_agreed_keys() {
        let rows: Value = serde_json::from_str(&json(&[rate(9_000.0), start(2.0)]).unwrap()).unwrap();
        assert_eq!(
            rows,
            json!([
                {"id": "P12", "ours": 9_000.0, "theirs": 500.0, "unit": "1/s", "ratio": 18.0, "must": 8.0,
                 "goal": 20.0, "met": true},
                {"id": "P9", "ours": 2.0, "theirs": null, "unit": "s", "ratio": null, "must": 1.5, "goal": 0.5,
                 "met": false}
            ])
        );
    }
}
