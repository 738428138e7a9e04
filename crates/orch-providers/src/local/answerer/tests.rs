use std::collections::BTreeSet;
use std::task::{Context, Waker};

use orch_core::{Class, ErrorKind, Event, HasContext};
use proptest::prelude::*;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::{ContentPart, Message, ProviderService, ToolDefinition};

const DOCUMENT: &str = "The ferry to Bergen leaves at nine. The ferry to Oslo leaves at noon, except on Sundays. \
    Tickets are sold on board. Dogs travel free. The ferry does not sail in a storm. Bicycles cost five crowns. \
    The ferry to Bergen leaves from the old pier.";

fn service() -> ProviderService<LocalAnswerer> {
    ProviderService::new(LocalAnswerer::new(DOCUMENT).unwrap())
}

async fn ask(request: ChatRequest) -> Result<ChatResponse, Error> {
    service().oneshot(request).await
}

#[tokio::test]
async fn the_answer_is_the_sentence_that_matches_best_free_and_counted_in_words() {
    let response = ask(ChatRequest::user("Do dogs travel?")).await.unwrap();
    assert_eq!(response.text, "Dogs travel free.");
    assert_eq!(response.finish, Some(FinishReason::Stop));
    assert_eq!(response.model.as_deref(), Some("extractive-bm25"));
    let expected = Usage::new().input(Counted::estimated(3)).output(Counted::estimated(3));
    assert_eq!(response.usage, expected.cost(Counted::estimated(Usd::ZERO)));
}

#[tokio::test]
async fn deltas_add_up_to_the_text_and_commit_the_attempt() {
    let mut request = ChatRequest::user("When does the ferry to Oslo leave?");
    let mut events = request.context_mut().subscribe();
    let progress = request.context().progress().clone();
    let response = ask(request).await.unwrap();
    assert!(progress.committed());
    assert_eq!(progress.usage(), response.usage);
    let mut text = String::new();
    while let Some(envelope) = events.next().await {
        if let Event::Delta { text: piece, .. } = envelope.event {
            text.push_str(&piece);
        }
    }
    assert_eq!(text, response.text);
    assert_eq!(text, "The ferry to Oslo leaves at noon, except on Sundays.");
}

#[tokio::test]
async fn each_word_is_a_delta_of_its_own() {
    let mut request = ChatRequest::user("dogs");
    let mut events = request.context_mut().subscribe();
    let mut call = Box::pin(service().oneshot(request));
    let mut pieces = Vec::new();
    while call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        if let Some(Event::Delta { text, .. }) = events.next().await.map(|envelope| envelope.event) {
            pieces.push(text);
        }
    }
    assert_eq!(pieces, ["Dogs ", "travel ", "free."]);
}

#[tokio::test]
async fn a_seed_always_gives_the_same_answer_and_seeds_differ() {
    let mut answers = BTreeSet::new();
    for seed in 0..20 {
        let request = ChatRequest::user("Where does the ferry to Bergen leave from?").with_seed(seed);
        let first = ask(request.clone()).await.unwrap().text;
        assert_eq!(ask(request).await.unwrap().text, first);
        answers.insert(first);
    }
    assert!(answers.contains("The ferry to Bergen leaves from the old pier."));
    assert!(answers.len() > 1, "{answers:?}");
}

#[tokio::test]
async fn the_seed_of_a_replicate_counts_when_the_request_has_none() {
    let answerer = LocalAnswerer::new(DOCUMENT).unwrap();
    let question = "Where does the ferry to Bergen leave from?";
    let differs = |seed: &u64| {
        answerer.passages(question, 1, Some(*seed))[0].text != "The ferry to Bergen leaves from the old pier."
    };
    let seed = (0..100).find(differs).unwrap();
    let mut request = ChatRequest::user(question);
    *request.context_mut() = request.context().clone().with_seed(seed);
    let answer = ask(request).await.unwrap().text;
    assert_eq!(answer, answerer.passages(question, 1, Some(seed))[0].text);
}

#[tokio::test]
async fn without_a_matching_sentence_the_call_fails_for_good_and_says_so() {
    let error = ask(ChatRequest::user("quantum chromodynamics?")).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(error.to_string(), "no sentence of the document has a word of the question");
    assert_eq!(error.output().unwrap().usage().input_tokens, Some(Counted::estimated(2)));
}

#[tokio::test]
async fn what_a_sentence_cannot_be_is_refused_by_name() {
    let refused = [
        (ChatRequest::user("dogs").with_json_schema("a", json!({})), "/response_format"),
        (ChatRequest::user("dogs").with_model("gpt-5"), "/model"),
        (ChatRequest::user("dogs").with_tool(ToolDefinition::new("f", json!({}))), "/tools"),
        (ChatRequest::new([Message::user("dogs").with_part(ContentPart::file_id("f"))]), "/messages/0"),
        (ChatRequest::user("?!"), "/messages"),
        (ChatRequest::new([Message::system("dogs")]), "/messages"),
        (ChatRequest::new([]), "/messages"),
    ];
    for (request, expected) in refused {
        let error = ask(request).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { pointer, .. } if &**pointer == expected), "{error}");
    }
}

#[tokio::test]
async fn a_longer_answer_than_allowed_is_cut_and_says_so() {
    let response = ask(ChatRequest::user("dogs").with_max_tokens(2)).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish), ("Dogs travel ", Some(FinishReason::Length)));
}

#[test]
fn an_empty_document_is_refused_by_name() {
    for document in ["", " \n\n", "…!?"] {
        assert!(LocalAnswerer::new(document).unwrap_err().to_string().contains("document is empty"));
    }
}

#[test]
fn a_call_never_uses_more_than_estimated() {
    let answerer = LocalAnswerer::new(DOCUMENT).unwrap();
    let estimate = answerer.estimate(&ChatRequest::user("dogs"));
    assert_eq!((estimate.input_tokens, estimate.cost), (Some(1), Some(Usd::ZERO)));
    let longest = answerer.passages("ferry dogs tickets bicycles", 100, None);
    let longest = longest.iter().map(|passage| words(&passage.text).count() as u64).max();
    assert_eq!(estimate.output_tokens, longest);
}

proptest! {
    #[test]
    fn text_of_any_script_can_be_asked_and_answered(document in "\\PC{0,120}", question in "\\PC{0,40}", seed: u64) {
        if let Ok(answerer) = LocalAnswerer::new(document) {
            for passage in answerer.passages(&question, 3, Some(seed)) {
                prop_assert!(passage.score.is_finite() && passage.score > 0.0);
            }
        }
    }
}
