//! Rules and requests that the benchmarks share.

use std::sync::Arc;

use orch_core::{Error, HealthBoard, Output, Registry, Request, ToolSpec, tool_fn};
use orch_planning::{Catalog, Op, PlanLayer, Planned, Rule, RulePlanner};
use serde_json::{Value, json};
use tower::Layer;
use tower::util::ServiceFn;

/// A service that is always ready and answers at once.
type Ready = ServiceFn<fn(Request) -> std::future::Ready<Result<Output, Error>>>;

/// What the rules of a set ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The request's type.
    Equality,
    /// A word of the query.
    Keywords,
    /// In turn: the type, a word, the beginning of a text, a number between two others.
    Mixed,
}

/// So many rules, each of which fits another request.
pub(crate) fn rules(kind: Kind, count: u32) -> Vec<Rule> {
    (0..count).map(|n| rule(kind, n)).collect()
}

fn rule(kind: Kind, n: u32) -> Rule {
    let equality = || Rule::request_type(format!("type-{n}"));
    let keyword = || Rule::keywords([format!("word{n}")]).on("query");
    let rule = match (kind, n % 4) {
        (Kind::Equality, _) | (Kind::Mixed, 0) => equality(),
        (Kind::Keywords, _) | (Kind::Mixed, 1) => keyword(),
        (Kind::Mixed, 2) => Rule::default().when("path", Op::StartsWith, format!("/{n}/")),
        (Kind::Mixed, _) => Rule::default().when("size", Op::Gte, n).when("size", Op::Lt, n + 1),
    };
    rule.with_name(format!("rule-{n}")).tool("only").tool_options(json!({ "k": 3 }))
}

/// A request that only the last of so many rules fits.
pub(crate) fn request(kind: Kind, count: u32) -> Request {
    let n = count - 1;
    let text = match kind {
        Kind::Keywords => format!("please have a look at word{n}, and at the others too"),
        Kind::Equality | Kind::Mixed => "please have a look at this, and at the others too".to_owned(),
    };
    let kind = match kind {
        Kind::Equality => format!("type-{n}"),
        Kind::Keywords | Kind::Mixed => "none".to_owned(),
    };
    let input: Value = json!({ "type": kind, "query": text, "path": "/none/x", "size": n });
    Request::new(input)
}

/// The planner as a layer around a ready tool.
pub(crate) fn stack(planner: RulePlanner) -> Planned<RulePlanner, Ready> {
    let tool = tool_fn(ToolSpec::pure("only"), |_: Request| async { Ok::<_, Error>(json!(1)) });
    let registry = Registry::builder().tool(tool).build().expect("one tool has a name of its own");
    let catalog = Catalog::new(Arc::new(registry), HealthBoard::new());
    let ready: fn(Request) -> _ = |_| std::future::ready(Ok(Output::from("done")));
    PlanLayer::new(planner, catalog).layer(tower::service_fn(ready))
}
