//! What a repository names: files, and what our vendors say about them.
//!
//! Not responsible for who gets a file, or for the order of versions. Reference: updates, "Publishing".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::blobs::Wanted;
use crate::digest::Digest;

/// The field of a product's role that names what was taken back.
pub(crate) const WITHDRAWN: &str = "x-leasehold-withdrawn";

/// A file that the vendor's metadata names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its path in the repository.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// Its hash.
    pub sha256: Digest,
    /// The role that names it.
    pub role: String,
    /// What the vendor says about it, of whatever form.
    pub custom: Option<serde_json::Value>,
}

impl Target {
    /// The blob that it is.
    pub fn wanted(&self) -> Wanted {
        Wanted { sha256: self.sha256, length: self.length }
    }

    /// What our vendors say about it; `None` where somebody else's repository says something else, or nothing.
    pub fn release(&self) -> Option<Release> {
        serde_json::from_value(self.custom.clone()?).ok()
    }
}

/// What a file is to the programs that want it: `custom` in the metadata. Fields that are not known are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The product, which is also the role's name.
    pub product: String,
    /// One to four decimal numbers with dots.
    pub version: String,
    /// How it is rolled out.
    pub kind: Kind,
    /// The channel it was made for.
    #[serde(default = "stable")]
    pub channel: String,
    /// The operating system it is for; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The processor architecture it is for; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The lowest version that can go to this one directly; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// How urgent it is.
    #[serde(default)]
    pub criticality: Criticality,
    /// The features of which one licenses it; empty: any of the product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// When it was added; `None` where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
}

impl Release {
    /// A release for everybody on the channel `stable`, about which nothing else is said.
    pub fn new(product: &str, version: &str, kind: Kind) -> Self {
        Self {
            product: product.to_owned(),
            version: version.to_owned(),
            kind,
            channel: stable(),
            os: None,
            arch: None,
            minimum_version: None,
            notes: None,
            criticality: Criticality::default(),
            features: Vec::new(),
            released_at: None,
        }
    }
}

fn stable() -> String {
    "stable".to_owned()
}

/// How a file is rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Data that changes often; goes out by itself.
    Definition,
    /// A program; waits for an administrator.
    Software,
}

impl Kind {
    /// Its name in the metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Software => "software",
        }
    }
}

/// How urgent a release is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criticality {
    /// By the ordinary plan.
    #[default]
    Normal,
    /// Without soak times, never without a canary.
    Emergency,
}

impl Criticality {
    /// Its name in the metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Emergency => "emergency",
        }
    }
}

/// A release that the vendor took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The path it had.
    pub path: String,
    /// Why, for people.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What the metadata says about a path that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WithdrawnEntry {
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(custom: serde_json::Value) -> Target {
        let sha256 = Digest::of(b"");
        Target { path: "a/1/b".into(), length: 0, sha256, role: "a".into(), custom: Some(custom) }
    }

    #[test]
    fn what_others_say_is_no_release() {
        for custom in [
            json!(null),
            json!([]),
            json!({"product": "a"}),
            json!({"product": 1, "version": "1", "kind": "software"}),
        ] {
            assert_eq!(target(custom).release(), None);
        }
        let custom = json!({"product": "a", "version": "1", "kind": "software", "later": true});
        assert_eq!(target(custom).release(), Some(Release::new("a", "1", Kind::Software)));
    }
}
