//! Names are serde's: the places of the derived rules are those of the type's JSON Schema.

use std::collections::{BTreeMap, BTreeSet};

use orch_core::Output;
use orch_evidence::stopping::Never;
use orch_evidence::{BundleOptions, Bundler, Compare, Consensus, ConsensusRules, Evidence};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

/// The patterns of all leaves that a schema describes.
fn places(schema: &Value) -> BTreeSet<String> {
    fn walk(root: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        let branches = ["anyOf", "allOf", "oneOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
        for branch in branches.clone().filter(|branch| branch["type"] != "null") {
            walk(root, branch, at, found);
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                walk(root, property, &format!("{at}/{name}"), found);
            }
        } else if schema["items"].is_object() {
            walk(root, &schema["items"], &format!("{at}/*"), found);
        } else if schema["additionalProperties"].is_object() {
            walk(root, &schema["additionalProperties"], &format!("{at}/*"), found);
        } else if branches.count() == 0 {
            found.insert(at.to_owned());
        }
    }
    let mut found = BTreeSet::new();
    walk(schema, schema, "", &mut found);
    found
}

fn patterns(rules: &ConsensusRules) -> BTreeSet<String> {
    rules.fields().map(|(pattern, _)| pattern.to_owned()).collect()
}

/// In each of these every field has a rule, so that rules and schema have the same places.
fn agrees<T: Consensus + JsonSchema>() {
    let rules = patterns(&ConsensusRules::of::<T>());
    let schema = schema_for!(T).to_value();
    assert_eq!(rules, places(&schema), "{schema:#}");
}

macro_rules! in_case {
    ($($name:ident $case:literal),*) => {
        $({
            #[derive(Deserialize, JsonSchema, Consensus)]
            #[serde(rename_all = $case)]
            struct $name {
                #[consensus(weight = 2.0)]
                total_price: f64,
                #[consensus(weight = 2.0)]
                r#type: u8,
                #[consensus(weight = 2.0)]
                line_2_of_address: String,
                #[consensus(weight = 2.0)]
                _private_: String,
                #[serde(rename = "AsIs/~")]
                #[consensus(default)]
                renamed: [u8; 0],
            }
            let schema = schema_for!($name).to_value();
            let names: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
            let fields: BTreeSet<String> = $name::FIELDS.unwrap().iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(fields.iter().collect::<BTreeSet<_>>(), names, $case);
            let rules = ConsensusRules::of::<$name>();
            assert!(rules.rule("/AsIs~1~0").is_some());
            assert_eq!(rules.fields().count(), 5);
        }

        {
            #[derive(Deserialize, JsonSchema, Consensus)]
            #[serde(rename_all = $case)]
            enum $name {
                One,
                TwoWords,
                HTTPServer,
                #[serde(rename = "Own Name")]
                Renamed,
            }
            let rules = ConsensusRules::of::<$name>();
            let Some(Compare::OneOf(names)) = rules.rule("").map(|rule| rule.compare.clone()) else { panic!() };
            assert_eq!(Value::from(names), schema_for!($name).to_value()["enum"], $case);
        })*
    };
}

#[test]
fn names_are_in_the_case_that_serde_is_told() {
    in_case!(
        Lower "lowercase", Upper "UPPERCASE", Pascal "PascalCase", Camel "camelCase", Snake "snake_case",
        ScreamingSnake "SCREAMING_SNAKE_CASE", Kebab "kebab-case", ScreamingKebab "SCREAMING-KEBAB-CASE"
    );
}

#[derive(Deserialize, JsonSchema, Consensus)]
#[serde(rename_all(serialize = "UPPERCASE", deserialize = "camelCase"))]
struct Inner {
    #[consensus(number(rel = 0.1))]
    unit_price: f64,
    #[serde(rename(deserialize = "id"))]
    #[consensus(exact)]
    number: u32,
}

#[derive(Deserialize, JsonSchema, Consensus)]
struct Outer {
    #[serde(flatten)]
    inner: Inner,
    optional: Option<Inner>,
    list: Vec<Inner>,
    map: BTreeMap<String, Inner>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[consensus(weight = 2.0)]
    flag: Option<bool>,
    #[serde(skip)]
    cache: Option<String>,
    whole: Whole,
}

#[derive(Deserialize, JsonSchema, Consensus)]
#[serde(transparent)]
struct Whole {
    #[consensus(date)]
    day: String,
}

#[test]
fn nested_flattened_and_transparent_types_have_the_places_of_their_schema() {
    agrees::<Inner>();
    agrees::<Outer>();
}

#[derive(Deserialize, Consensus)]
struct Wire {
    #[consensus(weight = 2.0)]
    sent: u8,
}

#[derive(Deserialize, Consensus)]
#[serde(from = "Wire")]
struct Converted {
    kept: u8,
}

impl From<Wire> for Converted {
    fn from(wire: Wire) -> Self {
        Self { kept: wire.sent }
    }
}

#[derive(Deserialize, Consensus)]
struct Odd {
    #[serde(alias = "cost", alias = "amount")]
    #[consensus(weight = 2.0)]
    price: f64,
    #[serde(deserialize_with = "read")]
    by_function: Wire,
    #[serde(flatten)]
    rest: BTreeMap<String, Wire>,
    converted: Converted,
}

fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Wire, D::Error> {
    u8::deserialize(deserializer).map(|sent| Wire { sent })
}

#[test]
fn aliases_functions_flattened_maps_and_conversions_are_followed() {
    let expected = ["/price", "/cost", "/amount", "/*/sent", "/converted/sent"].map(str::to_owned);
    let rules = ConsensusRules::of::<Odd>();
    assert_eq!(patterns(&rules), BTreeSet::from(expected));
    assert_eq!(rules.rule("/cost").map(|rule| &rule.compare), Some(&Compare::AliasOf("price".into())));
    assert_eq!(Odd::FIELDS, None);
    assert_eq!(Inner::FIELDS, Some(["unitPrice", "id"].as_slice()));
}

#[derive(Debug, PartialEq, Deserialize, Consensus)]
struct Offer {
    #[serde(alias = "cost")]
    #[consensus(number(rel = 0.1))]
    price: f64,
    #[serde(default, alias = "parts")]
    items: Vec<Part>,
}

#[derive(Debug, PartialEq, Deserialize, Consensus)]
struct Part {
    #[serde(rename = "articleNumber", alias = "sku")]
    sku: String,
}

#[test]
fn a_vote_counts_what_is_said_under_any_name_of_a_field() {
    let answers = [
        json!({"price": 100.0, "items": [{"sku": "a"}]}),
        json!({"cost": 101.0, "parts": [{"articleNumber": "a"}]}),
        json!({"cost": 300.0, "items": [{"sku": "b"}]}),
    ];
    let options = BundleOptions::new().k(3).rules(ConsensusRules::of::<Offer>());
    let bundler = Bundler::new(&options).unwrap().with_stop(Never);
    let bundle = bundler.replay(|index| Ok(Output::from(answers[index as usize - 1].clone()))).unwrap();
    assert_eq!(bundle.summary.consensus, Some(json!({"price": 100.0, "items": [{"articleNumber": "a"}]})));
    assert_eq!(
        bundle.replicates[1].output.as_ref().unwrap().to_json().unwrap().as_ref(),
        &answers[1],
        "as it was said"
    );
    let evidence = Evidence::<Offer>::from_bundle(bundle).unwrap();
    assert_eq!(evidence.field("/price").support(), Some(2.0 / 3.0));
    assert_eq!(evidence.value().items, [Part { sku: "a".into() }]);
}
