//! The names of spans and fields, in one place: those of OpenTelemetry's GenAI conventions where they have one,
//! else the words of this workspace.

/// What is done: always [`EXECUTE_TOOL`].
pub(super) const OPERATION: &str = "gen_ai.operation.name";
/// The operation of a tool call.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
/// The tool.
pub(super) const TOOL: &str = "gen_ai.tool.name";
/// The class of a failure; absent when the call succeeded.
pub(super) const ERROR: &str = "error.type";
/// Why a failed call was not repeated.
pub(super) const STOPPED: &str = "stopped";
/// `ok` or `error`.
pub(super) const OUTCOME: &str = "outcome";
pub(super) const REQUEST_ID: &str = "request_id";
pub(super) const TRACE_ID: &str = "trace_id";
pub(super) const TARGET: &str = "target";
pub(super) const REPLICATE: &str = "replicate";
pub(super) const ATTEMPT: &str = "attempt";
