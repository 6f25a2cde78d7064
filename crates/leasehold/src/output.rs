//! What commands print: aligned tables for people, one JSON document for programs.
//!
//! Responsible for the form alone. Rows say for themselves which columns they have.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::exit::Failure;

/// The form of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

/// A column of a table.
pub(crate) struct Column {
    title: &'static str,
    right: bool,
}

/// A column of texts.
pub(crate) const fn left(title: &'static str) -> Column {
    Column { title, right: false }
}

/// A column of numbers.
pub(crate) const fn right(title: &'static str) -> Column {
    Column { title, right: true }
}

/// One row of a list. As JSON it is what `Serialize` says.
pub(crate) trait Row: Serialize {
    /// What the rows are called in the JSON document, in plural.
    const NAME: &'static str;
    /// The columns of the table.
    const COLUMNS: &'static [Column];
    /// What to do when there is no row.
    const EMPTY: &'static str;

    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// A list, whole or its beginning.
pub(crate) struct List<R> {
    /// The rows, in the order of the server.
    pub(crate) rows: Vec<R>,
    /// Rows that there are, also those that were not asked for.
    pub(crate) total: u64,
}

impl<R: Row> List<R> {
    /// Prints it to standard output; hints for people go to standard error.
    pub(crate) fn print(&self, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => print(&self.json()?),
            Format::Table => {
                if self.rows.is_empty() {
                    say(R::EMPTY);
                    return Ok(());
                }
                print(&self.table(colour()))?;
                if (self.rows.len() as u64) < self.total {
                    say(&format!("{} of {}; a higher --limit shows more", self.rows.len(), self.total));
                }
                Ok(())
            }
        }
    }

    fn json(&self) -> Result<String, Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::error)?;
        Ok(text + "\n")
    }

    fn table(&self, bold: bool) -> String {
        let titles = R::COLUMNS.iter().map(|column| column.title.to_owned()).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().map(Row::cells).map(printable).collect();
        render(R::COLUMNS, &titles, &rows, bold)
    }
}

impl<R: Row> Serialize for List<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(2))?;
        document.serialize_entry(R::NAME, &self.rows)?;
        document.serialize_entry("total", &self.total)?;
        document.end()
    }
}

/// Prints the result of a command to standard output. A reader that went away is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::error(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells people something on standard error, a line of its own.
pub(crate) fn say(text: &str) {
    // Nobody left to be told is no reason to stop.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether standard output is a terminal that wants colour.
fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Control characters could make the terminal do things.
fn printable(cells: Vec<String>) -> Vec<String> {
    cells.into_iter().map(|cell| cell.replace(char::is_control, "\u{fffd}")).collect()
}

fn render(columns: &[Column], titles: &Vec<String>, rows: &[Vec<String>], bold: bool) -> String {
    let width = |index: usize| {
        let lengths = rows.iter().chain([titles]).map(|row| row[index].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &Vec<String>| {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(columns).zip(&widths) {
            let _ = if column.right {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        line.trim_end().to_owned()
    };
    let head = line(titles);
    let mut text = if bold { format!("\u{1b}[1m{head}\u{1b}[0m\n") } else { head + "\n" };
    for row in rows {
        text += &line(row);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[derive(Serialize)]
    struct Tool {
        tool_name: String,
        count: Option<u64>,
    }

    impl Row for Tool {
        const NAME: &'static str = "tools";
        const COLUMNS: &'static [Column] = &[left("TOOL"), right("COUNT"), left("NOTE")];
        const EMPTY: &'static str = "no tools";

        fn cells(&self) -> Vec<String> {
            vec![self.tool_name.clone(), self.count.map_or("uncounted".into(), |n| n.to_string()), "-".into()]
        }
    }

    fn list(rows: &[(&str, Option<u64>)]) -> List<Tool> {
        let rows = rows.iter().map(|(name, count)| Tool { tool_name: (*name).to_owned(), count: *count });
        List { rows: rows.collect(), total: 7 }
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let table = list(&[("Säge", Some(12)), ("Hammer", None)]).table(false);
        assert_eq!(table, "TOOL        COUNT  NOTE\nSäge           12  -\nHammer  uncounted  -\n");
    }

    #[test]
    fn titles_are_bold_only_when_asked() {
        assert!(list(&[("a", None)]).table(true).starts_with("\u{1b}[1mTOOL      COUNT  NOTE\u{1b}[0m\n"));
        assert!(!list(&[("a", None)]).table(false).contains('\u{1b}'));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let table = list(&[("a\u{1b}[31m\nb", None)]).table(false);
        assert_eq!(table.lines().nth(1), Some("a\u{fffd}[31m\u{fffd}b  uncounted  -"));
    }

    #[test]
    fn json_is_one_document_with_stable_names() {
        let document: Value =
            serde_json::from_str(&list(&[("a", Some(1)), ("b", None)]).json().unwrap()).unwrap();
        let rows = serde_json::json!([{"tool_name": "a", "count": 1}, {"tool_name": "b", "count": null}]);
        assert_eq!(document, serde_json::json!({"tools": rows, "total": 7}));
        assert_eq!(list(&[]).json().unwrap(), "{\n  \"tools\": [],\n  \"total\": 7\n}\n");
    }
}
