//! Tools that answer by a script.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::{DeltaKind, Error, Estimate, HasContext, Output, Request, Tool, ToolSpec};
use tokio::time::Instant;

/// A tool that does what its script says, call by call, and records the requests that came.
///
/// A call's lines end with its answer: [`then_ok`](Self::then_ok), [`then_err`](Self::then_err),
/// [`then_hang`](Self::then_hang) or [`then_panic`](Self::then_panic). Waits and deltas before it belong to the same call; the text of deltas
/// without an answer after them is the answer. When the script is over, its last call is repeated, or with
/// [`cycling`](Self::cycling) all of it. An empty script fails every call.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), orch_core::Error> {
/// use std::time::Duration;
/// use orch_core::{Error, IntoTool, Request, ToolSpec};
/// use orch_testkit::ScriptedTool;
/// use tower::ServiceExt;
///
/// let tool = ScriptedTool::new(ToolSpec::pure("flaky"))
///     .then_err(Error::transient("not yet"))
///     .then_wait(Duration::from_secs(2))
///     .then_ok("fine");
/// let calls = tool.calls();
/// let tool = tool.into_tool();
/// assert!(tool.clone().oneshot(Request::new("a")).await.is_err());
/// assert_eq!(tool.oneshot(Request::new("b")).await?.content().as_text(), Some("fine"));
/// assert_eq!(calls.count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct ScriptedTool {
    spec: ToolSpec,
    estimate: Estimate,
    script: Vec<Line>,
    /// Waits and deltas whose answer has not come yet.
    open: Vec<Step>,
    cycling: bool,
    calls: Calls,
}

/// One call.
#[derive(Clone, Debug)]
struct Line {
    before: Vec<Step>,
    end: End,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    Delta(Arc<str>),
}

#[derive(Clone, Debug)]
enum End {
    Ok(Box<Output>),
    Err(Error),
    Hang,
    Panic(Arc<str>),
    /// The deltas are the answer.
    Delivered,
}

impl ScriptedTool {
    /// A tool with an empty script.
    pub fn new(spec: ToolSpec) -> Self {
        Self {
            spec,
            estimate: Estimate::unknown(),
            script: Vec::new(),
            open: Vec::new(),
            cycling: false,
            calls: Calls::default(),
        }
    }

    /// Sets what a call is expected to use; default: unknown.
    pub fn with_estimate(mut self, estimate: Estimate) -> Self {
        self.estimate = estimate;
        self
    }

    /// Starts the script again when it is over, instead of repeating its last call.
    pub fn cycling(mut self) -> Self {
        self.cycling = true;
        self
    }

    /// The call answers this: text, JSON, or a whole [`Output`] with its usage.
    pub fn then_ok(self, output: impl Into<Output>) -> Self {
        self.end(End::Ok(Box::new(output.into())))
    }

    /// The call fails with this.
    pub fn then_err(self, error: Error) -> Self {
        self.end(End::Err(error))
    }

    /// The call never ends.
    pub fn then_hang(self) -> Self {
        self.end(End::Hang)
    }

    /// The call panics with `scripted panic`.
    pub fn then_panic(self) -> Self {
        self.end(End::Panic("scripted panic".into()))
    }

    /// The call waits before it goes on.
    pub fn then_wait(mut self, wait: Duration) -> Self {
        self.open.push(Step::Wait(wait));
        self
    }

    /// The call delivers a piece of text before it goes on.
    pub fn then_delta(mut self, text: impl Into<Arc<str>>) -> Self {
        self.open.push(Step::Delta(text.into()));
        self
    }

    /// What the tool was asked; stays valid when the tool is moved into a stack.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    fn end(mut self, end: End) -> Self {
        let before = std::mem::take(&mut self.open);
        self.script.push(Line { before, end });
        self
    }

    /// What the call of this number, counted from 0, does.
    fn line(&self, call: usize) -> Option<Line> {
        let unfinished = (!self.open.is_empty()).then(|| Line { before: self.open.clone(), end: End::Delivered });
        let lines = self.script.len() + usize::from(unfinished.is_some());
        let last = lines.checked_sub(1)?;
        let index = if self.cycling { call % lines } else { call.min(last) };
        self.script.get(index).cloned().or(unfinished)
    }
}

