//! Which values are sound.

use std::collections::BTreeMap;

use orch_evidence::Consensus;
use orch_evidence::typed::Violation;

#[derive(Consensus)]
#[consensus(check = "Range::is_in_order")]
struct Range {
    low: u32,
    high: u32,
}

impl Range {
    fn is_in_order(&self) -> Result<(), String> {
        if self.low <= self.high { Ok(()) } else { Err(format!("{} is above {}", self.low, self.high)) }
    }
}

#[derive(Consensus)]
#[consensus(check = "has_a_name")]
struct Named {
    name: String,
    ranges: Vec<Option<Range>>,
    by_key: BTreeMap<String, Range>,
    pair: (u8, Option<Range>),
    #[consensus(exact)]
    unchecked: Option<Range>,
}

fn has_a_name(named: &Named) -> Result<(), &'static str> {
    if named.name.is_empty() { Err("no name") } else { Ok(()) }
}

const WRONG: Range = Range { low: 2, high: 1 };

fn sound() -> Named {
    Named { name: "a".into(), ranges: Vec::new(), by_key: BTreeMap::new(), pair: (0, None), unchecked: None }
}

fn complaint(at: &str) -> Result<(), Violation> {
    Err(Violation { pointer: at.into(), reason: "2 is above 1".into() })
}

#[test]
fn a_function_checks_the_whole_value() {
    assert_eq!(sound().check(), Ok(()));
    assert_eq!(Named { name: String::new(), ..sound() }.check(), Err(Violation::new("no name")));
}

#[derive(Consensus)]
#[consensus(check = "is_short")]
struct Short {
    text: String,
}

fn is_short(short: &Short) -> Result<(), Violation> {
    if short.text.len() < 5 { Ok(()) } else { Err(Violation::new("too long").below("text")) }
}

#[test]
fn a_check_may_point_at_a_field() {
    assert_eq!(Short { text: "fine".into() }.check(), Ok(()));
    let violation = vec![Short { text: "too long".into() }].check().unwrap_err();
    assert_eq!((violation.pointer.as_str(), violation.reason.as_str()), ("/0/text", "too long"));
}

#[test]
fn values_inside_are_checked_and_pointed_at() {
    let inside = Named { ranges: vec![None, Some(WRONG)], ..sound() };
    assert_eq!(inside.check(), complaint("/ranges/1"));
    let by_key = Named { by_key: [("a/b".to_owned(), WRONG)].into(), ..sound() };
    assert_eq!(by_key.check(), complaint("/by_key/a~1b"));
    assert_eq!(Named { pair: (0, Some(WRONG)), ..sound() }.check(), complaint("/pair/1"));
    assert_eq!(complaint("/pair/1").unwrap_err().to_string(), "at `/pair/1`: 2 is above 1");
}

#[test]
fn a_field_with_a_rule_of_its_own_is_not_checked_by_its_type() {
    assert_eq!(Named { unchecked: Some(WRONG), ..sound() }.check(), Ok(()));
}
