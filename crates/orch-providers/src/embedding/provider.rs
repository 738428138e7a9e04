use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Counted, Error, Estimate, Usage};

use super::{EmbeddingRequest, EmbeddingResponse};
use crate::pricing::{Billing, Price, ServiceTier};
use crate::provider::ProviderInfo;
use crate::tokens;

/// Something that turns texts into vectors.
///
/// An implementation makes one attempt: it never retries. Run it through
/// [`EmbeddingService`](crate::EmbeddingService), which checks the request and books what it cost.
///
/// # Cancellation
/// Dropping the future of `embed` cancels the call.
#[async_trait]
pub trait EmbeddingProvider: Send + Sync + 'static {
    /// Who answers, and with which model.
    fn info(&self) -> &ProviderInfo;

    /// What the model's tokens cost; `None` is unknown, which is not free. Default: unknown.
    fn price(&self, _model: &str) -> Option<Price> {
        None
    }

    /// What the request is expected to use, at most. Default: a quarter of the input's bytes as tokens with half as
    /// much again as a margin, no output, and their cost by [`price`](Self::price).
    fn estimate(&self, request: &EmbeddingRequest) -> Estimate {
        let input = input_tokens(request);
        let input = Some(input.saturating_add(input.div_ceil(2)));
        let cost = self.price(model_for(self.info(), request));
        let cost = cost.and_then(|price| price.most(input, Some(0), ServiceTier::Standard));
        Estimate::unknown().input(input).output(0).cost(cost)
    }

    /// Turns the texts into vectors.
    ///
    /// # Errors
    /// Whatever went wrong, with the [`Class`](orch_core::Class) that tells the layers what to do about it.
    async fn embed(self: Arc<Self>, request: EmbeddingRequest) -> Result<EmbeddingResponse, Error>;
}

/// The model that answers the request.
pub(crate) fn model_for<'a>(info: &'a ProviderInfo, request: &'a EmbeddingRequest) -> &'a str {
    request.model().unwrap_or(info.model())
}

fn input_tokens(request: &EmbeddingRequest) -> u64 {
    request.inputs().iter().map(|text| tokens::in_bytes(text.len())).sum()
}

/// What was reported; an absent input counter is estimated, and an absent cost is computed. No output is charged.
pub(super) fn complete(usage: Usage, request: &EmbeddingRequest, price: Option<&Price>) -> Usage {
    let mut usage = usage;
    usage.input_tokens.get_or_insert_with(|| Counted::estimated(input_tokens(request)));
    if usage.cost.is_none() {
        let without_output = usage.clone().output(usage.output_tokens.unwrap_or(Counted::estimated(0)));
        usage.cost = price.and_then(|price| price.cost_of(&without_output, Billing::standard()));
    }
    usage
}
