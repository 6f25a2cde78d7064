//! Check-ins, tickets, and what clients report.

use leasehold_artifacts::Digest;
use leasehold_proto::types::v1::PageRequest;
use leasehold_proto::updates::v1 as pb;
use tonic::Response;

use crate::repository::definition;
use crate::world::{CLIENT, Process, World, question, reason};

/// Makes a question wrong.
type Change = fn(&mut pb::CheckInRequest);

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licensed_client_gets_a_signed_assignment_and_reports_what_came_of_it() {
    let world = World::new().await;
    let path = world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let answer = process.check_in("cad", ("1.0", b"one")).await.unwrap();
    let said = world.opened(&answer);
    assert_eq!((said.client_id.as_str(), said.nonce.as_slice()), (CLIENT.to_string().as_str(), &[9; 16][..]));
    assert_eq!(said.hostid.unwrap().value, "f00");
    assert_eq!((said.delivery, said.next_check_in_after.unwrap().seconds), (2, 4 * 3_600));
    let [assigned] = said.assignments.as_slice() else { panic!("{:?}", said.assignments) };
    assert_eq!(
        (assigned.target.as_str(), assigned.version.as_str(), assigned.length),
        (path.as_str(), "2.0", 3)
    );
    assert_eq!(assigned.sha256, Digest::of(b"two").as_bytes());
    let again = world.opened(&process.check_in("cad", ("1.0", b"one")).await.unwrap());
    assert_eq!(again.assignments[0].assignment_id, assigned.assignment_id);

    report(&process, &answer.ticket, &[(1, 2), (2, 7)]).await;
    let up_to_date = process.check_in("cad", ("2.0", b"two")).await.unwrap();
    assert!(world.opened(&up_to_date).assignments.is_empty());
    let products =
        process.admin().list_products(pb::ListProductsRequest::default()).await.unwrap().into_inner();
    let [product] = products.products.as_slice() else { panic!("{products:?}") };
    assert_eq!((product.newest_version.as_str(), product.clients, product.current_clients), ("2.0", 1, 1));
    let clients = process.admin().list_clients(pb::ListClientsRequest::default()).await.unwrap().into_inner();
    assert_eq!(clients.clients[0].alias, "workbench");
    assert!(clients.clients[0].products[0].released_at.is_some());

    world.vendor.withdraw(&path, world.now());
    process.sync().await.unwrap();
    let said = world.opened(&process.check_in("cad", ("2.0", b"two")).await.unwrap());
    assert_eq!(
        (said.withdrawn[0].target.as_str(), said.withdrawn[0].reason.as_str()),
        (path.as_str(), "it was wrong")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_looked_for_by_what_can_be_no_product() {
    let process = World::new().await.start().await;
    for product in ["a\0b".to_owned(), "x".repeat(256)] {
        let asked = pb::ListClientsRequest { product: product.clone(), ..Default::default() };
        assert_eq!(reason(process.admin().list_clients(asked).await), "INVALID_FIELD");
        let asked = pb::ListReleasesRequest { product, ..Default::default() };
        assert_eq!(reason(process.admin().list_releases(asked).await), "INVALID_FIELD");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_licence_is_refused() {
    let world = World::new().await;
    let mut for_pro = definition("cad", "2.0");
    for_pro.features = vec!["pro".to_owned()];
    world.vendor.release(for_pro, b"two", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    // It holds another feature than this release is for.
    assert_eq!(reason(process.check_in("cad", ("1.0", b"one")).await), "NOT_LICENSED");
    world.vendor.release(definition("cad", "1.5"), b"and a half", world.now());
    process.sync().await.unwrap();
    let said = world.opened(&process.check_in("cad", ("1.0", b"one")).await.unwrap());
    assert_eq!(said.assignments[0].version, "1.5", "what is for others is passed over");

    let mut two = question("cad", ("1.0", b"one"));
    two.products.push(pb::InstalledProduct { product: "other".to_owned(), ..Default::default() });
    let said = process.client().check_in(two).await.unwrap().into_inner();
    assert_eq!(world.opened(&said).unlicensed, ["other"]);

    let mut stranger = question("cad", ("1.0", b"one"));
    stranger.hostid.as_mut().unwrap().value = "bad".to_owned();
    assert_eq!(reason(process.client().check_in(stranger).await), "NOT_LICENSED");
    *world.peers.away.lock().unwrap() = true;
    assert_eq!(reason(process.check_in("cad", ("1.0", b"one")).await), "STORE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_a_rule_is_refused_by_its_field() {
    let world = World::new().await;
    let process = world.start().await;
    let wrong: [(&str, Change); 6] = [
        ("client_id", |it| it.client_id = "me".to_owned()),
        ("hostid", |it| it.hostid = None),
        ("nonce", |it| it.nonce.clear()),
        ("products", |it| it.products.clear()),
        ("products[1].product", |it| it.products.push(it.products[0].clone())),
        ("products[0].sha256", |it| it.products[0].sha256 = vec![1]),
    ];
    for (field, change) in wrong {
        let mut message = question("cad", ("1.0", b"one"));
        change(&mut message);
        let refused = process.client().check_in(message).await.unwrap_err();
        assert!(refused.message().starts_with(field), "{field}: {refused:?}");
    }
    let unknown = pb::CheckInRequest { instance: "nowhere".to_owned(), ..question("cad", ("", b"")) };
    assert_eq!(reason(process.client().check_in(unknown).await), "UNKNOWN_INSTANCE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_kept_in_order_and_once_each() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let ticket = process.check_in("cad", ("1.0", b"one")).await.unwrap().ticket;
    assert_eq!(report(&process, &ticket, &[(1, 1), (2, 2)]).await, 2);
    // The answer was lost, and more has happened.
    assert_eq!(report(&process, &ticket, &[(1, 1), (2, 2), (3, 3)]).await, 3);
    assert_eq!(report(&process, &ticket, &[(2, 9)]).await, 3);
    let page = Some(PageRequest::default());
    let request = pb::GetClientRequest { client_id: CLIENT.to_string(), page, ..Default::default() };
    let told = process.admin().get_client(request).await.unwrap().into_inner();
    let kept: Vec<_> = told.events.iter().map(|kept| kept.event.as_ref().unwrap()).collect();
    let kept: Vec<_> = kept.iter().map(|event| (event.sequence, event.state)).collect();
    assert_eq!(kept, [(3, 3), (2, 2), (1, 1)]);
    assert_eq!(told.client.unwrap().products[0].state, 3);

    let out_of_order = events(&ticket, &[(5, 1), (4, 1)]);
    assert_eq!(reason(process.client().report_events(out_of_order).await), "INVALID_FIELD");
    let nameless = events(&ticket, &[(6, 0)]);
    assert_eq!(reason(process.client().report_events(nameless).await), "INVALID_FIELD");
    // A ticket that is over still says whose events they are.
    world.clock.advance(DAY * 30);
    assert_eq!(report(&process, &ticket, &[(7, 7)]).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_ticket_of_a_check_in_opens_what_it_is_for_and_not_for_ever() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let ticket = process.check_in("cad", ("1.0", b"one")).await.unwrap().ticket;
    let file = |ticket: &[u8]| {
        let (ticket, name) = (ticket.to_vec(), "timestamp.json".to_owned());
        pb::GetTufFileRequest { instance: String::new(), ticket, name }
    };
    let found = process.client().get_tuf_file(file(&ticket)).await.map(Response::into_inner).unwrap();
    assert!(found.found && found.content.starts_with(b"{"));
    let mut forged = ticket.clone();
    *forged.last_mut().unwrap() ^= 1;
    for wrong in [&b""[..], b"ticket", &forged] {
        assert_eq!(reason(process.client().get_tuf_file(file(wrong)).await), "UNAUTHENTICATED");
    }
    world.clock.advance(DAY * 2);
    assert_eq!(reason(process.client().get_tuf_file(file(&ticket)).await), "UNAUTHENTICATED");
}

async fn report(process: &Process, ticket: &[u8], told: &[(u64, i32)]) -> u64 {
    process.client().report_events(events(ticket, told)).await.unwrap().into_inner().acknowledged
}

fn events(ticket: &[u8], told: &[(u64, i32)]) -> pb::ReportEventsRequest {
    let event = |(sequence, state): &(u64, i32)| pb::UpdateEvent {
        sequence: *sequence,
        at: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
        product: "cad".to_owned(),
        version: "2.0".to_owned(),
        state: *state,
        ..Default::default()
    };
    let events = told.iter().map(event).collect();
    pb::ReportEventsRequest { instance: String::new(), ticket: ticket.to_vec(), events }
}
