use super::answer::Item;
use crate::chat::{ChatEvent, MAX_CALLS, ToolCallPiece};
use crate::wire::{Loose, as_text};

/// The calls of a response, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

/// Some servers tell calls apart by their place, others by an id.
#[derive(Debug, Default)]
struct Call {
    place: Option<u64>,
    item: Option<String>,
    named: bool,
    has_arguments: bool,
}

/// Which call is meant: by its place in the output, or the id of its item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Which<'a> {
    pub(super) place: Option<u64>,
    pub(super) item: Option<&'a str>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An item of the output: its name, and its arguments if they have not come yet. Items that are no calls of ours
    /// are left out.
    pub(super) fn item(&mut self, item: Item<'_>, place: Option<u64>, emit: &mut impl FnMut(ChatEvent)) {
        let arguments = match as_text(&item.kind) {
            Some("function_call") => item.arguments,
            Some("custom_tool_call") => item.input,
            _ => return,
        };
        let index = self.find(Which { place, item: as_text(&item.id) });
        let call = &mut self.0[index];
        let arguments = arguments.filter(|_| !call.has_arguments).map(Loose::into_text).unwrap_or_default();
        let named = std::mem::replace(&mut call.named, true);
        call.has_arguments |= !arguments.is_empty();
        if named && arguments.is_empty() {
            return;
        }
        let said = |text: Option<&str>| text.filter(|text| !named && !text.is_empty()).map(str::to_owned);
        let id = said(as_text(&item.call_id).or(as_text(&item.id)));
        emit(piece(index, id, said(as_text(&item.name)), arguments));
    }

    /// A piece of a call's arguments.
    pub(super) fn arguments(&mut self, which: Which<'_>, text: String, emit: &mut impl FnMut(ChatEvent)) {
        if text.is_empty() {
            return;
        }
        let index = self.find(which);
        self.0[index].has_arguments = true;
        emit(piece(index, None, None, text));
    }

    /// All arguments of a call, which count if no piece of them has come.
    pub(super) fn whole_arguments(
        &mut self,
        which: Which<'_>,
        said: Option<Loose<'_>>,
        emit: &mut impl FnMut(ChatEvent),
    ) {
        let index = self.find(which);
        if !self.0[index].has_arguments {
            self.arguments(which, said.map(Loose::into_text).unwrap_or_default(), emit);
        }
    }

    /// Which call it is, counted from 0; a new one if it is not known. All calls beyond the most that an answer may
    /// have are one, for which whoever collects the answer refuses it: a server cannot make the search ever longer.
    fn find(&mut self, Which { place, item }: Which<'_>) -> usize {
        let same =
            |call: &Call| (place.is_some() && call.place == place) || (item.is_some() && call.item.as_deref() == item);
        self.0.iter().position(same).unwrap_or_else(|| {
            if self.0.len() <= MAX_CALLS {
                self.0.push(Call { place, item: item.map(str::to_owned), ..Call::default() });
            }
            self.0.len() - 1
        })
    }
}

fn piece(index: usize, id: Option<String>, name: Option<String>, arguments: String) -> ChatEvent {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments })
}
