//! Counts kept for somebody: how they are set aside, how far they are met, and what a change does to them.

use leasehold_domain::capability::{Outcome, Reason};
use leasehold_domain::reservation::{GroupError, Status, check_satisfied, check_unique};
use leasehold_domain::{Cell, Entry, Group, GroupId, LineItem, Reservation, Source, allocation};
use uuid::Uuid;

use crate::fixture::{at, entry, hostid, item, line_item_id, version};
use crate::site::{START, Site, hours, parts, reason};

fn cell(site: &Site, id: &str, entry: &Entry) -> (u64, u64) {
    let Cell { allocated, used } = site.item(id).cell(&Source::Reservation(entry.id));
    (allocated, used)
}

fn shared(site: &Site, id: &str) -> (u64, u64) {
    let Cell { allocated, used } = site.item(id).cell(&Source::Default);
    (allocated, used)
}

#[test]
fn the_oldest_entry_is_filled_first_out_of_the_lowest_sufficient_version() {
    let (old, young, picky) =
        (entry(1, "D", "f", "1.0", 4), entry(2, "E", "f", "1.0", 4), entry(3, "F", "f", "2.0", 4));
    let items = [item("L", "f", "1.0", 5), item("M", "f", "2.0", 5), item("too low", "f", "0.9", 5)];
    let site = Site::reserving(items, [picky.clone(), young.clone(), old.clone()]);
    assert_eq!((cell(&site, "L", &old), cell(&site, "M", &old)), ((4, 0), (0, 0)));
    assert_eq!((cell(&site, "L", &young), cell(&site, "M", &young)), ((1, 0), (3, 0)));
    assert_eq!(cell(&site, "M", &picky), (2, 0));
    assert_eq!((shared(&site, "L"), shared(&site, "M"), shared(&site, "too low")), ((0, 0), (0, 0), (5, 0)));
    assert_eq!(picky.status(site.items()), (Status::Unsatisfied(2), 0));
}

#[test]
fn line_items_that_do_not_serve_fill_nothing_until_they_do() {
    let kept = entry(1, "D", "f", "1.0", 2);
    let later = LineItem { starts_at: Some(at(START) + hours(5)), ..item("later", "f", "1.0", 2) };
    let ends = LineItem {
        expires_at: Some(at(START) + hours(5)),
        grace_after_expiry: hours(5),
        ..item("ends", "f", "2.0", 2)
    };
    let mut site = Site::reserving([later, ends], [kept.clone()]);
    let next = |site: &Site| allocation::next_boundary(site.items().map(|state| &state.item), site.now);
    assert_eq!((cell(&site, "later", &kept), cell(&site, "ends", &kept)), ((0, 0), (2, 0)));
    assert_eq!(next(&site), Some(at(START) + hours(5)));
    site.grant("D", "f", 2);
    site.pass(hours(5));
    site.reallocate(|_, _| {});
    assert_eq!((cell(&site, "later", &kept), cell(&site, "ends", &kept)), ((2, 0), (0, 2)));
    assert_eq!(next(&site), Some(at(START) + hours(10)));
    site.pass(hours(5));
    assert_eq!(next(&site), None);
}

#[test]
fn what_is_out_comes_to_an_entry_as_it_returns() {
    let mut site = Site::of([item("L", "f", "1.0", 5)]);
    let (three, one) = (site.grant("X", "f", 3), site.grant("Y", "f", 1));
    let kept = entry(1, "D", "f", "1.0", 3);
    site.reallocate(|_, entries| entries.push(kept.clone()));
    assert_eq!(kept.status(site.items()), (Status::Waiting(2), 0), "one was free and is set aside at once");
    assert_eq!(reason(&site.ask("Z", "f", 1)), Some(Reason::ReservedForOthers));
    site.grant("D", "f", 1);
    assert_eq!(kept.status(site.items()), (Status::Waiting(2), 1));
    assert_eq!(reason(&site.ask("Z", "f", 1)), Some(Reason::InsufficientCount));
    site.release(&one.reference()).unwrap();
    assert_eq!(kept.status(site.items()), (Status::Waiting(1), 1));
    assert_eq!(
        reason(&site.ask("Z", "f", 1)),
        Some(Reason::ReservedForOthers),
        "what returns goes to the entry"
    );
    let renewed = site.ask_with("X", ("f", "1.0", 3), |request| request.preview = true);
    assert_eq!(
        (renewed.outcome, renewed.count),
        (Outcome::Kept, 3),
        "what is reserved by now cannot be renewed"
    );
    site.release(&three.reference()).unwrap();
    assert_eq!(kept.status(site.items()), (Status::Satisfied, 1));
    assert_eq!(site.ask("Z", "f", 2).outcome, Outcome::Granted);
    assert_eq!(parts(&site.grant("D", "f", 3)), [("L", 3, true)]);
}

