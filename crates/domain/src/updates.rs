//! Which release a client is to have, as a function of what there is and what it has.
//! Reference: updates, "What a client is given".

use std::cmp::Ordering;

use jiff::Timestamp;

/// A SHA-256.
pub type Sha256 = [u8; 32];

/// The channel of who names none.
pub const STABLE: &str = "stable";

/// What a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseKind {
    /// Data that changes often.
    Definition,
    /// A program.
    Software,
}

impl ReleaseKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Definition, Self::Software];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Definition => "DEFINITION",
            Self::Software => "SOFTWARE",
        }
    }
}

/// How a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseState {
    /// Known, and not to be given to clients yet.
    Known,
    /// To be given to clients.
    Approved,
    /// The vendor took it back.
    Withdrawn,
}

impl ReleaseState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Known, Self::Approved, Self::Withdrawn];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "KNOWN",
            Self::Approved => "APPROVED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// How a release stands that is seen now and stood at `before`. Definitions are approved on arrival, software waits
    /// for an administrator, and what the vendor takes back is nobody's to give. What it takes back and gives again begins
    /// anew.
    pub fn arriving(kind: ReleaseKind, withdrawn: bool, before: Option<Self>) -> Self {
        match before {
            _ if withdrawn => Self::Withdrawn,
            Some(Self::Approved) => Self::Approved,
            _ if kind == ReleaseKind::Definition => Self::Approved,
            _ => Self::Known,
        }
    }
}

/// How far a client is with an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpdateState {
    /// The assignment is genuine and new.
    Accepted,
    /// The file is being fetched.
    Downloading,
    /// It is there.
    Downloaded,
    /// It is what the vendor signed.
    Verified,
    /// It waits for its time.
    WaitingWindow,
    /// It is being put in place.
    Installing,
    /// It is in place.
    Installed,
    /// The one before is in place again.
    RolledBack,
    /// It failed.
    Failed,
    /// It was cancelled, as asked.
    Canceled,
    /// It was too late to cancel.
    CancelRejected,
    /// The user has put it off.
    Deferred,
}

impl UpdateState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Downloading,
        Self::Downloaded,
        Self::Verified,
        Self::WaitingWindow,
        Self::Installing,
        Self::Installed,
        Self::RolledBack,
        Self::Failed,
        Self::Canceled,
        Self::CancelRejected,
        Self::Deferred,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Downloading => "DOWNLOADING",
            Self::Downloaded => "DOWNLOADED",
            Self::Verified => "VERIFIED",
            Self::WaitingWindow => "WAITING_WINDOW",
            Self::Installing => "INSTALLING",
            Self::Installed => "INSTALLED",
            Self::RolledBack => "ROLLED_BACK",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
            Self::CancelRejected => "CANCEL_REJECTED",
            Self::Deferred => "DEFERRED",
        }
    }
}

/// A release, as the vendor's metadata names it and this server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The product.
    pub product: String,
    /// The version.
    pub version: String,
    /// What it is.
    pub kind: ReleaseKind,
    /// The channel.
    pub channel: String,
    /// The operating system; `None`: all.
    pub os: Option<String>,
    /// The architecture; `None`: all.
    pub arch: Option<String>,
    /// The oldest version that it goes on top of.
    pub minimum_version: Option<String>,
    /// The path of the target in the vendor's repository, which names the release.
    pub target: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// How it stands.
    pub state: ReleaseState,
    /// Whether the vendor calls it an emergency.
    pub emergency: bool,
    /// The vendor's notes; may be empty.
    pub notes: String,
    /// Why it was taken back; empty where it was not.
    pub withdrawn_reason: String,
    /// Whoever holds one of these features is licensed for it; none: of any feature of the product.
    pub features: Vec<String>,
    /// When the vendor released it.
    pub released_at: Option<Timestamp>,
    /// When this server first saw it.
    pub seen_at: Timestamp,
}

impl Release {
    /// When it came out, as far as anybody says.
    pub fn out_since(&self) -> Timestamp {
        self.released_at.unwrap_or(self.seen_at)
    }

    /// The name of its file: the last part of the target's path.
    pub fn file(&self) -> &str {
        self.target.rsplit('/').next().unwrap_or(&self.target)
    }

    /// Which of two releases of a product and channel is the newer one: the one that came out later; of those that came
    /// out together, the one of the higher version, then the one that is made for fewer.
    pub fn compare(&self, other: &Self) -> Ordering {
        let narrow = |release: &Self| (release.os.is_some(), release.arch.is_some());
        self.out_since()
            .cmp(&other.out_since())
            .then_with(|| compare_versions(&self.version, &other.version))
            .then_with(|| narrow(self).cmp(&narrow(other)))
            .then_with(|| self.target.cmp(&other.target))
    }
}

/// A product that a client follows, and what it has of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The operating system; empty: only what is for all.
    pub os: String,
    /// The architecture; empty: only what is for all.
    pub arch: String,
    /// The version that is installed; empty: none.
    pub version: String,
    /// The SHA-256 of what is installed.
    pub sha256: Option<Sha256>,
}

/// The newest approved release of a product and channel, for whatever machine.
pub fn newest<'a>(
    releases: impl IntoIterator<Item = &'a Release>,
    product: &str,
    channel: &str,
) -> Option<&'a Release> {
    let is_it = |release: &&Release| {
        release.product == product && release.channel == channel && release.state == ReleaseState::Approved
    };
    releases.into_iter().filter(is_it).max_by(|one, other| one.compare(other))
}

/// What a client is to have instead of what it has; `None` where that is right.
///
/// It is the newest approved release of the product and channel that is made for the client's machine. Nobody is given
/// something older than it has, unless the vendor took back what it has.
pub fn choose<'a>(releases: &'a [Release], followed: &Followed) -> Option<&'a Release> {
    let of_it =
        || releases.iter().filter(|it| it.product == followed.product && it.channel == followed.channel);
    let fits = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|wanted| wanted == has);
    let goes_on_top = |release: &&Release| {
        release.minimum_version.as_ref().is_none_or(|minimum| {
            followed.version.is_empty() || compare_versions(&followed.version, minimum).is_ge()
        })
    };
    let chosen = of_it()
        .filter(|release| release.state == ReleaseState::Approved)
        .filter(|release| fits(&release.os, &followed.os) && fits(&release.arch, &followed.arch))
        .filter(goes_on_top)
        .max_by(|one, other| one.compare(other))?;
    if followed.sha256 == Some(chosen.sha256) {
        return None;
    }
    match of_it().find(|release| Some(release.sha256) == followed.sha256) {
        Some(has) if has.state == ReleaseState::Withdrawn => Some(chosen),
        Some(has) => has.compare(chosen).is_lt().then_some(chosen),
        // Whatever it has, nobody here knows it: only its word counts. The same version with other bytes is damaged.
        None => {
            let has_newer = compare_versions(&followed.version, &chosen.version).is_gt();
            (followed.sha256.is_none() || !has_newer).then_some(chosen)
        }
    }
}

/// Which of two versions is the higher one. Numbers in them count as numbers: `1.10` is higher than `1.9`.
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (pieces(one), pieces(other));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return one.cmp(other),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => left.cmp(&right),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A piece of a version. A number is lower than a text, and compares by its digits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Number(usize, &'a str),
    Text(&'a str),
}

fn pieces(version: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = version;
    std::iter::from_fn(move || {
        let is_number = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|char: char| char.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        let digits = piece.trim_start_matches('0');
        Some(if is_number { Piece::Number(digits.len(), digits) } else { Piece::Text(piece) })
    })
}

#[cfg(test)]
#[path = "updates_tests.rs"]
mod tests;
