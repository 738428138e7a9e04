use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Counted, Error, Estimate, Target, Usage, Usd};
use tokio::time::Instant;

use super::document::{pieces, sentences, words};
use super::index::{Index, Passage};
use super::sample::seven_tenths;
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, ChatSink, FinishReason, ResponseFormat};
use crate::pricing::Price;
use crate::provider::{Provider, ProviderInfo};

const MODEL: &str = "extractive-bm25";

/// Answers a question with the sentence of a document that matches it best.
///
/// This is extractive retrieval, not a language model: the answer is a sentence of the document, found by its words
/// (BM25), and it can be the wrong one. It costs nothing and needs no key and no network.
///
/// A seed lets seven tenths of the document's sentences take part, so replicates differ for a real reason: what they
/// agree on is stable under leaving out a part of the document. That says how firmly the document favours the
/// sentence, not that the sentence is right. Without a seed the whole document takes part. The same document,
/// question and seed give the same answer.
///
/// The question is the last message of the user; of the request's other settings only `max_tokens` (words) has a
/// meaning here. Usage is counted in words, as estimated tokens.
///
/// ```
/// use orch_providers::LocalAnswerer;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let answerer = LocalAnswerer::new("Oslo is the capital of Norway. Bergen is on the coast.")?;
/// let best = answerer.passages("Which town is the capital?", 1, None);
/// assert_eq!(best[0].text, "Oslo is the capital of Norway.");
/// # Ok(())
/// # }
/// ```
pub struct LocalAnswerer {
    info: ProviderInfo,
    index: Index,
}

impl LocalAnswerer {
    /// An answerer over a document: plain text or Markdown (without its headings and fenced code), of any script whose
    /// words or letters Unicode can tell apart. The document is read once, in time proportional to its length.
    ///
    /// # Errors
    /// `InvalidRequest` at `/document` when no sentence of it has a word.
    pub fn new(document: impl Into<String>) -> Result<Self, Error> {
        let sentences = sentences(&document.into());
        if sentences.is_empty() {
            return Err(Error::invalid("/document", "the document is empty: no sentence of it has a word"));
        }
        let info = ProviderInfo::new("local", MODEL).with_method("extractive retrieval, not a language model");
        Ok(Self { info, index: Index::new(sentences) })
    }

    /// Sets the outside party that breakers and limits are keyed by; default `local`. Give two documents two targets, and each
    /// fails by itself.
    #[must_use]
    pub fn target(self, target: impl Into<Target>) -> Self {
        Self { info: self.info.with_target(target), ..self }
    }

    /// How many sentences the document has.
    #[must_use]
    pub fn sentences(&self) -> usize {
        self.index.len()
    }

    /// The best sentences for a question, at most `count`, best first; equal ones in the order of the document. With
    /// a seed only its seven tenths of the document take part. Empty when no sentence has a word of the question.
    #[must_use]
    pub fn passages(&self, question: &str, count: usize, seed: Option<u64>) -> Vec<Passage> {
        let taking_part = match seed {
            Some(seed) => seven_tenths(self.index.len(), seed),
            None => vec![true; self.index.len()],
        };
        self.index.rank(question, &taking_part, count)
    }

    fn answer(&self, question: &str, seed: Option<u64>) -> Result<String, Error> {
        let best = self.passages(question, 1, seed).pop();
        best.map(|passage| passage.text)
            .ok_or_else(|| Error::tool_execution("no sentence of the document has a word of the question"))
    }
}

/// The question, if the request asks for nothing that a sentence of a document cannot be.
fn question(request: &ChatRequest) -> Result<String, Error> {
    if !matches!(request.response_format(), ResponseFormat::Text) {
        let reason = "the extractive answerer gives sentences of its document and cannot write JSON for a schema";
        return Err(Error::invalid("/response_format", reason));
    }
    if let Some(model) = request.model().filter(|model| *model != MODEL) {
        return Err(Error::invalid("/model", format!("`{model}`: the extractive answerer has only `{MODEL}`")));
    }
    if !request.tools().is_empty() {
        return Err(Error::invalid("/tools", "the extractive answerer calls no tools"));
    }
    if let Some(at) = request.messages().iter().position(|message| !message.is_text()) {
        return Err(Error::invalid(format!("/messages/{at}"), "the extractive answerer reads text alone"));
    }
    let question = request.last_user_text().unwrap_or_default();
    if words(&question).next().is_none() {
        return Err(Error::invalid("/messages", "the last message of the user has no word in it"));
    }
    Ok(question)
}

#[async_trait]
impl Provider for LocalAnswerer {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn price(&self, _model: &str) -> Option<Price> {
        Some(Price::free())
    }

    fn estimate(&self, request: &ChatRequest) -> Estimate {
        let question = request.last_user_text().unwrap_or_default();
        let longest = u64::from(self.index.longest());
        Estimate::unknown()
            .input(words(&question).count() as u64)
            .output(request.max_tokens().map_or(longest, |most| most.min(longest)))
            .cost(Usd::ZERO)
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        let question = question(&request)?;
        sink.event(Instant::now(), ChatEvent::Start { model: Some(MODEL.into()), request_id: None });
        let asked = Usage::new().input(Counted::estimated(words(&question).count() as u64));
        sink.event(Instant::now(), ChatEvent::Usage(asked.clone().output(Counted::estimated(0))));
        let answer = self.answer(&question, request.seed())?;
        let pieces = pieces(&answer);
        let allowed = request.max_tokens().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        for (said, piece) in (1_u64..).zip(pieces.iter().take(allowed)) {
            sink.event(Instant::now(), ChatEvent::Text((*piece).to_owned()));
            sink.event(Instant::now(), ChatEvent::Usage(asked.clone().output(Counted::estimated(said))));
            // Lets a listener read each word, and a caller leave between two.
            tokio::task::yield_now().await;
        }
        let reason = if pieces.len() > allowed { FinishReason::Length } else { FinishReason::Stop };
        sink.event(Instant::now(), ChatEvent::End { reason });
        sink.finish()
    }
}

impl fmt::Debug for LocalAnswerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAnswerer").field("sentences", &self.sentences()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
