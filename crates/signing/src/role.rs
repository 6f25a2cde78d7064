//! What a certified key is for. Reference: signing, "Keys and their certificates".

use std::fmt;

/// What a key may do, from the vendor's down to a service's. The root above them is pinned and has no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The vendor's key for daily work, certified by the root.
    Online,
    /// An instance's key, certified by the vendor's online key.
    Instance,
    /// A service's key for answers to clients, certified by the instance's key.
    Answer,
}

impl Role {
    /// Every role, in the order of a chain.
    pub const ALL: [Self; 3] = [Self::Online, Self::Instance, Self::Answer];

    /// How many certificates lead from the root to a key of this role: 1 to 3.
    pub fn depth(self) -> usize {
        match self {
            Self::Online => 1,
            Self::Instance => 2,
            Self::Answer => 3,
        }
    }

    /// The name in messages and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Instance => "INSTANCE",
            Self::Answer => "ANSWER",
        }
    }

    /// The number in a certificate. 1 would be the root, which nothing certifies.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Online => 2,
            Self::Instance => 3,
            Self::Answer => 4,
        }
    }

    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.number() == number)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
