//! Line items from flags, one for the simple case, or from a file.
//!
//! Both are read by the same reader, so that both say the same of what is wrong.

use std::path::{Path, PathBuf};

use leasehold::estate_file::{EstateFile, EstateFileError};
use leasehold_proto::licensing::v1::LineItem;
use serde_json::{Map, Value, json};

use crate::exit::{Exit, Failure};

/// Stands for the id where the back office is to give one.
const NO_ID: &str = "-";

/// The flags of one line item.
const FLAGS: [&str; 12] = [
    "feature",
    "version",
    "count",
    "id",
    "product",
    "starts",
    "expires",
    "grace_after_expiry",
    "overdraft",
    "borrow_interval",
    "lease_ttl",
    "notice",
];

/// The rights of an entitlement: a file, or one line item.
#[derive(Debug, clap::Args)]
pub(crate) struct LineItemFlags {
    /// Read the line items from this JSON file: `{"line_items": [...]}`
    #[arg(long, value_name = "FILE", conflicts_with_all = FLAGS, required_unless_present = "feature")]
    file: Option<PathBuf>,
    /// The feature of the one line item
    #[arg(long, value_name = "FEATURE", required_unless_present = "file")]
    feature: Option<String>,
    /// Its version; 1.0 where it is left out
    #[arg(long, value_name = "VERSION", requires = "feature")]
    version: Option<String>,
    /// How many counts are owned; uncounted where it is left out
    #[arg(long, value_name = "N", requires = "feature")]
    count: Option<u64>,
    /// The line item's id; a fresh one where it is left out
    #[arg(long, value_name = "ID", requires = "feature")]
    id: Option<String>,
    /// The product it is sold as
    #[arg(long, value_name = "PRODUCT", requires = "feature")]
    product: Option<String>,
    /// When it begins to serve: a date, or a time with its zone
    #[arg(long, visible_alias = "starts-at", value_name = "DATE", requires = "feature")]
    starts: Option<String>,
    /// When it stops: a date, whose last second counts, or a time with its zone; never where it is left out
    #[arg(long, visible_alias = "expires-at", value_name = "DATE", requires = "feature")]
    expires: Option<String>,
    /// How long it goes on serving after it expired, like 14d
    #[arg(long, value_name = "TIME", requires = "feature")]
    grace_after_expiry: Option<String>,
    /// How far use may go beyond the count: a number of counts, like 10%, or unlimited
    #[arg(long, value_name = "LIMIT", requires = "feature")]
    overdraft: Option<String>,
    /// The longest borrow, like 7d
    #[arg(long, value_name = "TIME", requires = "feature")]
    borrow_interval: Option<String>,
    /// How long a grant outlives its last heartbeat, like 10min
    #[arg(long, value_name = "TIME", requires = "feature")]
    lease_ttl: Option<String>,
    /// A text that clients see
    #[arg(long, value_name = "TEXT", requires = "feature")]
    notice: Option<String>,
}

impl LineItemFlags {
    /// The line items.
    pub(super) fn read(self) -> Result<Vec<LineItem>, Failure> {
        match &self.file {
            Some(path) => from_file(path),
            None => self.one(),
        }
    }

    fn one(self) -> Result<Vec<LineItem>, Failure> {
        let mut item = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                item.insert(key.to_owned(), value);
            }
        };
        put("id", Some(json!(self.id.as_deref().unwrap_or(NO_ID))));
        put("feature", self.feature.map(Value::from));
        put("version", self.version.map(Value::from));
        put("count", self.count.map(Value::from));
        put("product", self.product.map(Value::from));
        put("starts_at", self.starts.map(|date| at(date, "T00:00:00Z")));
        put("expires_at", self.expires.map(|date| at(date, "T23:59:59Z")));
        put("grace_after_expiry", self.grace_after_expiry.map(Value::from));
        put("overdraft", self.overdraft.map(number_or_text));
        put("borrow_interval", self.borrow_interval.map(Value::from));
        put("lease_ttl", self.lease_ttl.map(Value::from));
        put("notice", self.notice.map(Value::from));
        let estate = EstateFile::from_scenario(&json!({"line_items": [item]}));
        let mut items = messages(&estate.map_err(|error| Failure::new(Exit::Usage, by_flag(&error)))?);
        if self.id.is_none() {
            for item in &mut items {
                item.line_item_id.clear();
            }
        }
        Ok(items)
    }
}

fn from_file(path: &Path) -> Result<Vec<LineItem>, Failure> {
    let estate = EstateFile::read(path).map_err(Failure::error)?;
    if !estate.groups.is_empty() {
        let text = format!(
            "{}: `reservations` are the customer's to make, on the licence server; leave them out",
            path.display()
        );
        return Err(Failure::error(text));
    }
    Ok(messages(&estate))
}

fn messages(estate: &EstateFile) -> Vec<LineItem> {
    estate.items.iter().map(LineItem::from).collect()
}

/// A day alone is its first or its last second.
fn at(date: String, second: &str) -> Value {
    let is_day = date.len() == 10 && !date.contains('T');
    Value::from(if is_day { date + second } else { date })
}

fn number_or_text(text: String) -> Value {
    text.parse::<u64>().map_or(Value::from(text), Value::from)
}

/// The reader's error with the flag in place of the path.
fn by_flag(error: &EstateFileError) -> String {
    let EstateFileError::Content { place, problem } = error else { return error.to_string() };
    let key = place.path.trim_start_matches("line_items[0]").trim_start_matches('.');
    let flag = match key {
        "starts_at" => "starts".to_owned(),
        "expires_at" => "expires".to_owned(),
        key => key.replace('_', "-"),
    };
    format!("--{flag}: {problem}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        flags: LineItemFlags,
    }

    fn read(args: &[&str]) -> Result<Vec<LineItem>, Failure> {
        Cli::try_parse_from([&["x"], args].concat()).unwrap().flags.read()
    }

    #[test]
    fn flags_make_one_line_item() {
        let items =
            read(&["--feature", "cad", "--count", "5", "--overdraft", "10%", "--expires", "2099-12-31"]);
        let item = items.unwrap().pop().unwrap();
        assert_eq!((item.line_item_id.as_str(), item.version.as_str(), item.count), ("", "1.0", Some(5)));
        assert_eq!(item.expires_at.unwrap().seconds, 4_102_444_799);
        let items = read(&["--feature", "cad", "--id", "L1", "--overdraft", "2", "--starts", "2026-01-01"]);
        let item = items.unwrap().pop().unwrap();
        assert_eq!((item.line_item_id.as_str(), item.count), ("L1", None));
        assert_eq!(item.starts_at.unwrap().seconds, 1_767_225_600);
        assert!(item.overdraft.is_some());
    }

    #[test]
    fn what_is_wrong_is_told_by_its_flag() {
        for (flag, value, says) in [
            ("--version", "x", "--version: "),
            ("--expires", "soon", "--expires: must be a time"),
            ("--lease-ttl", "1s", "--lease-ttl: must be from 10s"),
            ("--overdraft", "all", "--overdraft: must be"),
        ] {
            let error = read(&["--feature", "cad", flag, value]).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            assert!(error.to_string().starts_with(says), "{error}");
        }
    }

    #[test]
    fn a_file_and_flags_exclude_each_other_and_one_is_needed() {
        for args in
            [&[][..], &["--file", "f", "--feature", "cad"], &["--count", "5"], &["--file", "f", "--id", "x"]]
        {
            assert!(Cli::try_parse_from([&["x"], args].concat()).is_err(), "{args:?}");
        }
    }
}
