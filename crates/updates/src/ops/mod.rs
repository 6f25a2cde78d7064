//! The operations, one a file.

pub(crate) mod check_in;
pub(crate) mod fetch_blob;
pub(crate) mod get_client;
pub(crate) mod get_status;
pub(crate) mod get_tuf_file;
pub(crate) mod list_clients;
pub(crate) mod list_products;
pub(crate) mod list_releases;
pub(crate) mod report_events;
pub(crate) mod sync_now;
pub(crate) mod test_connection;
