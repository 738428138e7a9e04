//! Any texts, written as an event stream with any ends of lines, comments and lines of data, and cut anywhere: they
//! come back as they were.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use orch_providers::{ChatCompletions, ChatEvent, Dialect, decode_sse_chunks};

fuzz_target!(|input: (u8, u8, Vec<String>)| {
    let (size, form, texts) = input;
    let end = ["\n", "\r\n", "\r"][usize::from(form % 3)];
    let mut stream = String::from(if form & 4 == 0 { "" } else { "\u{feff}" });
    let mut event = |json: serde_json::Value| {
        if form & 8 != 0 {
            stream.push_str(&format!(": a comment{end}event: chunk{end}id: 1{end}"));
        }
        // JSON may be cut between its tokens: here after the first, if the event has several lines of data.
        let json = json.to_string();
        let (first, rest) = json.split_at(1);
        let lines = if form & 16 == 0 { format!("data: {json}") } else { format!("data:{first}{end}data: {rest}") };
        stream.push_str(&format!("{lines}{end}{end}"));
    };
    for text in &texts {
        event(serde_json::json!({ "choices": [{ "delta": { "content": text } }] }));
    }
    event(serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }));
    let chunks = stream.as_bytes().chunks(usize::from(size).max(1)).map(Bytes::copy_from_slice);
    let events = decode_sse_chunks(chunks, &ChatCompletions::new(Dialect::COMPATIBLE));
    let said: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Ok(ChatEvent::Text(text)) => Some(text.as_str()),
            Ok(_) => None,
            Err(error) => panic!("{error}: {stream:?}"),
        })
        .collect();
    let expected: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    assert_eq!(said, expected);
});
