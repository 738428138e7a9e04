//! What the inner service says of its failure arrives unchanged.

use std::time::Duration;

use orch_core::{Amount, BudgetKind, Class, Error, ErrorKind, Output, ProviderFailure};
use tower::{BoxError, Layer};

use super::{LayerContract, Stack, StackOf, call};
use crate::probe::{Probe, ProbeService};
use crate::rule::Rule;

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// Kind, class, `retry_after`, output, whether that is finished, and `not_executed` of an error arrive as the inner
    /// service gave them.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn errors_kept(&self) {
        for sample in self.error_samples() {
            let (stack, probe) = self.around::<Error>();
            self.error_kept(Rule::of_layers("errors_kept"), stack, &probe, sample).await;
        }
    }

    fn error_samples(&self) -> Vec<Error> {
        if self.keeps_errors { samples() } else { Vec::new() }
    }

    async fn error_kept<S: Stack>(&self, rule: Rule, mut stack: S, probe: &Probe, sample: Error) {
        let answer = sample.clone();
        probe.answer(move |_| Err(answer.clone()));
        match rule.complete(call(&mut stack, self.next_request())).await {
            Ok(output) => rule.broken(format!("the error `{sample}` became an answer: {output:?}")),
            Err(error) => rule.hold(same(&error, &sample), || format!("{sample:?} became {error:?}")),
        }
        rule.tower_kept(probe);
    }
}

impl<L> LayerContract<L>
where
    L: Layer<ProbeService> + Layer<ProbeService<BoxError>>,
    StackOf<L>: Stack,
    <L as Layer<ProbeService<BoxError>>>::Service: Stack,
{
    /// As [`errors_kept`](Self::errors_kept), when a plain tower layer inside has boxed the error.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn boxed_errors_kept(&self) {
        for sample in self.error_samples() {
            let (stack, probe) = self.around::<BoxError>();
            self.error_kept(Rule::of_layers("boxed_errors_kept"), stack, &probe, sample).await;
        }
    }
}

fn same(a: &Error, b: &Error) -> bool {
    let kind = |error: &Error| serde_json::to_value(error.kind()).ok();
    kind(a).is_some_and(|ours| Some(ours) == kind(b))
        && (a.class(), a.retry_after(), a.not_executed()) == (b.class(), b.retry_after(), b.not_executed())
        && (a.output(), a.finished()) == (b.output(), b.finished())
}

/// Errors that differ in everything a layer could lose.
fn samples() -> Vec<Error> {
    let provider = |status: u16| Error::new(ErrorKind::Provider(ProviderFailure::new("probe", "no").status(status)));
    let overrun = ErrorKind::BudgetExceeded {
        budget: BudgetKind::Tokens,
        limit: Amount::Tokens(10),
        actual: Amount::Tokens(12),
        level: "run".into(),
    };
    vec![
        provider(429).with_class(Class::Throttled).with_retry_after(Duration::from_secs(2)).with_not_executed(),
        provider(500),
        Error::tool_execution("wrong").with_class(Class::Auth),
        Error::new(overrun).with_finished(Output::from("paid for")),
        Error::new(ErrorKind::StreamBroken { reason: "reset".into() }).with_output(Output::from("half an ans")),
        Error::bad_output("/items/0", "not a number"),
    ]
}