#[test]
fn lowering_a_count_takes_from_the_youngest_entry_and_from_nobody_who_holds() {
    let (old, young) = (entry(1, "D", "f", "1.0", 3), entry(2, "E", "f", "1.0", 3));
    let mut site = Site::reserving([item("L", "f", "1.0", 8)], [old.clone(), young.clone()]);
    site.grant("E", "f", 3);
    site.grant("X", "f", 2);
    site.recount("L", 4);
    assert_eq!((cell(&site, "L", &old), cell(&site, "L", &young)), ((3, 0), (1, 3)));
    assert_eq!((site.item("L").out(), site.item("L").overage(), site.item("L").headroom()), (5, 1, 0));
    assert_eq!(old.status(site.items()), (Status::Waiting(3), 0));
    assert_eq!(
        young.status(site.items()),
        (Status::Unsatisfied(2), 3),
        "not owned any more, though still out"
    );
    assert_eq!(reason(&site.ask("D", "f", 1)), Some(Reason::InsufficientCount));
    let held = site.held("X", "f").unwrap().reference();
    site.release(&held).unwrap();
    assert_eq!(site.item("L").headroom(), 1);
    assert_eq!(site.ask("X", "f", 1).outcome, Outcome::Refused, "what returns goes to the entries");
    assert_eq!(site.ask("D", "f", 1).outcome, Outcome::Granted);
    site.recount("L", 8);
    assert_eq!(young.status(site.items()), (Status::Satisfied, 3));
}

#[test]
fn deleting_an_entry_whose_counts_are_out_makes_them_shared_use() {
    let kept = entry(1, "D", "f", "1.0", 3);
    let mut site = Site::reserving([item("L", "f", "1.0", 5)], [kept.clone()]);
    let grant = site.grant("D", "f", 3);
    site.reallocate(|_, entries| entries.clear());
    assert_eq!(site.item("L").cells.keys().collect::<Vec<_>>(), [&Source::Default]);
    assert_eq!(shared(&site, "L"), (5, 3));
    assert_eq!(site.held("D", "f").map(parts), Some(vec![("L", 3, false)]), "the grant stays");
    assert_eq!(site.ask("X", "f", 3).outcome, Outcome::Refused);
    site.release(&grant.reference()).unwrap();
    assert_eq!(shared(&site, "L"), (5, 0));
    assert_eq!(site.ask("X", "f", 5).outcome, Outcome::Granted);
}

#[test]
fn an_entry_made_smaller_than_its_use_does_not_eat_into_another() {
    let (kept, shrunk) = (entry(1, "D", "f", "1.0", 3), entry(2, "E", "f", "1.0", 3));
    let mut site = Site::reserving([item("L", "f", "1.0", 10)], [kept.clone(), shrunk.clone()]);
    site.grant("E", "f", 3);
    site.reallocate(|_, entries| entries[1].count = 1);
    assert_eq!(cell(&site, "L", &shrunk), (1, 3));
    assert_eq!(site.item("L").plain_free(&Source::Default), 4, "10 less 3 out less 3 kept");
    let outcome = site.ask_with("X", ("f", "1.0", 9), |request| request.partial = true);
    assert_eq!((outcome.count, reason(&outcome)), (4, Some(Reason::InsufficientCount)));
    assert_eq!(parts(&site.grant("D", "f", 3)), [("L", 3, true)]);
}

