//! The names under which work appears in traces: those of OpenTelemetry's GenAI conventions where they have one, else the
//! words of this workspace. This is the only place that has them; `docs/telemetry.md` lists every span with its fields.
//!
//! ```
//! use orch_core::telemetry;
//!
//! assert_eq!(telemetry::TOOL, "gen_ai.tool.name");
//! ```

/// What is done: [`EXECUTE_TOOL`] or [`CHAT`].
pub const OPERATION: &str = "gen_ai.operation.name";
/// The operation of a tool call.
pub const EXECUTE_TOOL: &str = "execute_tool";
/// The operation of a call of a model.
pub const CHAT: &str = "chat";
/// The tool.
pub const TOOL: &str = "gen_ai.tool.name";
/// The provider.
pub const PROVIDER: &str = "gen_ai.provider.name";
/// The model that was asked.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The seed that was sent.
pub const REQUEST_SEED: &str = "gen_ai.request.seed";
/// The sampling temperature that was sent.
pub const REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
/// How long the answer may be, in tokens.
pub const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// The model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// The provider's id of the answer.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// Why the answer ended.
pub const RESPONSE_FINISH: &str = "gen_ai.response.finish_reasons";
/// What was read, in tokens.
pub const USAGE_INPUT: &str = "gen_ai.usage.input_tokens";
/// What was written, in tokens.
pub const USAGE_OUTPUT: &str = "gen_ai.usage.output_tokens";

/// The class of a failure; absent when the call succeeded.
pub const ERROR: &str = "error.type";
/// Why a failed call was not repeated.
pub const STOPPED: &str = "stopped";
/// `ok` or `error`.
pub const OUTCOME: &str = "outcome";
/// The run.
pub const REQUEST_ID: &str = "request_id";
/// What ties the run to others.
pub const TRACE_ID: &str = "trace_id";
/// Whom the call reaches.
pub const TARGET: &str = "target";
/// The replicate, counted from 1.
pub const REPLICATE: &str = "replicate";
/// The attempt, counted from 1.
pub const ATTEMPT: &str = "attempt";
