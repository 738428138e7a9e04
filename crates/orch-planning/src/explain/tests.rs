use std::time::Duration;

use orch_core::{Estimate, Limits, Request, Usd};
use serde_json::json;

use super::*;
use crate::testing::{World, costing, tool, with_limits};
use crate::{Basis, Op, Rule};

fn world() -> World {
    let priced = Estimate::unknown().output(100).cost(Usd::from_dollars(0.0012)).duration(Duration::from_millis(800));
    World::of([tool("premium"), costing("bundle", priced), tool("quick")]).open_circuit("premium", 12)
}

fn rules() -> Vec<Rule> {
    vec![
        Rule::named("catch_all").priority(-1).tool("quick"),
        Rule::named("high_quality").priority(30).when("metadata.quality", Op::Equals, "high").tool("premium"),
        Rule::keywords(["deep", "comprehensive"])
            .on("query")
            .priority(20)
            .tool("premium")
            .tool_options(json!({ "k": 7 })),
        Rule::request_type("validation").priority(20).tool("quick"),
        Rule::keywords(["bundle"]).priority(10).tool("bundle").tool_options(json!({ "k": 3 })).budget_aware(true),
        Rule::named("coded").when_fn(|_| false).tool("quick"),
        Rule::named("untagged").when("tags", Op::Missing, json!(null)).tool("quick"),
    ]
}

fn request() -> Request {
    let input =
        json!({ "type": "analysis", "query": "A deep bundle", "metadata": { "quality": "low" }, "tags": ["x"] });
    with_limits(input, Limits { tokens: Some(250), cost: None })
}

#[test]
fn the_text_says_of_every_rule_and_tool_what_became_of_it() {
    let plan = world().plan(rules(), request()).unwrap();
    let expected = r#"
`bundle`: rule `keywords(bundle)` matched (priority 10); skipped before it: `premium`: the circuit of `premium` is open for another 12s
rules, by priority, then by order of definition:
  `high_quality` (priority 30) -> `premium`: not matched: metadata.quality must equal "high", but is "low"
  `keywords(deep, comprehensive)` (priority 20) -> `premium`: matched
  `request_type(validation)` (priority 20) -> `quick`: not matched: type must equal "validation", but is "analysis"
  `keywords(bundle)` (priority 10) -> `bundle`: matched
  `coded` (priority 0) -> `quick`: not matched: its predicate must hold, but does not
  `untagged` (priority 0) -> `quick`: not matched: tags must be missing, but is ["x"]
  `catch_all` (priority -1) -> `quick`: matched
tools, by preference:
  `premium` (rule `keywords(deep, comprehensive)`): skipped: the circuit of `premium` is open for another 12s
  `bundle` (rule `keywords(bundle)`): chosen; one call: 100 tokens, $0.0012, 800ms
notes:
  k is 2 instead of 3: 3 calls do not fit the 250 tokens that the run has left"#;
    assert_eq!(plan.explain().to_string(), expected.trim_start());
}

#[test]
fn groups_are_explained_by_what_fails_in_them() {
    let world = World::named(["a"]);
    let n = |op, value: i64| crate::When::is("n", op, value);
    let rules = [
        Rule::named("or").when_that(crate::When::or([n(Op::Gt, 5), crate::When::is("m", Op::Exists, ())])).tool("a"),
        Rule::named("and").when_that(crate::When::and([n(Op::Gt, 1), n(Op::Lt, 2)])).tool("a"),
        Rule::named("not").when_that(crate::When::not(n(Op::Gt, 1))).tool("a"),
    ];
    let plan = world.plan(rules, json!({ "n": 3 })).unwrap();
    let why: Vec<_> = plan.explain().rules().iter().map(|rule| rule.why_not.as_ref().unwrap().to_string()).collect();
    assert_eq!(
        why,
        [
            "one of (n must be above 5; m must exist), but is n = 3, m = absent",
            "n must be below 2, but is 3",
            "not (n must be above 1), but is n = 3",
        ]
    );
    assert_eq!(serde_json::to_value(plan.explain()).unwrap()["order"], "by priority, then by order of definition");
}

