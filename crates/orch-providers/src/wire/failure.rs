//! What a server says when it fails, in any of the forms of any wire, as one error.

#[cfg(any(feature = "responses", feature = "anthropic"))]
use std::borrow::Cow;
use std::ops::Deref;
use std::time::Duration;

use http::HeaderMap;
use http::response::Parts;
use orch_core::{Class, Error, ErrorKind, ProviderFailure, wall_clock};
use serde_json::Value;

#[cfg(any(feature = "responses", feature = "anthropic"))]
use super::Loose;
use super::classify::classify;
use super::{DONE, Decode, Step, Wire, string};
use crate::chat::ChatEvent;
use crate::transport::{ApiKey, BodyError, beginning, limit_reset, limits, retry_after, stated_wait};

/// How much of a server's words is kept.
const MESSAGE: usize = 1_000;
/// How much of an answer that cannot be read is shown.
const GARBAGE: usize = 200;
/// How much of a code or an id is kept.
const NAME: usize = 200;

/// Who speaks, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    pub(super) provider: &'a str,
    /// Kept out of everything that the server says; the longer before what may stand in them.
    pub(super) secrets: &'a [ApiKey],
    /// Whether a 409 passes by itself.
    pub(super) conflict_passes: bool,
    /// The id that the headers of the answer gave the request: a failure inside the answer has no other.
    pub(super) request_id: Option<&'a str>,
}

/// What a server said about a failure.
#[derive(Debug, PartialEq)]
pub(crate) struct Failure {
    /// The first of its code, type and status, as the server wrote it.
    code: Option<String>,
    /// Its code, type and status, in lower case.
    pub(super) words: Vec<String>,
    /// Its code as a number: a status, on servers that repeat it in the body.
    pub(super) number: Option<u16>,
    pub(super) message: String,
    /// The wait that a field of the body asks for.
    wait: Option<Duration>,
    /// Whether the quota of a day is used up: Google asks for a short wait all the same.
    pub(super) daily: bool,
    request_id: Option<String>,
    /// What it is when none of its words is known.
    pub(super) otherwise: Class,
}

/// How the failure in an answer is found, if it is one.
type FindFailure = fn(&Value) -> Option<Failure>;

