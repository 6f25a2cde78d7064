use super::*;

fn part(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

#[test]
fn a_list_is_read_as_far_as_it_may_go() {
    for (json, kept) in [("[]", 0), ("[1,[2]]", 2), ("[1,2,3]", 3), ("[1,2,3,4,5,6,7]", 4)] {
        assert_eq!(list::<3>(&part(json)).unwrap().len(), kept, "{json}");
    }
    assert!(list::<3>(&part("{}")).is_none() && list::<3>(&part("7")).is_none());
}
