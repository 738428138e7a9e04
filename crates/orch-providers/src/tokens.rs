//! How many tokens a text has, when nobody has counted them.
//!
//! A quarter of its bytes: about right for English and for code in the tokenisers of today, and
//! within a factor of two for other scripts, whose letters take two to four bytes.

use orch_core::Estimate;

use crate::chat::{ChatRequest, ContentPart, Message};
use crate::pricing::Price;

const BYTES_PER_TOKEN: usize = 4;
/// What the wire adds to each message: its role and delimiters.
const TOKENS_PER_MESSAGE: u64 = 4;

/// The tokens of so many bytes of text, rounded up.
pub(crate) fn in_bytes(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// About how many tokens the messages of a request have.
pub(crate) fn in_request(request: &ChatRequest) -> u64 {
    request.messages().iter().map(in_message).sum()
}

fn in_message(message: &Message) -> u64 {
    let text: usize = message.parts().iter().map(|ContentPart::Text { text }| text.len()).sum();
    let calls: usize = message.tool_calls().iter().map(|call| call.name.len() + call.arguments.len()).sum();
    in_bytes(text + calls) + TOKENS_PER_MESSAGE
}

/// What a request is expected to use at most: the input with half as much again for the estimate's error, and the
/// longest answer allowed. Without `max_tokens` neither the output nor, unless it is free, the cost is known.
pub(crate) fn estimate(request: &ChatRequest, price: Option<Price>) -> Estimate {
    let input = in_request(request);
    let input = input.saturating_add(input.div_ceil(2));
    let output = request.max_tokens();
    let cost = price.and_then(|price| price.most(input, output));
    Estimate { input_tokens: Some(input), output_tokens: output, cost, duration: None }
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
    fn without_a_longest_answer_only_a_free_call_has_a_known_cost() {
        let request = ChatRequest::user("x");
        let price = Price::per_million(1.0, 10.0).unwrap();
        assert_eq!(estimate(&request, Some(price)).output_tokens, None);
        assert_eq!(estimate(&request, Some(price)).cost, None);
        assert_eq!(estimate(&request, None).cost, None);
        assert_eq!(estimate(&request, Some(Price::free())).cost, Some(Usd::ZERO));
    }
}
