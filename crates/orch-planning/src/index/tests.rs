//! The index against asking every rule.

use orch_core::Request;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::{Op, Rule, When};

/// The rules that fit, by asking each.
fn naive(rules: &[Compiled], request: &Request) -> Vec<u32> {
    let subject = Subject::new(request.input().as_json());
    let fits = |rule: &Compiled| rule.tests().iter().all(|test| test.holds(&subject));
    (0..).zip(rules).filter(|(_, rule)| fits(rule)).map(|(id, _)| id).collect()
}

fn attribute() -> impl Strategy<Value = &'static str> {
    select(&["query", "type", "n", "m.n", "/m/n", "m.list.0", "m.list", "m", "0", "/", "absent"][..])
}

fn text() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "",
            "a",
            "deep",
            "Deep",
            "deep dive",
            "a deep  DIVE",
            "deeper",
            "c++",
            "2026-01-01",
            "2026-06-01T00:00:00Z",
            "2027",
            "x1",
            "stra\u{df}e",
            "STRASSE",
            "\u{e9}",
        ][..],
    )
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(|text| json!(text)),
        (-2..3_i64).prop_map(|n| json!(n)),
        select(&[0.5, 1.0, -0.0, 1e300][..]).prop_map(|n| json!(n)),
        select(&[u64::MAX, u64::MAX - 1, 1 << 53, (1 << 53) + 1][..]).prop_map(|n| json!(n)),
        any::<bool>().prop_map(|bool| json!(bool)),
        Just(Value::Null),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(select(&["n", "list", "x"][..]), inner, 0..3).prop_map(|fields| json!(fields)),
        ]
    })
}

fn condition() -> impl Strategy<Value = When> {
    let pattern = select(&["^deep", "(?i)DIVE$", r"\d+", "", "[a-c]"][..]);
    let order = || select(&[Op::Gt, Op::Gte, Op::Lt, Op::Lte][..]);
    let leaf = prop_oneof![
        4 => (attribute(), select(&[Op::Equals, Op::NotEquals, Op::Contains][..]), value())
            .prop_map(|(attribute, op, value)| When::is(attribute, op, value)),
        2 => (attribute(), prop::collection::vec(value(), 1..3)).prop_map(|(a, values)| When::is(a, Op::In, values)),
        2 => (attribute(), select(&[Op::StartsWith, Op::Contains][..]), text()).prop_map(|(a, op, v)| When::is(a, op, v)),
        2 => (attribute(), pattern).prop_map(|(attribute, pattern)| When::is(attribute, Op::Regex, pattern)),
        3 => (attribute(), order(), -2..3_i64).prop_map(|(attribute, op, n)| When::is(attribute, op, n)),
        2 => (attribute(), order(), select(&["2026-01-01", "2026-06-01T00:00:00Z"][..]))
            .prop_map(|(attribute, op, date)| When::is(attribute, op, date)),
        1 => (attribute(), 0..4_u64).prop_map(|(attribute, n)| When::is(attribute, Op::Length, n)),
        1 => (attribute(), select(&[Op::Exists, Op::Missing][..])).prop_map(|(a, op)| When::is(a, op, ())),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(When::and),
            prop::collection::vec(inner.clone(), 1..3).prop_map(When::or),
            inner.prop_map(When::not),
        ]
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let words = prop::collection::vec(select(&["deep", "deep dive", "c++", "a", "strasse", "\u{e9}"][..]), 1..3);
    let keywords = prop::option::of((words, prop::option::of(attribute()), prop::bool::weighted(0.2)));
    (keywords, prop::collection::vec(condition(), 0..3), -1..2).prop_map(|(keywords, conditions, priority)| {
        let rule = match keywords {
            None => Rule::default(),
            Some((words, on, fuzzy)) => {
                let fuzzy = usize::from(fuzzy && words.iter().all(|word| word.chars().count() > 3));
                let rule = Rule::keywords(words).fuzzy(fuzzy);
                on.map_or(rule.clone(), |on| rule.on(on))
            }
        };
        conditions.into_iter().fold(rule, Rule::when_that).priority(priority).tool("t")
    })
}