impl Speaker<'_> {
    /// The provider of a wire by its own name, without a key.
    pub(crate) fn of(wire: &impl Wire) -> Self {
        let server = wire.server();
        Self { provider: server.name, secrets: &[], conflict_passes: server.conflict_passes, request_id: None }
    }

    /// Gives the decoder what came next in a stream. Once the answer has ended, only the usage can be lost: neither a
    /// broken connection nor junk spoils it, but a failure that the server reports still does.
    pub(super) fn frame(
        &self,
        decoder: &mut impl Decode,
        next: Result<impl Deref<Target = str>, BodyError>,
        emit: &mut impl FnMut(ChatEvent),
    ) -> Result<Step, Error> {
        let data = match next {
            Ok(data) => data,
            Err(_) if decoder.has_ended() => return Ok(Step::Done),
            Err(error) => return Err(error.into_error(self.provider)),
        };
        match decoder.frame(&data, emit) {
            Err(error) if decoder.has_ended() && error.class() == Class::BadOutput => Ok(Step::Done),
            read => read,
        }
    }

    /// What a stream was worth whose body has ended.
    pub(super) fn end_of_body(&self, decoder: &impl Decode) -> Result<(), Error> {
        if decoder.has_ended() { Ok(()) } else { Err(self.broken("the stream ended before the answer did")) }
    }

    /// The JSON of an answer, or of a piece of it; the failure that it reports is an error.
    pub(crate) fn read(&self, text: &str) -> Result<Value, Error> {
        let json = self.json(text)?;
        self.unfailed(json, text, Failure::find)
    }

    /// One event of a wire whose events have a type: none if it says nothing, an error if that is its type or it has
    /// none and reports a failure. A word of the end proves nothing on such a wire.
    pub(crate) fn event(&self, data: &str) -> Result<Option<Value>, Error> {
        self.event_with(data, Failure::find)
    }

    /// The same, where `find` finds the failure.
    pub(crate) fn event_with(&self, data: &str, find: FindFailure) -> Result<Option<Value>, Error> {
        let data = data.trim();
        if data.is_empty() || data.starts_with(DONE) {
            return Ok(None);
        }
        let json = self.json(data)?;
        if string(&json, "type").is_some_and(|kind| kind != "error") {
            return Ok(Some(json));
        }
        self.unfailed(json, data, find).map(|_| None)
    }

    /// An object that reports no failure.
    fn unfailed(&self, json: Value, text: &str, find: FindFailure) -> Result<Value, Error> {
        match find(&json) {
            Some(failure) => Err(self.failed(failure, None)),
            None if json.is_object() => Ok(json),
            None => Err(self.unusable("the answer is not a JSON object", text)),
        }
    }

    /// Any JSON.
    pub(crate) fn json(&self, text: &str) -> Result<Value, Error> {
        serde_json::from_str(text).map_err(|_| self.unusable("the answer is not JSON", text))
    }

    /// The text of a field; absent and `null` are the empty text, and any other value is unusable.
    #[cfg(any(feature = "responses", feature = "anthropic"))]
    pub(crate) fn text<'t>(&self, said: Option<Loose<'t>>, field: &str) -> Result<Cow<'t, str>, Error> {
        match said {
            None => Ok(Cow::Borrowed("")),
            Some(Loose::Text(text)) => Ok(text),
            Some(Loose::Json(other)) => Err(self.unusable(&format!("`{field}` is not a text"), &other.to_string())),
        }
    }

    /// A connection that did not last until the answer was whole.
    fn broken(&self, why: &str) -> Error {
        let mut failure = ProviderFailure::new(self.provider, why);
        failure.request_id = self.request_id.map(Into::into);
        Error::new(ErrorKind::Provider(failure))
    }

    /// An answer that cannot be used, with its beginning.
    pub(crate) fn unusable(&self, why: &str, answer: &str) -> Error {
        let shown = |text: &str| self.shown(text, GARBAGE);
        Error::bad_output("", format!("{}: {}", shown(why), shown(answer)))
    }

    /// A failure that the server reported: with its status and headers, or inside an answer that had begun.
    pub(crate) fn failed(&self, failure: Failure, head: Option<&Parts>) -> Error {
        let status = head.map(|head| head.status.as_u16());
        let nothing = HeaderMap::new();
        let headers = head.map_or(&nothing, |head| &head.headers);
        let verdict = classify(&failure, status, headers, self.conflict_passes);
        let wait = wait(verdict.class, &failure, headers);
        let id = request_id(headers).or(self.request_id).map(str::to_owned).or(failure.request_id);
        let mut reported = ProviderFailure::new(self.provider, self.shown(&failure.message, MESSAGE))
            .status(status)
            .context_overflow(verdict.context_overflow);
        reported.code = failure.code.map(|code| self.shown(&code, NAME).into());
        reported.request_id = id.map(|id| self.shown(&id, NAME).into());
        let error = Error::new(ErrorKind::Provider(reported)).with_class(verdict.class);
        let error = wait.map_or(error.clone(), |wait| error.with_retry_after(wait));
        let error = limits(headers, wall_clock()).map_or(error.clone(), |limits| error.with_limits(limits));
        if verdict.not_executed { error.with_not_executed() } else { error }
    }

    /// The beginning of a server's words, without the secrets: what is cut first may end in the half of one.
    fn shown(&self, text: &str, chars: usize) -> String {
        let redacted = self.secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text));
        beginning(&redacted, chars).to_owned()
    }
}

/// The server's id of the request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let names = ["x-request-id", "request-id", "x-litellm-call-id"];
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}

/// The longest-lived knowledge first: a header, a field, a sentence, the reset of a limit.
fn wait(class: Class, failure: &Failure, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(class, Class::Throttled | Class::Quota | Class::Transient) {
        return None;
    }
    if failure.daily {
        return retry_after(headers, wall_clock());
    }
    retry_after(headers, wall_clock())
        .or(failure.wait)
        .or_else(|| stated_wait(&failure.message))
        .or_else(|| limit_reset(headers, wall_clock()).filter(|_| class == Class::Throttled))
}

