use std::collections::BTreeMap;

use leasehold_domain::InstanceId;
use uuid::Uuid;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(feature: &str, place: u32) -> Key {
    Key {
        server: "licences:16770".to_owned(),
        instance: String::new(),
        feature: feature.to_owned(),
        device: "D1/STRING".to_owned(),
        user: None,
        holder: Holder::Client { id: "c".to_owned(), place },
        selectors: BTreeMap::new(),
    }
}

fn grant(fencing_token: u64) -> pb::GrantRef {
    pb::GrantRef { grant_id: "g".to_owned(), fencing_token, lease_token: vec![7; 16] }
}

/// An answer of this second, of no use any more 100 s later.
fn news(second: i64, key: Key) -> News {
    let signed = pb::SignedAnswer { envelope: second.to_string().into_bytes(), ..Default::default() };
    let (sent, over) = (at(second), at(second + 100));
    let change = Change::Keep { key, signed, sent, over, grant: grant(1) };
    let known = Known { server: InstanceId(Uuid::from_u128(7)), number: 1, addresses: vec!["a".to_owned()] };
    News { called: "licences:16770".to_owned(), server_time: at(second), known, now: at(second), change }
}

fn taken(directory: &tempfile::TempDir) -> Option<Answers> {
    Answers::open(directory.path(), Arc::new(Identity::fresh())).unwrap()
}

fn open(directory: &tempfile::TempDir) -> Answers {
    taken(directory).expect("nobody else has it")
}

fn envelope(answers: &Answers, key: &Key) -> Option<String> {
    let found = answers.find(key).unwrap()?;
    Some(String::from_utf8(found.kept.signed.envelope).unwrap())
}

fn files(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path()).unwrap().count() - ["index.json", "lock"].len()
}

#[test]
fn what_is_kept_outlives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let (solver, mesher) = (key("solver", 0), key("mesher", 1));
    let answers = open(&directory);
    answers.learn(news(1_000, solver.clone())).unwrap();
    answers.learn(news(1_010, mesher.clone())).unwrap();
    answers.learn(news(1_020, solver.clone())).unwrap();
    assert!(taken(&directory).is_none(), "one process has it at a time");
    drop(answers);
    let answers = open(&directory);
    assert_eq!(envelope(&answers, &solver).as_deref(), Some("1020"));
    assert_eq!(envelope(&answers, &mesher).as_deref(), Some("1010"));
    assert_eq!((envelope(&answers, &key("solver", 1)), files(&directory)), (None, 2));
    let found = answers.find(&solver).unwrap().unwrap();
    assert_eq!((found.kept.sent, found.kept.newest, found.shown), (at(1_020), at(1_020), at(1_020)));
    assert_eq!(answers.seen().newest(InstanceId(Uuid::from_u128(7))), Some(at(1_020)));
    let occupied = answers.occupied(&key("solver", 9), "c");
    assert_eq!(occupied, Occupied { by_the_same: [0].into(), by_others: [1].into() });
    assert_eq!(answers.occupied(&solver, "another"), Occupied::default());
}

#[test]
fn what_is_over_or_given_up_goes() {
    let directory = tempfile::tempdir().unwrap();
    let answers = open(&directory);
    let keys = [key("a", 0), key("b", 1), key("c", 2)];
    for key in &keys {
        answers.learn(news(1_000, key.clone())).unwrap();
    }
    let held = |key: &Key, token| Held { key: key.clone(), grant: grant(token) };
    answers.forget(&[held(&keys[0], 0)]).unwrap();
    assert!(envelope(&answers, &keys[0]).is_some(), "a newer request's");
    answers.forget(&[held(&keys[0], 1), held(&key("d", 3), 1)]).unwrap();
    assert!(envelope(&answers, &keys[0]).is_none());
    answers.learn(News { change: Change::Forget(keys[1].clone()), ..news(1_001, keys[1].clone()) }).unwrap();
    assert_eq!((envelope(&answers, &keys[1]), files(&directory)), (None, 1));
    answers.learn(News { change: Change::Stay, ..news(1_100, keys[2].clone()) }).unwrap();
    assert!(envelope(&answers, &keys[2]).is_some());
    answers.learn(News { change: Change::Stay, ..news(1_101, keys[2].clone()) }).unwrap();
    assert_eq!((envelope(&answers, &keys[2]), files(&directory)), (None, 0));
}

