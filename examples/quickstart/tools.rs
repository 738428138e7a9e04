//! What the planner can choose from: a bundle that asks, a search, an outline.

use std::sync::Arc;

use anyhow::Context;
use orch_core::{BoxTool, Error, IntoTool, Output, Tool, ToolSpec, typed_tool_fn};
use orch_facade::providers::{ChatTool, LocalAnswerer, OpenAi};
use orch_testkit::FaultLayer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::Args;
use crate::document::Document;

/// The tool that answers a question once; every replicate of the bundle calls it.
pub(crate) fn ask(args: &Args, document: &Document) -> anyhow::Result<BoxTool> {
    let tool = match &args.base_url {
        None => local(document)?,
        Some(url) => server(args, url, document)?,
    };
    Ok(if args.faults > 0.0 { tool.layer(FaultLayer::new(args.faults, args.seed)?) } else { tool })
}

fn local(document: &Document) -> anyhow::Result<BoxTool> {
    let answerer = LocalAnswerer::new(document.text.as_str())?;
    Ok(ChatTool::new("ask", answerer).prompt("{{ question }}")?.into_tool())
}

fn server(args: &Args, url: &str, document: &Document) -> anyhow::Result<BoxTool> {
    let mut provider = OpenAi::builder().base_url(url);
    if let Some(model) = &args.model {
        provider = provider.model(model.as_str());
    }
    if let Some(variable) = &args.api_key_env {
        provider = provider.api_key_env(variable);
    }
    if let Some((input, output)) = args.price {
        provider = provider.price(input, output);
    }
    if args.free {
        provider = provider.free();
    }
    let provider = provider.build().with_context(|| format!("--base-url {url}"))?;
    let mut tool = ChatTool::new("ask", provider)
        .system(format!("Answer in one sentence from this document:\n{}", document.text))
        .prompt("{{ question }}")?
        .max_tokens(args.max_tokens)
        .stream(!args.no_stream);
    if let Some(path) = &args.schema {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("--schema {name}"))?;
        let schema: Value = serde_json::from_str(&text).with_context(|| format!("--schema {name}"))?;
        tool = tool.json_schema("answer", schema);
    }
    Ok(tool.into_tool())
}

#[derive(Deserialize, JsonSchema)]
struct Search {
    /// What to look for.
    search: String,
}

#[derive(Serialize)]
struct Hit {
    line: usize,
    text: String,
}

/// Finds the lines that hold a word.
pub(crate) fn search(document: &Document) -> impl Tool + use<> {
    let text: Arc<str> = document.text.as_str().into();
    let spec = ToolSpec::pure("search").with_description("the lines of the document that hold a word");
    typed_tool_fn(spec, move |input: Search, _context| {
        let text = Arc::clone(&text);
        async move {
            let word = input.search.to_lowercase();
            let lines = text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains(&word));
            let hits: Vec<Hit> = lines.map(|(n, line)| Hit { line: n + 1, text: line.to_owned() }).collect();
            Ok::<_, Error>(Output::typed(hits))
        }
    })
}

#[derive(Deserialize, JsonSchema)]
struct Outline {
    /// Which levels of headings, 1 to this.
    #[serde(default = "two")]
    depth: usize,
}

fn two() -> usize {
    2
}

/// Lists the document's headings.
pub(crate) fn outline(document: &Document) -> impl Tool + use<> {
    let text: Arc<str> = document.text.as_str().into();
    let spec = ToolSpec::pure("outline").with_description("the headings of the document");
    typed_tool_fn(spec, move |input: Outline, _context| {
        let text = Arc::clone(&text);
        async move {
            let level =
                |line: &&str| (1..=input.depth).contains(&line.bytes().take_while(|byte| *byte == b'#').count());
            let headings: Vec<String> = text.lines().filter(level).map(str::to_owned).collect();
            Ok::<_, Error>(Output::typed(headings))
        }
    })
}
