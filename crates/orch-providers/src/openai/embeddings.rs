//! Embeddings, on the same server as the chat: `POST /embeddings`.

use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Error, HasContext, Output, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::ChatCompletions;
use crate::compatible::ChatUsage;
use crate::embedding::{EmbeddingProvider, EmbeddingRequest, EmbeddingResponse};
use crate::pricing::Price;
use crate::provider::ProviderInfo;
use crate::wire::{HttpProvider, Perhaps, Speaker};

const ENDPOINT: &str = "/embeddings";

/// Embeddings of OpenAI and of every server that speaks its wire: the model must be one that embeds.
#[async_trait]
impl EmbeddingProvider for HttpProvider<ChatCompletions> {
    fn info(&self) -> &ProviderInfo {
        self.info()
    }

    fn price(&self, model: &str) -> Option<Price> {
        self.price(model)
    }

    async fn embed(self: Arc<Self>, request: EmbeddingRequest) -> Result<EmbeddingResponse, Error> {
        let body = encode(&request, self.info().model());
        let (texts, reports_cost) = (request.inputs().len(), self.wire().0.dialect.reports_cost);
        let read = |text: &str, speaker: Speaker<'_>| decode(text, texts, reports_cost, speaker);
        let answer = self.ask(ENDPOINT, &body, self.cap_of_embeddings(texts), request.context(), read).await?;
        Ok(EmbeddingResponse { request_id: answer.request_id, limits: answer.limits, ..answer.content })
    }
}

fn encode(request: &EmbeddingRequest, model: &str) -> Value {
    let mut body = json!({
        "model": request.model().unwrap_or(model),
        "input": request.inputs(),
        "encoding_format": "float",
    });
    if let Some(dimensions) = request.dimensions() {
        body["dimensions"] = dimensions.into();
    }
    for (name, value) in request.extras() {
        body[name] = value.clone();
    }
    body
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    model: Option<Arc<str>>,
    #[serde(default)]
    usage: Perhaps<ChatUsage>,
    error: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The answer to `texts` texts. What wrong vectors have used is paid for all the same.
fn decode(text: &str, texts: usize, reports_cost: bool, speaker: Speaker<'_>) -> Result<EmbeddingResponse, Error> {
    let answer = match serde_json::from_str::<Answer>(text) {
        // Without a tree of values, which would be many times as large as the vectors.
        Ok(answer) if answer.error.is_none() && answer.detail.is_none() => Ok(answer),
        _ => {
            let json = speaker.read(text)?;
            Answer::deserialize(&json).map_err(|error| {
                let usage = json.get("usage").and_then(|usage| ChatUsage::deserialize(usage).ok()).unwrap_or_default();
                paid(speaker.unusable(&error.to_string(), text), usage.usage(reports_cost))
            })
        }
    }?;
    let usage = answer.usage.0.unwrap_or_default().usage(reports_cost);
    match vectors(answer.data, texts) {
        Ok(vectors) => Ok(EmbeddingResponse { vectors, model: answer.model, usage, ..EmbeddingResponse::default() }),
        Err(error) => Err(paid(error, usage)),
    }
}

/// What an answer has used that is worth nothing.
fn paid(error: Error, usage: Usage) -> Error {
    error.with_output(Output::default().with_usage(usage))
}

/// The vectors in the order of their texts; servers may send them in another.
fn vectors(mut data: Vec<Item>, texts: usize) -> Result<Vec<Vec<f32>>, Error> {
    data.iter_mut().enumerate().for_each(|(place, item)| {
        item.index.get_or_insert(place);
    });
    data.sort_by_key(|item| item.index);
    if data.len() != texts || data.iter().enumerate().any(|(place, item)| item.index != Some(place)) {
        let reason = format!("{} vectors for {texts} texts, or not one for each", data.len());
        return Err(Error::bad_output("/data", reason));
    }
    let length = data.first().map_or(0, |item| item.embedding.len());
    if let Some(odd) = data.iter().find(|item| item.embedding.is_empty() || item.embedding.len() != length) {
        let reason = format!("a vector of {} numbers beside one of {length}", odd.embedding.len());
        return Err(Error::bad_output("/data", reason));
    }
    // A number beyond the type has become infinite.
    if data.iter().flat_map(|item| &item.embedding).any(|number| !number.is_finite()) {
        return Err(Error::bad_output("/data", "a vector with a number that is not finite, or beyond 32 bits"));
    }
    Ok(data.into_iter().map(|item| item.embedding).collect())
}

#[cfg(test)]
mod tests {
    use orch_core::{Class, Counted};

    use super::*;
    use crate::Dialect;

    fn decoded(body: &Value, texts: usize) -> Result<EmbeddingResponse, Error> {
        let wire = ChatCompletions::new(Dialect::COMPATIBLE);
        decode(&body.to_string(), texts, false, Speaker::of(&wire))
    }

    #[test]
    fn every_setting_has_its_field() {
        let request = EmbeddingRequest::new(["a", "b"]).with_dimensions(3).with_extra("input_type", "query");
        assert_eq!(
            encode(&request, "m"),
            json!({
                "model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 3, "input_type": "query",
            })
        );
        assert_eq!(encode(&request.with_model("n"), "m")["model"], "n");
    }

    #[test]
    fn vectors_come_in_the_order_of_their_texts() {
        let data = json!([{ "index": 1, "embedding": [2, 2.5] }, { "index": 0, "embedding": [1, 1.5] }]);
        let response = decoded(&json!({ "data": data, "usage": { "prompt_tokens": 4 } }), 2).unwrap();
        assert_eq!(response.vectors, [[1.0, 1.5], [2.0, 2.5]]);
        assert_eq!(response.usage.input_tokens, Some(Counted::reported(4)));
        let unnumbered = json!([{ "embedding": [1] }, { "embedding": [2] }]);
        assert_eq!(decoded(&json!({ "data": unnumbered }), 2).unwrap().vectors, [[1.0], [2.0]]);
    }

    #[test]
    fn what_is_not_one_vector_for_each_text_is_unusable() {
        for data in [
            json!([]),
            json!([{ "index": 0, "embedding": [1] }]),
            json!([{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [2] }]),
            json!([{ "index": 0, "embedding": [1] }, { "index": 2, "embedding": [2] }]),
            json!([{ "index": 0, "embedding": [1] }, { "index": 1, "embedding": [2, 3] }]),
            json!([{ "index": 0, "embedding": [] }, { "index": 1, "embedding": [] }]),
            json!([{ "index": 0, "embedding": [1] }, { "index": 1, "embedding": [null] }]),
            json!([{ "index": 0, "embedding": [1] }, { "index": 1, "embedding": [1e40] }]),
            json!("none"),
        ] {
            let body = json!({ "data": data.clone(), "usage": { "prompt_tokens": 4 } });
            let error = decoded(&body, 2).unwrap_err();
            assert_eq!(error.class(), Class::BadOutput, "{data}: {error}");
            let used = error.output().and_then(|output| output.usage().input_tokens);
            assert_eq!(used, Some(Counted::reported(4)), "{data}");
        }
        let error = decoded(&json!({ "error": { "message": "no such model", "code": "model_not_found" } }), 1);
        assert!(error.unwrap_err().to_string().contains("no such model"));
    }
}
