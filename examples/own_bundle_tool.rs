//! A bundle tool of one's own: it decides by itself whom to ask, and leaves the statistics to the bundler.
//!
//!     cargo run --example own_bundle_tool
//!
//! Three sources are asked side by side, one of which needs a second attempt and one of which is down. What comes back
//! is an Evidence Bundle like any other: consensus, disagreements, confidence, and what each source cost. A client puts
//! no retries around such a tool, so the sources bring their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use orch_core::{
    BoxTool, Content, Counted, Error, Event, HasContext, IntoTool, Output, Part, ReplicateStatus, Request, ScopeLayer,
    Tool, ToolKind, ToolSpec, Usage, Usd, tool_fn,
};
use orch_evidence::{BundleContent, BundleOptions, Bundler};
use orch_facade::{Client, RetryPolicy};
use orch_reliability::RetryLayer;
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};

struct Sources {
    spec: ToolSpec,
    sources: Vec<BoxTool>,
}

impl Sources {
    /// What one source says, as the part of the run that the bundle shows it to be.
    async fn ask(&self, number: u32, request: &Request) -> Result<Output, Error> {
        let context = request.context().child(Part::Replicate(number, 0));
        context.emit(|| Event::ReplicateStarted { seed: None });
        let source = self.sources[number as usize - 1].clone();
        let result = source.oneshot(request.for_context(context.clone())).await;
        context.emit(|| Event::ReplicateDone {
            status: if result.is_ok() { ReplicateStatus::Valid } else { ReplicateStatus::Failed },
            message: result.as_ref().err().map(ToString::to_string),
            usage: context.meter().usage(),
        });
        result
    }
}

#[async_trait]
impl Tool for Sources {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        // Whoever calls may set what any bundle takes: `{"epsilon": 0.2}`. How many are asked is decided here.
        let all = u32::try_from(self.sources.len()).unwrap_or(BundleOptions::MAX_K);
        let options = BundleOptions::new().k(all).over(&BundleOptions::from_json(request.options())?);
        let answers = join_all((1..=all).map(|number| self.ask(number, &request))).await;
        let bundle = Bundler::new(&options)?.replay(|number| answers[number as usize - 1].clone())?;
        request.context().emit(|| Event::BundleReady { bundle: Content::typed(BundleContent::new(bundle.clone())) });
        Ok(Output::from(Content::typed(BundleContent::new(bundle))))
    }
}

/// A source with a retry of its own: `fails` says which attempts fail, and `says` what the others answer.
fn source(
    name: &'static str,
    says: &'static str,
    fails: impl Fn(u32) -> bool + Send + Sync + 'static,
) -> anyhow::Result<BoxTool> {
    let spec = ToolSpec::pure(name);
    let retry = RetryPolicy::default().max_attempts(2).initial_delay(Duration::from_millis(5));
    let layers = ServiceBuilder::new().layer(ScopeLayer::of(&spec)).layer(RetryLayer::new(retry)?);
    let ask = tool_fn(spec, move |request: Request| {
        let failed = fails(request.context().attempt());
        async move {
            if failed {
                return Err(Error::transient("503"));
            }
            let price = Usage::new().cost(Counted::reported(Usd::from_nanos(2_000_000)));
            Ok(Output::from(says).with_usage(price))
        }
    });
    Ok(ask.into_tool().layer(layers))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let sources = vec![
        source("archive", "built in 1887", |_| false)?,
        source("register", "built in 1887", |attempt| attempt == 1)?,
        source("newspaper", "built in 1889", |_| false)?,
        source("neighbour", "built long ago", |_| true)?,
    ];
    let spec = ToolSpec::pure("sources").with_kind(ToolKind::Bundle).with_description("Asks every source there is");
    let client = Client::builder().tool(Sources { spec, sources }).build()?;

    let mut events = client.run("When?").tool("sources").tool_options(json!({ "stop": "never" })).events();
    while let Some(envelope) = events.next().await {
        if let Event::ReplicateDone { status, message, .. } = envelope.event {
            let number = envelope.source.replicate.unwrap_or_default();
            println!("r{number} {status:?} {}", message.unwrap_or_default());
        }
    }
    let outcome = events.outcome().await?;
    let summary = &outcome.evidence()?.summary;
    println!("{:?} with confidence {:.2}", summary.consensus, summary.confidence);
    for found in &summary.disagreements {
        for one in &found.candidates {
            println!("{} by {}", one.value, one.replicate_ids.join(" "));
        }
    }
    for attempt in outcome.attempts() {
        let number = attempt.replicate.unwrap_or_default();
        println!("r{number} attempt {}: {}", attempt.attempt, attempt.verdict);
    }
    println!("${:.3} in all", outcome.cost_usd());
    Ok(())
}
