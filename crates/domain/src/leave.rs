//! The vendor's leave to grant: what a server needs before it may give anything out.
//!
//! Not responsible for how it comes to be: a bundle brings it. Reference: licensing, "The vendor's leave".

use jiff::Timestamp;

/// What the bundle in force allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The bundle's sequence number.
    pub sequence: u64,
    /// From then on nothing is granted, until a newer bundle comes.
    pub synchronize_before: Timestamp,
}

/// Why a server may not grant anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynchronized {
    /// It has no bundle yet.
    Never,
    /// Its bundle's time is over.
    Overdue,
    /// It has a bundle, and no certified key to sign answers with.
    Uncertified,
}

impl Unsynchronized {
    /// Why a server with this leave may not grant anything at `now`; `None` where it may. `certified`: it has a key
    /// that is good for an answer of that time.
    pub fn of(leave: Option<Leave>, certified: bool, now: Timestamp) -> Option<Self> {
        match leave {
            None => Some(Self::Never),
            Some(leave) if now >= leave.synchronize_before => Some(Self::Overdue),
            Some(_) if !certified => Some(Self::Uncertified),
            Some(_) => None,
        }
    }

    /// What happened and what to do, for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Never => {
                "the server has never been synchronised with its vendor; ask an administrator to do so, with `leasehold \
                 sync now` or by files"
            }
            Self::Overdue => {
                "the time is over by which the server had to be synchronised with its vendor; ask an administrator to do \
                 so, with `leasehold sync now` or by files"
            }
            Self::Uncertified => {
                "the server's key for answers is not certified yet; try again in a moment, and if it stays so, ask an \
                 administrator whether synchronisation runs"
            }
        }
    }
}
