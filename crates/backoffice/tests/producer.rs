//! What the vendor's staff does: products, customers, licence servers, entitlements, lists and the audit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::licensing::v1 as licensing;
use leasehold_proto::types::v1::PageRequest;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::ErrorReason;

use support::{HOUR, Server, VENDOR, World, item};

async fn create_product(world: &World, name: &str, features: &[&str]) -> Result<pb::Product, ApiError> {
    let product = pb::Product {
        name: name.to_owned(),
        features: features.iter().map(ToString::to_string).collect(),
        ..pb::Product::default()
    };
    let request = pb::CreateProductRequest { product: Some(product) };
    Ok(world.back_office.create_product("kim", request).await?.product.unwrap())
}

async fn create_customer(world: &World, name: &str, mail: &str) -> Result<pb::Customer, ApiError> {
    let customer = pb::Customer { name: name.to_owned(), mail: mail.to_owned(), created_at: None };
    let request = pb::CreateCustomerRequest { customer: Some(customer) };
    Ok(world.back_office.create_customer("kim", request).await?.customer.unwrap())
}

async fn create_server(
    world: &World,
    name: &str,
    customer: &str,
    within: Option<i64>,
) -> Result<pb::CreateLicenseServerResponse, ApiError> {
    let within = within.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
    let (name, customer) = (name.to_owned(), customer.to_owned());
    let request = pb::CreateLicenseServerRequest { name, customer, synchronize_within: within };
    world.back_office.create_license_server("kim", request).await
}

async fn create(
    world: &World,
    server: &Server,
    line_items: Vec<licensing::LineItem>,
) -> Result<pb::Entitlement, ApiError> {
    let request = pb::CreateEntitlementRequest { license_server_id: server.id(), line_items };
    Ok(world.back_office.create_entitlement("kim", request).await?.entitlement.unwrap())
}

async fn update(
    world: &World,
    id: &str,
    line_items: Vec<licensing::LineItem>,
) -> Result<pb::Entitlement, ApiError> {
    let request = pb::UpdateEntitlementRequest { entitlement_id: id.to_owned(), line_items };
    Ok(world.back_office.update_entitlement("kim", request).await?.entitlement.unwrap())
}

async fn delete(world: &World, id: &str) -> Result<(), ApiError> {
    let request = pb::DeleteEntitlementRequest { entitlement_id: id.to_owned() };
    world.back_office.delete_entitlement("kim", request).await.map(drop)
}

#[track_caller]
fn breaks<T>(outcome: Result<T, ApiError>, field: &str) {
    let Err(error) = outcome else { panic!("{field} was taken") };
    assert_eq!(error.reason, ErrorReason::InvalidField, "{error}");
    assert_eq!(error.fields[0].0, field, "{error}");
}

#[track_caller]
fn fails<T>(outcome: Result<T, ApiError>, reason: ErrorReason, says: &str) {
    let Err(error) = outcome else { panic!("it went well, and {says} was expected") };
    assert_eq!(error.reason, reason, "{error}");
    assert!(error.message.contains(says), "{says:?} is not in {error}");
}

#[tokio::test]
async fn products_and_customers_have_names_of_their_own() {
    let world = World::new().await;
    let product = create_product(&world, "Studio", &["cad", "cam"]).await.unwrap();
    assert_eq!((product.features.len(), product.created_at.is_some()), (2, true));
    fails(create_product(&world, "Studio", &[]).await, ErrorReason::AlreadyExists, "Studio");
    create_customer(&world, "Acme", "it@acme.example").await.unwrap();
    fails(create_customer(&world, "Acme", "").await, ErrorReason::AlreadyExists, "Acme");

    breaks(create_product(&world, "", &[]).await, "product.name");
    breaks(create_product(&world, "a\nb", &[]).await, "product.name");
    breaks(create_product(&world, "x", &["cad", "", "cam"]).await, "product.features[1]");
    breaks(create_product(&world, "x", &["cad", "cad"]).await, "product.features[1]");
    breaks(create_customer(&world, &"a".repeat(256), "").await, "customer.name");
    breaks(create_customer(&world, "x", "nowhere").await, "customer.mail");

    let request = pb::ListProductsRequest::default();
    assert_eq!(world.back_office.list_products(request).await.unwrap().products, [product]);
    let request = pb::ListCustomersRequest::default();
    assert_eq!(world.back_office.list_customers(request).await.unwrap().customers.len(), 1);
}

