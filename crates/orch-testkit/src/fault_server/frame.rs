use super::answer::LineEnd;

/// One event of a stream, before it is bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) event: Option<String>,
    pub(super) data: String,
    pub(super) role: Role,
}

/// What an event is to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A piece of content.
    Piece,
    /// It says that the model has stopped, or that the stream has.
    End,
    Other,
}

impl Frame {
    pub(super) fn new(event: Option<&str>, data: impl Into<String>, role: Role) -> Self {
        Self { event: event.map(str::to_owned), data: data.into(), role }
    }

    pub(super) fn bytes(&self, line_end: LineEnd) -> Vec<u8> {
        let end = line_end.as_str();
        let event = self.event.as_ref().map(|event| format!("event: {event}{end}")).unwrap_or_default();
        format!("{event}data: {}{end}{end}", self.data).into_bytes()
    }
}

impl LineEnd {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// How many events come before the point after so many pieces; 0 pieces is right before the first.
pub(super) fn after_pieces(frames: &[Frame], pieces: usize) -> usize {
    let before = piece(frames, pieces);
    pieces.checked_sub(1).map_or(before, |last| frames.len().min(piece(frames, last) + 1))
}

/// Which event has this piece, counted from 0; beyond the last, the number of events.
pub(super) fn piece(frames: &[Frame], number: usize) -> usize {
    let pieces = frames.iter().enumerate().filter(|(_, frame)| frame.role == Role::Piece);
    pieces.map(|(index, _)| index).nth(number).unwrap_or(frames.len())
}
