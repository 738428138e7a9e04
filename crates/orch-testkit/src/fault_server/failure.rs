use serde_json::{Map, Value, json};

use super::hint::{Hint, seconds};
use super::wire::Wire;

/// What a provider says when it fails: a status and an error in the words of the wire, or of a server that has its
/// own.
///
/// As an [`Answer`](super::Answer) it is the answer with that status; [`Answer::reported`](super::Answer::reported)
/// and [`Answer::fail_after`](super::Answer::fail_after) put it into an answer with status 200.
#[derive(Clone, Debug)]
#[must_use]
pub struct Failure {
    pub(super) status: u16,
    kind: Option<String>,
    code: Option<String>,
    message: Option<String>,
    form: ErrorForm,
    overflow: bool,
    pub(super) hints: Vec<Hint>,
}

/// How a server writes an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorForm {
    /// As the wire's vendor: OpenAI's or Anthropic's, and the flat `error` event in a Responses stream.
    #[default]
    Vendor,
    /// A Responses answer that says itself that it failed (`response.failed`); on other wires as the vendor.
    Failed,
    /// llama.cpp and vLLM: `{"error": {"code": 503, "message": .., "type": ..}}`, the code being the status.
    LlamaCpp,
    /// Ollama: `{"error": "text"}`.
    Text,
    /// xAI: `{"error": "text", "code": "503"}`.
    TextWithCode,
    /// `FastAPI`: `{"detail": "text"}`.
    Detail,
    /// A proxy in between: a page of HTML.
    Html,
}

impl Failure {
    /// A failure with this status, and the type, code and words that the wire's vendor has for it.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            kind: None,
            code: None,
            message: None,
            form: ErrorForm::Vendor,
            overflow: false,
            hints: Vec::new(),
        }
    }

    /// A 429 that no wait helps against: this is the code of a used-up quota or a spend limit.
    pub fn quota(code: impl Into<String>) -> Self {
        Self::new(429).code(code).message("You exceeded your current quota, please check your plan.")
    }

    /// A 400 because the input is longer than the model's context.
    pub fn context_overflow() -> Self {
        Self { overflow: true, ..Self::new(400) }
    }

    /// Sets the error's type; default: the vendor's for the status.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Sets the error's code: `error.code`, and `error.details.error_code` on the Messages wire.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets the words.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets how it is written.
    pub fn form(mut self, form: ErrorForm) -> Self {
        self.form = form;
        self
    }

    /// Says how long to wait. Headers cannot be sent with a failure inside an answer, so there only what stands in
    /// the error counts.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hints.push(hint);
        self
    }

    /// The content type of an answer that is nothing but this failure.
    pub(super) fn content_type(&self) -> &'static str {
        if self.form == ErrorForm::Html { "text/html" } else { "application/json" }
    }

    /// The body of an answer that is nothing but this failure.
    pub(super) fn body(&self, wire: Wire, request_id: Option<&str>) -> String {
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
    pub(super) fn is_of_response(&self) -> bool {
        self.form == ErrorForm::Failed
    }

    /// Whether it is written as the wire's vendor does.
    pub(super) fn is_vendors(&self) -> bool {
        matches!(self.form, ErrorForm::Vendor | ErrorForm::Failed)
    }

    /// The error object.
    pub(super) fn error(&self, wire: Wire) -> Map<String, Value> {
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

/// The words of a status, as in its status line.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Overloaded",
        _ => "unknown",
    }
}

fn openai_names(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        403 => ("permission_error", None),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        503 => ("server_error", Some("server_is_overloaded")),
        529 => ("overloaded_error", None),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn llama_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        501 => "not_supported_error",
        503 => "unavailable_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
