//! A failure in the words of a wire, or in a server's own.

use serde_json::{Map, Value, json};

use super::names::{anthropic_kind, llama_kind, openai_names, reason};
use super::{ErrorForm, Failure};
use crate::fault_server::hint::{Hint, seconds};
use crate::fault_server::wire::Wire;

impl Failure {
    /// The content type of an answer that is nothing but this failure.
    pub(in crate::fault_server) fn content_type(&self) -> &'static str {
        if self.form == ErrorForm::Html { "text/html" } else { "application/json" }
    }

    /// The body of an answer that is nothing but this failure.
    pub(in crate::fault_server) fn body(&self, wire: Wire, request_id: Option<&str>) -> String {
        let message = self.words(wire);
        match self.form {
            ErrorForm::Html => format!("<html><body><h1>{} {message}</h1></body></html>\n", self.status),
            ErrorForm::Text => json!({ "error": message }).to_string(),
            ErrorForm::TextWithCode => json!({ "error": message, "code": self.status.to_string() }).to_string(),
            ErrorForm::Detail => json!({ "detail": message }).to_string(),
            ErrorForm::LlamaCpp | ErrorForm::Vendor | ErrorForm::Failed => {
                let error = Value::Object(self.error(wire));
                match (self.form, wire, request_id) {
                    (ErrorForm::LlamaCpp, _, _) | (_, Wire::Chat | Wire::Responses, _) => json!({ "error": error }),
                    (_, Wire::Messages, None) => json!({ "type": "error", "error": error }),
                    (_, Wire::Messages, Some(id)) => json!({ "type": "error", "error": error, "request_id": id }),
                }
                .to_string()
            }
        }
    }

    /// Whether a Responses answer carries it as its own.
    pub(in crate::fault_server) fn is_of_response(&self) -> bool {
        self.form == ErrorForm::Failed
    }

    /// Whether it is written as the wire's vendor does.
    pub(in crate::fault_server) fn is_vendors(&self) -> bool {
        matches!(self.form, ErrorForm::Vendor | ErrorForm::Failed)
    }

    /// The error object.
    pub(in crate::fault_server) fn error(&self, wire: Wire) -> Map<String, Value> {
        let mut error = Map::new();
        let llama = self.form == ErrorForm::LlamaCpp;
        let (kind, code) = self.names(if llama { Wire::Chat } else { wire });
        error.insert("type".into(), kind.into());
        error.insert("message".into(), self.words(wire).into());
        match wire {
            _ if llama => {
                error.insert("code".into(), self.status.into());
            }
            Wire::Chat | Wire::Responses => {
                error.insert("param".into(), Value::Null);
                error.insert("code".into(), code.into());
            }
            Wire::Messages => {
                if let Some(code) = code {
                    error.insert("details".into(), json!({ "error_code": code }));
                }
            }
        }
        if llama && self.overflow {
            error.insert("n_prompt_tokens".into(), 6_051.into());
            error.insert("n_ctx".into(), 1_024.into());
        }
        for hint in &self.hints {
            match hint {
                Hint::Field(wait) => {
                    error.insert("retry_after".into(), wait.as_secs_f64().into());
                }
                Hint::Details(wait) => {
                    let info = "type.googleapis.com/google.rpc.RetryInfo";
                    let delay = format!("{}s", seconds(*wait));
                    error.insert("details".into(), json!([{ "@type": info, "retryDelay": delay }]));
                }
                _ => {}
            }
        }
        error
    }

    fn words(&self, wire: Wire) -> String {
        let mut message = self.message.clone().unwrap_or_else(|| self.default_words(wire).to_owned());
        message.extend(self.hints.iter().filter_map(|hint| hint.sentence()));
        message
    }

    fn default_words(&self, wire: Wire) -> &'static str {
        if self.overflow {
            return match (self.form, wire) {
                (ErrorForm::LlamaCpp, _) => {
                    "request (6051 tokens) exceeds the available context size (1024 tokens), try increasing it"
                }
                (_, Wire::Chat) => {
                    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
                }
                (_, Wire::Responses) => "Your input exceeds the context window of this model.",
                (_, Wire::Messages) => "prompt is too long: 200082 tokens > 200000 maximum",
            };
        }
        reason(self.status)
    }

    /// Type and code.
    fn names(&self, wire: Wire) -> (String, Option<String>) {
        let (kind, code) = match (self.form, wire) {
            (ErrorForm::LlamaCpp, _) if self.overflow => ("exceed_context_size_error", None),
            (_, Wire::Chat | Wire::Responses) if self.overflow => {
                ("invalid_request_error", Some("context_length_exceeded"))
            }
            (ErrorForm::LlamaCpp, _) => (llama_kind(self.status), None),
            (_, Wire::Messages) => (anthropic_kind(self.status), None),
            (_, Wire::Chat | Wire::Responses) => openai_names(self.status),
        };
        let kind = self.kind.clone().unwrap_or_else(|| kind.to_owned());
        (kind, self.code.clone().or_else(|| code.map(str::to_owned)))
    }
}
