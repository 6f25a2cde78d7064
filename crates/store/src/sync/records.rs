//! The values that synchronisation keeps.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

/// A SHA-256.
pub type Digest = [u8; 32];

/// What a response repeats of its request.
pub type Nonce = [u8; 32];

/// Who an instance is to its vendor, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Moves on with every change; 0 where it was never saved.
    pub revision: u64,
    /// What the vendor said. What bundles renew is as in the newest.
    pub enrolment: Enrolment,
    /// The instance's own keys.
    pub keys: Keys,
    /// The number that the next request gets.
    pub next_number: u64,
    /// The bundle in force.
    pub bundle: Option<Bundle>,
    /// Of the warnings before the deadline, the last that was given: so many days before it.
    pub warned: Option<u16>,
    /// When it next synchronises by itself, where it does.
    pub next_at: Option<Timestamp>,
    /// Attempts that failed since the last that did not.
    pub failures: u32,
}

/// What a server needs to know of its vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The id that the vendor gave the server.
    pub license_server_id: Uuid,
    /// The vendor.
    pub vendor_id: String,
    /// The vendor for people; may be empty.
    pub vendor_name: String,
    /// The vendor's root key, which is pinned.
    pub vendor_root: [u8; 32],
    /// Where the back office is; empty: by files only.
    pub address: String,
    /// Whom request files are sealed for; empty: not known.
    pub vendor_recipient: String,
    /// How people reach the vendor.
    pub contact: Contact,
}

/// How people reach a vendor. Each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// A mail address.
    pub mail: String,
    /// A web page.
    pub web: String,
    /// A telephone number.
    pub phone: String,
}

/// An instance's own keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The private signing key, sealed.
    pub signing_key: Vec<u8>,
    /// Its public half.
    pub public_key: [u8; 32],
    /// What opens files for the instance, sealed.
    pub identity: Vec<u8>,
    /// Whom such files are sealed for.
    pub recipient: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

/// What is kept of the bundle in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its sequence number.
    pub sequence: u64,
    /// The SHA-256 of the response's payload.
    pub digest: Digest,
    /// When it was put in force.
    pub synchronized_at: Timestamp,
    /// From then on nothing is granted.
    pub synchronize_before: Timestamp,
    /// The certificate of the vendor's key that signed it, encoded.
    pub online_certificate: Vec<u8>,
    /// The certificate of the instance's signing key, encoded.
    pub instance_certificate: Vec<u8>,
    /// The vendor's texts for administrators.
    pub notices: Vec<String>,
    /// Where the vendor's update repository is; empty: it has none.
    pub updates_address: String,
    /// The first `root.json` of that repository.
    pub updates_root: Vec<u8>,
}

/// One exchange with the vendor: a request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request's number.
    pub number: u64,
    /// How the two sides meet.
    pub way: Way,
    /// How it stands.
    pub state: ExchangeState,
    /// What the response has to repeat.
    pub nonce: Nonce,
    /// What is sent, encoded, for as long as it may be sent again; else empty.
    pub request: Vec<u8>,
    /// What was received, encoded, while it is being put in force; else empty.
    pub response: Vec<u8>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Bytes sent so far.
    pub sent_bytes: u64,
    /// Bytes received so far.
    pub received_bytes: u64,
    /// The sequence number of the bundle that came; 0 for none.
    pub bundle_sequence: u64,
    /// What the bundle changed.
    pub changes: Vec<String>,
    /// The deadline that the bundle sets.
    pub synchronize_before: Option<Timestamp>,
    /// Why it failed; of one that is not ended, why the last attempt did.
    pub failure: Option<Failure>,
    /// Who asked for it.
    pub actor: String,
}

/// How the two sides of an exchange meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Over the network.
    Online,
    /// By files.
    File,
}

/// How an exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeState {
    /// The request is made; no response was taken.
    Requested,
    /// The response is being put in force.
    Applying,
    /// The response is in force, or was.
    Done,
    /// It failed, and nothing changed by it.
    Failed,
}

/// Where an exchange can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The vendor's name is looked up.
    Resolve,
    /// A connection is made.
    Connect,
    /// It is secured.
    Tls,
    /// The vendor answers.
    Exchange,
    /// The answer is checked.
    Verify,
    /// It is put in force.
    Apply,
}

/// Why an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub step: Step,
    /// Why, for programs: the name of a reason.
    pub reason: String,
    /// Why, and what to do, for people.
    pub message: String,
}

/// What an instance has begun and not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// The exchange whose response is being put in force.
    pub applying: Option<u64>,
    /// The online exchange whose response has not come.
    pub online: Option<u64>,
    /// How many exchanges by file have no response.
    pub files: u64,
}

/// What one transaction writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The identity as it is to stand, with the revision that was read; with 0 the instance has none yet.
    pub identity: Identity,
    /// An exchange, new or as it is to stand.
    pub exchange: Option<Exchange>,
    /// Ends every exchange that is outstanding before the change, so and then.
    pub abandon: Option<(Failure, Timestamp)>,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Online, Self::File];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::File => "FILE",
        }
    }
}

impl ExchangeState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Requested, Self::Applying, Self::Done, Self::Failed];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Applying => "APPLYING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
        }
    }
}

impl Step {
    /// Every step, in their order.
    pub const ALL: [Self; 6] =
        [Self::Resolve, Self::Connect, Self::Tls, Self::Exchange, Self::Verify, Self::Apply];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "RESOLVE",
            Self::Connect => "CONNECT",
            Self::Tls => "TLS",
            Self::Exchange => "EXCHANGE",
            Self::Verify => "VERIFY",
            Self::Apply => "APPLY",
        }
    }
}