fn input() -> impl Strategy<Value = Value> {
    let names = select(&["query", "type", "n", "m", "0", "", "other"][..]);
    prop_oneof![
        1 => value(),
        4 => prop::collection::btree_map(names, value(), 0..5).prop_map(|fields| json!(fields)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_index_finds_what_asking_every_rule_finds(
        rules in prop::collection::vec(rule(), 0..24),
        inputs in prop::collection::vec(input(), 1..4),
    ) {
        let rules = Arc::new(crate::rules::Rules::new(rules).unwrap());
        for input in inputs {
            let request = Request::new(input);
            let found: Vec<_> = rules.trace(&request).unwrap().matched().map(|rule| rule.name.clone()).collect();
            let expected: Vec<_> = naive(rules.all(), &request).into_iter().map(|id| rules.rule(id).name.clone()).collect();
            prop_assert_eq!(found, expected, "{:?}", request.input());
        }
    }
}

/// How many rules are asked of `count` that `make` gives, for one input.
#[expect(clippy::needless_pass_by_value, reason = "reads better at the calls")]
fn asked(count: u32, make: impl Fn(u32) -> Rule, input: Value) -> usize {
    let mut rules = Compiled::all((0..count).map(|n| make(n).tool("t")).collect()).unwrap();
    Index::of(&mut rules).candidates(&Subject::new(&input), ScanLimits::default()).unwrap().len()
}

#[test]
fn of_many_rules_only_the_few_that_may_fit_are_asked() {
    let n = 1_000;
    let id = |n: u32| format!("id{n}");
    assert_eq!(asked(n, |n| Rule::request_type(id(n)), json!({ "type": "id7" })), 1);
    assert_eq!(asked(n, |i| Rule::default().when("n", Op::Equals, i), json!({ "n": 7.0 })), 1);
    assert_eq!(asked(n, |i| Rule::default().when("n", Op::In, json!([i, id(i)])), json!({ "n": "id7" })), 1);
    assert_eq!(asked(n, |n| Rule::keywords([id(n)]).on("query"), "id7, please".into()), 1);
    assert_eq!(asked(n, |n| Rule::keywords([id(n)]), json!({ "a": [{ "b": "id7" }] })), 1);
    assert_eq!(asked(n, |i| Rule::default().when("q", Op::StartsWith, format!("<{i}>")), json!({ "q": "<7> x" })), 1);
    assert_eq!(asked(n, |i| Rule::default().when("q", Op::Regex, format!("<{i}>")), json!({ "q": "<7> x" })), 1);
    let between = |i: u32| Rule::default().when("n", Op::Gt, i).when("n", Op::Lte, i + 1);
    assert_eq!(asked(n, between, json!({ "n": 7.5 })), 1);
    let day = |i: u32| format!("{}-01-01", 1_000 + i);
    let year = |i| Rule::default().when("at", Op::Gte, day(i)).when("at", Op::Lt, day(i + 1));
    assert_eq!(asked(n, year, json!({ "at": "1007-05-05" })), 1);
    let common = |i| Rule::request_type("all").when("m.tenant", Op::Equals, i);
    assert_eq!(asked(n, common, json!({ "type": "all", "m": { "tenant": 7 } })), 1, "filed by what is rare");
    assert_eq!(
        asked(n, |i| Rule::default().when(id(i), Op::Equals, 1), json!({ "id7": 1 })),
        1,
        "an attribute for each"
    );
    assert_eq!(asked(n, |i| Rule::default().when("n", Op::NotEquals, i), json!({ "n": 1 })), 1_000, "nothing to go by");
}

#[test]
fn more_than_rules_look_through_is_refused_only_where_they_look() {
    let rules = vec![Rule::keywords(["deep"]).on("query").tool("t"), Rule::request_type("x").tool("t")];
    let rules = Arc::new(crate::rules::Rules::new(rules).unwrap());
    let refusal = |input: Value| rules.trace(&Request::new(input)).err().map(|error| error.to_string());
    let long = "y".repeat((1 << 20) + 1);
    assert_eq!(refusal(json!({ "document": long })), None);
    assert_eq!(refusal(json!({ "query": "y".repeat(1 << 20) })), None);
    let text = refusal(json!({ "query": long })).unwrap();
    assert!(
        text.contains("`/input`: `query` has more than the 1048576 bytes of text that rules look through"),
        "{text}"
    );
    let values = refusal(json!({ "query": vec![0; 200_000] })).unwrap();
    assert!(values.contains("`query` has more than the 200000 values that rules look through"), "{values}");
}

#[test]
fn starts_are_found_in_a_text_that_is_longer_than_rules_look_through() {
    let start = |n: usize| Rule::default().when("q", Op::StartsWith, "a".repeat(n)).tool("t");
    let rules = Arc::new(crate::rules::Rules::new((1..=20).map(start).collect()).unwrap());
    let matched = |text: String| rules.trace(&Request::new(json!({ "q": text }))).unwrap().matched().count();
    assert_eq!(matched("a".repeat(64 << 20)), 20);
    assert_eq!(matched("aaab".to_owned()), 3);
    assert_eq!(rules.trace(&Request::new(json!({ "q": ["aaa"] }))).unwrap().matched().count(), 0);
}
