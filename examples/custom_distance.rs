//! A distance of one's own: lengths with units, of which `1.5 km` and `1500 m` are the same.
//!
//!     cargo run --example custom_distance

use orch_core::{Error, HasContext, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec, tool_fn};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, Distance, Prepared, ReplicateLayer, TokenLevenshtein};
use tower::{ServiceBuilder, ServiceExt};

/// How far two lengths are apart, as a part of the longer one; other texts by their words.
struct Lengths;

impl Distance for Lengths {
    fn name(&self) -> &'static str {
        "lengths"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        match (metres(a.text()), metres(b.text())) {
            (Some(a), Some(b)) if a.max(b) > 0.0 => (a - b).abs() / a.max(b),
            (Some(_), Some(_)) => 0.0,
            _ => TokenLevenshtein.distance(a, b),
        }
    }
}

/// `None` of what is no length.
fn metres(text: &str) -> Option<f64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: f64 = number.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    match unit {
        "m" => Some(number),
        "km" => Some(number * 1_000.0),
        _ => None,
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program")]
async fn main() -> anyhow::Result<()> {
    let measure = tool_fn(ToolSpec::pure("measure"), |request: Request| async move {
        let answers = ["1.5 km", "1500 m", "about a mile", "1502 m"];
        let nth = request.context().replicate().unwrap_or(1) as usize;
        Ok::<_, Error>(Output::from(answers[nth - 1]))
    });
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(measure.spec()))
        .layer(ReplicateLayer::new(4).stop(Never).epsilon(0.01).distance(Lengths))
        .service(ToolService::new(measure));

    let bundle = Bundle::from_output(&stack.oneshot(Request::new("How long is it?")).await?)?;
    for cluster in &bundle.summary.clusters {
        println!("{} by {}", cluster.replicate_ids.join(" "), bundle.metadata["distance"]);
    }
    println!("{:?}", bundle.summary.consensus);
    Ok(())
}
