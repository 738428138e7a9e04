//! What a tool makes of a response.

use orch_core::{Class, Content, Error, ErrorKind, Misfit, Output, ProviderFailure, Schema};
use serde_json::Value;

use crate::chat::{ChatResponse, FinishReason, ResponseFormat};
use crate::provider::ProviderInfo;

/// How many characters of an unusable answer its error quotes.
const QUOTED: usize = 200;

/// The output of a whole response: its text, or its JSON where that was asked for.
///
/// A refusal or a cut by the provider's filter is the provider's failure; an answer that was cut in a tool call, is not
/// JSON, or does not fit the schema that it is checked against, is `BadOutput`.
/// Either way the error has the response, with its usage, as output.
pub(super) fn output(
    mut response: ChatResponse,
    format: &ResponseFormat,
    schema: Option<&Schema>,
    info: &ProviderInfo,
) -> Result<Output, Error> {
    response.model.get_or_insert_with(|| info.model().into());
    match content(&mut response, format, schema, info) {
        Ok(content) => Ok(described(response, content, info)),
        Err(error) => {
            let text = Content::from(std::mem::take(&mut response.text));
            Err(error.with_output(described(response, text, info)))
        }
    }
}

/// Takes the text out of the response unless it is refused.
fn content(
    response: &mut ChatResponse,
    format: &ResponseFormat,
    schema: Option<&Schema>,
    info: &ProviderInfo,
) -> Result<Content, Error> {
    if let Some(refusal) = &response.refusal {
        return Err(declined(response, info, "refusal", refusal));
    }
    if response.finish == Some(FinishReason::ContentFilter) {
        return Err(declined(response, info, "content_filter", "the provider's filter cut the answer"));
    }
    if response.finish == Some(FinishReason::Length) && !response.tool_calls.is_empty() {
        return Err(Error::bad_output("/tool_calls", "the answer was cut in a tool call"));
    }
    match format {
        ResponseFormat::Text => Ok(Content::from(std::mem::take(&mut response.text))),
        ResponseFormat::JsonSchema { .. } => {
            let json: Value = serde_json::from_str(&response.text).map_err(|error| not_json(response, error))?;
            match schema.map_or(Ok(()), |schema| schema.check(&json)) {
                Ok(()) => Ok(Content::json(json)),
                Err(Misfit { pointer, reason }) => {
                    let reason = format!("the answer does not fit the schema: {reason}");
                    Err(Error::bad_output(pointer, reason))
                }
            }
        }
    }
}

fn declined(response: &ChatResponse, info: &ProviderInfo, code: &str, message: &str) -> Error {
    let mut failure = ProviderFailure::new(info.name(), message).code(code);
    failure.request_id.clone_from(&response.request_id);
    Error::new(ErrorKind::Provider(failure)).with_class(Class::Permanent)
}

fn not_json(response: &ChatResponse, error: serde_json::Error) -> Error {
    let cut = if response.finish == Some(FinishReason::Length) { " (cut at its most tokens)" } else { "" };
    let beginning: String = response.text.chars().take(QUOTED).collect();
    Error::bad_output("", format!("the answer{cut} is not JSON: {error}; it begins `{beginning}`")).with_source(error)
}

fn described(response: ChatResponse, content: Content, info: &ProviderInfo) -> Output {
    let output = response.describe(Output::new(content)).with_metadata("provider", info.name());
    match info.method() {
        Some(method) => output.with_metadata("method", method),
        None => output,
    }
}
