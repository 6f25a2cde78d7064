//! Content of a known length as the answer to GET and HEAD: whole, a part of it, or that it has not changed.
//! Source: RFC 9110, sections 13 and 14.

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::response::Builder;
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::Problem;

/// Whether what stands under a name changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is asked for again each time.
    Changes,
    /// Whoever has it once needs to ask no more.
    Never,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Its type.
    pub kind: &'static str,
    /// Bytes.
    pub length: u64,
    /// Another one, when the content is another one; without quotes.
    pub tag: &'a str,
    /// When it was changed last; sent in whole seconds.
    pub modified: Option<Timestamp>,
    /// Whether what stands under its name changes.
    pub freshness: Freshness,
}

/// What an answer is made of.
#[derive(Debug)]
pub enum Selected {
    /// The answer has no content, and is this one.
    Answer(Response),
    /// These bytes are to follow this head.
    Bytes(Builder, Range<u64>),
}

/// Which part was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Some(Range<u64>),
    /// None of it exists.
    Outside,
}

impl Content<'_> {
    /// What a request with these headers is to be sent.
    pub fn select(&self, headers: &HeaderMap) -> Selected {
        let tag = format!("\"{}\"", self.tag);
        let modified =
            self.modified.and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok());
        let caching = match self.freshness {
            Freshness::Changes => "no-cache",
            Freshness::Never => "public, max-age=31536000, immutable",
        };
        let mut head = Response::builder().header(ETAG, &tag).header(CACHE_CONTROL, caching);
        if let Some(modified) = &modified {
            head = head.header(LAST_MODIFIED, modified);
        }
        if self.is_known(headers, &tag) {
            return Selected::Answer(empty(head.status(StatusCode::NOT_MODIFIED)));
        }
        // A part of another version fits nothing.
        let same = headers.get(IF_RANGE).is_none_or(|wanted| {
            wanted.as_bytes() == tag.as_bytes()
                || modified.as_ref().is_some_and(|modified| wanted.as_bytes() == modified.as_bytes())
        });
        let asked = if same { part(text(headers, &RANGE), self.length) } else { Part::Whole };
        let head = head.header(ACCEPT_RANGES, "bytes");
        let length = self.length;
        let (head, range) = match asked {
            Part::Outside => {
                let head = empty(head.header(CONTENT_RANGE, format!("bytes */{length}")));
                let mut answer = outside(length).into_response();
                answer.headers_mut().extend(head.into_parts().0.headers);
                return Selected::Answer(answer);
            }
            Part::Whole => (head, 0..length),
            Part::Some(range) => {
                let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                (head.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, shown), range)
            }
        };
        let head = head.header(CONTENT_TYPE, self.kind).header(CONTENT_LENGTH, range.end - range.start);
        Selected::Bytes(head, range)
    }

    /// Whether whoever asks has it already. A tag counts before a time.
    fn is_known(&self, headers: &HeaderMap, tag: &str) -> bool {
        if headers.contains_key(IF_NONE_MATCH) {
            return text(headers, &IF_NONE_MATCH).split(',').any(|known| {
                let known = known.trim();
                known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
            });
        }
        let since = DateTimeParser::new().parse_timestamp(text(headers, &IF_MODIFIED_SINCE)).ok();
        let in_seconds = |at: Timestamp| at.as_second();
        since.zip(self.modified).is_some_and(|(since, modified)| in_seconds(modified) <= in_seconds(since))
    }
}

fn outside(length: u64) -> Problem {
    let message = format!(
        "the file has {length} bytes, and the range begins after them; ask for less, or without a range for the whole"
    );
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE", message)
}

fn empty(head: Builder) -> Response {
    head.body(Body::empty()).expect("every header is text")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What a Range header asks for. Anything but one range of bytes is the whole: so the RFC allows.
fn part(header: &str, length: u64) -> Part {
    let range = || {
        let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| -> Option<Option<u64>> {
            if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
        };
        Some(match (number(first.trim())?, number(last.trim())?) {
            (Some(first), last) => {
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                // One that ends before it begins is no range.
                if last.is_some_and(|last| last < first) {
                    return None;
                }
                first..end
            }
            (None, Some(count)) => length.saturating_sub(count)..length,
            (None, None) => return None,
        })
    };
    match range() {
        None => Part::Whole,
        Some(range) if range.start >= range.end => Part::Outside,
        Some(range) => Part::Some(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, wanted) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=3-", Part::Some(3..10)),
            ("bytes=3-99", Part::Some(3..10)),
            ("bytes=-4", Part::Some(6..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("", Part::Whole),
            ("bytes=4-3", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(part(header, 10), wanted, "{header}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Outside);
    }

    #[test]
    fn whoever_has_it_is_told_so_and_a_part_of_another_version_is_the_whole() {
        let modified = Some(Timestamp::new(784_111_777, 500_000_000).unwrap());
        let content = Content { kind: "x/y", length: 10, tag: "a", modified, freshness: Freshness::Changes };
        let time = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (headers, wanted) in [
            (&[][..], (200, Some(0..10))),
            (&[("if-none-match", "\"b\", W/\"a\"")], (304, None)),
            (&[("if-none-match", "*")], (304, None)),
            (&[("if-none-match", "\"b\""), ("if-modified-since", time)], (200, Some(0..10))),
            (&[("if-modified-since", time)], (304, None)),
            (&[("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")], (200, Some(0..10))),
            (&[("if-modified-since", "yesterday")], (200, Some(0..10))),
            (&[("range", "bytes=2-3")], (206, Some(2..4))),
            (&[("range", "bytes=2-3"), ("if-range", "\"a\"")], (206, Some(2..4))),
            (&[("range", "bytes=2-3"), ("if-range", time)], (206, Some(2..4))),
            (&[("range", "bytes=2-3"), ("if-range", "\"b\"")], (200, Some(0..10))),
            (&[("range", "bytes=10-")], (416, None)),
        ] {
            let mut given = HeaderMap::new();
            for (name, value) in headers {
                given.insert(*name, value.parse().unwrap());
            }
            let (status, range) = match content.select(&given) {
                Selected::Answer(answer) => (answer.status().as_u16(), None),
                Selected::Bytes(head, range) => {
                    let answer = head.body(()).unwrap();
                    assert_eq!(answer.headers()["last-modified"], time);
                    (answer.status().as_u16(), Some(range))
                }
            };
            assert_eq!((status, range), wanted, "{headers:?}");
        }
    }
}
