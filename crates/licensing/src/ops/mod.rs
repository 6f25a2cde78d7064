//! One file for each operation: load, decide, save. Nothing here knows gRPC's traits or a back end.

pub(crate) mod apply_bundle;
pub(crate) mod check_licensed;
pub(crate) mod device;
pub(crate) mod drop_device;
pub(crate) mod drop_grant;
pub(crate) mod enrol_instance;
pub(crate) mod feature;
pub(crate) mod get_instance;
pub(crate) mod heartbeat;
pub(crate) mod list_activity;
pub(crate) mod list_grants;
pub(crate) mod list_policies;
pub(crate) mod page;
pub(crate) mod publish_notice;
pub(crate) mod reallocate;
pub(crate) mod record;
pub(crate) mod release_grants;
pub(crate) mod request_capabilities;
pub(crate) mod reservation_groups;
pub(crate) mod restored;
pub(crate) mod rights_edit;
pub(crate) mod session;
pub(crate) mod set_device_blocked;
pub(crate) mod suspension;
pub(crate) mod usage;
