//! Lists: a part as JSON, or the whole as comma-separated values or as lines of JSON.

use std::fmt::Write as _;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use leasehold_runtime::http::Problem;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Answer;
use crate::extract::Format;
use crate::model::{Activity, AuditEntry, Device, FeatureSummary, Grant, List, Listing};

/// In which form a list is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the description is made of it")]
pub(super) struct FormatQuery {
    /// `json` for a part; `csv` or `ndjson` for the whole list. Left out: as the header Accept says.
    #[param(inline)]
    format: Option<FormatName>,
}

/// The forms of lists.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    /// A part.
    Json,
    /// The whole, comma-separated.
    Csv,
    /// The whole, a JSON object a line.
    Ndjson,
}

/// A row of a table.
pub(super) trait Row {
    /// The names of the columns.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// The part that is written next, and what stands before it.
type Begun<T> = (Option<Listing<T>>, String);

/// Answers with a list in the form that is wanted. `part` asks for a part of it.
pub(super) async fn list<T, P, F>(name: &str, format: Format, list: List, part: P) -> Answer<Response>
where
    T: Row + Serialize + Send + 'static,
    P: Fn(List) -> F + Send + 'static,
    F: Future<Output = Result<Listing<T>, Problem>> + Send + 'static,
{
    if format == Format::Json {
        return Ok(Json(part(list).await?).into_response());
    }
    let list = list.largest();
    // Whatever is wrong shows with the first part, while there is a status to say it by.
    let first = part(list.clone()).await?;
    let text = if format == Format::Csv { csv::<T> } else { ndjson::<T> };
    let head =
        if format == Format::Csv { line(T::COLUMNS.iter().map(ToString::to_string)) } else { String::new() };
    let begin = (Some(first), head);
    let rows = stream::try_unfold(
        (begin, list, part),
        move |((now, head), list, part): (Begun<T>, List, P)| async move {
            let Some(now) = now else { return Ok::<_, axum::Error>(None) };
            let bytes = Bytes::from(now.items.iter().fold(head, |mut all, row| {
                text(&mut all, row);
                all
            }));
            let next = match now.next_page_token {
                None => None,
                Some(page_token) => {
                    let list = List { page_token, skip: 0, ..list.clone() };
                    // The connection breaks off, so that nobody takes half a list for the whole.
                    Some(part(list).await.map_err(|problem| axum::Error::new(problem.message))?)
                }
            };
            Ok(Some((bytes, ((next, String::new()), list, part))))
        },
    );
    let (kind, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        _ => ("application/x-ndjson", "ndjson"),
    };
    let file = HeaderValue::try_from(format!("attachment; filename=\"{name}.{ending}\""));
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, file.expect("names of lists are letters")),
    ];
    Ok((headers, Body::from_stream(rows)).into_response())
}

fn ndjson<T: Serialize>(all: &mut String, row: &T) {
    all.push_str(&serde_json::to_string(row).expect("rows have nothing that JSON has not"));
    all.push('\n');
}

fn csv<T: Row>(all: &mut String, row: &T) {
    all.push_str(&line(row.cells().into_iter()));
}

/// One line of comma-separated values. Source: RFC 4180.
fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = String::new();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            line.push(',');
        }
        // A spreadsheet would run what begins like this, and part of the texts clients make up.
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
        let cell = if formula { format!("'{cell}") } else { cell };
        if cell.contains([',', '"', '\n', '\r']) {
            let _ = write!(line, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            line.push_str(&cell);
        }
    }
    line + "\r\n"
}

/// A time as tables have it; nothing where there is none.
pub(super) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.to_string())
}

fn count(count: Option<i64>) -> String {
    count.map_or_else(String::new, |count| count.to_string())
}

impl Row for FeatureSummary {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "version",
        "total",
        "used",
        "reserved",
        "reserved_idle",
        "available",
        "overdraft",
        "overdraft_used",
        "overage",
        "first_expiration",
        "last_expiration",
        "metered",
        "counted",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.version.clone(),
            count(self.total),
            self.used.to_string(),
            self.reserved.to_string(),
            self.reserved_idle.to_string(),
            count(self.available),
            count(self.overdraft),
            self.overdraft_used.to_string(),
            self.overage.to_string(),
            time(self.first_expiration),
            time(self.last_expiration),
            self.metered.to_string(),
            self.counted.to_string(),
        ]
    }
}

impl Row for Device {
    const COLUMNS: &'static [&'static str] = &[
        "hostid",
        "alias",
        "device_type",
        "first_seen",
        "last_seen",
        "blocked",
        "grants",
        "counts",
        "expires_at",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.hostid.clone(),
            self.alias.clone(),
            self.device_type.clone(),
            time(self.first_seen),
            time(self.last_seen),
            self.blocked.to_string(),
            self.grants.to_string(),
            self.counts.to_string(),
            time(self.expires_at),
        ]
    }
}

impl Row for Grant {
    const COLUMNS: &'static [&'static str] = &[
        "grant_id",
        "hostid",
        "holder",
        "feature",
        "count",
        "mode",
        "granted_at",
        "changed_at",
        "expires_at",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.grant_id.clone(),
            self.hostid.clone(),
            self.holder.clone(),
            self.feature.clone(),
            self.count.to_string(),
            self.mode.clone(),
            time(self.granted_at),
            time(self.changed_at),
            time(self.expires_at),
        ]
    }
}

impl Row for Activity {
    const COLUMNS: &'static [&'static str] = &[
        "activity_id",
        "at",
        "kind",
        "hostid",
        "holder",
        "feature",
        "grant_id",
        "deltas",
        "detail",
        "request_id",
        "actor",
    ];

    fn cells(&self) -> Vec<String> {
        let deltas: Vec<_> =
            self.deltas.iter().map(|delta| format!("{} {:+}", delta.line_item_id, delta.delta)).collect();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            self.activity_id.clone(),
            time(self.at),
            self.kind.clone(),
            text(&self.hostid),
            text(&self.holder),
            text(&self.feature),
            text(&self.grant_id),
            deltas.join(" "),
            self.detail.clone(),
            text(&self.request_id),
            self.actor.clone(),
        ]
    }
}

impl Row for AuditEntry {
    const COLUMNS: &'static [&'static str] =
        &["at", "actor", "action", "subject", "result", "detail", "address"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.at.to_string(),
            self.actor.clone(),
            self.action.clone(),
            self.subject.clone(),
            self.result.to_owned(),
            self.detail.clone(),
            self.address.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_quoted_where_it_has_to_be_and_runs_nowhere() {
        let written = |cells: &[&str]| line(cells.iter().map(ToString::to_string));
        assert_eq!(written(&["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(
            written(&["a,b", "say \"x\"", "two\nlines"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n"
        );
        assert_eq!(written(&["=1+1", "@SUM(A1)", "-7", "+x", "\tx"]), "'=1+1,'@SUM(A1),-7,'+x,'\tx\r\n");
    }
}
