//! What only shows from within: an enrolment that changes while a bundle is verified.

use leasehold_store::licensing::{Bundle, Enrolment};

use super::is_new;
use crate::Error;
use crate::ops::rights_edit::RightsEdit;
use crate::tests::world::{INSTANCE, World, start};

#[tokio::test]
async fn a_bundle_that_was_verified_for_another_enrolment_is_foreign() {
    let world = World::enrolled().await;
    let enrolment = world.standing().await.enrolment.unwrap();
    let bundle = Bundle { sequence: 1, digest: [1; 32], issued_at: start(), synchronize_before: start() };
    let mut edit = RightsEdit::begin(&world.state, INSTANCE).await.unwrap();
    assert!(is_new(&mut edit, &enrolment, &bundle).await.unwrap());
    let before = Enrolment { root_key: [9; 32], ..enrolment };
    let error = is_new(&mut edit, &before, &bundle).await.unwrap_err();
    assert!(matches!(error, Error::Foreign(_)), "{error:?}");
}
