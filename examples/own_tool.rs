//! Three ways to make a tool: a closure, a closure over typed input, and the trait with what a call is expected to use.

use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{
    CallContext, Counted, Error, Estimate, Output, Request, Tool, ToolSpec, Usage, tool_fn, typed_tool_fn,
};
use orch_facade::{Budget, Client};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// What the weather is asked by; its JSON Schema becomes the tool's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    city: String,
    #[serde(default)]
    days: u8,
}

/// A tool with state of its own, which knows before a call what it will use.
struct Summarise {
    spec: ToolSpec,
}

#[async_trait]
impl Tool for Summarise {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        let words = request.input().as_text().unwrap_or_default().split_whitespace().count() as u64;
        Ok(Estimate::unknown().input(words * 2).output(10))
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let text = request.input().as_text().ok_or_else(|| Error::invalid("", "expected a text"))?;
        let first = text.split('.').next().unwrap_or_default().to_owned();
        let used = Usage::new().input(Counted::estimated(text.split_whitespace().count() as u64 * 2));
        Ok(Output::from(first).with_usage(used))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let shout = tool_fn(ToolSpec::pure("shout"), |request: Request| async move {
        let text = request.input().as_text().ok_or_else(|| Error::invalid("", "expected a text"))?;
        Ok::<_, Error>(Output::from(text.to_uppercase()))
    });
    let weather = typed_tool_fn(ToolSpec::pure("weather"), |place: Place, _: CallContext| async move {
        Ok::<_, Error>(format!("rain in {} for {} days", place.city, place.days))
    });
    let summarise = Summarise { spec: ToolSpec::pure("summarise").with_description("The first sentence of a text") };
    let client = Client::builder().tool(shout).tool(weather).tool(summarise).build()?;

    println!("{}", client.run("hello").tool("shout").await?.typed::<String>()?);
    println!("{}", client.run(json!({ "city": "Bergen", "days": 2 })).tool("weather").await?.typed::<String>()?);
    println!("{}", client.run("It rains. A lot.").tool("summarise").await?.typed::<String>()?);

    // A field that is wrong is named; a call that cannot be paid is refused before it starts.
    for refused in [
        client.run(json!({ "city": 7 })).tool("weather"),
        client.run("It rains. A lot.").tool("summarise").budget(Budget::new().tokens(5)),
    ] {
        println!("refused: {}", refused.await.err().map(|error| error.to_string()).unwrap_or_default());
    }
    Ok(())
}
