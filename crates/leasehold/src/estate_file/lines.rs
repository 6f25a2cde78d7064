//! Where things stand in a JSON text: the line of every value, by its path, and keys that occur twice.
//!
//! Reads texts that are known to be JSON. What the values mean is not looked at.

use std::collections::BTreeMap;

/// The lines of a JSON text's values.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_path: BTreeMap<String, usize>,
    duplicate: Option<String>,
}

impl Lines {
    /// Looks through a text that `serde_json` has accepted.
    pub(super) fn of(text: &str) -> Self {
        let mut scan = Scan { text, at: 0, line: 1, found: Self::default() };
        scan.value(String::new());
        scan.found
    }

    /// The line of the value at `path`, or of the nearest one around it.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.by_path.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The path of the first key that occurs twice in one object.
    pub(super) fn duplicate(&self) -> Option<&str> {
        self.duplicate.as_deref()
    }
}

/// The path of `key` in the object at `path`.
pub(super) fn key_path(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    found: Lines,
}

impl<'a> Scan<'a> {
    fn value(&mut self, path: String) {
        match self.peek() {
            b'{' => self.object(&path),
            b'[' => self.array(&path),
            b'"' => {
                self.string();
            }
            _ => {
                let rest = self.rest();
                self.at += rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
            }
        }
        self.found.by_path.entry(path).or_insert(self.line);
    }

    fn object(&mut self, path: &str) {
        self.found.by_path.entry(path.to_owned()).or_insert(self.line);
        self.at += 1;
        while self.peek() != b'}' {
            let key = self.string();
            let path = key_path(path, &key);
            if self.found.by_path.insert(path.clone(), self.line).is_some() && self.found.duplicate.is_none()
            {
                self.found.duplicate = Some(path.clone());
            }
            self.skip(b':');
            self.value(path);
            self.skip(b',');
        }
        self.at += 1;
    }

    fn array(&mut self, path: &str) {
        self.found.by_path.entry(path.to_owned()).or_insert(self.line);
        self.at += 1;
        for index in 0.. {
            if self.peek() == b']' {
                break;
            }
            self.found.by_path.insert(format!("{path}[{index}]"), self.line);
            self.value(format!("{path}[{index}]"));
            self.skip(b',');
        }
        self.at += 1;
    }

    /// Passes a string and returns what it says.
    fn string(&mut self) -> String {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let raw = &rest[..end.map_or(rest.len(), |end| end + 2)];
        self.at += raw.len();
        serde_json::from_str(raw).unwrap_or_default()
    }

    fn skip(&mut self, mark: u8) {
        if self.peek() == mark {
            self.at += 1;
        }
    }

    /// The next byte that is not white space; a closing brace at the end of the text.
    fn peek(&mut self) -> u8 {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                other => return *other,
            }
            self.at += 1;
        }
        b'}'
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "a": 1,
  "b\"\\": [
    {"c": "x, y ] }"},
    true, [
      -1.5e3]
  ],
  "empty": {}, "none": []
}
"#;

    #[test]
    fn every_value_has_its_line() {
        let lines = Lines::of(TEXT);
        for (path, line) in [
            ("", 1),
            ("a", 2),
            ("b\"\\", 3),
            ("b\"\\[0]", 4),
            ("b\"\\[0].c", 4),
            ("b\"\\[1]", 5),
            ("b\"\\[2]", 5),
            ("b\"\\[2][0]", 6),
            ("empty", 8),
            ("none", 8),
        ] {
            assert_eq!(lines.by_path.get(path), Some(&line), "{path}");
        }
        assert_eq!(lines.duplicate(), None);
    }

    #[test]
    fn what_is_missing_stands_where_its_parent_does() {
        let lines = Lines::of(TEXT);
        assert_eq!(lines.find("b\"\\[0].count"), Some(4));
        assert_eq!(lines.find("b\"\\[2][7].x"), Some(5));
        assert_eq!(Lines::of("\n5").find(""), Some(2));
    }

    #[test]
    fn a_key_that_occurs_twice_is_told() {
        let lines = Lines::of("{\"a\": {\"x\": 1,\n \"x\": 2}, \"x\": 3}");
        assert_eq!((lines.duplicate(), lines.find("a.x")), (Some("a.x"), Some(2)));
    }
}
