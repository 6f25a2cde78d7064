//! What heartbeats and releases found, as messages.

use jiff::SignedDuration;
use leasehold_domain::GrantId;
use leasehold_domain::grant::Lost;
use leasehold_proto::convert::lease::{alive, alive_degraded, lost, released, revocation};
use leasehold_proto::licensing::v1 as pb;
use uuid::Uuid;

const LOST: [Lost; 8] = [
    Lost::UnknownGrant,
    Lost::StaleToken,
    Lost::WrongToken,
    Lost::Expired,
    Lost::Ended,
    Lost::Dropped,
    Lost::TakenOver,
    Lost::Returned,
];

#[test]
fn a_lost_lease_says_why_under_the_contracts_name() {
    for why in LOST {
        let result = lost("as sent".to_owned(), why);
        assert_eq!((result.grant_id.as_str(), result.status()), ("as sent", pb::LeaseStatus::Lost));
        assert_eq!(result.reason().as_str_name().strip_prefix("LOST_REASON_"), Some(why.name()));
        assert_eq!((result.message.as_str(), result.ttl), (why.message(), None));

        let revoked = revocation(GrantId(Uuid::from_u128(7)), why);
        assert_eq!(revoked.grant_id, Uuid::from_u128(7).to_string());
        assert_eq!((revoked.reason, revoked.message), (result.reason, result.message));
    }
}

#[test]
fn a_live_lease_has_its_time_to_live() {
    let ttl = SignedDuration::from_secs(600);
    let whole = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let found = alive("g".to_owned(), ttl);
    assert_eq!((found.status(), found.ttl), (pb::LeaseStatus::Ok, whole));
    let found = alive_degraded("g".to_owned(), ttl);
    assert_eq!((found.status(), found.ttl), (pb::LeaseStatus::OkDegraded, whole));
    assert_eq!((found.reason(), found.message.as_str()), (pb::LostReason::Unspecified, ""));
    let found = released("g".to_owned());
    assert_eq!((found.grant_id.as_str(), found.status(), found.ttl), ("g", pb::LeaseStatus::Released, None));
}
