//! The planner against a naive scan.

use orch_core::{Candidate, Estimate, Limits, Request, Usd};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::testing::{World, costing, with_limits};
use crate::{Op, Rule};

const TOOLS: [&str; 4] = ["t0", "t1", "t2", "t3"];

#[derive(Clone, Debug)]
enum Ask {
    Word(&'static str),
    When(&'static str, Op, Value),
}

#[derive(Clone, Debug)]
struct Spec {
    asks: Vec<Ask>,
    priority: i32,
    /// The tool, and its fallbacks.
    tools: Vec<&'static str>,
}

/// What is known of a tool: for how long it is blocked, and what a call costs.
type Condition = (Option<u64>, Option<u64>);

fn naive(specs: &[Spec], input: &Value, conditions: &[Condition; 4], left: u64) -> Option<&'static str> {
    let holds = |ask: &Ask| match ask {
        Ask::Word(word) => {
            input["q"].as_str().is_some_and(|text| text.split(' ').any(|w| w.eq_ignore_ascii_case(word)))
        }
        Ask::When(path, op, value) => {
            let seen = input.pointer(&format!("/{}", path.replace('.', "/")));
            match op {
                Op::Equals => seen == Some(value),
                Op::NotEquals => seen != Some(value),
                Op::Exists => seen.is_some(),
                Op::Gt => seen.and_then(Value::as_i64).is_some_and(|seen| seen > value.as_i64().unwrap()),
                _ => unreachable!(),
            }
        }
    };
    let mut matched: Vec<&Spec> = specs.iter().filter(|spec| spec.asks.iter().all(holds)).collect();
    matched.sort_by_key(|spec| -spec.priority);
    let firsts = matched.iter().map(|spec| spec.tools[0]);
    let mut order: Vec<_> = firsts.chain(matched.iter().flat_map(|spec| spec.tools[1..].iter().copied())).collect();
    let of = |tool: &&str| conditions[TOOLS.iter().position(|name| name == tool).unwrap()];
    if matched.is_empty() {
        order = TOOLS.to_vec();
        order.sort_by_key(|tool| of(tool).1.unwrap_or(u64::MAX));
    }
    let affordable = |tool: &&str| of(tool).1.is_none_or(|cost| cost <= left);
    let free = order.iter().find(|tool| affordable(tool) && of(tool).0.is_none());
    let registered_order = if matched.is_empty() { TOOLS.to_vec() } else { order.clone() };
    let due = registered_order.iter().filter(|tool| affordable(tool)).min_by_key(|tool| of(tool).0);
    free.or(due).copied()
}

fn rule(spec: &Spec) -> Rule {
    let words = spec.asks.iter().find_map(|ask| match ask {
        Ask::Word(word) => Some(*word),
        Ask::When(..) => None,
    });
    let rule = words.map_or_else(Rule::default, |word| Rule::keywords([word]).on("q"));
    let rule = spec.asks.iter().fold(rule, |rule, ask| match ask {
        Ask::When(path, op, value) => rule.when(*path, *op, value.clone()),
        Ask::Word(_) => rule,
    });
    let rule = rule.tool(spec.tools[0]).priority(spec.priority);
    spec.tools[1..].iter().fold(rule, |rule, tool| rule.fallback(Candidate::new(*tool)))
}

fn spec() -> impl Strategy<Value = Spec> {
    let path = || select(&["a", "b", "m.c"][..]);
    let number = || (0..3).prop_map(|n| json!(n));
    let when = prop_oneof![
        (path(), select(&[Op::Equals, Op::NotEquals, Op::Gt][..]), number()).prop_map(|(p, o, v)| Ask::When(p, o, v)),
        path().prop_map(|path| Ask::When(path, Op::Exists, Value::Null)),
    ];
    let word = prop::option::of(select(&["deep", "Quick"][..]).prop_map(Ask::Word));
    let tools =
        Just(TOOLS.to_vec()).prop_shuffle().prop_flat_map(|tools| (1..4_usize).prop_map(move |n| tools[..n].to_vec()));
    (word, prop::collection::vec(when, 0..3), -1..2, tools).prop_map(|(word, whens, priority, tools)| Spec {
        asks: word.into_iter().chain(whens).collect(),
        priority,
        tools,
    })
}

fn input() -> impl Strategy<Value = Value> {
    let number = || prop::option::of(0..3_i64);
    let text = select(&["a deep look", "QUICK and DEEP", "deeper", ""][..]);
    (text, number(), number(), number()).prop_map(|(q, a, b, c)| {
        let mut input = json!({ "q": q, "m": {} });
        for (pointer, value) in [("a", a), ("b", b)] {
            if let Some(value) = value {
                input[pointer] = value.into();
            }
        }
        if let Some(c) = c {
            input["m"]["c"] = c.into();
        }
        input
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_rules_choose_the_tool_that_a_naive_scan_chooses(
        specs in prop::collection::vec(spec(), 0..6),
        input in input(),
        conditions in prop::array::uniform4((prop::option::weighted(0.4, 1..4_u64), prop::option::of(1..5_u64))),
        left in 1..5_u64,
    ) {
        let estimate = |cost: Option<u64>| Estimate::unknown().cost(cost.map(Usd::from_nanos));
        let tools = TOOLS.iter().zip(conditions).map(|(name, (_, cost))| costing(name, estimate(cost)));
        let world = World::of(tools);
        let world = TOOLS.iter().zip(conditions).fold(world, |world, (name, (blocked, _))| match blocked {
            Some(seconds) => world.open_circuit(name, seconds),
            None => world,
        });
        let request = || -> Request {
            with_limits(input.clone(), Limits { tokens: None, cost: Some(Usd::from_nanos(left)) })
        };
        let plan = world.plan(specs.iter().map(rule), request());
        let expected = naive(&specs, &input, &conditions, left);
        prop_assert_eq!(plan.as_ref().ok().map(|plan| plan.route().tool()), expected);
        let again = world.plan(specs.iter().map(rule), request());
        prop_assert_eq!(plan.ok().map(|plan| plan.explain().to_string()), again.ok().map(|plan| plan.explain().to_string()));
    }
}