#[tokio::test]
async fn a_licence_server_is_given_what_it_needs_to_be_enrolled() {
    let world = World::new().await;
    create_customer(&world, "Acme", "").await.unwrap();
    let made = create_server(&world, "Berlin", "Acme", Some(3_600)).await.unwrap();
    let (server, enrolment) = (made.license_server.unwrap(), made.enrolment.unwrap());
    assert_eq!(server.synchronize_within.unwrap().seconds, 3_600);
    assert_eq!((server.signing_key_id.as_str(), server.bundle_sequence), ("", 0));
    let vendor = world.back_office.get_vendor().await.unwrap();
    assert_eq!(enrolment.vendor_root, world.root.verifying_key().to_string());
    assert_eq!((&enrolment.vendor_id, enrolment.vendor_name.as_str()), (&vendor.vendor_id, "Example Ltd"));
    assert_eq!((&enrolment.vendor_recipient, &enrolment.address), (&vendor.recipient, &vendor.address));
    assert_eq!(enrolment.address, "https://sync.example.com");
    assert_eq!(enrolment.contact, vendor.contact);
    assert_eq!(vendor.root_fingerprint, world.root.id().fingerprint().to_string());
    let id = enrolment.license_server_id.clone();
    let request = pb::GetLicenseServerRequest { license_server_id: id };
    let found = world.back_office.get_license_server(request).await.unwrap();
    assert_eq!((found.license_server, found.enrolment), (Some(server), Some(enrolment)));
    let greeting = world.back_office.greet().await.unwrap();
    assert_eq!((greeting.vendor_id.as_str(), greeting.vendor_name.as_str()), (VENDOR, "Example Ltd"));

    fails(create_server(&world, "Berlin", "Acme", None).await, ErrorReason::AlreadyExists, "Berlin");
    fails(create_server(&world, "Bonn", "Nobody", None).await, ErrorReason::NotFound, "Nobody");
    breaks(create_server(&world, "", "Acme", None).await, "name");
    breaks(create_server(&world, "x", "", None).await, "customer");
    for seconds in [0, 3_599, 366 * 86_400 + 1, -1] {
        breaks(create_server(&world, "x", "Acme", Some(seconds)).await, "synchronize_within");
    }
    create_server(&world, "far", "Acme", Some(366 * 86_400)).await.unwrap();
    for id in ["", "7"] {
        let request = pb::GetLicenseServerRequest { license_server_id: id.to_owned() };
        breaks(world.back_office.get_license_server(request).await, "license_server_id");
    }
    let unknown = "00000000-0000-0000-0000-000000000001";
    let request = pb::GetLicenseServerRequest { license_server_id: unknown.to_owned() };
    fails(world.back_office.get_license_server(request).await, ErrorReason::NotFound, unknown);
    let (license_server_id, reason) = (unknown.to_owned(), "why".to_owned());
    let request = pb::ClearServerKeysRequest { license_server_id, reason };
    fails(world.back_office.clear_server_keys("kim", request).await, ErrorReason::NotFound, unknown);
}

#[tokio::test]
async fn an_entitlement_changes_as_a_whole() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let made = create(&world, &server, vec![item("L1", "cad", 5), item("", "cam", 1)]).await.unwrap();
    assert_eq!((made.customer.as_str(), made.license_server_id.clone()), ("acme", server.id()));
    assert_eq!((made.revision, made.line_items[0].line_item_id.as_str()), (1, "L1"));
    let fresh = made.line_items[1].line_item_id.clone();
    assert_eq!(fresh.len(), 36, "it got an id");

    let id = made.entitlement_id.as_str();
    let changed = update(&world, id, vec![item("L1", "cad", 7)]).await.unwrap();
    assert_eq!((changed.revision, changed.created_at), (2, made.created_at));
    let bundle = server.synchronize(&world.back_office).await.unwrap();
    assert_eq!(bundle.line_items, [item("L1", "cad", 7)]);

    delete(&world, id).await.unwrap();
    assert_eq!(server.synchronize(&world.back_office).await.unwrap().line_items, []);
    fails(delete(&world, id).await, ErrorReason::NotFound, id);
    fails(update(&world, id, vec![]).await, ErrorReason::NotFound, id);
    breaks(delete(&world, "7").await, "entitlement_id");
    breaks(update(&world, "", vec![]).await, "entitlement_id");
    let actions: Vec<_> = world.audit(id).await.into_iter().map(|record| record.action).collect();
    assert_eq!(actions, ["entitlement.deleted", "entitlement.updated", "entitlement.created"]);
}

#[tokio::test]
async fn line_items_keep_their_rules() {
    let world = World::new().await;
    let server = world.enrol("acme").await;
    create_product(&world, "Studio", &["cad"]).await.unwrap();
    create_product(&world, "Anything", &[]).await.unwrap();
    let of = |product: &str, feature: &str| licensing::LineItem {
        product: product.to_owned(),
        ..item("", feature, 1)
    };
    for (broken, field) in [
        (licensing::LineItem { feature: String::new(), ..item("", "", 1) }, "feature"),
        (licensing::LineItem { version: "x".to_owned(), ..item("", "cad", 1) }, "version"),
        (licensing::LineItem { kind: None, ..item("", "cad", 1) }, "kind"),
        (item("", "cad", -1), "count"),
        (item("a\nb", "cad", 1), "line_item_id"),
        (of("Nothing", "cad"), "product"),
        (of("Studio", "cam"), "feature"),
    ] {
        let items = vec![item("good", "cad", 1), broken];
        breaks(create(&world, &server, items).await, &format!("line_items[1].{field}"));
    }
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let over = licensing::LineItem { starts_at: at(9), expires_at: at(9), ..item("", "cad", 1) };
    breaks(create(&world, &server, vec![over]).await, "line_items[0].expires_at");
    let twice = vec![item("a", "cad", 1), item("b", "cad", 1), item("a", "cam", 1)];
    breaks(create(&world, &server, twice).await, "line_items[2].line_item_id");
    breaks(create(&world, &server, vec![item("", "cad", 1); 10_001]).await, "line_items");
    create(&world, &server, vec![of("Studio", "cad"), of("Anything", "cam")]).await.unwrap();

    let first = create(&world, &server, vec![item("a", "cad", 1)]).await.unwrap();
    let second = create(&world, &server, vec![item("b", "cad", 1)]).await.unwrap();
    let taken = create(&world, &server, vec![item("a", "cam", 1)]).await;
    fails(taken, ErrorReason::AlreadyExists, &first.entitlement_id);
    let taken = update(&world, &second.entitlement_id, vec![item("a", "cam", 1)]).await;
    fails(taken, ErrorReason::AlreadyExists, "\"a\"");
    update(&world, &first.entitlement_id, vec![item("a", "cam", 2)]).await.unwrap();
    let other = world.enrol("other").await;
    create(&world, &other, vec![item("a", "cad", 1)]).await.unwrap();
}

