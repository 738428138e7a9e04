use std::task::{Context, Waker};

use orch_core::{
    Budget, CallContext, Class, Counted, ErrorKind, IntoTool, Meter, Source, Target, ToolService, Usage, Usd,
};
use serde_json::json;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::*;
use crate::{ChatEvent, ChatResponse, ChatSink, FinishReason, Price, ProviderInfo, Role};

/// Gives the same answer to every request, and keeps the last one.
struct Fixed {
    info: ProviderInfo,
    price: Option<Price>,
    events: Vec<ChatEvent>,
    fails: Option<Error>,
    asked: std::sync::Mutex<Option<ChatRequest>>,
}

impl Fixed {
    fn new(events: impl IntoIterator<Item = ChatEvent>) -> Self {
        let info = ProviderInfo::new("fixed", "fixed-1").with_target("somewhere");
        Self {
            info,
            price: None,
            events: events.into_iter().collect(),
            fails: None,
            asked: std::sync::Mutex::default(),
        }
    }

    /// Says `text` and ends.
    fn saying(text: &str) -> Self {
        Self::new([ChatEvent::Text(text.to_owned()), ChatEvent::End { reason: FinishReason::Stop }])
    }

    fn priced(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    fn failing(mut self, error: Error) -> Self {
        self.fails = Some(error);
        self
    }

    fn last(&self) -> ChatRequest {
        self.asked.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Provider for Fixed {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn price(&self, _: &str) -> Option<Price> {
        self.price.clone()
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        *self.asked.lock().unwrap() = Some(request);
        for event in &self.events {
            sink.event(Instant::now(), event.clone());
            tokio::task::yield_now().await;
        }
        match &self.fails {
            Some(error) => Err(error.clone()),
            None => sink.finish(),
        }
    }
}

fn reported(input: u64, output: u64) -> Usage {
    Usage::new().input(Counted::reported(input)).output(Counted::reported(output))
}

async fn call(tool: ChatTool, request: impl Into<Request>) -> Result<Output, Error> {
    ToolService::new(tool).oneshot(request.into()).await
}

fn with_cost_budget(request: Request, dollars: f64) -> (Request, Meter) {
    let meter = Meter::new(Budget::new().cost_usd(dollars).limits());
    (request.with_context(CallContext::new().with_meter(meter.clone())), meter)
}

#[tokio::test]
async fn prompt_system_settings_and_the_replicates_seed_reach_the_provider() {
    let provider = Arc::new(Fixed::saying("ok"));
    let tool = ChatTool::shared("ask", Arc::clone(&provider) as Arc<dyn Provider>)
        .system("Be brief.")
        .prompt("Is {{ claim }} true?")
        .unwrap()
        .model("fixed-2")
        .temperature(0.9)
        .top_p(0.5)
        .max_tokens(10);
    let request = Request::new(json!({ "claim": "this" }))
        .with_options(json!({ "k": 3, "chat": { "temperature": 0.1 } }))
        .with_context(CallContext::new().with_seed(7));
    assert!(call(tool, request).await.is_ok());
    let asked = provider.last();
    let said: Vec<_> = asked.messages().iter().map(|m| (m.role(), m.text().into_owned())).collect();
    assert_eq!(said, [(Role::System, "Be brief.".into()), (Role::User, "Is this true?".into())]);
    assert_eq!((asked.temperature(), asked.top_p(), asked.max_tokens()), (Some(0.1), Some(0.5), Some(10)));
    assert_eq!((asked.model(), asked.seed()), (Some("fixed-2"), Some(7)));
}

#[tokio::test]
async fn a_call_may_name_another_model_and_add_an_instruction_to_the_rules() {
    let provider = Arc::new(Fixed::saying("ok"));
    let tool = || ChatTool::shared("ask", Arc::clone(&provider) as Arc<dyn Provider>).model("fixed-2");
    let asked =
        || Request::new("why?").with_options(json!({ "chat": { "model": "fixed-3", "instruction": "Think." } }));
    assert!(call(tool().system("Be brief."), asked()).await.is_ok());
    assert_eq!(provider.last().model(), Some("fixed-3"));
    assert_eq!(provider.last().messages()[0].text(), "Be brief.\n\nThink.");
    assert!(call(tool(), asked()).await.is_ok());
    assert_eq!(provider.last().messages()[0].text(), "Think.");
}

#[tokio::test]
async fn without_a_template_the_input_is_the_question_and_must_be_text() {
    let provider = Arc::new(Fixed::saying("ok"));
    let tool = || ChatTool::shared("ask", Arc::clone(&provider) as Arc<dyn Provider>);
    assert!(call(tool(), "why?").await.is_ok());
    assert_eq!(provider.last().last_user_text().as_deref(), Some("why?"));
    let error = call(tool(), json!({ "question": "why?" })).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_variable_and_a_wrong_option_are_refused_before_the_provider_is_asked() {
    let provider = Arc::new(Fixed::saying("ok"));
    let tool = || ChatTool::shared("ask", Arc::clone(&provider) as Arc<dyn Provider>).prompt("{{ question }}").unwrap();
    let error = call(tool(), json!({})).await.unwrap_err();
    assert!(error.to_string().contains("`/question`"), "{error}");
    assert!(error.not_executed());
    let request = Request::new(json!({ "question": "?" })).with_options(json!({ "chat": { "temp": 1 } }));
    let error = call(tool(), request).await.unwrap_err();
    assert!(error.to_string().contains("`/options/chat/temp`"), "{error}");
    assert!(provider.asked.lock().unwrap().is_none());
}

#[tokio::test]
async fn the_output_says_who_answered_and_what_it_cost() {
    let events = [
        ChatEvent::Start { model: Some("fixed-1-june".into()), request_id: Some("req-9".into()) },
        ChatEvent::Text("yes".into()),
        ChatEvent::End { reason: FinishReason::Stop },
        ChatEvent::Usage(reported(1_000, 100)),
    ];
    let provider = Fixed::new(events).priced(Price::per_million(2.0, 10.0).unwrap());
    let tool = ChatTool::new("ask", provider);
    assert_eq!(tool.spec().target(), &Target::new("somewhere"));
    let output = call(tool, "?").await.unwrap();
    assert_eq!(output.content().as_text(), Some("yes"));
    assert_eq!(output.model(), Some("fixed-1-june"));
    assert_eq!(output.usage().cost, Some(Counted::estimated(Usd::from_nanos(3_000_000))));
    assert_eq!(json!(output.metadata()), json!({ "finish": "stop", "provider": "fixed", "request_id": "req-9" }));
}

#[cfg(feature = "local")]
#[tokio::test]
async fn the_local_answerer_is_named_as_what_it_is() {
    let provider = crate::LocalAnswerer::new("Dogs travel free.").unwrap();
    let output = call(ChatTool::new("ask", provider), "dogs?").await.unwrap();
    assert_eq!(output.model(), Some("extractive-bm25"));
    assert_eq!(output.metadata()["method"], "extractive retrieval, not a language model");
}

#[tokio::test]
async fn json_that_was_asked_for_becomes_the_content() {
    let tool = ChatTool::new("ask", Fixed::saying(r#" {"yes": true} "#)).json_schema("verdict", json!({}));
    let output = call(tool, "?").await.unwrap();
    assert_eq!(*output.content().to_json().unwrap(), json!({ "yes": true }));
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_bad_output_with_its_beginning_and_its_usage() {
    let answer = "é".repeat(300);
    let events = [
        ChatEvent::Text(answer.clone()),
        ChatEvent::Usage(reported(5, 300)),
        ChatEvent::End { reason: FinishReason::Length },
    ];
    let tool = ChatTool::new("ask", Fixed::new(events)).json_schema("verdict", json!({}));
    let error = call(tool, "?").await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput);
    let text = error.to_string();
    assert!(text.contains("cut at its most tokens"), "{text}");
    assert_eq!(text.matches('é').count(), 200);
    let output = error.output().unwrap();
    assert_eq!(output.content().as_text(), Some(answer.as_str()));
    assert_eq!(output.usage().output_tokens, Some(Counted::reported(300)));
}

#[tokio::test]
async fn a_refusal_and_a_filtered_answer_are_permanent_failures_that_were_paid_for() {
    let refused = [ChatEvent::Refusal("I will not.".into()), ChatEvent::End { reason: FinishReason::Stop }];
    let filtered = [ChatEvent::Text("Well".into()), ChatEvent::End { reason: FinishReason::ContentFilter }];
    for (events, code) in [(refused, "refusal"), (filtered, "content_filter")] {
        let error = call(ChatTool::new("ask", Fixed::new(events)), "?").await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.output().unwrap().usage().tokens() > 0);
    }
}

#[tokio::test]
async fn under_a_cost_budget_a_model_without_a_price_is_refused() {
    let (request, meter) = with_cost_budget(Request::new("?"), 1.0);
    let error = call(ChatTool::new("ask", Fixed::saying("ok")), request.clone()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unpriced { model } if &**model == "fixed-1"), "{error}");
    assert_eq!(error.tool(), Some("ask"));
    // In a stack whose scope was set outside nobody has asked the tool for its estimate.
    let tool = ChatTool::new("ask", Fixed::saying("ok"));
    let scope = orch_core::ScopeLayer::of(tool.spec());
    let stack = tower::ServiceBuilder::new().layer(scope).service(ToolService::new(tool));
    let error = stack.oneshot(request.clone()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unpriced { .. }), "{error}");
    assert!(call(ChatTool::new("ask", Fixed::saying("ok").priced(Price::free())), request).await.is_ok());
    assert_eq!(meter.settled().cost, Usd::ZERO);
    assert!(call(ChatTool::new("ask", Fixed::saying("ok")), "?").await.is_ok());
}

#[tokio::test]
async fn the_longest_answer_is_reserved_before_the_provider_is_asked() {
    let price = Price::per_million(1.0, 1_000.0).unwrap();
    let (request, meter) = with_cost_budget(Request::new("?"), 0.01);
    let dear = ChatTool::new("ask", Fixed::saying("ok").priced(price.clone())).max_tokens(20);
    let error = call(dear, request.clone()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "{error}");
    assert_eq!(meter.settled().cost, Usd::ZERO);
    assert!(call(ChatTool::new("ask", Fixed::saying("ok").priced(price)).max_tokens(5), request).await.is_ok());
    assert!(meter.settled().cost > Usd::ZERO && meter.held().cost == Usd::ZERO);
}

#[cfg(feature = "local")]
#[tokio::test]
async fn a_call_that_is_dropped_books_what_had_arrived() {
    let meter = Meter::unlimited();
    let request = Request::new("dogs").with_context(CallContext::new().with_meter(meter.clone()));
    let provider = crate::LocalAnswerer::new("Dogs travel free on every ferry.").unwrap();
    let mut tool = ChatTool::new("ask", provider).into_tool();
    let mut running = tool.call(request);
    let mut poll = || running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending() && poll().is_pending());
    assert!(!meter.has_bookings());
    drop(running);
    assert_eq!(meter.usage().output_tokens, Some(Counted::estimated(2)));
    assert_eq!(meter.usage().input_tokens, Some(Counted::estimated(1)));
}

#[tokio::test]
async fn a_dropped_call_without_reported_usage_books_at_least_what_was_said() {
    let meter = Meter::unlimited();
    let request = Request::new("a question").with_context(CallContext::new().with_meter(meter.clone()));
    let provider = Fixed::saying("twelve bytes").priced(Price::per_million(1.0, 1.0).unwrap());
    let mut running = ChatTool::new("ask", provider).into_tool().call(request);
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(running);
    assert_eq!(meter.usage().output_tokens, Some(Counted::lower_bound(3)));
    assert_eq!(meter.usage().cost.unwrap().source, Source::LowerBound);
}

#[tokio::test]
async fn a_failure_before_any_text_keeps_its_class_and_after_it_the_stream_is_broken() {
    let reset = || Error::transient("connection reset").with_limits(orch_core::LimitHint::default());
    let error = call(ChatTool::new("ask", Fixed::new([]).failing(reset())), "?").await.unwrap_err();
    assert_eq!((error.class(), error.output()), (Class::Transient, None));
    let provider = Fixed::new([ChatEvent::Text("half an ans".into())]).failing(reset());
    let error = call(ChatTool::new("ask", provider), "?").await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::StreamBroken { reason } if reason.contains("connection reset")),
        "{error}"
    );
    assert_eq!(error.output().unwrap().content().as_text(), Some("half an ans"));
    assert!(error.limits().is_some());
}

#[tokio::test]
async fn an_answer_without_its_terminal_event_is_not_a_success() {
    let tool = ChatTool::new("ask", Fixed::new([ChatEvent::Text("half".into())]));
    let error = call(tool, "?").await.unwrap_err();
    assert_eq!(error.class(), Class::StreamBroken);
    assert_eq!(error.output().unwrap().content().as_text(), Some("half"));
}

#[cfg(feature = "local")]
#[tokio::test]
async fn pieces_of_the_answer_are_events_of_the_tool() {
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let provider = crate::LocalAnswerer::new("Dogs travel free.").unwrap();
    let request = Request::new("dogs").with_context(context);
    let output = call(ChatTool::new("ask", provider), request).await.unwrap();
    let mut text = String::new();
    while let Some(envelope) = events.next().await {
        if let orch_core::Event::Delta { text: piece, .. } = envelope.event {
            assert_eq!(envelope.source.tool.as_deref(), Some("ask"));
            text.push_str(&piece);
        }
    }
    assert_eq!(output.content().as_text(), Some(text.as_str()));
}
