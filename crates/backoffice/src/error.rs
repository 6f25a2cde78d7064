//! What can go wrong in the back office, and how callers hear of it.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use leasehold_domain::Rejection;
use leasehold_proto::sync::v1::VendorContact;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::chain;
use leasehold_signing::{Fingerprint, SealError};
use leasehold_store::StoreError;
use leasehold_store::backoffice::LicenseServerId;

/// Why an operation of the back office failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Nothing has this id or name.
    #[error("no {what} {name:?}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// Something has this name or id already.
    #[error("{0}")]
    AlreadyExists(String),
    /// Too much for one licence server.
    #[error("{0}")]
    TooMuch(String),
    /// A request is damaged, or not signed by the key in it.
    #[error("{0}")]
    Signature(String),
    /// A request is for another vendor, or from a server that this one does not have.
    #[error("{0}")]
    Foreign(String),
    /// A file cannot be read.
    #[error("{0}")]
    FileUnreadable(String),
    /// The id belongs to other keys.
    #[error(
        "the id {license_server} belongs to the keys of the server that synchronised with it first, and this one has \
         others (fingerprint {fingerprint}); the vendor has to clear them first{}", reach(.contact)
    )]
    KeyAlreadyBound {
        /// The id.
        license_server: LicenseServerId,
        /// The fingerprint of who asks.
        fingerprint: Fingerprint,
        /// How people reach the vendor.
        contact: Box<VendorContact>,
    },
    /// Requests under an id do not follow one another.
    #[error(
        "a copy of the server {license_server} seems to run: {suspicion}; stop it, then ask the vendor to clear the \
         server's keys{}", reach(.contact)
    )]
    CloneSuspected {
        /// The id.
        license_server: LicenseServerId,
        /// What does not fit.
        suspicion: String,
        /// How people reach the vendor.
        contact: Box<VendorContact>,
    },
    /// The root does not vouch for the online key now.
    #[error(
        "the vendor cannot sign now: the certificate of its online key is good until {not_after} by its root; the vendor \
         has to renew it with `leasehold vendor certify`, or to set its clock right"
    )]
    OnlineKeyEnded {
        /// When the certificate ends.
        not_after: Timestamp,
    },
    /// There is no vendor yet.
    #[error("no vendor is set up in this database; run `leasehold vendor init` first")]
    NoVendor,
    /// There is a vendor.
    #[error("the vendor {0:?} is set up in this database already; nothing was changed")]
    AlreadySetUp(String),
    /// Another root than the vendor's.
    #[error("this is not the root key of the vendor; give the file that was made when it was set up")]
    OtherRoot,
    /// The keys cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// What is stored does not belong together: a defect, or somebody else's hand.
    #[error("the back office cannot use what it has stored: {0}")]
    Broken(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Error {
    /// A field that breaks its rule.
    pub(crate) fn field(field: impl Into<String>, problem: impl Display) -> Self {
        Self::Rejected(Rejection::Field { field: field.into(), problem: problem.to_string() })
    }

    /// What is stored cannot be what was written.
    pub(crate) fn broken(problem: impl Display) -> Self {
        Self::Broken(problem.to_string())
    }

    /// The reason that callers see.
    pub(crate) fn reason(&self) -> ErrorReason {
        match self {
            Self::Rejected(_) => ErrorReason::InvalidField,
            Self::NotFound { .. } => ErrorReason::NotFound,
            Self::AlreadyExists(_) => ErrorReason::AlreadyExists,
            Self::TooMuch(_) => ErrorReason::LimitExceeded,
            Self::Signature(_) => ErrorReason::SignatureInvalid,
            Self::Foreign(_) => ErrorReason::Foreign,
            Self::FileUnreadable(_) => ErrorReason::FileUnreadable,
            Self::KeyAlreadyBound { .. } => ErrorReason::KeyAlreadyBound,
            Self::CloneSuspected { .. } => ErrorReason::CloneSuspected,
            Self::OnlineKeyEnded { .. } => ErrorReason::VendorUnreachable,
            Self::Store(error) if error.is_passing() => ErrorReason::StoreUnavailable,
            // Those who start the service or set the vendor up read the message itself.
            Self::NoVendor
            | Self::AlreadySetUp(_)
            | Self::OtherRoot
            | Self::Seal(_)
            | Self::Store(_)
            | Self::Broken(_) => ErrorReason::Internal,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (message, reason) = (error.to_string(), error.reason());
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Store(error) if error.is_passing() => Self::store_unavailable(chain(&*error)),
            Error::Store(error) => Self::internal(chain(&*error)),
            Error::KeyAlreadyBound { license_server, fingerprint, contact } => {
                with_contact(Self::new(reason, message), &contact)
                    .with_metadata("license_server_id", license_server)
                    .with_metadata("fingerprint", fingerprint)
            }
            Error::CloneSuspected { license_server, contact, .. } => {
                with_contact(Self::new(reason, message), &contact)
                    .with_metadata("license_server_id", license_server)
            }
            _ if reason == ErrorReason::Internal => Self::internal(message),
            _ => Self::new(reason, message),
        }
    }
}

fn with_contact(error: ApiError, contact: &VendorContact) -> ApiError {
    let ways =
        [("vendor_mail", &contact.mail), ("vendor_web", &contact.web), ("vendor_phone", &contact.phone)];
    let known = ways.into_iter().filter(|(_, way)| !way.is_empty());
    known.fold(error, |error, (key, way)| error.with_metadata(key, way))
}

/// How to reach the vendor, where it is known.
fn reach(contact: &VendorContact) -> String {
    let ways = [&contact.mail, &contact.web, &contact.phone];
    let known: Vec<&str> = ways.into_iter().map(String::as_str).filter(|way| !way.is_empty()).collect();
    if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) }
}
