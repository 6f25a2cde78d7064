//! What goes into the vendor's audit log, by name.

use jiff::Timestamp;
use leasehold_store::backoffice::{AuditRecord, LicenseServerId};

/// Most bytes of a record's detail; refusals quote what others wrote.
const MAX_DETAIL: usize = 2_000;

/// What was done or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    VendorSetUp,
    OnlineKeyRenewed,
    UpdateRepositorySet,
    ProductCreated,
    CustomerCreated,
    LicenseServerCreated,
    KeysBound,
    KeysCleared,
    Synchronized,
    RequestRefused,
    CloneSuspected,
    EntitlementCreated,
    EntitlementUpdated,
    EntitlementDeleted,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::VendorSetUp => "vendor.set_up",
            Self::OnlineKeyRenewed => "vendor.online_key_renewed",
            Self::UpdateRepositorySet => "vendor.update_repository_set",
            Self::ProductCreated => "product.created",
            Self::CustomerCreated => "customer.created",
            Self::LicenseServerCreated => "license_server.created",
            Self::KeysBound => "license_server.keys_bound",
            Self::KeysCleared => "license_server.keys_cleared",
            Self::Synchronized => "license_server.synchronized",
            Self::RequestRefused => "license_server.request_refused",
            Self::CloneSuspected => "license_server.clone_suspected",
            Self::EntitlementCreated => "entitlement.created",
            Self::EntitlementUpdated => "entitlement.updated",
            Self::EntitlementDeleted => "entitlement.deleted",
        }
    }
}

/// A record of it.
pub(crate) fn record(
    at: Timestamp,
    actor: &str,
    action: Action,
    subject: &(impl ToString + ?Sized),
    detail: impl Into<String>,
) -> AuditRecord {
    let mut detail = detail.into();
    detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
    // The one character that not every database takes.
    let detail = detail.replace('\0', "\u{fffd}");
    let (actor, action) = (actor.to_owned(), action.name().to_owned());
    AuditRecord { at, actor, action, subject: subject.to_string(), detail }
}

/// A licence server as the one who acts.
pub(crate) fn server(id: LicenseServerId) -> String {
    format!("license_server/{id}")
}
