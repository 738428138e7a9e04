//! Every attribute is a line of the table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use orch_evidence::{Compare, Consensus, ConsensusRules, FieldRule, TextMetric};
use serde_json::{Value, json};

fn table<const N: usize>(entries: [(&str, FieldRule); N]) -> ConsensusRules {
    entries.into_iter().fold(ConsensusRules::new(), |table, (pattern, rule)| table.field(pattern, rule))
}

const fn near(abs: f64, rel: f64) -> Compare {
    Compare::Number { abs, rel }
}

/// Not `Consensus`.
struct Foreign(u8);

#[derive(Consensus)]
struct Everything {
    #[consensus(number(rel = 0.01))]
    relative: f64,
    #[consensus(number(abs = 2, rel = 1e-3))]
    both: Option<u32>,
    #[consensus(text = "jaro_winkler")]
    name: String,
    #[consensus(one_of("low", "high"))]
    level: String,
    #[consensus(one_of(-1, 0, 1.5))]
    step: f64,
    #[consensus(date)]
    day: Foreign,
    #[consensus(exact)]
    code: Foreign,
    #[consensus(ignore)]
    remark: Foreign,
    #[consensus(default)]
    other: Foreign,
    #[consensus(weight = 3)]
    plain: bool,
    nothing: char,
}

#[test]
fn every_attribute_of_a_value_is_the_rule_that_it_names() {
    let expected = table([
        ("/relative", near(0.0, 0.01).into()),
        ("/both", near(2.0, 0.001).into()),
        ("/name", Compare::Text(TextMetric::JaroWinkler).into()),
        ("/level", Compare::OneOf(vec![json!("low"), json!("high")]).into()),
        ("/step", Compare::OneOf(vec![json!(-1), json!(0), json!(1.5)]).into()),
        ("/day", Compare::Date.into()),
        ("/code", Compare::Exact.into()),
        ("/remark", Compare::Ignore.into()),
        ("/other", Compare::Auto.into()),
        ("/plain", FieldRule::new(Compare::Auto).weight(3.0)),
    ]);
    assert_eq!(ConsensusRules::of::<Everything>(), expected);
    assert!(expected.check().is_ok());
}

#[derive(Consensus)]
struct Item {
    sku: String,
    #[consensus(number(abs = 0.005))]
    price: f64,
}

#[derive(Consensus)]
struct Arrays {
    #[consensus(keyed = "sku", weight = 2.0)]
    items: Vec<Item>,
    #[consensus(set, text = "exact")]
    tags: Option<Vec<String>>,
    #[consensus(ordered)]
    steps: Box<[Item; 2]>,
    #[consensus(number(rel = 0.1))]
    grid: Vec<Vec<f64>>,
    #[consensus(number(rel = 0.1))]
    by_year: BTreeMap<String, Vec<f64>>,
    #[consensus(exact)]
    whole: Vec<Foreign>,
    #[consensus(set, exact)]
    each: Vec<Foreign>,
    #[consensus(text = "exact")]
    texts: BTreeSet<String>,
    unordered: BTreeSet<String>,
    nested: HashMap<String, Option<Item>>,
    pair: (u8, Item),
    shared: Cow<'static, Item>,
}

impl Clone for Item {
    fn clone(&self) -> Self {
        Self { sku: self.sku.clone(), price: self.price }
    }
}

#[test]
fn rules_of_values_reach_into_containers_and_rules_of_arrays_stay_at_them() {
    let expected = table([
        ("/items", FieldRule::new(Compare::Keyed("sku".into())).weight(2.0)),
        ("/items/*/price", near(0.005, 0.0).into()),
        ("/tags", Compare::Set.into()),
        ("/tags/*", Compare::Text(TextMetric::Exact).into()),
        ("/steps", Compare::Ordered.into()),
        ("/steps/*/price", near(0.005, 0.0).into()),
        ("/grid/*/*", near(0.0, 0.1).into()),
        ("/by_year/*/*", near(0.0, 0.1).into()),
        ("/whole", Compare::Exact.into()),
        ("/each", Compare::Set.into()),
        ("/each/*", Compare::Exact.into()),
        ("/texts", Compare::Set.into()),
        ("/texts/*", Compare::Text(TextMetric::Exact).into()),
        ("/unordered", Compare::Set.into()),
        ("/nested/*/price", near(0.005, 0.0).into()),
        ("/pair/1/price", near(0.005, 0.0).into()),
        ("/shared/price", near(0.005, 0.0).into()),
    ]);
    assert_eq!(ConsensusRules::of::<Arrays>(), expected);
}

#[derive(Consensus)]
struct Metres(#[consensus(number(rel = 0.05))] f64);

#[derive(Consensus)]
struct Place(Metres, #[consensus(ignore)] String);

#[derive(Consensus)]
enum Unit {
    Thousand,
    MillionDollars,
}

#[derive(Consensus)]
struct Page<T> {
    content: T,
    #[consensus(weight = 0.5)]
    unit: Unit,
}

#[derive(Consensus)]
struct Nothing;

#[test]
fn newtypes_are_what_is_in_them_and_tuples_have_numbers() {
    assert_eq!(ConsensusRules::of::<Metres>(), table([("", near(0.0, 0.05).into())]));
    let expected = table([("/0", near(0.0, 0.05).into()), ("/1", Compare::Ignore.into())]);
    assert_eq!(ConsensusRules::of::<Place>(), expected);
    assert!(Metres(1.0).check().is_ok());
    assert!(ConsensusRules::of::<Nothing>().is_default() && Nothing.check().is_ok());
}

#[test]
fn an_enum_is_one_of_its_names_and_a_parameter_has_the_rules_of_its_type() {
    let names: Vec<Value> = vec![json!("Thousand"), json!("MillionDollars")];
    let expected =
        table([("/content/*", near(0.0, 0.05).into()), ("/unit", FieldRule::new(Compare::OneOf(names)).weight(0.5))]);
    assert_eq!(ConsensusRules::of::<Page<Vec<Metres>>>(), expected);
}

#[derive(Consensus)]
struct Tree {
    #[consensus(number(abs = 1.0))]
    size: f64,
    children: Vec<Tree>,
    #[consensus(exact)]
    twins: Vec<Tree>,
}

#[test]
fn a_type_that_contains_itself_has_its_rules_once() {
    let expected = table([("/size", near(1.0, 0.0).into()), ("/twins", Compare::Exact.into())]);
    assert_eq!(ConsensusRules::of::<Tree>(), expected);
}

mod elsewhere {
    pub(crate) use orch_evidence as evidence;
}

#[derive(orch_evidence::Consensus)]
#[consensus(crate = "crate::attributes::elsewhere::evidence")]
struct Moved {
    #[consensus(weight = 2)]
    a: u8,
}

#[test]
fn the_crate_may_be_found_under_another_path() {
    assert_eq!(ConsensusRules::of::<Moved>(), table([("/a", FieldRule::default().weight(2.0))]));
}