#[tokio::test]
async fn line_items_are_no_finer_than_servers_keep_them() {
    let world = World::new().await;
    let server = world.enrol("acme").await;
    let at = |nanos| Some(prost_types::Timestamp { seconds: 1_900_000_000, nanos });
    let given = licensing::LineItem { expires_at: at(635_934_036), ..item("a", "cad", 1) };
    let made = create(&world, &server, vec![given.clone()]).await.unwrap();
    assert_eq!(made.line_items[0].expires_at, at(635_934_000));
    let changed = update(&world, &made.entitlement_id, vec![given]).await.unwrap();
    assert_eq!(changed.line_items[0].expires_at, at(635_934_000));
}

#[tokio::test]
async fn a_bundle_stays_small_enough_for_a_message() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let large = || licensing::LineItem {
        vendor_string: "x".repeat(4_000),
        notice: "y".repeat(4_000),
        ..item("", "cad", 1)
    };
    let first = create(&world, &server, vec![large(); 200]).await.unwrap();
    let too_much = create(&world, &server, vec![large(); 200]).await;
    fails(too_much, ErrorReason::LimitExceeded, "3145728");
    // What it replaces does not count.
    update(&world, &first.entitlement_id, vec![large(); 380]).await.unwrap();
    assert_eq!(server.synchronize(&world.back_office).await.unwrap().line_items.len(), 380);
}

#[tokio::test]
async fn lists_come_by_pages() {
    let world = World::new().await;
    let mut servers = Vec::new();
    for number in 0..5 {
        let server = world.enrol(&format!("c{number}")).await;
        world.entitle(&server, &[("cad", 1)]).await;
        servers.push(server);
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest { page_size: 2, page_token: token, ..PageRequest::default() };
        let request = pb::ListLicenseServersRequest { page: Some(page) };
        let answer = world.back_office.list_license_servers(request).await.unwrap();
        let info = answer.page.unwrap();
        assert_eq!(info.total, 5);
        seen.extend(answer.license_servers.into_iter().map(|server| server.customer));
        token = info.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4"]);

    let request = pb::ListEntitlementsRequest { license_server_id: servers[3].id(), page: None };
    let answer = world.back_office.list_entitlements(request).await.unwrap();
    assert_eq!((answer.entitlements.len(), answer.entitlements[0].customer.as_str()), (1, "c3"));
    let request = pb::ListEntitlementsRequest { license_server_id: "7".to_owned(), page: None };
    breaks(world.back_office.list_entitlements(request).await, "license_server_id");
    let page = Some(PageRequest { page_size: 501, ..PageRequest::default() });
    breaks(
        world.back_office.list_audit(pb::ListAuditRequest { subject: String::new(), page }).await,
        "page.page_size",
    );
}

#[tokio::test]
async fn every_change_is_in_the_audit_with_who_did_it() {
    let world = World::new().await;
    create_product(&world, "Studio", &[]).await.unwrap();
    let server = world.enrol("acme").await;
    world.clock.advance(HOUR);
    world.entitle(&server, &[("cad", 1)]).await;
    world.clear(&server, "why not").await.unwrap();
    let records = world.audit("").await;
    let actions: Vec<_> =
        records.iter().map(|record| (record.action.as_str(), record.actor.as_str())).collect();
    assert_eq!(
        actions,
        [
            ("license_server.keys_cleared", "kim"),
            ("entitlement.created", "kim"),
            ("license_server.created", "kim"),
            ("customer.created", "kim"),
            ("product.created", "kim"),
            ("vendor.set_up", "root"),
        ]
    );
    assert!(records[0].at.unwrap().seconds - records[2].at.unwrap().seconds == 3_600);
    assert!(records[1].detail.contains(&server.id()), "{}", records[1].detail);
    let fingerprint = world.root.id().fingerprint().to_string();
    assert!(records[5].detail.contains(&fingerprint), "{}", records[5].detail);
}