impl Failure {
    /// The failure in an answer, if it is one: servers report failures under status 200, too.
    pub(crate) fn find(answer: &Value) -> Option<Self> {
        let answer = answer.get(0).unwrap_or(answer);
        let error = answer.get("error").or_else(|| answer.pointer("/choices/0/error"));
        match error {
            Some(Value::Object(_)) => Some(Self::of(error?, answer)),
            Some(Value::String(message)) if !message.is_empty() => Some(Self::of(error?, answer)),
            _ if answer.get("choices").is_some() => None,
            _ if answer.get("detail").is_some_and(|detail| !detail.is_null()) => {
                Some(Self::of(&answer["detail"], answer))
            }
            _ if ["object", "type"].iter().any(|name| string(answer, name) == Some("error")) => {
                Some(Self::of(answer, answer))
            }
            _ => None,
        }
    }

    /// The failure in the body of an answer whose status says that it is one.
    pub(super) fn of_body(body: &str) -> Self {
        let json: Option<Value> = serde_json::from_str(body).ok();
        let found =
            json.as_ref().and_then(|json| Self::find(json).or_else(|| json.is_object().then(|| Self::of(json, json))));
        found.unwrap_or_else(|| Self::unexplained(body.trim()))
    }

    /// The failure of an answer that gives no reason but these words.
    pub(crate) fn unexplained(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::default() }
    }

    /// The failure in an object whose codes are a closed list: one that is not known is a fault of the request.
    pub(crate) fn of_closed_list(error: &Value) -> Self {
        Self::of(error, &Value::Null).closed()
    }

    /// The failure in an answer of the Responses wire, whose flat `error` has the codes of a failed response.
    pub(crate) fn find_closed(answer: &Value) -> Option<Self> {
        let flat = string(answer, "type") == Some("error") && answer["error"].is_null();
        Self::find(answer).map(|failure| if flat { failure.closed() } else { failure })
    }

    fn closed(self) -> Self {
        let otherwise = if self.words.is_empty() { Class::Transient } else { Class::Permanent };
        Self { otherwise, ..self }
    }

    /// `error` holds the failure; some servers put a part of it beside, into `around`.
    fn of(error: &Value, around: &Value) -> Self {
        let field = |name: &str| error.get(name).or_else(|| around.get(name)).filter(|field| !field.is_null());
        let detailed = error.pointer("/details/error_code").and_then(Value::as_str);
        let texts = ["code", "type", "status"].into_iter().filter_map(|name| field(name)?.as_str());
        // The envelope's own type, and a status as a text, say nothing.
        let said = |word: &&str| *word != "error" && word.parse::<u16>().is_err();
        let words: Vec<&str> = detailed.into_iter().chain(texts).filter(said).collect();
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        Self {
            code: words.first().map(|&word| word.to_owned()),
            words: words.into_iter().map(str::to_lowercase).collect(),
            number: field("code").and_then(number).and_then(|number| u16::try_from(number).ok()),
            message: message(error).unwrap_or_else(|| error.to_string()),
            wait: wait_field(error),
            daily: is_daily(error),
            request_id: field("request_id").and_then(Value::as_str).map(str::to_owned),
            otherwise: Class::Transient,
        }
    }
}

impl Default for Failure {
    fn default() -> Self {
        let (words, message) = (Vec::new(), String::new());
        Self {
            code: None,
            words,
            number: None,
            message,
            wait: None,
            daily: false,
            request_id: None,
            otherwise: Class::Transient,
        }
    }
}

fn message(error: &Value) -> Option<String> {
    let text =
        error.as_str().or_else(|| ["message", "detail", "error"].iter().find_map(|name| error.get(name)?.as_str()));
    text.map(str::to_owned)
}

/// `google.rpc.QuotaFailure`: what is counted for a day is used up until the next.
fn is_daily(error: &Value) -> bool {
    let details = error["details"].as_array().into_iter().flatten();
    let violations = details.filter_map(|detail| detail["violations"].as_array()).flatten();
    violations.filter_map(|violation| violation["quotaId"].as_str()).any(|id| id.contains("PerDay"))
}

fn wait_field(error: &Value) -> Option<Duration> {
    let seconds = error.get("retry_after").and_then(Value::as_f64);
    let details = error.get("details").and_then(Value::as_array);
    let delay = details.and_then(|details| details.iter().find_map(|detail| detail.get("retryDelay")?.as_str()));
    let sentence = seconds.map(|seconds| format!("{seconds}s")).or_else(|| delay.map(str::to_owned))?;
    stated_wait(&format!("retry in {sentence}"))
}

#[cfg(test)]
mod tests;