#[async_trait]
impl Tool for ScriptedTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn estimate(&self, _: &Request) -> Result<Estimate, Error> {
        Ok(self.estimate)
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let (number, _running) = self.calls.begin(&request);
        let Some(line) = self.line(number) else {
            return Err(Error::tool_execution("the script is empty"));
        };
        let mut delivered = String::new();
        for step in line.before {
            match step {
                Step::Wait(wait) => tokio::time::sleep(wait).await,
                Step::Delta(text) => {
                    request.context().deliver(Instant::now(), DeltaKind::Text, &text);
                    delivered.push_str(&text);
                }
            }
        }
        match line.end {
            End::Ok(output) => Ok(*output),
            End::Err(error) => Err(error),
            End::Hang => std::future::pending().await,
            End::Panic(message) => std::panic::panic_any(message.to_string()),
            End::Delivered => Ok(delivered.into()),
        }
    }
}

/// What a [`ScriptedTool`] was asked. Clones look at the same tool.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    requests: Vec<Request>,
    in_flight: usize,
    max_in_flight: usize,
}

impl Calls {
    /// How many calls began.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().requests.len()
    }

    /// The requests, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// How many calls run now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// The most that ever ran at the same time.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.lock().max_in_flight
    }

    fn begin(&self, request: &Request) -> (usize, Running) {
        let mut record = self.lock();
        record.requests.push(request.clone());
        record.in_flight += 1;
        record.max_in_flight = record.max_in_flight.max(record.in_flight);
        (record.requests.len() - 1, Running(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.lock();
        f.debug_struct("Calls").field("count", &record.requests.len()).field("in_flight", &record.in_flight).finish()
    }
}

/// A call that runs.
struct Running(Calls);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use orch_core::{BoxTool, IntoTool};
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;
    use crate::time::{poll_n_then_drop, settle};

    fn scripted() -> ScriptedTool {
        ScriptedTool::new(ToolSpec::pure("scripted"))
    }

    async fn ask(tool: &BoxTool) -> Result<String, String> {
        let answer = tool.clone().oneshot(Request::new("x")).await;
        answer.map(|output| output.content().to_json().unwrap().to_string()).map_err(|error| error.to_string())
    }

    async fn ask_all<const N: usize>(tool: ScriptedTool) -> [Result<String, String>; N] {
        let tool = tool.into_tool();
        let mut answers = [const { Ok(String::new()) }; N];
        for answer in &mut answers {
            *answer = ask(&tool).await;
        }
        answers
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_call_is_repeated_when_the_script_is_over() {
        let tool = scripted().then_err(Error::tool_execution("no")).then_ok(json!({ "n": 1 }));
        let answer = || Ok(r#"{"n":1}"#.to_owned());
        assert_eq!(ask_all(tool).await, [Err("no".into()), answer(), answer(), answer()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cycling_script_starts_again() {
        let tool = scripted().then_ok(1_i32.to_string()).then_ok("2").cycling();
        let [a, b, c] = ask_all(tool).await;
        assert_eq!([a.as_deref(), b.as_deref(), c.as_deref()], [Ok("\"1\""), Ok("\"2\""), Ok("\"1\"")]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_script_fails() {
        assert_eq!(ask_all(scripted()).await, [Err("the script is empty".into())]);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_and_deltas_belong_to_the_answer_after_them() {
        let tool = scripted().then_ok("first").then_delta("a").then_wait(Duration::from_secs(3)).then_delta("b");
        let tool = tool.into_tool();
        assert_eq!(ask(&tool).await.as_deref(), Ok("\"first\""));
        let (start, request) = (Instant::now(), Request::new("x"));
        let progress = request.context().progress().clone();
        let output = tool.oneshot(request).await.unwrap();
        assert_eq!((output.content().as_text(), start.elapsed()), (Some("ab"), Duration::from_secs(3)));
        assert!(progress.committed());
        assert_eq!((progress.first_at(), progress.last_at()), (Some(start), Some(start + Duration::from_secs(3))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_is_in_flight_until_it_is_dropped() {
        let tool = scripted().then_hang();
        let calls = tool.calls();
        let tool = tool.into_tool();
        let hanging = tokio::spawn(tool.clone().oneshot(Request::new("a")));
        settle().await;
        assert_eq!(calls.in_flight(), 1);
        hanging.abort();
        assert_eq!(poll_n_then_drop(tool.oneshot(Request::new("b")), 0).await.map(drop), None);
        settle().await;
        assert_eq!((calls.in_flight(), calls.max_in_flight(), calls.count()), (0, 1, 1));
        assert_eq!(calls.requests()[0].input().as_text(), Some("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_has_the_scripted_words() {
        let tool = scripted().then_panic();
        let calls = tool.calls();
        let panic = tokio::spawn(tool.into_tool().oneshot(Request::new("x"))).await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "scripted panic");
        assert_eq!(calls.in_flight(), 0);
    }
}
