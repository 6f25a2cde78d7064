//! Who holds, what stays and what goes back.

use leasehold_domain::capability::Outcome;
use leasehold_domain::holder::Place;
use leasehold_domain::{Answer, CapabilityRequest, FencingToken, Grant};

use crate::fixture::{entry, hostid, item, name};
use crate::site::{Site, hours, parts};

fn slot(name: &str) -> Place {
    Place::Slot(name.to_owned())
}

fn told(answer: &Answer) -> Vec<(&str, Outcome, u64)> {
    answer.outcomes.iter().map(|outcome| (outcome.feature.as_str(), outcome.outcome, outcome.count)).collect()
}

#[test]
fn every_place_on_a_device_holds_its_own_and_draws_on_the_devices_reservation() {
    let mut site = Site::reserving([item("L", "f", "1.0", 5)], [entry(1, "D", "f", "1.0", 3)]);
    let mut ask = |place: Place, count| {
        let outcome = site.ask_with("D", ("f", "1.0", count), |request| request.place = place);
        outcome.grant.unwrap()
    };
    let device = ask(Place::Device, 1);
    let first = ask(Place::Instance("i1".to_owned()), 1);
    let second = ask(slot("s1"), 2);
    assert_eq!(parts(&device), [("L", 1, true)]);
    assert_eq!(parts(&first), [("L", 1, true)]);
    assert_eq!(parts(&second), [("L", 1, true), ("L", 1, false)]);
    assert_eq!([device.id, first.id, second.id].iter().collect::<std::collections::BTreeSet<_>>().len(), 3);

    let again = ask(slot("s1"), 1);
    assert_eq!(
        (again.id, again.fencing_token),
        (second.id, FencingToken(2)),
        "a slot takes over from itself"
    );
    assert_eq!(site.item("L").out(), 3);
    let mut nothing = site.request("D", &[]);
    nothing.place = slot("s1");
    site.decide(&nothing).unwrap();
    assert_eq!(site.held("D", "f").map(Grant::count), Some(1), "the others keep theirs");
}

#[test]
fn a_slot_wins_over_a_client_instance() {
    assert_eq!(Place::of("s", "i"), slot("s"));
    assert_eq!(Place::of("", "i"), Place::Instance("i".to_owned()));
    assert_eq!(Place::of("", ""), Place::Device);
    for place in [Place::Device, slot("s"), slot("client:x"), Place::Instance("slot:y".to_owned())] {
        assert_eq!(Place::from_text(&place.to_string()), Some(place));
    }
    assert_eq!(Place::from_text("s"), None);
}

#[test]
fn what_is_not_named_is_returned_and_told() {
    let items = [item("L", "a", "1.0", 2), item("M", "b", "1.0", 2), item("N", "c", "1.0", 2)];
    let mut site = Site::of(items);
    let all = site.request("D", &[("a", "1.0", 1), ("b", "1.0", 1), ("c", "1.0", 1)]);
    site.decide(&all).unwrap();
    let some = site.request("D", &[("b", "1.0", 2)]);
    let answer = site.decide(&some).unwrap();
    assert_eq!(answer.returned, [name("a"), name("c")]);
    assert_eq!((site.item("L").out(), site.item("M").out(), site.item("N").out()), (0, 2, 0));
    let mut more = site.request("D", &[("a", "1.0", 1)]);
    more.incremental = true;
    assert_eq!(site.decide(&more).unwrap().returned, []);
    assert_eq!((site.item("L").out(), site.item("M").out()), (1, 2));
}

#[test]
fn one_feature_refused_does_not_touch_the_others() {
    let mut site = Site::of([item("L", "a", "1.0", 2), item("M", "b", "1.0", 2)]);
    let first = site.request("D", &[("a", "1.0", 1), ("b", "1.0", 1)]);
    site.decide(&first).unwrap();
    let mut second = site.request("D", &[("a", "1.0", 3), ("x", "1.0", 1), ("b", "1.0", 2)]);
    let answer = site.decide(&second).unwrap();
    let kept = [("a", Outcome::Kept, 1), ("x", Outcome::Refused, 0), ("b", Outcome::Granted, 2)];
    assert_eq!(told(&answer), kept);
    second.keep_on_refusal = false;
    let answer = site.decide(&second).unwrap();
    let refused = [("a", Outcome::Refused, 0), ("x", Outcome::Refused, 0), ("b", Outcome::Granted, 2)];
    assert_eq!(told(&answer), refused);
    assert_eq!(answer.returned, [], "a refused feature is told as refused");
    assert_eq!((site.held("D", "a"), site.item("L").out()), (None, 0));
}

