use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use orch_core::{Class, Error, ErrorKind, Estimate, HasContext, Output, Part, ToolSpec};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::TraceLayer;
use crate::testing::{Ask, Script, throttled};
use crate::{RetryLayer, RetryPolicy};

/// What a span said, in the order in which spans began.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    name: &'static str,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

/// A subscriber that keeps every span.
#[derive(Clone, Default)]
struct Collect(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<Seen>,
    entered: Vec<Id>,
}

struct Fields<'a>(&'a mut Seen);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl Kept {
    /// Ids are places in the list, counted from 1.
    fn of(&mut self, id: &Id) -> &mut Seen {
        let place = usize::try_from(id.into_u64()).unwrap() - 1;
        &mut self.spans[place]
    }
}

impl Subscriber for Collect {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("orch_reliability")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut kept = self.0.lock().unwrap();
        let parent = kept.entered.last().cloned().map(|id| kept.of(&id).name);
        let mut seen = Seen { name: attributes.metadata().name(), parent, ..Seen::default() };
        attributes.record(&mut Fields(&mut seen));
        kept.spans.push(seen);
        Id::from_u64(kept.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut Fields(self.0.lock().unwrap().of(id)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        self.0.lock().unwrap().entered.push(id.clone());
    }

    fn exit(&self, id: &Id) {
        assert_eq!(self.0.lock().unwrap().entered.pop().as_ref(), Some(id));
    }
}

/// A second subscriber that is always there. With one alone, `tracing` asks only the thread that comes first to a
/// span whether somebody listens, and remembers its "no" for all.
static ANOTHER: LazyLock<tracing::Dispatch> = LazyLock::new(|| tracing::Dispatch::new(Collect::default()));

impl Collect {
    fn spans(&self) -> Vec<Seen> {
        self.0.lock().unwrap().spans.clone()
    }

    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        LazyLock::force(&ANOTHER);
        tracing::subscriber::set_default(self.clone())
    }
}

fn fields(pairs: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_span_and_its_attempts_are_spans_inside() {
    let collect = Collect::default();
    let _listening = collect.listen();
    let mut ask = Ask::of(&ToolSpec::pure("ask").with_target("openai"));
    ask = ask.with(|context| context.with_request_id("r-1").with_trace_id("t-1").child(Part::Replicate(2, 7)));
    ask.context_mut().enter(&ToolSpec::pure("ask").with_target("openai"), Estimate::unknown());
    let policy = RetryPolicy::default().max_attempts(2);
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new())
        .layer(RetryLayer::new(policy).unwrap())
        .service(Script::new([Err(throttled(1))]));
    assert!(stack.oneshot(ask).await.is_err());

    let call = Seen {
        name: "call",
        parent: None,
        fields: fields(&[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "ask"),
            ("request_id", "r-1"),
            ("trace_id", "t-1"),
            ("target", "openai"),
            ("replicate", "2"),
            ("outcome", "error"),
            ("error.type", "throttled"),
            ("stopped", "no attempts left"),
        ]),
    };
    let attempt = |n| Seen {
        name: "attempt",
        parent: Some("call"),
        fields: fields(&[("gen_ai.tool.name", "ask"), ("target", "openai"), ("replicate", "2"), ("attempt", n)]),
    };
    assert_eq!(collect.spans(), [call, attempt("1"), attempt("2")]);
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_service_logs_is_inside_even_across_waits() {
    let collect = Collect::default();
    let _listening = collect.listen();
    let tool = service_fn(|_: Ask| {
        let _called = tracing::info_span!("in call");
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _later = tracing::info_span!("after a wait");
            Ok::<_, Error>(Output::from("fine"))
        }
    });
    assert!(TraceLayer::new().layer(tool).oneshot(Ask::default()).await.is_ok());
    let spans: Vec<_> = collect.spans().into_iter().map(|seen| (seen.name, seen.parent)).collect();
    assert_eq!(spans, [("call", None), ("in call", Some("call")), ("after a wait", Some("call"))]);
    assert_eq!(collect.spans()[0].fields.get("outcome").map(String::as_str), Some("ok"));
    assert!(!collect.spans()[0].fields.contains_key("gen_ai.tool.name"));
}

#[tokio::test]
async fn nothing_that_was_said_is_recorded() {
    let collect = Collect::default();
    let _listening = collect.listen();
    let secret = Error::new(ErrorKind::ToolExecution { message: "the patient's name".into() });
    let mut service = TraceLayer::new().layer(Script::new([Err(secret), Ok(Output::from("the diagnosis"))]));
    let _ = service.call(Ask::pure()).await;
    let _ = service.call(Ask::pure()).await;
    let all = format!("{:?}", collect.spans());
    assert!(all.contains("permanent") && !all.contains("patient") && !all.contains("diagnosis"), "{all}");
}

#[tokio::test]
async fn without_a_subscriber_it_changes_nothing() {
    let mut service = TraceLayer::new().layer(Script::new([Err(throttled(3)), Ok(Output::from("fine"))]));
    assert_eq!(service.call(Ask::pure()).await.unwrap_err().class(), Class::Throttled);
    assert_eq!(service.call(Ask::pure()).await.unwrap(), Output::from("fine"));
}
