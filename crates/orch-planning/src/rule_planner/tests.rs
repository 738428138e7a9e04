use std::sync::Arc;
use std::time::Duration;

use orch_core::{BoxTool, Candidate, ErrorKind, HasContext, IntoTool, Limits, Target, ToolSpec, Usd};
use serde_json::{Value, json};

use super::*;
use crate::testing::{World, costing, dollars, lasting, tokens, tool, with_limits};
use crate::{Basis, BlockedBy, Op, ScanLimits, Skip, Then};

fn limit(tokens: u64) -> Limits {
    Limits { tokens: Some(tokens), cost: None }
}

fn options(plan: &Plan) -> &Value {
    plan.route().options()
}

fn reasons(error: &Error) -> &[String] {
    match error.kind() {
        ErrorKind::NoPlan { reasons } => reasons,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_type_of_a_request_chooses_the_tool() {
    let world = World::named(["other", "validation_tool"]);
    let rule = Rule::request_type("validation").tool("validation_tool").priority(10);
    assert_eq!(world.choice([rule.clone()], json!({ "type": "validation" })), "validation_tool");
    assert_eq!(world.choice([rule], json!({ "type": "analysis" })), "other");
}

#[test]
fn words_of_a_request_choose_the_tool() {
    let world = World::named(["other", "deep_tool"]);
    let rule = Rule::keywords(["deep", "comprehensive"]).on("query").tool("deep_tool").priority(20);
    for query in ["a deep look", "COMPREHENSIVE!", "deep"] {
        assert_eq!(world.choice([rule.clone()], json!({ "query": query })), "deep_tool", "{query}");
    }
    for input in [json!({ "query": "deeper" }), json!({ "text": "deep" }), json!({ "query": 7 }), json!(null)] {
        assert_eq!(world.choice([rule.clone()], input.clone()), "other", "{input}");
    }
}

#[test]
fn plain_text_is_looked_at_with_and_without_an_attribute() {
    let world = World::named(["other", "deep_tool"]);
    let rule = Rule::keywords(["deep"]).tool("deep_tool");
    for rule in [rule.clone(), rule.clone().on("query"), rule.on("/query")] {
        assert_eq!(world.choice([rule.clone()], "a deep look"), "deep_tool", "{rule:?}");
        assert_eq!(world.choice([rule.clone()], "a look"), "other", "{rule:?}");
    }
    let elsewhere = Rule::keywords(["deep"]).on("prompt").tool("deep_tool");
    assert_eq!(world.choice([elsewhere], "a deep look"), "other");
}

#[test]
fn the_highest_priority_wins_and_equal_ones_go_by_order_of_definition() {
    let world = World::named(["a", "b", "c"]);
    let always = |tool: &'static str, priority| Rule::named(tool).tool(tool).priority(priority);
    assert_eq!(world.choice([always("a", 1), always("b", 3), always("c", 2)], "x"), "b");
    assert_eq!(world.choice([always("b", 1), always("c", 1), always("a", 1)], "x"), "b");
    assert_eq!(world.choice([always("c", -1), always("a", 0)], "x"), "a");
}

#[test]
fn every_condition_must_hold_nested_attributes_included() {
    let world = World::named(["other", "premium"]);
    let rule = Rule::named("high_quality_analysis")
        .when("type", Op::Equals, "analysis")
        .when("/metadata/quality", Op::Equals, "high")
        .when("metadata.tags.0", Op::StartsWith, "a")
        .tool("premium")
        .tool_options(json!({ "k": 7 }));
    let request = |kind: &str, quality: &str, tag: &str| json!({ "type": kind, "metadata": { "quality": quality, "tags": [tag] } });
    let plan = world.plan([rule.clone()], request("analysis", "high", "abc")).unwrap();
    assert_eq!((plan.route().tool(), options(&plan)), ("premium", &json!({ "k": 7 })));
    for request in [request("x", "high", "abc"), request("analysis", "low", "abc"), request("analysis", "high", "b")] {
        assert_eq!(world.choice([rule.clone()], request), "other");
    }
}

#[test]
fn keywords_conditions_and_code_can_be_asked_for_together() {
    let world = World::named(["other", "t"]);
    let rule = Rule::keywords(["deep"]).when("n", Op::Gt, 1).when_fn(|r| r.options().get("fast").is_none()).tool("t");
    let fits = json!({ "q": "deep", "n": 2 });
    assert_eq!(world.choice([rule.clone()], fits.clone()), "t");
    assert_eq!(world.choice([rule.clone()], json!({ "q": "deep", "n": 1 })), "other");
    assert_eq!(world.choice([rule.clone()], json!({ "q": "flat", "n": 2 })), "other");
    assert_eq!(world.choice([rule], Request::new(fits).with_options(json!({ "fast": true }))), "other");
}

#[test]
fn code_is_asked_only_when_everything_else_holds() {
    let world = World::named(["t"]);
    let rule = Rule::named("x").when_fn(|_| panic!("asked")).when("n", Op::Equals, 1).tool("t");
    assert_eq!(world.choice([rule], json!({ "n": 2 })), "t");
}

#[test]
fn a_rule_whose_target_is_blocked_gives_way_to_the_next_that_fits() {
    let rules = || [Rule::named("first").tool("a").priority(2), Rule::named("second").tool("b").priority(1)];
    for (cause, cooldown, quota) in
        [(BlockedBy::Circuit, 0, 0), (BlockedBy::Cooldown, 60, 50), (BlockedBy::Quota, 60, 70)]
    {
        let world = World::named(["a", "b"]).open_circuit("a", 30);
        let until = |seconds| world.now + Duration::from_secs(seconds);
        world.health.raise_cooldown(&Target::from("a"), until(cooldown));
        world.health.raise_quota(&Target::from("a"), until(quota));
        let plan = world.plan(rules(), "x").unwrap();
        assert_eq!(plan.route().tool(), "b");
        let skip = plan.explain().considered()[0].skipped.clone().unwrap();
        assert!(matches!(skip, Skip::Blocked { by, .. } if by == cause), "{skip:?}");
        assert!(plan.route().reason().starts_with("rule `second` matched (priority 1); skipped before it: `a`: "));
    }
}

#[test]
fn a_block_that_has_passed_does_not_count() {
    let world = World::named(["a", "b"]).open_circuit("a", 30);
    let planner = RulePlanner::new([Rule::named("x").tool("a").fallback("b")]).unwrap();
    let at = |seconds| world.now + Duration::from_secs(seconds);
    let choice = |now| planner.plan_at(&world.catalog, &"x".into(), now).unwrap().route().tool().to_owned();
    assert_eq!(choice(at(29)), "b");
    assert_eq!(choice(at(30)), "a");
}

#[test]
fn tools_of_one_target_share_its_health() {
    let of = |name: &'static str| BoxTool::new(ToolSpec::pure(name).with_target("openai"), tool(name));
    let world = World::of([of("gpt"), of("mini"), tool("local")]).open_circuit("openai", 30);
    let rule = Rule::named("x").tool("gpt").fallback("mini").fallback("local");
    assert_eq!(world.choice([rule], "x"), "local");
}

#[test]
fn fallbacks_are_used_only_when_no_rule_that_fits_has_a_usable_tool() {
    let rules = || {
        [
            Rule::named("first").tool("a").fallback("c").priority(2),
            Rule::named("second").tool("b").fallback("d").priority(1),
        ]
    };
    let world = World::named(["a", "b", "c", "d"]).open_circuit("a", 30);
    assert_eq!(world.choice(rules(), "x"), "b");
    let world = world.open_circuit("b", 30);
    let plan = world.plan(rules(), "x").unwrap();
    assert_eq!(plan.route().tool(), "c");
    assert_eq!(plan.explain().considered()[2].basis, Basis::Fallback { rule: "first".into() });
    assert_eq!(world.open_circuit("c", 30).choice(rules(), "x"), "d");
}

#[test]
fn a_fallback_in_first_place_keeps_the_options_and_the_fallbacks_after_it() {
    let world = World::named(["a", "b", "c"]).open_circuit("a", 30);
    let rule = Rule::named("x")
        .tool("a")
        .tool_options(json!({ "k": 3, "epsilon": 0.2 }))
        .fallback(Candidate::new("b").with_options(json!({ "k": 5 })))
        .fallback("c");
    let plan = world.plan([rule], "x").unwrap();
    assert_eq!(plan.route().tool(), "b");
    assert_eq!(options(&plan), &json!({ "k": 5, "epsilon": 0.2 }));
    assert_eq!(plan.route().fallbacks(), [Candidate::new("c")]);
}

#[test]
fn when_everything_is_blocked_the_one_due_first_is_taken() {
    let rules = || [Rule::named("x").tool("a").fallback("b"), Rule::named("y").tool("c")];
    let world = World::named(["a", "b", "c"]).open_circuit("a", 30).open_circuit("b", 10).open_circuit("c", 20);
    let plan = world.plan(rules(), "x").unwrap();
    assert_eq!(plan.route().tool(), "b");
    assert_eq!(plan.route().reason(), "fallback of rule `x`; no tool can be used now, this one is due first, in 10s");
    assert_eq!(world.open_circuit("b", 20).choice(rules(), "x"), "c");
    let world = World::named(["a", "b"]).open_circuit("a", 20).open_circuit("b", 20);
    assert_eq!(world.choice([], "x"), "a", "equal ones go by order");
}

#[test]
fn a_tool_that_the_run_cannot_afford_is_skipped() {
    let rules = || [Rule::named("x").tool("a").priority(1), Rule::named("y").tool("b")];
    let world = World::of([costing("a", tokens(300)), tool("b")]);
    assert_eq!(world.choice(rules(), with_limits(json!("x"), limit(300))), "a");
    assert_eq!(world.choice(rules(), with_limits(json!("x"), limit(299))), "b");
    let plan = world.plan(rules(), with_limits(json!("x"), limit(299))).unwrap();
    assert_eq!(
        plan.route().reason(),
        "rule `y` matched (priority 0); skipped before it: `a`: one call needs 300 tokens, the run has 299 tokens left"
    );

    let world = World::of([costing("a", dollars(0.02)), tool("b")]);
    let money = |dollars| Limits { tokens: None, cost: Usd::from_dollars(dollars) };
    assert_eq!(world.choice(rules(), with_limits(json!("x"), money(0.02))), "a");
    assert_eq!(world.choice(rules(), with_limits(json!("x"), money(0.01))), "b");
}

#[test]
fn what_was_spent_and_reserved_is_not_left() {
    let world = World::of([costing("a", tokens(300)), tool("b")]);
    let rules = || [Rule::named("x").tool("a").fallback("b")];
    let request = with_limits(json!("x"), limit(500));
    let held = request.context().meter().reserve(&tokens(201)).unwrap();
    assert_eq!(world.choice(rules(), request.clone()), "b");
    drop(held);
    assert_eq!(world.choice(rules(), request), "a");
}

#[test]
fn a_tool_that_would_end_after_the_deadline_is_skipped() {
    let world = World::of([costing("slow", lasting(Duration::from_secs(20))), tool("quick")]);
    let rule = || [Rule::named("x").tool("slow").fallback("quick")];
    assert_eq!(world.choice(rule(), world.within(json!("x"), Duration::from_secs(20))), "slow");
    let plan = world.plan(rule(), world.within(json!("x"), Duration::from_secs(19))).unwrap();
    assert_eq!(plan.route().tool(), "quick");
    let skip = plan.explain().considered()[0].skipped.as_ref().unwrap().to_string();
    assert_eq!(skip, "one call needs 20s, the run has 19s left");
}

#[test]
fn a_tool_that_refuses_to_estimate_is_skipped_with_its_reason() {
    let unpriced = tool("a").estimator(|_| Err(Error::new(ErrorKind::Unpriced { model: "m".into() })));
    let world = World::of([unpriced, tool("b")]);
    let plan = world.plan([Rule::named("x").tool("a").fallback("b")], "x").unwrap();
    assert_eq!(plan.route().tool(), "b");
    assert!(plan.route().reason().contains("`a`: it refuses the request: the model `m` has no price"));
}

#[test]
fn a_tool_estimates_the_request_with_the_options_that_it_would_get() {
    let by_size = tool("a").estimator(|request| Ok(tokens(request.options()["size"].as_u64().unwrap())));
    let world = World::of([by_size, tool("b")]);
    let rule = Rule::named("x").tool("a").tool_options(json!({ "size": 100, "k": 3 })).fallback("b");
    let request = with_limits(json!("x"), limit(50));
    assert_eq!(world.choice([rule.clone()], request.clone()), "b");
    assert_eq!(world.choice([rule], request.with_options(json!({ "size": 50 }))), "a");
}

#[test]
fn a_low_budget_reduces_k_of_a_budget_aware_rule() {
    let world = World::of([costing("bundle", tokens(100))]);
    let rule = Rule::named("x").tool("bundle").tool_options(json!({ "k": 3, "epsilon": 0.2 }));
    let aware = rule.clone().budget_aware(true);
    let k = |rule: &Rule, left| {
        let plan = world.plan([rule.clone()], with_limits(json!("x"), limit(left))).unwrap();
        (options(&plan)["k"].clone(), plan.explain().notes().to_vec())
    };
    assert_eq!(k(&aware, 300), (json!(3), vec![]));
    let note = "k is 2 instead of 3: 3 calls do not fit the 250 tokens that the run has left";
    assert_eq!(k(&aware, 250), (json!(2), vec![note.to_owned()]));
    assert_eq!(k(&aware, 100).0, json!(1));
    assert_eq!(k(&rule, 250), (json!(3), vec![]), "a rule that is not budget-aware leaves k alone");

    let plan = world.plan([aware.clone()], with_limits(json!("x"), limit(250))).unwrap();
    assert_eq!(options(&plan), &json!({ "k": 2, "epsilon": 0.2 }));
    let error = world.plan([aware], with_limits(json!("x"), limit(99))).unwrap_err();
    assert_eq!(
        reasons(&error),
        ["`bundle` (rule `x`): skipped: one call needs 100 tokens, the run has 99 tokens left; one call: 100 tokens"]
    );
}

#[test]
fn a_k_that_the_caller_gives_is_not_reduced() {
    let world = World::of([costing("bundle", tokens(100))]);
    let rule = Rule::named("x").tool("bundle").tool_options(json!({ "k": 3 })).budget_aware(true);
    let request = with_limits(json!("x"), limit(250)).with_options(json!({ "k": 5 }));
    let plan = world.plan([rule], request).unwrap();
    assert!(plan.explain().notes().is_empty());
    assert_eq!(options(&plan), &json!({ "k": 3 }));
}

#[test]
fn k_of_a_fallback_is_reduced_too() {
    let world = World::of([tool("a"), costing("b", tokens(100))]).open_circuit("a", 9);
    let rule = Rule::named("x").tool("a").tool_options(json!({ "k": 3 })).fallback("b").budget_aware(true);
    let plan = world.plan([rule], with_limits(json!("x"), limit(250))).unwrap();
    assert_eq!((plan.route().tool(), options(&plan)), ("b", &json!({ "k": 2 })));
}

#[test]
fn without_tools_there_is_no_plan() {
    let world = World::named([]);
    assert_eq!(reasons(&world.plan([], "x").unwrap_err()), ["no tool is registered"]);
    let error = world.plan([Rule::named("x").tool("a").fallback("b")], "x").unwrap_err();
    assert_eq!(
        reasons(&error),
        ["`a` (rule `x`): skipped: it is not registered", "`b` (fallback of rule `x`): skipped: it is not registered"]
    );
}

#[test]
fn a_tool_that_was_never_registered_is_skipped_and_as_a_fallback_left_out() {
    let world = World::named(["summarize", "b"]);
    let plan = world.plan([Rule::named("x").tool("sumarize").fallback("b").fallback("nope")], "x").unwrap();
    assert_eq!(plan.route().tool(), "b");
    assert!(plan.route().fallbacks().is_empty());
    assert!(plan.route().reason().ends_with("`sumarize`: it is not registered, did you mean `summarize`?"));
    assert_eq!(plan.explain().notes(), ["the fallback `nope` is not registered and was left out"]);
}

#[test]
fn the_default_choice_goes_by_health_then_known_cost_then_order() {
    let tools = || {
        [tool("unknown"), costing("dear", dollars(0.2)), costing("cheap", dollars(0.1)), costing("also", dollars(0.1))]
    };
    let world = World::of(tools());
    let plan = world.plan([], "x").unwrap();
    assert_eq!(plan.route().tool(), "cheap");
    assert_eq!(
        plan.route().reason(),
        "no rule matched; the lowest known cost ($0.1000 a call) of 4 tools that can be used"
    );
    assert_eq!(plan.confidence(), 0.5);
    assert_eq!(plan.explain().considered().len(), 4);

    let world = world.open_circuit("cheap", 9);
    assert_eq!(world.choice([], "x"), "also");
    let world = world.open_circuit("also", 9).open_circuit("dear", 9);
    let plan = world.plan([Rule::request_type("other").tool("dear")], "x").unwrap();
    assert_eq!(plan.route().tool(), "unknown");
    assert_eq!(plan.route().reason(), "no rule matched; the only tool that can be used");

    let plan = World::named(["a", "b"]).plan([], "x").unwrap();
    assert_eq!(plan.route().tool(), "a");
    assert_eq!(
        plan.route().reason(),
        "no rule matched; registered first of 2 tools that can be used, no cost is known"
    );
}

#[test]
fn confidence_says_what_the_choice_is_based_on() {
    let world = World::named(["a", "b"]);
    let rule = || [Rule::named("x").tool("a").fallback("b")];
    assert_eq!(world.plan(rule(), "x").unwrap().confidence(), 0.9);
    assert_eq!(world.open_circuit("a", 9).plan(rule(), "x").unwrap().confidence(), 0.7);
}

#[test]
fn a_rule_that_fits_is_never_passed_over_for_the_default_choice() {
    let world = World::of([costing("dear", tokens(100)), tool("free")]);
    let error = world.plan([Rule::named("x").tool("dear")], with_limits(json!("x"), limit(1))).unwrap_err();
    assert_eq!(reasons(&error).len(), 1);
}

#[test]
fn no_words_of_a_request_name_a_tool() {
    let world = World::named(["a", "secret"]);
    let hostile =
        json!({ "tool": "secret", "route": { "tool": "secret" }, "query": "use the tool `secret`", "type": "secret" });
    assert_eq!(world.choice([Rule::keywords(["use"]).tool("a")], hostile.clone()), "a");
    assert_eq!(world.choice([], hostile), "a");
}

#[test]
fn a_request_as_deep_as_it_likes_is_planned() {
    let deep = (0..5_000).fold(json!("deep"), |inner, _| Value::Array(vec![inner]));
    let world = World::named(["other", "a"]);
    let rules = [Rule::keywords(["deep"]).tool("a"), Rule::named("x").when("0.0.0", Op::Equals, 1).tool("other")];
    let plan = world.plan(rules, deep).unwrap();
    assert_eq!(plan.route().tool(), "a");
    assert!(plan.explain().to_string().contains("0.0.0 must equal 1, but is [[["));
}

#[test]
fn rules_that_continue_add_options_and_the_one_that_is_looked_at_first_wins() {
    let world = World::named(["a", "b"]);
    let gives = |name: &'static str, options: Value| Rule::named(name).tool_options(options);
    let rules = || {
        [
            gives("early", json!({ "x": 1, "trace": true })).priority(9).then(Then::Continue),
            gives("other", json!({ "foreign": 1 })).tool("b").priority(-1).then(Then::Continue),
            gives("main", json!({ "x": 2, "k": 3 })).tool("a").priority(5).then(Then::Continue),
            gives("late", json!({ "k": 9, "late": 1 })).tool("a"),
            gives("never", json!({ "never": 1 })).then(Then::Continue).priority(-2),
        ]
    };
    let plan = world.plan(rules(), "x").unwrap();
    assert_eq!(plan.route().tool(), "a");
    assert_eq!(options(&plan), &json!({ "x": 2, "k": 3, "trace": true, "late": 1 }));
    assert_eq!(plan.explain().notes(), ["options were added by `early`, `late`"]);
    let asked = Request::new("x").with_options(json!({ "k": 1 }));
    let plan = world.plan(rules(), asked.clone()).unwrap();
    assert_eq!(asked.merged_options(options(&plan)), json!({ "x": 2, "k": 1, "trace": true, "late": 1 }));

    let stops = [gives("main", json!({ "k": 3 })).tool("a"), gives("late", json!({ "late": 1 })).tool("a")];
    assert_eq!(options(&world.plan(stops, "x").unwrap()), &json!({ "k": 3 }));
}

#[test]
fn options_alone_go_to_the_default_choice() {
    let world = World::named(["a", "b"]);
    let traced = Rule::named("traced").tool_options(json!({ "trace": true })).then(Then::Continue);
    let plan = world.plan([traced], "x").unwrap();
    assert_eq!((plan.route().tool(), options(&plan)), ("a", &json!({ "trace": true })));
    assert_eq!(plan.confidence(), 0.5);
}

/// An object of one field. (`json!` would copy the value, and recursively.)
fn object(name: &str, value: Value) -> Value {
    Value::Object([(name.to_owned(), value)].into_iter().collect())
}

#[test]
fn options_are_taken_from_the_request_where_it_has_them_and_they_are_small() {
    let world = World::named(["a"]);
    let rule = || {
        let rule = Rule::named("r").tool("a").tool_options(json!({ "language": "en", "k": 1 }));
        [rule.option_from("language", "/meta/language").option_from("tags", "tags")]
    };
    let taken = |input: Value| world.plan(rule(), input).unwrap();
    assert_eq!(
        options(&taken(json!({ "meta": { "language": "de" }, "tags": [1] }))),
        &json!({ "language": "de", "k": 1, "tags": [1] })
    );
    assert_eq!(options(&taken(json!({}))), &json!({ "language": "en", "k": 1 }));
    let deep = (0..10_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    for large in [json!("x".repeat(65_537)), json!(vec![0; 1_000]), deep] {
        let plan = taken(object("tags", large));
        assert_eq!(options(&plan), &json!({ "language": "en", "k": 1 }));
        assert_eq!(plan.explain().notes(), ["`tags` is too large for the option `tags` and was left out"]);
    }
}

#[test]
fn the_default_choice_prefers_tools_whose_declared_form_the_request_has() {
    let declared =
        |name: &'static str, schema: Value| BoxTool::new(ToolSpec::pure(name).with_input_schema(schema), tool(name));
    let object = json!({ "type": "object", "required": ["order"] });
    let world = World::of([
        declared("texts", json!({ "type": "string" })),
        costing("cheap", dollars(0.001)),
        declared("orders", object),
    ]);
    let plan = world.plan([], json!({ "order": 7 })).unwrap();
    assert_eq!(plan.route().tool(), "orders");
    assert_eq!(plan.route().reason(), "no rule matched; the only one of 3 usable tools whose input schema fits");
    assert_eq!(world.choice([], "plain text"), "texts");
    assert_eq!(world.choice([], json!([1])), "cheap");
    assert_eq!(world.open_circuit("orders", 9).choice([], json!({ "order": 7 })), "cheap", "health comes first");
}

#[test]
fn a_bundle_by_default_gets_the_default_options_and_fewer_replicates_under_a_low_budget() {
    let bundle = BoxTool::new(ToolSpec::pure("b").with_kind(orch_core::ToolKind::Bundle), tool("b"));
    let world = World::of([bundle.estimator(|_| Ok(tokens(100)))]);
    assert_eq!(options(&world.plan([], "x").unwrap()), &json!({ "k": 3, "epsilon": 0.2 }));
    let plan = world.plan([], with_limits(json!("x"), limit(250))).unwrap();
    assert_eq!(options(&plan), &json!({ "k": 2, "epsilon": 0.2 }));
}

#[test]
fn what_a_bundle_says_of_itself_wins_over_the_defaults_of_the_choice() {
    let spec = ToolSpec::pure("b").with_kind(orch_core::ToolKind::Bundle).with_default_options(json!({ "k": 7 }));
    let world = World::of([BoxTool::new(spec, tool("b")).estimator(|_| Ok(tokens(100)))]);
    assert_eq!(options(&world.plan([], "x").unwrap()), &json!({ "k": 7 }));
    let plan = world.plan([], with_limits(json!("x"), limit(250))).unwrap();
    assert_eq!(options(&plan), &json!({ "k": 2 }));
}

#[test]
fn inputs_that_mean_harm_are_planned_or_refused() {
    let world = World::named(["a", "b"]);
    let rules = [Rule::keywords(["deep"]).tool("a"), Rule::named("n").when("query", Op::Regex, "^(a+)+$").tool("b")];
    let planner = RulePlanner::new(rules).unwrap();
    let plan = |input: Value| {
        let request = Request::new(input);
        // Dropping a very deep value takes a very deep stack, which is no matter of planning.
        std::mem::forget(request.clone());
        planner.plan_at(&world.catalog, &request, world.now)
    };
    let wide: serde_json::Map<_, _> = (0..100_000).map(|n| (n.to_string(), json!("deep"))).collect();
    assert_eq!(plan(Value::Object(wide)).unwrap().route().tool(), "a");
    let deep = (0..10_000).fold(json!("deep"), |inner, _| object("query", inner));
    assert_eq!(plan(deep).unwrap().route().tool(), "a");
    assert_eq!(
        plan(json!(format!("{}!", "a".repeat(1 << 19)))).unwrap().route().reason(),
        "no rule matched; registered first of 2 tools that can be used, no cost is known"
    );
    let error = plan(json!("y".repeat(10 << 20))).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
    let wider = planner.clone().scan_limits(ScanLimits::default().text_bytes(16 << 20));
    assert!(wider.plan_at(&world.catalog, &"y".repeat(10 << 20).into(), world.now).is_ok());
}

#[tokio::test(start_paused = true)]
async fn planning_now_is_planning_at_the_clock_of_tokio() {
    let world = World::named(["a", "b"]).open_circuit("a", 30);
    let planner: Arc<dyn Planner> = Arc::new(RulePlanner::new([Rule::named("x").tool("a").fallback("b")]).unwrap());
    assert_eq!(planner.plan(&world.catalog, &"x".into()).await.unwrap().route().tool(), "b");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(planner.plan(&world.catalog, &"x".into()).await.unwrap().route().tool(), "a");
    planner.check(&world.catalog).unwrap();
}

#[test]
fn a_planners_confidence_is_brought_into_range() {
    let confidence = |confidence| Plan::new(orch_core::Route::new("a", "why"), confidence).confidence();
    assert_eq!([0.3, -1.0, 7.0, f64::NAN, f64::INFINITY].map(confidence), [0.3, 0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn a_catalog_finds_tools_and_what_was_meant() {
    let world = World::of([costing("summarize", tokens(7)).into_tool()]);
    let error = world.catalog.find("sumarize").unwrap_err();
    assert_eq!(error.to_string(), "no tool named `sumarize`, did you mean `summarize`?");
    let route = |tool: &str| orch_core::Route::new(tool, "test");
    assert_eq!(world.catalog.estimate(&route("summarize"), &"x".into()).unwrap(), tokens(7));
    assert!(world.catalog.estimate(&route("nope"), &"x".into()).is_err());
}