#[test]
fn an_incremental_refusal_never_takes_back() {
    for (keep, outcome, count) in [(true, Outcome::Kept, 2), (false, Outcome::Refused, 0)] {
        let mut site = Site::of([item("L", "f", "1.0", 3)]);
        let grant = site.grant("D", "f", 2);
        let refused = site.ask_with("D", ("f", "1.0", 2), |request| {
            (request.incremental, request.keep_on_refusal) = (true, keep);
        });
        assert_eq!((refused.outcome, refused.count), (outcome, count));
        assert_eq!(refused.grant.as_ref(), Some(&grant), "the grant and its tokens are as they were");
        let partial = site.ask_with("D", ("f", "1.0", 2), |request| {
            (request.incremental, request.partial) = (true, true);
        });
        assert_eq!(
            (partial.outcome, partial.count, partial.grant.unwrap().count()),
            (Outcome::Partial, 1, 3)
        );
    }
}

#[test]
fn without_names_everything_reserved_is_drawn_in_the_order_of_the_entries() {
    let items = [
        item("A", "a", "1.0", 9),
        item("B", "b", "1.0", 2),
        item("C", "c", "1.0", 1),
        item("D", "d", "1.0", 9),
    ];
    let entries = [
        entry(1, "U/USER", "d", "1.0", 1),
        entry(2, "U/USER", "a", "1.0", 2),
        entry(3, "D", "b", "1.0", 5),
        entry(4, "D", "c", "1.0", 1),
        entry(5, "D", "a", "1.0", 1),
    ];
    let mut site = Site::reserving(items, entries);
    site.reallocate(|_, _| {});
    let unasked = |site: &mut Site, spoil: fn(&mut CapabilityRequest)| {
        let mut request = site.request("D", &[]);
        request.user = Some(hostid("U/USER"));
        spoil(&mut request);
        site.decide(&request).unwrap()
    };
    let other = site.ask_with("E", ("d", "1.0", 9), |request| request.partial = true);
    assert_eq!(other.count, 8, "one is kept for the user");
    let device_first = [
        ("b", Outcome::Granted, 2),
        ("c", Outcome::Granted, 1),
        ("a", Outcome::Granted, 3),
        ("d", Outcome::Granted, 1),
    ];
    assert_eq!(told(&unasked(&mut site, |_| {})), device_first);
    assert_eq!(told(&unasked(&mut site, |_| {})), device_first, "what is held is drawn again");
    assert_eq!(told(&unasked(&mut site, |request| request.incremental = true)), [], "there is no more");
    let alone = unasked(&mut site, |request| request.user = None);
    assert_eq!(
        told(&alone),
        [("b", Outcome::Granted, 2), ("c", Outcome::Granted, 1), ("a", Outcome::Granted, 1)]
    );
    assert_eq!(alone.returned, [name("d")]);
}

#[test]
fn a_reserved_feature_of_which_nothing_can_be_had_is_returned_and_told() {
    let ends = crate::fixture::at(crate::site::START) + hours(2);
    let limited = leasehold_domain::LineItem { expires_at: Some(ends), ..item("L", "f", "1.0", 3) };
    let mut site = Site::reserving([limited, item("M", "f", "2.0", 3)], [entry(1, "D", "f", "1.0", 3)]);
    let held = site.ask_with("D", ("f", "2.0", 2), |_| {}).grant.unwrap();
    assert_eq!(parts(&held), [("M", 2, false)]);
    site.pass(hours(2));
    let nothing = site.request("D", &[]);
    let answer = site.decide(&nothing).unwrap();
    assert_eq!(told(&answer), []);
    assert_eq!(answer.returned, [name("f")]);
    assert_eq!((site.held("D", "f"), site.item("M").out()), (None, 0));
}
