use std::sync::Arc;

use orch_core::{ErrorKind, Output};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Consensus, Evidence, Field, Place, Violation, validator};
use crate::decision::Decision;
use crate::stopping::Never;
use crate::{Bundle, BundleLimits, BundleOptions, Bundler, Compare, ConsensusRules, ConsensusSource};

#[derive(Debug, PartialEq, Deserialize)]
struct Offer {
    price: f64,
    city: String,
    items: Vec<Item>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    id: String,
    n: u32,
}

impl Consensus for Offer {
    fn rules(place: &mut Place) {
        place.field("price", |price| price.compare(Compare::Number { abs: 0.0, rel: 0.01 }));
        place.field("items", |items| {
            items.of::<Vec<Item>>();
            items.compare(Compare::Keyed("id".into()));
        });
    }

    fn check(&self) -> Result<(), Violation> {
        if self.price < 0.0 { Err(Violation::new("cheaper than free").below("price")) } else { Ok(()) }
    }
}

impl Consensus for Item {}

/// A bundler of offers, all of which are waited for.
fn bundler(answers: &[Value]) -> Bundler {
    let k = u32::try_from(answers.len()).unwrap();
    let options = BundleOptions::new().k(k).rules(ConsensusRules::of::<Offer>());
    Bundler::new(&options).unwrap().with_stop(Never)
}

/// Its bundle of these answers.
fn run(bundler: Bundler, answers: &[Value]) -> Bundle {
    bundler.replay(|index| Ok(Output::new(answers[index as usize - 1].clone()))).unwrap()
}

fn bundle(answers: &[Value]) -> Bundle {
    run(bundler(answers), answers)
}

fn offer(price: f64, city: &str, items: &[(&str, u32)]) -> Value {
    let items: Vec<Value> = items.iter().map(|(id, n)| json!({ "id": id, "n": n })).collect();
    json!({ "price": price, "city": city, "items": items })
}

fn four() -> Evidence<Offer> {
    let answers = [
        offer(100.0, "Paris", &[("a", 1), ("b", 2)]),
        offer(100.5, "Paris", &[("b", 2), ("a", 1)]),
        offer(99.5, "Lyon", &[("a", 1)]),
        offer(200.0, "Paris", &[("a", 3), ("b", 2)]),
    ];
    Evidence::from_bundle(bundle(&answers)).unwrap()
}

#[test]
fn the_value_is_the_consensus_by_the_rules_of_its_type() {
    let evidence = four();
    let items = [("a", 1), ("b", 2)].map(|(id, n)| Item { id: id.into(), n });
    assert_eq!(*evidence.value(), Offer { price: 100.0, city: "Paris".into(), items: items.into() });
}

#[test]
fn support_is_the_part_of_all_replicates_that_say_so_and_of_a_part_that_of_its_weakest() {
    let evidence = four();
    for (pointer, support) in [
        ("/price", Some(0.75)),
        ("/city", Some(0.75)),
        ("/items/0/n", Some(0.75)),
        ("/items/0/id", Some(1.0)),
        ("/items/1/n", Some(0.75)),
        ("/items/1", Some(0.75)),
        ("/items", Some(0.75)),
        ("", Some(0.75)),
        ("/items/2", None),
        ("/prize", None),
    ] {
        assert_eq!(evidence.field(pointer).support(), support, "{pointer}");
    }
    let fields = evidence.fields();
    let all: Vec<&str> = fields.iter().map(Field::pointer).collect();
    assert_eq!(all, ["/city", "/items/0/id", "/items/0/n", "/items/1/id", "/items/1/n", "/price"]);
    assert_eq!(evidence.field("/items/0").disagreements().count(), 1);
    assert_eq!(evidence.field("/price").value(), Some(&json!(100.0)));
    assert_eq!(evidence.field("/price").statistics().unwrap().n, 4);
}

#[test]
fn nothing_has_support_by_what_a_limited_summary_leaves_out() {
    let answers = [offer(1.0, "Paris", &[]), offer(2.0, "Paris", &[]), offer(2.0, "Lyon", &[])];
    for (limits, city, price) in [
        (BundleLimits::new().max_fields(1), Some(2.0 / 3.0), None),
        (BundleLimits::new().max_fields(0).max_diffs(0), None, None),
        (BundleLimits::new().max_diffs(0), Some(2.0 / 3.0), Some(2.0 / 3.0)),
    ] {
        let options = BundleOptions::new().k(3).rules(ConsensusRules::of::<Offer>()).limits(limits);
        let bundle = run(Bundler::new(&options).unwrap().with_stop(Never), &answers);
        let evidence = Evidence::<Offer>::from_bundle(bundle).unwrap();
        assert_eq!(evidence.field("/city").support(), city, "{limits:?}");
        assert_eq!(evidence.field("/price").support(), price, "{limits:?}");
        assert_eq!(evidence.field("").support(), None, "{limits:?}");
    }
}

