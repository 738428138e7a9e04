use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use orch_core::{
    BoxTool, Budget, CallContext, Counted, ErrorKind, IntoTool, Meter, ToolService, ToolSpec, Usd, tool_fn,
};
use tokio::time::Instant;

use super::*;
use crate::chat::ToolCallPiece;
use crate::{ChatEvent, ChatSink, ChatTool, Price, Provider, ProviderInfo, Role, ToolDefinition};

/// Gives one answer after another, and keeps what it was asked.
struct Scripted {
    info: ProviderInfo,
    answers: Mutex<VecDeque<Result<Vec<ChatEvent>, Error>>>,
    asked: Mutex<Vec<ChatRequest>>,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Result<Vec<ChatEvent>, Error>>) -> Arc<Self> {
        let (info, answers) = (ProviderInfo::new("scripted", "s-1"), Mutex::new(answers.into_iter().collect()));
        Arc::new(Self { info, answers, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<ChatRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// What the model was told last, with who said it.
    fn told(&self, newest: usize) -> Vec<(Role, String)> {
        let asked = self.asked();
        let messages = asked.last().unwrap().messages();
        messages[messages.len() - newest..].iter().map(|m| (m.role(), m.text().into_owned())).collect()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn price(&self, _: &str) -> Option<Price> {
        Price::per_million(1.0, 1.0).ok()
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        self.asked.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front().expect("no more answers");
        for event in answer? {
            sink.event(Instant::now(), event);
            tokio::task::yield_now().await;
        }
        sink.finish()
    }
}

/// Every answer uses 10 tokens in and 1 out: 11 micro-dollars.
const EACH: Usd = Usd::from_nanos(11_000);

fn usage() -> ChatEvent {
    ChatEvent::Usage(Usage::new().input(Counted::reported(10)).output(Counted::reported(1)))
}

fn says(text: &str) -> Result<Vec<ChatEvent>, Error> {
    Ok(vec![ChatEvent::Text(text.into()), usage(), ChatEvent::End { reason: FinishReason::Stop }])
}

fn calls<const N: usize>(calls: [(&str, &str, &str); N]) -> Result<Vec<ChatEvent>, Error> {
    let piece = |(index, (id, name, arguments)): (usize, (&str, &str, &str))| {
        let index = u32::try_from(index).unwrap();
        let (id, name) = (Some(id.to_owned()), Some(name.to_owned()));
        ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments: arguments.into() })
    };
    let end = [usage(), ChatEvent::End { reason: FinishReason::ToolCalls }];
    Ok(calls.into_iter().enumerate().map(piece).chain(end).collect())
}

/// A tool that adds, fails on an empty list, and costs 100 tokens a call.
fn sum(spec: ToolSpec) -> BoxTool {
    let add = |request: Request| async move {
        let numbers = request.input().as_json()["numbers"].as_array().cloned().unwrap_or_default();
        if numbers.is_empty() {
            return Err(Error::tool_execution("nothing to add"));
        }
        let sum: i64 = numbers.iter().filter_map(Value::as_i64).sum();
        Ok(Output::from(json!(sum)).with_usage(Usage::new().input(Counted::reported(100))))
    };
    tool_fn(spec, add).into_tool()
}

fn chat(provider: &Arc<Scripted>) -> ChatTool {
    ChatTool::shared("ask", Arc::clone(provider) as Arc<dyn Provider>)
}

fn adder(provider: &Arc<Scripted>) -> ChatTool {
    chat(provider).tools([sum(ToolSpec::pure("sum"))]).unwrap()
}

async fn run(tool: ChatTool, meter: &Meter) -> Result<Output, Error> {
    let request = Request::new("?").with_context(CallContext::new().with_meter(meter.clone()));
    ToolService::new(tool).oneshot(request).await
}

#[tokio::test]
async fn the_model_gets_what_its_tools_answered_and_everything_is_booked_once() {
    let script =
        [calls([("c1", "sum", r#"{"numbers": [1, 2]}"#), ("c2", "sum", r#"{"numbers": [5]}"#)]), says("3 and 5")];
    let (provider, meter) = (Scripted::new(script), Meter::unlimited());
    let output = run(adder(&provider), &meter).await.unwrap();
    assert_eq!(output.content().as_text(), Some("3 and 5"));
    let asked = provider.asked();
    assert_eq!(asked[0].tools().iter().map(ToolDefinition::name).collect::<Vec<_>>(), ["sum"]);
    assert_eq!(provider.told(2), [(Role::Tool, "3".into()), (Role::Tool, "5".into())]);
    let messages = asked[1].messages();
    assert_eq!(messages[1].tool_calls().len(), 2);
    assert_eq!((messages[2].tool_call_id(), messages[3].tool_call_id()), (Some("c1"), Some("c2")));
    assert_eq!(output.usage().input_tokens, Some(Counted::reported(220)));
    assert_eq!(output.usage().cost, Some(Counted::estimated(EACH + EACH)));
    assert_eq!(meter.usage(), *output.usage());
    let steps = output.metadata()["tool_steps"].as_array().unwrap();
    assert_eq!(steps[1], json!({ "tool": "sum", "arguments": r#"{"numbers": [5]}"# }));
}

#[tokio::test]
async fn each_call_is_a_step_of_the_run_with_its_own_key_and_events() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let look = tool_fn(ToolSpec::pure("look"), move |request: Request| {
        let context = request.context();
        note.lock().unwrap().push((context.part_path().to_owned(), context.tool().cloned(), context.is_scoped()));
        async { Ok::<_, Error>(Output::from("seen")) }
    });
    let provider =
        Scripted::new([calls([("", "look", ""), ("", "look", "{}")]), calls([("", "look", "")]), says("ok")]);
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let request = Request::new("?").with_context(context);
    let output = ToolService::new(chat(&provider).tools([look.into_tool()]).unwrap()).oneshot(request).await.unwrap();
    assert_eq!(output.content().as_text(), Some("ok"));
    // Calls without an id of their own get one.
    let asked = provider.asked();
    let ids: Vec<_> = asked[2].messages().iter().filter_map(|message| message.tool_call_id()).collect();
    assert_eq!(ids, ["call-1", "call-2", "call-3"]);
    drop((asked, provider));
    let step = |n: u32| (format!("/s{n}"), Some("look".into()), true);
    assert_eq!(*seen.lock().unwrap(), [step(1), step(2), step(3)]);
    let mut started = 0;
    while let Some(envelope) = events.next().await {
        started += u32::from(matches!(envelope.event, Event::ToolStarted { .. }));
    }
    assert_eq!(started, 3);
}

#[tokio::test]
async fn a_tool_that_is_not_there_wrong_arguments_and_a_failure_are_told_to_the_model() {
    let script = [calls([("1", "summ", "{}"), ("2", "sum", "{numbers"), ("3", "sum", "{}")]), says("sorry")];
    let provider = Scripted::new(script);
    let output = run(adder(&provider), &Meter::unlimited()).await.unwrap();
    let told = provider.told(3);
    assert!(told[0].1.contains("no tool named `summ`, did you mean `sum`?"), "{told:?}");
    assert!(told[1].1.contains("the arguments are not JSON"), "{told:?}");
    assert!(told[2].1.contains("nothing to add"), "{told:?}");
    assert_eq!(output.metadata()["tool_steps"][2]["error"], "nothing to add");
    assert_eq!(output.usage().input_tokens, Some(Counted::reported(20)), "no tool has done anything");
}

#[tokio::test]
async fn past_a_limit_no_call_of_the_round_is_made_and_the_work_so_far_is_in_the_error() {
    let one = || calls([("1", "sum", r#"{"numbers": [1]}"#)]);
    let both = || calls([("1", "sum", r#"{"numbers": [1]}"#), ("2", "sum", r#"{"numbers": [2]}"#)]);
    let rounds = |tool: ChatTool| tool.max_rounds(1);
    let counted = |tool: ChatTool| tool.max_calls(2);
    for (second, limit, words) in
        [(one(), &rounds as &dyn Fn(ChatTool) -> ChatTool, "1 rounds"), (both(), &counted, "2 calls")]
    {
        let (provider, meter) = (Scripted::new([one(), second]), Meter::unlimited());
        let error = run(limit(adder(&provider)), &meter).await.unwrap_err();
        assert_eq!(error.class(), Class::BadOutput);
        assert!(error.to_string().contains(words), "{error}");
        let output = error.output().unwrap();
        assert_eq!(output.usage().input_tokens, Some(Counted::reported(120)));
        assert_eq!(output.metadata()["tool_steps"].as_array().unwrap().len(), 1);
        assert_eq!(meter.usage(), *output.usage());
    }
}

#[tokio::test]
async fn the_budget_is_kept_between_the_calls() {
    let script = [calls([("1", "sum", r#"{"numbers": [1]}"#)]), says("never asked")];
    let (provider, meter) = (Scripted::new(script), Meter::new(Budget::new().tokens(130).limits()));
    let error = run(adder(&provider).max_tokens(10), &meter).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "{error}");
    // What was paid for comes back, and does not count as an answer.
    assert_eq!(error.finished(), None);
    assert_eq!(error.output().unwrap().usage().input_tokens, Some(Counted::reported(110)));
    assert_eq!((provider.asked().len(), meter.settled().tokens), (1, 111));
}

#[tokio::test]
async fn a_failure_after_a_tool_was_called_does_not_look_as_if_nothing_had_happened() {
    let refused = || Err(Error::transient("busy").with_class(Class::Throttled).with_not_executed());
    let provider = Scripted::new([calls([("1", "sum", r#"{"numbers": [1]}"#)]), refused()]);
    let tool = chat(&provider).tools([sum(ToolSpec::at_most_once("sum"))]).unwrap();
    assert_eq!(orch_core::Tool::spec(&tool).effect(), Effect::AtMostOnce);
    let context = CallContext::new();
    let request = Request::new("?").with_context(context.clone());
    let error = ToolService::new(tool).oneshot(request).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed()), (Class::StreamBroken, false));
    assert!(context.progress().committed());
    assert_eq!(error.output().unwrap().usage().input_tokens, Some(Counted::reported(110)));
    // The first call has done nothing yet: its failure stays what it is.
    let provider = Scripted::new([refused()]);
    let error = run(adder(&provider), &Meter::unlimited()).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed(), error.output()), (Class::Throttled, true, None));
}

#[tokio::test]
async fn a_call_that_is_dropped_books_the_calls_before_it_and_what_had_arrived() {
    let (provider, meter) = (Scripted::new([says("no json"), says("not yet")]), Meter::unlimited());
    let tool = chat(&provider).json_schema("answer", json!({})).repair(true);
    let request = Request::new("?").with_context(CallContext::new().with_meter(meter.clone()));
    let mut running = tool.into_tool().oneshot(request);
    while provider.asked().len() < 2 {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(Future::poll(std::pin::Pin::new(&mut running), &mut context).is_pending());
    }
    assert_eq!(meter.settled().tokens, 11);
    drop(running);
    assert!(meter.settled().tokens > 11);
    assert_eq!(meter.held().tokens, 0);
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_repaired_once_and_that_is_recorded() {
    let (provider, meter) = (Scripted::new([says("yes!"), says(r#"{"yes": true}"#)]), Meter::unlimited());
    let tool = chat(&provider).json_schema("answer", json!({})).repair(true);
    let output = run(tool, &meter).await.unwrap();
    assert_eq!(*output.content().to_json().unwrap(), json!({ "yes": true }));
    assert!(output.metadata()["repaired"].as_str().unwrap().contains("is not JSON"), "{output:?}");
    assert_eq!(output.usage().cost, Some(Counted::estimated(EACH + EACH)));
    assert_eq!(meter.usage(), *output.usage());
    let told = provider.told(2);
    assert_eq!(told[0], (Role::Assistant, "yes!".into()));
    assert!(told[1].0 == Role::User && told[1].1.contains("Answer again"), "{told:?}");
}

#[tokio::test]
async fn there_is_one_repair_and_none_unless_it_was_asked_for() {
    let script = || Scripted::new([says("yes!"), says("yes!!")]);
    let (provider, meter) = (script(), Meter::unlimited());
    let tool = || chat(&provider).json_schema("answer", json!({}));
    let error = run(tool().repair(true), &meter).await.unwrap_err();
    assert_eq!((error.class(), provider.asked().len()), (Class::BadOutput, 2));
    let output = error.output().unwrap();
    assert_eq!((output.content().as_text(), output.usage()), (Some("yes!!"), &meter.usage()));
    assert!(output.metadata().contains_key("repaired"));
    let provider = script();
    let error = run(chat(&provider).json_schema("answer", json!({})), &Meter::unlimited()).await.unwrap_err();
    assert_eq!((error.class(), provider.asked().len()), (Class::BadOutput, 1));
}

#[tokio::test]
async fn an_answer_that_was_cut_and_a_refusal_are_not_repaired() {
    let cut = vec![ChatEvent::Text("{".into()), ChatEvent::End { reason: FinishReason::Length }];
    let refused = vec![ChatEvent::Refusal("no".into()), ChatEvent::End { reason: FinishReason::Stop }];
    for answer in [cut, refused] {
        let provider = Scripted::new([Ok(answer)]);
        let tool = chat(&provider).json_schema("answer", json!({})).repair(true);
        assert!(run(tool, &Meter::unlimited()).await.is_err());
        assert_eq!(provider.asked().len(), 1);
    }
}

#[tokio::test]
async fn the_calls_of_an_answer_that_was_cut_filtered_or_refused_are_not_made() {
    let ending = |reason: FinishReason, refusal: Option<&str>| {
        let mut events = calls([("1", "sum", r#"{"numbers": [1]}"#)]).unwrap();
        events.pop();
        events.extend(refusal.map(|words| ChatEvent::Refusal(words.into())));
        [events, vec![ChatEvent::End { reason }]].concat()
    };
    for (answer, class, words) in [
        (ending(FinishReason::Length, None), Class::BadOutput, "cut in a tool call"),
        (ending(FinishReason::ContentFilter, None), Class::Permanent, "filter"),
        (ending(FinishReason::ToolCalls, Some("rather not")), Class::Permanent, "rather not"),
    ] {
        let (provider, meter) = (Scripted::new([Ok(answer)]), Meter::unlimited());
        let error = run(adder(&provider).repair(true), &meter).await.unwrap_err();
        assert_eq!((error.class(), provider.asked().len()), (class, 1), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        // The sum would have used 100 tokens more.
        assert_eq!(meter.settled().tokens, 11);
        assert_eq!(error.output().unwrap().usage(), &meter.usage());
    }
}

#[cfg(feature = "jsonschema")]
#[tokio::test]
async fn an_answer_that_does_not_fit_its_schema_is_repaired_with_the_reason() {
    let schema = json!({ "type": "object", "properties": { "score": { "type": "integer" } } });
    let script = || Scripted::new([says(r#"{"score": "high"}"#), says(r#"{"score": 9}"#)]);
    let provider = script();
    let tool = || chat(&provider).checked_json_schema("answer", schema.clone()).unwrap();
    let output = run(tool().repair(true), &Meter::unlimited()).await.unwrap();
    assert_eq!(*output.content().to_json().unwrap(), json!({ "score": 9 }));
    assert!(provider.told(1)[0].1.contains("`/score`"), "{:?}", provider.told(1));
    let provider = script();
    let tool = chat(&provider).checked_json_schema("answer", schema.clone()).unwrap();
    let error = run(tool, &Meter::unlimited()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BadOutput { pointer, .. } if &**pointer == "/score"), "{error}");
}
