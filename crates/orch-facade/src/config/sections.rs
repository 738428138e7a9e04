//! What a configuration consists of. The settings of layers are the types of their crates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use orch_core::Effect;
use orch_evidence::BundleOptions;
use orch_reliability::{MemoryStore, ReliabilityConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secret::{Secret, Text};

/// The whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sections {
    /// The schema, for editors.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<String>,
    /// How many replicates of one run work at the same time; default 10, 0 counts as 1.
    pub(super) max_parallel: usize,
    /// Who is asked, by names of one's own.
    pub(super) providers: BTreeMap<String, ProviderSection>,
    /// Tools that ask a provider, by their names.
    pub(super) tools: BTreeMap<String, ToolSection>,
    /// Tools whose every call is replicated, by their names.
    pub(super) bundles: BTreeMap<String, BundleSection>,
    /// Which tool serves which request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "super::schema::rules")]
    pub(super) rules: Vec<Value>,
    /// A file with the rules, instead of `rules`; from the folder of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rules_file: Option<PathBuf>,
    /// What models cost, over the prices that are known anyway.
    pub(super) prices: BTreeMap<String, PriceSection>,
    /// Where things are remembered.
    pub(super) stores: StoresSection,
    /// Retry, circuit breakers, timeouts, limits, idempotency and the budget of every run.
    pub(super) reliability: ReliabilityConfig,
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            schema: None,
            max_parallel: crate::settings::Settings::default().max_parallel,
            providers: BTreeMap::new(),
            tools: BTreeMap::new(),
            bundles: BTreeMap::new(),
            rules: Vec::new(),
            rules_file: None,
            prices: BTreeMap::new(),
            stores: StoresSection::default(),
            reliability: ReliabilityConfig::default(),
        }
    }
}

/// What is spoken with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireName {
    /// OpenAI Chat Completions, and every server that speaks it.
    Openai,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// The embedded extractive answerer: no key, no network.
    Local,
}

/// The ways of a known server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DialectName {
    Openai,
    Compatible,
    LlamaCpp,
    Vllm,
    Ollama,
    Litellm,
    Openrouter,
}

/// A version of Anthropic's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum ApiVersionName {
    #[serde(rename = "2023-06-01")]
    V2023_06_01,
    #[serde(rename = "2026-10-21")]
    V2026_10_21,
}

/// Who is asked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderSection {
    pub(super) wire: WireName,
    /// Of the wires `openai` and `responses`; default: OpenAI's at OpenAI's own hosts, else that of any server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dialect: Option<DialectName>,
    /// Where the API begins; default: the provider's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<String>,
    /// The model that is asked unless a tool names another; required but for the wire `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// Where the key is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_key: Option<Secret>,
    /// The header that carries the key; default: the provider's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_key_header: Option<String>,
    /// The outside party that circuit breakers and limits are keyed by; default: the name of this provider in this
    /// configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// Whether every model is free: a server of one's own.
    #[serde(default)]
    pub(super) free: bool,
    /// Whether plain `http` may go to another machine.
    #[serde(default)]
    pub(super) allow_insecure_http: bool,
    /// How long connecting may take, in milliseconds; default 5000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) connect_timeout_ms: Option<u64>,
    /// A proxy for every request; default: those of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proxy: Option<Text>,
    /// Files with certificates (PEM) that are trusted too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) root_certificates: Vec<PathBuf>,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, Text>,
    /// Names and values in the URL of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) query: BTreeMap<String, Text>,
    /// How many bytes of an answer are read at most; default 32 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_body: Option<usize>,
    /// How many bytes one event of a stream may have; default 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_event: Option<usize>,
    /// Of the wire `anthropic`; default: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_version: Option<ApiVersionName>,
    /// Of the wire `anthropic`: the most tokens of an answer to a request that does not say; default 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) default_max_tokens: Option<u64>,
    /// Of the wire `local`, which needs it: the file with the document, plain text or Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<PathBuf>,
}

/// A tool that asks a provider.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolSection {
    /// The name of the provider.
    pub(super) provider: String,
    /// Default `0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// What the tool does, for people and planners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// Default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The rules for the model, sent before the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<String>,
    /// A Jinja template over the fields of the input; default: the input itself, which must be a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prompt: Option<String>,
    /// A file with the template, instead of `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prompt_file: Option<PathBuf>,
    /// The JSON Schema of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_schema: Option<Value>,
    /// The JSON Schema that an answer must fit; default: the answer is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer_schema: Option<Value>,
    /// Whether each answer is checked against `answer_schema`. Needs the feature `jsonschema`.
    #[serde(default)]
    pub(super) check_answers: bool,
    /// Whether an answer that is not the JSON asked for is repaired by one more call.
    #[serde(default)]
    pub(super) repair: bool,
    /// What another call would do to the world.
    #[serde(default = "pure")]
    pub(super) effect: Effect,
    /// Tools that the model may call: of the code, or of this configuration without tools of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<String>,
    /// How many times the model may ask for tools; default 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_rounds: Option<u32>,
    /// How many calls of tools it may make in all; default 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_calls: Option<u32>,
    /// From 0 up; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    /// From 0 to 1; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    /// At least 1; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    /// Whether the provider is asked to stream.
    #[serde(default = "yes")]
    pub(super) stream: bool,
}

fn pure() -> Effect {
    Effect::Pure
}

fn yes() -> bool {
    true
}

/// A tool whose every call is replicated.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleSection {
    /// The tool that is replicated: of this configuration, or of the code.
    pub(super) tool: String,
    /// Default: that of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// How it is replicated.
    #[serde(default)]
    pub(super) options: BundleOptions,
}

/// What a model costs, in dollars per million tokens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceSection {
    /// Of input tokens; required unless it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<f64>,
    /// Of output tokens; required unless it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<f64>,
    /// Of input tokens from the provider's cache; default: that of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cached_input: Option<f64>,
    /// Of input tokens that were written to the provider's cache; default: that of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cache_write: Option<f64>,
    /// Of those that were written for an hour; default: `cache_write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cache_write_1h: Option<f64>,
    /// Of each call, in dollars; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) per_call: Option<f64>,
    /// Whether it costs nothing, instead of any price.
    #[serde(default)]
    pub(super) free: bool,
}

/// Where things are remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StoresSection {
    /// Where runs with an idempotency key are remembered: `memory`, the name of a store that the code has registered, or
    /// `code` for the one that the builder has.
    pub(super) idempotency: String,
    /// How many bytes of finished results `memory` keeps; default 64 MiB.
    pub(super) memory_bytes: u64,
}

impl StoresSection {
    pub(super) const MEMORY: &str = "memory";
    pub(super) const CODE: &str = "code";
}

impl Default for StoresSection {
    fn default() -> Self {
        Self { idempotency: Self::MEMORY.to_owned(), memory_bytes: MemoryStore::DEFAULT_BYTES }
    }
}
