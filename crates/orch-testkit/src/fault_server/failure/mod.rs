mod body;
mod names;

pub(super) use self::names::reason;
use super::hint::Hint;

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
}
