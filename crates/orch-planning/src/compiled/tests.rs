use orch_core::{Error, ErrorKind};
use serde_json::json;

use super::*;
use crate::testing::World;
use crate::{Op, Planner, RulePlanner};

fn refusal(rules: impl IntoIterator<Item = Rule>) -> String {
    RulePlanner::new(rules).unwrap_err().to_string()
}

#[test]
fn rules_that_cannot_work_are_refused_by_name() {
    let x = || Rule::named("x").tool("t");
    let cases = [
        (Rule::named("x"), "rule `x` names no tool"),
        (Rule::request_type("a").tool(""), "rule `request_type(a)` names no tool"),
        (Rule::keywords(["a", " "]).tool("t"), "rule `keywords(a,  )` has no keywords, or a blank one"),
        (Rule::keywords::<&str>([]).tool("t"), "rule `keywords()` has no keywords, or a blank one"),
        (x().on("query"), "rule `x` has no keywords to look for on `query`"),
        (x().when("", Op::Equals, 1), "rule `x`: `` is not a path: it is empty"),
        (x().when("a..b", Op::Equals, 1), "rule `x`: `a..b` is not a path: it has an empty part"),
        (
            Rule::keywords(["a"]).with_name("x").on("/a~b").tool("t"),
            "rule `x`: `/a~b` is not a path: in a JSON Pointer `~` is written `~0`, and `/` within a name `~1`",
        ),
        (x().when("n", Op::Gt, "3"), "rule `x`: on `n`, `gt` takes a number or a date such as 2026-11-20, not \"3\""),
        (x().when("n", Op::In, json!([])), "rule `x`: on `n`, `in` takes a list of at least one value, not []"),
        (x().when("n", Op::StartsWith, 3), "rule `x`: on `n`, `starts_with` takes a text, not 3"),
        (x().when("n", Op::Exists, true), "rule `x`: on `n`, `exists` takes no value (null), not true"),
        (x().tool_options(3), "rule `x`: the options of `t` must be an object, not 3"),
        (
            x().fallback(Candidate::new("f").with_options("no")),
            "rule `x`: the options of `f` must be an object, not \"no\"",
        ),
        (x().fallback("f").fallback("t"), "rule `x` tries `t` twice"),
        (x().budget_aware(true), "rule `x` is budget-aware: its tool options must give `k`, a whole number from 1 on"),
        (
            x().tool_options(json!({ "k": 0 })).budget_aware(true),
            "rule `x` is budget-aware: its tool options must give `k`, a whole number from 1 on",
        ),
    ];
    for (rule, expected) in cases {
        assert_eq!(refusal([rule]), expected);
    }
}

#[test]
fn two_rules_of_one_name_are_refused() {
    assert_eq!(refusal([Rule::named("x").tool("a"), Rule::named("x").tool("b")]), "two rules are named `x`");
}

#[test]
fn rules_without_a_name_are_named_by_what_they_ask_for_and_numbered_where_that_repeats() {
    let rules = vec![
        Rule::keywords(["a", "b", "c", "d"]).tool("t"),
        Rule::keywords(["a"]).on("x").tool("t"),
        Rule::keywords(["a"]).on("y").tool("t"),
        Rule::named("keywords(a) #2").tool("t"),
        Rule::request_type("v").tool("t"),
        Rule::default().when("n", Op::Gt, 1).tool("t"),
    ];
    let names: Vec<_> = Compiled::all(rules).unwrap().into_iter().map(|rule| rule.name.to_string()).collect();
    let expected =
        ["keywords(a, b, c, ...)", "keywords(a)", "keywords(a) #3", "keywords(a) #2", "request_type(v)", "rule"];
    assert_eq!(names, expected);
}

#[test]
fn check_finds_every_tool_and_fallback_that_is_not_registered_and_what_was_meant() {
    let world = World::named(["summarize", "translate"]);
    let check = |rule: Rule| RulePlanner::new([rule]).unwrap().check(&world.catalog).map_err(|e| e.to_string());

    assert_eq!(check(Rule::named("x").tool("summarize").fallback("translate")), Ok(()));
    assert_eq!(
        check(Rule::named("x").tool("sumarize")),
        Err("rule `x` names the tool `sumarize`, which is not registered, did you mean `summarize`?".to_owned())
    );
    assert_eq!(
        check(Rule::named("x").tool("summarize").fallback("zzz")),
        Err("rule `x` names the tool `zzz`, which is not registered".to_owned())
    );
}

#[test]
fn a_planning_error_becomes_an_invalid_request_that_points_at_the_planner() {
    let error = Error::from(RulePlanner::new([Rule::named("x")]).unwrap_err());
    let ErrorKind::InvalidRequest { pointer, reason } = error.kind() else { panic!("{error:?}") };
    assert_eq!((&**pointer, &**reason), ("/planner", "rule `x` names no tool"));
}
