//! Whose licence server an instance is.

use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::ApiError;

use super::vendor::TestVendor;
use super::world::{Site, World, item, reason, start};

async fn enrol(world: &World, vendor: &TestVendor) -> Result<pb::EnrolInstanceResponse, ApiError> {
    world.licensing.enrol(vendor.enrolment()).await
}

#[tokio::test]
async fn an_instance_is_enrolled_once_and_says_so() {
    let world = Site::new().await.start().await.unwrap();
    let shown = world.instance().await;
    assert_eq!((shown.status(), shown.vendor_id.as_str()), (pb::InstanceStatus::Unenrolled, ""));
    for _ in 0..2 {
        enrol(&world, &world.vendor).await.unwrap();
    }
    let shown = world.instance().await;
    assert_eq!(shown.status(), pb::InstanceStatus::Unsynchronized);
    let server = world.vendor.server.to_string();
    assert_eq!((shown.vendor_id.as_str(), &shown.license_server_id), ("example", &server));
    assert_eq!((shown.bundle_sequence, shown.synchronize_before), (0, None));
    let enrolled = format!("INSTANCE_CHANGED: enrolled with example as {server}");
    assert_eq!(world.activity().await, [enrolled], "the second time changed nothing");
}

#[tokio::test]
async fn another_vendor_takes_the_place_of_one_only_before_the_first_bundle() {
    let world = Site::new().await.start().await.unwrap();
    let other = TestVendor { name: "other", ..TestVendor::new(2, start()) };
    enrol(&world, &other).await.unwrap();
    enrol(&world, &world.vendor).await.unwrap();
    world.apply(1, &[item("L", "cad", 1)]).await.unwrap();
    let before = world.standing().await;

    let again = enrol(&world, &world.vendor).await;
    assert_eq!(again, Ok(pb::EnrolInstanceResponse {}), "the same again is no change");
    let another_root = TestVendor { root: other.root.clone(), ..world.vendor.clone() };
    let another_id =
        TestVendor { server: leasehold_domain::InstanceId(uuid::Uuid::nil()), ..world.vendor.clone() };
    for vendor in [&other, &another_root, &another_id] {
        assert_eq!(reason(enrol(&world, vendor).await), "ALREADY_ENROLLED");
    }
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn what_names_no_vendor_is_refused() {
    let world = Site::new().await.start().await.unwrap();
    let good = world.vendor.enrolment();
    let weak = vec![0; 32];
    for (field, bad) in [
        ("vendor_id", pb::EnrolInstanceRequest { vendor_id: String::new(), ..good.clone() }),
        ("vendor_id", pb::EnrolInstanceRequest { vendor_id: "a\nb".to_owned(), ..good.clone() }),
        ("license_server_id", pb::EnrolInstanceRequest { license_server_id: "7".to_owned(), ..good.clone() }),
        ("root_key", pb::EnrolInstanceRequest { root_key: vec![1; 31], ..good.clone() }),
        ("root_key", pb::EnrolInstanceRequest { root_key: weak, ..good.clone() }),
    ] {
        let error = world.licensing.enrol(bad).await.unwrap_err();
        assert_eq!(error.fields[0].0, field, "{error:?}");
    }
    let unknown = pb::EnrolInstanceRequest { instance: "nobody".to_owned(), ..good };
    assert_eq!(reason(world.licensing.enrol(unknown).await), "UNKNOWN_INSTANCE");
    assert_eq!(world.standing().await.enrolment, None);
}
