//! How many tokens a text has, when nobody has counted them.
//!
//! A quarter of its bytes: about right for English and for code in the tokenisers of today, and
//! within a factor of two for other scripts, whose letters take two to four bytes.

use orch_core::Estimate;
use serde_json::Value;

use crate::chat::{ChatRequest, ContentPart, Message, Reference, ToolDefinition};
use crate::pricing::{Price, ServiceTier};

const BYTES_PER_TOKEN: usize = 4;
/// What the wire adds to each message: its role and delimiters.
const TOKENS_PER_MESSAGE: u64 = 4;
/// What an image takes at most with the large providers, which scale it down to that.
const TOKENS_PER_IMAGE: u64 = 1_600;

/// The tokens of so many bytes of text, rounded up.
pub(crate) fn in_bytes(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// About how many tokens the messages and tools of a request have. A file that is named and not sent counts as
/// nothing.
pub(crate) fn in_request(request: &ChatRequest) -> u64 {
    let messages: u64 = request.messages().iter().map(in_message).sum();
    let tools: u64 = request.tools().iter().map(in_tool).sum();
    messages + tools
}

fn in_message(message: &Message) -> u64 {
    let parts: u64 = message.parts().iter().map(in_part).sum();
    let calls: usize = message.tool_calls().iter().map(|call| call.name.len() + call.arguments.len()).sum();
    parts + in_bytes(calls) + TOKENS_PER_MESSAGE
}

fn in_part(part: &ContentPart) -> u64 {
    match part {
        ContentPart::Text { text } => in_bytes(text.len()),
        ContentPart::Image { .. } => TOKENS_PER_IMAGE,
        ContentPart::File { source: Reference::Url(url), .. } => in_bytes(url.len()),
        ContentPart::File { source: Reference::Id(_), .. } => 0,
    }
}

/// Whether the request names a file whose length only the provider knows.
fn names_a_file(request: &ChatRequest) -> bool {
    let elsewhere = |part: &ContentPart| match part {
        ContentPart::File { source: Reference::Url(url), .. } => !url.starts_with("data:"),
        ContentPart::File { .. } => true,
        ContentPart::Text { .. } | ContentPart::Image { .. } => false,
    };
    request.messages().iter().flat_map(Message::parts).any(elsewhere)
}

fn in_tool(tool: &ToolDefinition) -> u64 {
    let description = tool.description().map_or(0, str::len);
    in_bytes(tool.name().len() + description + tool.schema().to_string().len())
}

/// What a request is expected to use at most: the input with half as much again for the estimate's error, and the
/// longest answer allowed. Without `max_tokens` neither the output nor, unless it is free, the cost is known; the same
/// holds for the input when the request names a file that only the provider can measure.
///
/// The cost is that of the dearer of the usual tier and the one that an extra field `service_tier` asks for.
pub(crate) fn estimate(request: &ChatRequest, price: Option<Price>) -> Estimate {
    let input = in_request(request);
    let input = input.saturating_add(input.div_ceil(2));
    let output = request.max_tokens();
    let input = (!names_a_file(request)).then_some(input);
    let tier =
        request.extras().get("service_tier").and_then(Value::as_str).map_or_else(Default::default, ServiceTier::of);
    let cost = price.and_then(|price| price.most(input, output, tier));
    Estimate::unknown().input(input).output(output).cost(cost)
}

#[cfg(test)]
mod tests {
    use orch_core::Usd;

    use super::*;

    #[test]
    fn the_most_a_call_can_use_is_its_input_with_a_margin_and_the_longest_answer() {
        let request = ChatRequest::user("x".repeat(400)).with_max_tokens(50);
        let price = Price::per_million(1.0, 10.0).unwrap();
        let most = estimate(&request, Some(price));
        assert_eq!((most.input_tokens, most.output_tokens), (Some(156), Some(50)));
        assert_eq!(most.cost, Some(Usd::from_nanos(156 * 1_000 + 50 * 10_000)));
    }

    #[test]
    fn the_tier_that_is_asked_for_counts_if_it_is_dearer() {
        let tier = |usd| Price::per_million(usd, 0.0).unwrap();
        let price = tier(1.0).in_tier(ServiceTier::Priority, &tier(2.0)).in_tier(ServiceTier::Flex, &tier(0.5));
        let cost = |name: &str| {
            let request = ChatRequest::user("x".repeat(400)).with_extra("service_tier", name);
            estimate(&request, Some(price.clone())).cost.unwrap().nanos()
        };
        assert_eq!([cost("default"), cost("priority"), cost("flex")], [156_000, 312_000, 156_000]);
    }

    #[test]
    fn without_a_longest_answer_only_a_free_call_has_a_known_cost() {
        let request = ChatRequest::user("x");
        let price = Price::per_million(1.0, 10.0).unwrap();
        assert_eq!(estimate(&request, Some(price.clone())).output_tokens, None);
        assert_eq!(estimate(&request, Some(price)).cost, None);
        assert_eq!(estimate(&request, None).cost, None);
        assert_eq!(estimate(&request, Some(Price::free())).cost, Some(Usd::ZERO));
    }

    #[test]
    fn an_image_and_a_tool_count_and_a_file_elsewhere_is_unknown() {
        let tokens = |request: &ChatRequest| estimate(request, None).input_tokens;
        let request = ChatRequest::user("x");
        let image = Message::user("x").with_part(ContentPart::image_url("https://example.com/a.png"));
        let (plain, seen) = (tokens(&request).unwrap(), tokens(&ChatRequest::new([image])).unwrap());
        assert_eq!(seen, plain + 2_400);
        let schema = serde_json::json!({ "type": "object" });
        assert!(tokens(&request.clone().with_tool(ToolDefinition::new("f", schema))) > Some(plain));
        for file in [ContentPart::file_id("file-1"), ContentPart::file_url("https://example.com/a.pdf")] {
            let request = ChatRequest::new([Message::user("x").with_part(file)]).with_max_tokens(1);
            let price = Price::per_million(1.0, 1.0).unwrap();
            assert_eq!((tokens(&request), estimate(&request, Some(price)).cost), (None, None));
        }
        let sent = Message::user("x").with_part(ContentPart::file_url(format!("data:,{}", "x".repeat(400))));
        assert!(tokens(&ChatRequest::new([sent])) > Some(150));
    }
}
