use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{BoxTool, IntoTool};
use crate::{
    Effect, Error, ErrorKind, Estimate, HasContext, Output, Request, Tool, ToolKind, ToolSpec, tool_fn, typed_tool_fn,
};

fn expected(tokens: u64) -> Estimate {
    Estimate::unknown().output(tokens)
}

struct Reverse(ToolSpec);

#[async_trait::async_trait]
impl Tool for Reverse {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        let text = request.input().as_text().ok_or_else(|| Error::invalid("", "not a text"))?;
        Ok(expected(text.len() as u64))
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        Ok(request.input().as_text().unwrap_or_default().chars().rev().collect::<String>().into())
    }
}

fn reverse() -> Reverse {
    Reverse(ToolSpec::pure("reverse").with_description("backwards").with_kind(ToolKind::Bundle))
}

async fn ask(tool: BoxTool, text: &str) -> Result<String, Error> {
    let output = tool.oneshot(Request::new(text)).await?;
    Ok(output.content().as_text().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_tool_an_arc_of_one_and_a_boxed_tool_become_the_same_tool() {
    let tools = [reverse().into_tool(), Arc::new(reverse()).into_tool(), reverse().into_tool().into_tool()];
    for tool in tools {
        assert_eq!(tool.spec(), reverse().spec());
        assert_eq!(tool.estimate(&Request::new("abc")).unwrap(), expected(3));
        assert!(tool.estimate(&Request::new(1_i32.to_string())).is_ok());
        assert!(tool.estimate(&Request::new(json!(1))).is_err());
        assert_eq!(ask(tool, "abc").await.unwrap(), "cba");
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_keeps_spec_and_estimate() {
    let tool = reverse().into_tool().layer(ConcurrencyLimitLayer::new(1)).layer(TimeoutLayer::new(Duration::MAX / 4));
    assert_eq!(tool.spec(), reverse().spec());
    assert_eq!(tool.estimate(&Request::new("abcd")).unwrap(), expected(4));
    assert_eq!(ask(tool, "ab").await.unwrap(), "ba");
}

#[tokio::test(start_paused = true)]
async fn an_estimator_can_be_replaced_and_a_bare_service_has_none() {
    let service = service_fn(|_: Request| async { Ok::<_, Error>(Output::from("a")) });
    let bare = BoxTool::new(ToolSpec::pure("bare"), service);
    assert_eq!(bare.estimate(&Request::new("x")).unwrap(), Estimate::unknown());
    let estimating = bare.estimator(|_| Ok(expected(9)));
    assert_eq!(estimating.estimate(&Request::new("x")).unwrap(), expected(9));
    let layered = estimating.layer(ConcurrencyLimitLayer::new(1)).estimator(|_| Ok(expected(8)));
    assert_eq!(layered.estimate(&Request::new("x")).unwrap(), expected(8));
    assert_eq!(ask(layered, "x").await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_state_of_what_is_inside() {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let tool = tool_fn(ToolSpec::pure("slow"), move |_| {
        let (busy, most) = (Arc::clone(&busy), Arc::clone(&seen));
        async move {
            most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            busy.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Error>(Output::default())
        }
    });
    let tool = tool.into_tool().layer(ConcurrencyLimitLayer::new(2));
    let calls: Vec<_> = (0..6).map(|_| tokio::spawn(tool.clone().oneshot(Request::new("x")))).collect();
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

/// Counts the clones of the service inside a tool.
struct Cloned(Arc<AtomicUsize>);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&self.0))
    }
}

impl Service<Request> for Cloned {
    type Response = Output;
    type Error = Error;
    type Future = std::future::Ready<Result<Output, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        std::future::ready(Ok(Output::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn cloning_a_tool_clones_no_service_and_a_call_clones_one() {
    let clones = Arc::new(AtomicUsize::new(0));
    let tool = BoxTool::new(ToolSpec::pure("t"), Cloned(Arc::clone(&clones)));
    let copies: Vec<BoxTool> = (0..10).map(|_| tool.clone()).collect();
    assert_eq!(clones.load(Ordering::SeqCst), 0);
    for copy in copies {
        drop(copy.oneshot(Request::new("x")).await.unwrap());
    }
    assert_eq!(clones.load(Ordering::SeqCst), 10);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_error_inside_becomes_ours_outside() {
    let late = service_fn(|_: Request| std::future::pending::<Result<Output, Error>>());
    let late = TimeoutLayer::new(Duration::from_secs(1)).layer(late);
    let error = ask(BoxTool::new(ToolSpec::pure("late"), late), "x").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    items: Vec<Item>,
}

#[derive(Deserialize, JsonSchema)]
struct Item {
    count: u32,
}

fn order() -> impl Tool {
    typed_tool_fn(ToolSpec::at_most_once("order"), |order: Order, context| async move {
        let total: u32 = order.items.iter().map(|item| item.count).sum();
        Ok::<_, Error>(Output::typed(total).with_metadata("request", context.request_id().as_ref()))
    })
}

#[tokio::test(start_paused = true)]
async fn a_typed_tool_reads_its_input_and_knows_its_schema() {
    let tool = order().into_tool();
    assert_eq!(tool.spec().effect(), Effect::AtMostOnce);
    let schema = tool.spec().input_schema().unwrap();
    assert_eq!(schema["properties"]["items"]["type"], "array");
    let request = Request::new(json!({ "items": [{ "count": 2 }, { "count": 3 }] }));
    let id = request.context().request_id().to_string();
    let output = tool.oneshot(request).await.unwrap();
    assert_eq!(output.content().get::<u32>().unwrap(), 5);
    assert_eq!(output.metadata()["request"], id);
}

#[tokio::test(start_paused = true)]
async fn a_typed_tool_points_at_the_field_that_does_not_fit() {
    let wrong = [
        (json!({ "items": [{ "count": 2 }, { "count": "three" }] }), "/items/1/count"),
        (json!({ "items": [{}] }), "/items/0"),
        (json!({ "items": 7 }), "/items"),
        (json!("text"), ""),
    ];
    for (input, expected) in wrong {
        let error = order().into_tool().oneshot(Request::new(input)).await.unwrap_err();
        let ErrorKind::InvalidRequest { pointer, .. } = error.kind() else { panic!("{error}") };
        assert_eq!(pointer.as_ref(), expected, "{error}");
        assert!(error.not_executed());
    }
}

#[test]
fn a_schema_that_was_given_is_kept() {
    let spec = ToolSpec::pure("sum").with_input_schema(json!({ "type": "object" }));
    let tool = typed_tool_fn(spec, |_: Order, _| async { Ok::<_, Error>(Output::default()) });
    assert_eq!(tool.spec().input_schema(), Some(&json!({ "type": "object" })));
}