#[test]
fn what_is_ignored_has_no_support_and_what_all_leave_empty_has_that_of_all() {
    let rules = ConsensusRules::new().field("/at", Compare::Ignore).field("/log", Compare::Ignore);
    let answer = |at: u32, city: &str| json!({ "at": at, "log": [at], "city": city, "tags": [] });
    let mut answers = [answer(1, "Paris"), answer(2, "Paris"), answer(3, "Lyon")];
    answers[2].as_object_mut().unwrap().remove("log");
    let options = BundleOptions::new().k(3).rules(rules);
    let bundle = run(Bundler::new(&options).unwrap().with_stop(Never), &answers);
    for (pointer, support) in
        [("/at", None), ("/log", None), ("/log/0", None), ("/city", Some(2.0 / 3.0)), ("/tags", Some(1.0))]
    {
        assert_eq!(Field::new(&bundle.summary, pointer).support(), support, "{pointer}");
    }
}

#[test]
fn without_a_policy_the_decision_is_to_review_what_differs() {
    let Decision::Review { fields, reason } = four().decision() else { panic!() };
    assert!(fields.contains(&"/city".to_owned()) && fields.contains(&"/price".to_owned()), "{fields:?}");
    assert!(reason.contains("no policy"), "{reason}");
}

/// Where it does not fit, why, and the consensus as it is.
fn refused(answers: &[Value]) -> (String, String, Value) {
    let error = Evidence::<Offer>::from_bundle(bundle(answers)).unwrap_err();
    let raw = Bundle::from_output(error.output().unwrap()).unwrap().summary.consensus.unwrap();
    match error.kind() {
        ErrorKind::BadOutput { pointer, reason } => (pointer.to_string(), reason.to_string(), raw),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_pointed_at_and_the_raw_consensus_comes_back() {
    let wrong = json!({ "price": 1.0, "city": "Paris", "items": [{ "id": "a", "n": "many" }] });
    let (pointer, reason, raw) = refused(&[wrong.clone(), wrong.clone()]);
    assert_eq!((pointer.as_str(), &raw), ("/items/0/n", &wrong));
    assert!(reason.contains("many"), "{reason}");

    // A tie leaves the city out.
    let (_, reason, raw) = refused(&[offer(1.0, "Paris", &[]), offer(1.0, "Lyon", &[])]);
    assert!(reason.contains("missing field `city`") && raw["price"] == json!(1.0), "{reason}");

    let unsound = offer(-1.0, "Paris", &[]);
    let expected = ("/price".to_owned(), "cheaper than free".to_owned(), unsound.clone());
    assert_eq!(refused(&[unsound.clone(), unsound]), expected);
}

#[test]
fn what_is_in_an_array_that_was_voted_for_as_a_whole_has_its_support() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Row(Vec<char>);
    impl Consensus for Row {}

    // The same letters in another order are one vote about the whole.
    let answers = [json!(["A", "B"]), json!(["B", "A"]), json!(["A", "B"])];
    let evidence = Evidence::<Row>::from_bundle(bundle(&answers)).unwrap();
    assert_eq!(*evidence.value(), Row(vec!['A', 'B']));
    assert_eq!(evidence.field("").support(), Some(2.0 / 3.0));
    let all = evidence.fields().into_iter().map(|field| (field.pointer().to_owned(), field.support()));
    assert_eq!(all.collect::<Vec<_>>(), [("/0".to_owned(), Some(2.0 / 3.0)), ("/1".to_owned(), Some(2.0 / 3.0))]);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Sum {
    a: u32,
    b: u32,
    sum: u32,
}

impl Consensus for Sum {
    fn check(&self) -> Result<(), Violation> {
        if self.a + self.b == self.sum { Ok(()) } else { Err(Violation::new("it does not add up").below("sum")) }
    }
}

#[test]
fn a_mixture_that_its_check_refuses_gives_way_to_the_medoid_and_answers_that_it_refuses_do_not_count() {
    let sum = |a: u32, b: u32, sum: u32| json!({ "a": a, "b": b, "sum": sum });
    let answers = [sum(1, 2, 3), sum(1, 5, 6), sum(4, 2, 6), sum(9, 9, 9), json!({ "a": 1, "b": "two", "sum": 3 })];

    let mixed = run(bundler(&answers[..3]), &answers[..3]);
    assert_eq!(mixed.summary.consensus, Some(sum(1, 2, 6)));
    let error = Evidence::<Sum>::from_bundle(mixed).unwrap_err();
    assert!(error.to_string().contains("`/sum`") && error.to_string().contains("does not add up"), "{error}");

    let checked = run(bundler(&answers).with_validator(Arc::new(validator::<Sum>())), &answers);
    let evidence = Evidence::<Sum>::from_bundle(checked).unwrap();
    assert_eq!(evidence.bundle().summary.consensus_source, ConsensusSource::Fallback);
    assert_eq!(evidence.bundle().summary.compared, ["r1", "r2", "r3"]);
    assert_eq!(*evidence.value(), Sum { a: 1, b: 2, sum: 3 });
    assert_eq!(evidence.field("/sum").support(), None, "nobody voted for it");
    let errors = |at: usize| evidence.bundle().replicates[at].quality.errors.join(" ");
    assert!(errors(3).contains("`/sum`") && errors(4).contains("`/b`"), "{} {}", errors(3), errors(4));
}