#[test]
fn a_newer_line_item_that_takes_an_entry_over_leaves_the_others_whole() {
    let (first, second) = (entry(1, "D", "f", "1.0", 3), entry(2, "E", "f", "1.0", 3));
    let later = LineItem { starts_at: Some(at(START) + hours(1)), ..item("A", "f", "1.0", 3) };
    let mut site = Site::reserving([later, item("L", "f", "2.0", 10)], [first.clone(), second.clone()]);
    site.grant("D", "f", 3);
    site.pass(hours(1));
    site.reallocate(|_, _| {});
    assert_eq!((cell(&site, "A", &first), cell(&site, "L", &first)), ((3, 0), (0, 3)));
    assert_eq!(cell(&site, "L", &second), (3, 0));
    assert_eq!(first.status(site.items()), (Status::Satisfied, 3));
    let outcome = site.ask_with("X", ("f", "1.0", 99), |request| request.partial = true);
    assert_eq!(outcome.count, 4);
    assert_eq!(parts(&site.grant("E", "f", 3)), [("L", 3, true)]);
    let more = site.ask_with("D", ("f", "1.0", 1), |request| request.incremental = true);
    assert_eq!(more.outcome, Outcome::Kept, "an entry never gives more than it keeps");
}

fn group(number: u128, name: &str, reservations: &[&Entry]) -> Group {
    let one = |entry: &&Entry| Reservation { hostid: entry.hostid.clone(), entries: vec![(*entry).clone()] };
    let id = GroupId(Uuid::from_u128(number));
    Group { id, name: name.to_owned(), reservations: reservations.iter().map(one).collect(), revision: 1 }
}

#[test]
fn a_name_and_a_hostid_occur_once_in_an_instance() {
    let card = entry(1, "00:11:22:33:44:55/ETHERNET", "f", "1.0", 1);
    let same_card = entry(2, "001122334455/ETHERNET", "g", "1.0", 1);
    let other = entry(3, "001122334455", "g", "1.0", 1);
    let others = [group(1, "first", &[&card])];
    let taken = |group: &str| {
        Err(GroupError::HostIdTaken { hostid: hostid("001122334455/ETHERNET"), group: group.to_owned() })
    };
    assert_eq!(check_unique(&group(2, "second", &[&other]), &others), Ok(()));
    assert_eq!(check_unique(&group(2, "second", &[&other, &same_card]), &others), taken("first"));
    assert_eq!(check_unique(&group(2, "second", &[&card, &same_card]), &[]), taken("second"));
    assert_eq!(
        check_unique(&group(2, "first", &[]), &others),
        Err(GroupError::NameTaken("first".to_owned()))
    );
    assert_eq!(check_unique(&group(1, "first", &[&same_card]), &others), Ok(()), "the group itself, changed");
}

#[test]
fn a_group_that_the_owned_counts_cannot_meet_is_told_with_the_numbers() {
    let (old, young) = (entry(1, "D", "f", "1.0", 4), entry(2, "E", "f", "1.5", 4));
    let site = Site::reserving([item("L", "f", "2.0", 6)], [old.clone(), young.clone()]);
    assert_eq!(check_satisfied(&group(1, "g", &[&old]), site.estate.items()), Ok(()));
    let refused = check_satisfied(&group(1, "g", &[&old, &young]), site.estate.items());
    let expected = GroupError::Unsatisfied {
        hostid: hostid("E"),
        feature: young.feature.clone(),
        version: version("1.5"),
        wanted: 4,
        available: 2,
    };
    assert_eq!(refused, Err(expected));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("4 of f 1.5") && text.contains('2'), "{text}");
    assert!(site.estate.item(&line_item_id("L")).is_some());
}

#[test]
fn counts_that_are_out_with_others_are_owned_all_the_same() {
    let mut site = Site::of([item("L", "f", "1.0", 5)]);
    site.grant("X", "f", 5);
    let kept = entry(1, "D", "f", "1.0", 5);
    site.reallocate(|_, entries| entries.push(kept.clone()));
    assert_eq!(check_satisfied(&group(1, "g", &[&kept]), site.estate.items()), Ok(()));
    assert_eq!(kept.status(site.items()), (Status::Waiting(5), 0));
}
