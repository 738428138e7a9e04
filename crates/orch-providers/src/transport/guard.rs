use memchr::memchr2;

/// How much of a body is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    /// Bytes of the whole body; `None` is 32 MiB, or more where more was asked for.
    pub(crate) body: Option<usize>,
    /// Bytes of one event of a stream, and so of one line.
    pub(crate) event: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { body: None, event: 1 << 20 }
    }
}

impl Caps {
    /// Bytes of the whole body of an answer.
    pub(crate) fn body(&self) -> usize {
        self.body.unwrap_or(32 << 20)
    }

    /// Bytes of a body of so many embeddings.
    #[cfg(feature = "openai")]
    pub(crate) fn embeddings(&self, texts: usize) -> usize {
        self.body.unwrap_or_else(|| self.body().max(texts.saturating_mul(256 << 10)))
    }
}

/// A body that is longer than its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {limit} bytes")]
pub(crate) struct TooLong {
    what: &'static str,
    limit: usize,
}

impl TooLong {
    pub(super) fn body(limit: usize) -> Self {
        Self { what: "the body", limit }
    }
}

/// Counts the bytes of an event stream before anything is kept of them, so that neither an endless line nor an
/// endless body fills the memory. Comments count only while they last: keep-alives go on for as long as an answer
/// takes.
#[derive(Debug)]
pub(super) struct Guard {
    caps: Caps,
    body: usize,
    /// Bytes of the finished lines of this event.
    event: usize,
    /// Bytes of this line.
    line: usize,
    in_comment: bool,
    after_cr: bool,
}

impl Guard {
    pub(super) fn new(caps: Caps) -> Self {
        Self { caps, body: 0, event: 0, line: 0, in_comment: false, after_cr: false }
    }

    /// Lets the next bytes pass, or refuses all of them.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.body = self.body.saturating_add(bytes.len());
        if self.body > self.caps.body() {
            return Err(TooLong::body(self.caps.body()));
        }
        if bytes.ends_with(b"\n\n")
            && self.event.saturating_add(self.line).saturating_add(bytes.len()) <= self.caps.event
        {
            // Whole events, as most servers send them: none can be too long, and nothing of them is left.
            (self.event, self.line, self.in_comment, self.after_cr) = (0, 0, false, false);
            return Ok(());
        }
        let mut rest = bytes;
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            // The second half of a CRLF ends nothing.
            let ended = end == 0 && self.after_cr && rest[end] == b'\n';
            self.extend_line(&rest[..end])?;
            if !ended {
                self.end_line();
            }
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
        }
        self.after_cr &= rest.is_empty();
        self.extend_line(rest)
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.in_comment |= self.line == 0 && bytes.starts_with(b":");
        self.line = self.line.saturating_add(bytes.len());
        if self.event.saturating_add(self.line) > self.caps.event {
            return Err(TooLong { what: "an event of the stream", limit: self.caps.event });
        }
        Ok(())
    }

    fn end_line(&mut self) {
        match (self.line, self.in_comment) {
            (0, _) => self.event = 0,
            (_, true) => {}
            (line, false) => self.event += line,
        }
        self.line = 0;
        self.in_comment = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admits(caps: Caps, chunks: &[&[u8]]) -> bool {
        let mut guard = Guard::new(caps);
        chunks.iter().all(|chunk| guard.admit(chunk).is_ok())
    }

    const SMALL: Caps = Caps { body: Some(100), event: 10 };

    #[test]
    fn an_endless_line_stops_at_the_cap() {
        assert!(admits(SMALL, &[b"data: 1234"]));
        assert!(!admits(SMALL, &[b"data: 12345"]));
        let mut guard = Guard::new(Caps::default());
        let line = [b'x'; 1 << 16];
        let passed = (0..1_000).take_while(|_| guard.admit(&line).is_ok()).count();
        assert_eq!(passed, 16);
    }

    #[test]
    fn the_lines_of_one_event_add_up_and_a_blank_line_ends_it() {
        assert!(!admits(SMALL, &[b"data:1\ndata:2\n"]));
        for end in [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"] {
            assert!(admits(SMALL, &[b"data:1", end, b"data:2", end]));
        }
    }

    #[test]
    fn comments_do_not_add_up_but_one_may_not_be_endless() {
        assert!(admits(SMALL, &[b": ping\n", b": ping\n", b": ping\n"]));
        assert!(!admits(SMALL, &[b": 123456789"]));
    }

    #[cfg(feature = "openai")]
    #[test]
    fn a_body_of_many_embeddings_may_be_longer_unless_the_user_says_otherwise() {
        assert_eq!(Caps::default().embeddings(1), 32 << 20);
        assert_eq!(Caps::default().embeddings(2_048), 512 << 20);
        assert_eq!(SMALL.embeddings(2_048), 100);
    }

    #[test]
    fn the_whole_body_has_a_cap_of_its_own() {
        let event: &[u8] = b"data:12\n\n";
        assert!(admits(SMALL, &[event; 11]));
        assert!(!admits(SMALL, &[event; 12]));
        let error = Guard::new(SMALL).admit(&[b'\n'; 101]).unwrap_err();
        assert_eq!(error.to_string(), "the body is longer than 100 bytes");
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(bytes in "[ab:\r\n]{0,60}", cut in 0_usize..60) {
            let bytes = bytes.as_bytes();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            let caps = Caps { body: Some(1_000), event: 8 };
            prop_assert_eq!(admits(caps, &[bytes]), admits(caps, &[left, right]));
        }
    }
}
