//! The in-process back end passes the suite that every back end passes.

use leasehold_leases::{InProcessLeases, conformance};

#[tokio::test]
async fn passes_the_conformance_suite() {
    conformance::all(&InProcessLeases::new()).await;
}
