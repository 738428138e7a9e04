use std::io::{self, Write};

use serde_json::Value;

/// How many characters of a value an explanation quotes.
const QUOTED: usize = 80;

/// The beginning of a value's JSON. Writes no more than it keeps, however large the value is.
pub(super) fn excerpt(value: &Value) -> String {
    // No character is longer than four bytes, so a value that does not fit has more characters than are quoted.
    let mut writer = Bounded { bytes: Vec::new(), room: 4 * (QUOTED + 1) };
    // It fails exactly when the room is used up.
    let _ = serde_json::to_writer(&mut writer, value);
    let text = String::from_utf8_lossy(&writer.bytes);
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

struct Bounded {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_are_quoted_whole_and_long_ones_by_their_beginning() {
        assert_eq!(excerpt(&json!({ "a": [1, "x"] })), r#"{"a":[1,"x"]}"#);
        assert_eq!(excerpt(&json!("x".repeat(78))), format!("\"{}\"", "x".repeat(78)));
        assert_eq!(excerpt(&json!("x".repeat(100_000))), format!("\"{}...", "x".repeat(79)));
        assert_eq!(excerpt(&json!("\u{1F980}".repeat(500))), format!("\"{}...", "\u{1F980}".repeat(79)));
    }

    #[test]
    fn a_value_of_any_depth_is_quoted() {
        let deep = (0..1_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        assert_eq!(excerpt(&deep), format!("{}...", "[".repeat(80)));
    }
}