#[test]
fn the_json_says_the_same() {
    let plan = world().plan(rules(), request()).unwrap();
    let json = serde_json::to_value(plan.explain()).unwrap();
    assert_eq!(json["tool"], "bundle");
    assert_eq!(json["reason"], plan.route().reason());
    assert_eq!(
        json["rules"][0],
        json!({
            "rule": "high_quality", "priority": 30, "tool": "premium", "matched": false,
            "why_not": { "condition": "metadata.quality must equal \"high\"", "seen": "\"low\"" },
        })
    );
    assert_eq!(
        json["rules"][1],
        json!({ "rule": "keywords(deep, comprehensive)", "priority": 20, "tool": "premium", "matched": true })
    );
    assert_eq!(json["rules"][4]["why_not"], json!({ "condition": "its predicate must hold" }));
    assert_eq!(json["rules"].as_array().unwrap().len(), 7);
    assert_eq!(
        json["tools"],
        json!([
            {
                "tool": "premium", "by": "rule", "rule": "keywords(deep, comprehensive)", "chosen": false, "estimate": {},
                "skipped": { "reason": "blocked", "target": "premium", "by": "circuit", "wait_ms": 12_000.0 },
            },
            {
                "tool": "bundle", "by": "rule", "rule": "keywords(bundle)", "chosen": true,
                "estimate": { "output_tokens": 100, "cost_usd": 0.0012, "duration_ms": 800.0 },
            },
        ])
    );
    assert_eq!(json["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn the_default_choice_explains_every_tool() {
    let plan = world().plan([], "x").unwrap();
    let expected = "
`bundle`: no rule matched; the lowest known cost ($0.0012 a call) of 2 tools that can be used
tools, by preference:
  `premium` (default choice): skipped: the circuit of `premium` is open for another 12s
  `bundle` (default choice): chosen; one call: 100 tokens, $0.0012, 800ms
  `quick` (default choice): can be used";
    assert_eq!(plan.explain().to_string(), expected.trim_start());
}

#[test]
fn a_choice_in_spite_of_a_block_says_so() {
    let plan = world().plan([Rule::named("x").tool("premium")], "x").unwrap();
    let expected = "
`premium`: rule `x`; no tool can be used now, this one is due first, in 12s
rules, by priority, then by order of definition:
  `x` (priority 0) -> `premium`: matched
tools, by preference:
  `premium` (rule `x`): chosen although the circuit of `premium` is open for another 12s";
    assert_eq!(plan.explain().to_string(), expected.trim_start());
}

#[test]
fn an_absent_attribute_is_called_absent_and_a_long_value_is_cut() {
    let world = World::named(["a"]);
    let rules = || {
        [
            Rule::named("n").when("n", Op::Gte, 3).tool("a"),
            Rule::keywords(["x"]).tool("a"),
            Rule::named("e").when("n", Op::Exists, json!(null)).tool("a"),
        ]
    };
    let why = |input: serde_json::Value| -> Vec<String> {
        let plan = world.plan(rules(), input).unwrap();
        plan.explain().rules().iter().map(|rule| rule.why_not.as_ref().unwrap().to_string()).collect()
    };
    assert_eq!(
        why(json!({})),
        [
            "n must be at least 3, but is absent",
            "the input must have the word \"x\", but is {}",
            "n must exist, but is absent"
        ]
    );
    let long = why(json!("y".repeat(1_000_000)));
    assert_eq!(long[1], format!("the input must have the word \"x\", but is \"{}...", "y".repeat(79)));
}

#[test]
fn many_skipped_tools_are_counted_in_the_reason_and_named_in_the_list() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let world = names[..5].iter().fold(World::named(names), |world, name| world.open_circuit(name, 9));
    let plan = world.plan(names.map(|name| Rule::named(name).tool(name)), "x").unwrap();
    assert_eq!(plan.route().tool(), "f");
    assert!(plan.route().reason().ends_with("`c`: the circuit of `c` is open for another 9s and 2 more"));
    assert_eq!(plan.explain().considered().len(), 6);
}

#[test]
fn other_planners_explain_in_the_same_form() {
    let world = world();
    let route = orch_core::Route::new("quick", "a hunch");
    let considered = world.catalog.consider(&route, &"x".into(), Basis::Judgement, world.now);
    let plan = crate::Plan::new(route.clone(), 0.8);
    assert_eq!(plan.explain().to_string(), "`quick`: a hunch");
    let explanation = Explanation::new("quick", "a hunch").with_considered([considered]).with_note("asked twice");
    assert_eq!(
        plan.with_explanation(explanation).explain().to_string(),
        "`quick`: a hunch\ntools, by preference:\n  `quick` (the planner's judgement): can be used\nnotes:\n  asked twice"
    );
}