#[test]
fn times_and_addresses_only_grow() {
    let directory = tempfile::tempdir().unwrap();
    let answers = open(&directory);
    let said = |number, address: &str| {
        let mut news = News { change: Change::Stay, ..news(1_000, key("a", 0)) };
        news.known.number = number;
        news.known.addresses = vec![address.to_owned()];
        answers.learn(news).unwrap();
        answers.addresses("licences:16770").unwrap().addresses.remove(0)
    };
    assert_eq!([said(2, "b"), said(1, "a"), said(2, "x"), said(3, "c")], ["b", "b", "b", "c"]);
    assert_eq!(answers.addresses("elsewhere"), None);
    answers.learn(News { change: Change::Stay, ..news(900, key("a", 0)) }).unwrap();
    assert_eq!(answers.seen().newest(InstanceId(Uuid::from_u128(7))), Some(at(1_000)));
    let shown = || {
        answers.learn(news(2_000, key("a", 0))).unwrap();
        answers.pass(at(2_500)).unwrap();
        answers.pass(at(2_400)).unwrap();
        answers.find(&key("a", 0)).unwrap().unwrap().shown
    };
    assert_eq!(shown(), at(2_500));
    answers.learn(news(2_450, key("a", 0))).unwrap();
    let after = answers.find(&key("a", 0)).unwrap().unwrap().shown;
    assert_eq!(after, at(2_450), "a server that is believed sets the clock right");
}

#[test]
fn an_index_that_cannot_be_used_begins_anew() {
    for text in
        ["", "no JSON", "{\"format\":2,\"clock\":\"2026-05-04T12:00:00Z\",\"servers\":[],\"answers\":[]}"]
    {
        let directory = tempfile::tempdir().unwrap();
        let kept = key("a", 0);
        open(&directory).learn(news(1_000, kept.clone())).unwrap();
        std::fs::write(directory.path().join("index.json"), text).unwrap();
        let answers = open(&directory);
        assert_eq!(envelope(&answers, &kept), None, "{text}");
        answers.learn(news(1_001, kept.clone())).unwrap();
        assert_eq!(envelope(&answers, &kept).as_deref(), Some("1001"));
    }
}

#[test]
fn no_file_elsewhere_is_read_or_removed() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::NamedTempFile::new_in(directory.path().parent().unwrap()).unwrap();
    let kept = key("a", 0);
    open(&directory).learn(news(1_000, kept.clone())).unwrap();
    let index = directory.path().join("index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let file = text.split("\"file\": \"").nth(1).unwrap().split('"').next().unwrap();
    let other = format!("../{}", elsewhere.path().file_name().unwrap().display());
    for name in [other.as_str(), elsewhere.path().to_str().unwrap(), "..", ""] {
        std::fs::write(&index, text.replace(file, name)).unwrap();
        let answers = open(&directory);
        assert_eq!(envelope(&answers, &kept), None, "{name}");
        answers.learn(news(5_000, key("b", 1))).unwrap();
        assert!(elsewhere.path().exists());
    }
}

#[cfg(unix)]
#[test]
fn what_a_crash_has_left_half_written_is_in_nobodys_way() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join("index.json.new");
    std::fs::write(&left, "half").unwrap();
    std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o666)).unwrap();
    open(&directory).learn(news(1_000, key("a", 0))).unwrap();
    let index = directory.path().join("index.json");
    assert_eq!(std::fs::metadata(index).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!left.exists());
    assert!(envelope(&open(&directory), &key("a", 0)).is_some());
}
