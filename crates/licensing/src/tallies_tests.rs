use std::collections::BTreeMap;

use leasehold_domain::GrantId;
use uuid::Uuid;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn record(kind: ActivityKind, device: &str, feature: &str, detail: &str, seconds: i64) -> Activity {
    let grant = (kind != ActivityKind::Refused).then_some(GrantId(Uuid::from_u128(7)));
    Activity {
        id: Uuid::from_u128(1),
        at: at(seconds),
        kind,
        hostid: Some(device.parse().unwrap()),
        place: String::new(),
        feature: feature.to_owned(),
        grant,
        deltas: BTreeMap::new(),
        detail: detail.to_owned(),
        request: None,
        actor: "client".to_owned(),
    }
}

fn name(feature: &str) -> FeatureName {
    FeatureName::new(feature).unwrap()
}

fn used(feature: &str, used: u64) -> Use {
    Use { feature: name(feature), used, owned: Some(9) }
}

/// The refusals by the minute, in order.
fn denials(tallies: &Tallies) -> Vec<(String, String, u64)> {
    let minutes = tallies.denials.iter().filter(|tally| tally.step == Step::Minute);
    let mut found: Vec<_> =
        minutes.map(|tally| (tally.feature.to_string(), tally.reason.clone(), tally.count)).collect();
    found.sort();
    found
}

/// Who held what, in order, with the seconds.
fn held(tallies: &Tallies) -> Vec<(String, String, i64)> {
    let one = |held: &Held| {
        let seconds = held.at.duration_since(at(0)).as_secs();
        (held.device.to_string(), held.feature.to_string(), seconds)
    };
    let mut found: Vec<_> = tallies.held.iter().map(one).collect();
    found.sort();
    found
}

#[test]
fn refusals_add_up_by_feature_reason_and_period() {
    let tallying = Tallying::new(false);
    let refused = |feature, reason, seconds| record(ActivityKind::Refused, "d1", feature, reason, seconds);
    tallying.note(&[
        refused("cad", "EXPIRED", 0),
        refused("cad", "EXPIRED", 1),
        refused("cam", "EXPIRED", 1),
    ]);
    tallying
        .note(&[refused("cad", "INSUFFICIENT_COUNT", 2), record(ActivityKind::Granted, "d1", "cad", "", 2)]);
    let tallies = tallying.take(at(3));
    let text = |feature: &str, reason: &str, count| (feature.to_owned(), reason.to_owned(), count);
    let expected =
        [text("cad", "EXPIRED", 2), text("cad", "INSUFFICIENT_COUNT", 1), text("cam", "EXPIRED", 1)];
    assert_eq!(denials(&tallies), expected);
    assert_eq!(tallies.denials.iter().filter(|tally| tally.step == Step::Hour).count(), 3);
    assert!(tallies.denials.iter().all(|tally| tally.at == tally.step.start(at(0))));
    assert!(tallies.held.is_empty(), "nobody wants to know");
    assert!(tallying.take(at(3)).is_empty(), "what was taken is gone");
}

#[test]
fn use_is_averaged_and_its_peak_kept() {
    let tallying = Tallying::new(false);
    for (count, seconds) in [(3, 0), (8, 5), (1, 10)] {
        tallying.look(&[used("cad", count), used("cam", 0)], at(seconds));
    }
    let tallies = tallying.take(at(10));
    assert_eq!(tallies.usage.len(), 4, "two features by the minute and by the hour");
    let hour = tallies.usage.iter().find(|tally| tally.feature == name("cad") && tally.step == Step::Hour);
    let hour = hour.unwrap();
    assert_eq!((hour.samples, hour.total, hour.peak, hour.owned), (3, 12, 8, Some(9)));
}

#[test]
fn that_somebody_holds_something_is_noted_now_and_then() {
    let tallying = Tallying::new(true);
    let kinds = [ActivityKind::Granted, ActivityKind::Returned, ActivityKind::Expired, ActivityKind::Dropped];
    for (seconds, kind) in kinds.into_iter().enumerate() {
        tallying.note(&[record(kind, "d1", "cad", "", seconds.try_into().unwrap())]);
    }
    tallying.note(&[record(ActivityKind::Ended, "d2", "cad", "", 4)]);
    tallying.note(&[record(ActivityKind::Refused, "d3", "cad", "EXPIRED", 5)]);
    let text = |device: &str, seconds| (format!("{device}/STRING"), "cad".to_owned(), seconds);
    assert_eq!(tallying.held_by(&"d1".parse().unwrap()).len(), 1);
    assert_eq!(held(&tallying.take(at(6))), [text("d1", 0), text("d2", 4)]);
    let nearly = NOTED_EVERY.as_secs() - 1;
    tallying.note(&[record(ActivityKind::Returned, "d1", "cad", "", nearly)]);
    assert_eq!(held(&tallying.take(at(nearly))), []);
    tallying.note(&[record(ActivityKind::Returned, "d1", "cad", "", nearly + 1)]);
    assert_eq!(held(&tallying.take(at(nearly + 1))), [text("d1", nearly + 1)]);
}

#[test]
fn what_could_not_be_written_is_added_to_what_came_meanwhile() {
    let tallying = Tallying::new(true);
    let refused = record(ActivityKind::Refused, "d1", "cad", "EXPIRED", 0);
    tallying.note(std::slice::from_ref(&refused));
    tallying.look(&[used("cad", 5)], at(0));
    tallying.note(&[record(ActivityKind::Granted, "d1", "cad", "", 0)]);
    let lost = tallying.take(at(0));
    tallying.note(std::slice::from_ref(&refused));
    tallying.look(&[Use { owned: None, ..used("cad", 3) }], at(1));
    tallying.give_back(lost);
    let tallies = tallying.take(at(1));
    assert_eq!(denials(&tallies), [("cad".to_owned(), "EXPIRED".to_owned(), 2)]);
    let minute = tallies.usage.iter().find(|tally| tally.step == Step::Minute).unwrap();
    assert_eq!(
        (minute.samples, minute.total, minute.peak, minute.owned),
        (2, 8, 5, None),
        "the last word stays"
    );
    assert_eq!(held(&tallies).len(), 1);
}

#[test]
fn no_more_waits_than_there_is_room_for() {
    let tallying = Tallying::new(true);
    for number in 0..MAX_WAITING + 10 {
        tallying.note(&[record(ActivityKind::Granted, &format!("d{number}"), "cad", "", 0)]);
    }
    tallying.look(&[used("cad", 1)], at(0));
    let tallies = tallying.take(at(0));
    assert_eq!((tallies.held.len(), tallies.usage.len()), (MAX_WAITING, 0));
}
