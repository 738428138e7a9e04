use serde_json::Value;

use crate::chat::{ChatEvent, MAX_CALLS, ToolCallPiece};
use crate::wire::{json_text, number, string, take};

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

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An item of the output: its name, and its arguments if they have not come yet. Items that are no calls of ours
    /// are left out.
    pub(super) fn item(&mut self, item: &Value, place: Option<u64>, emit: &mut impl FnMut(ChatEvent)) {
        let field = match string(item, "type") {
            Some("function_call") => "arguments",
            Some("custom_tool_call") => "input",
            _ => return,
        };
        let index = self.find(place, string(item, "id"));
        let call = &mut self.0[index];
        let arguments = item.get(field).cloned().map(json_text).filter(|_| !call.has_arguments).unwrap_or_default();
        let named = std::mem::replace(&mut call.named, true);
        call.has_arguments |= !arguments.is_empty();
        if named && arguments.is_empty() {
            return;
        }
        let said = |text: Option<&str>| text.filter(|text| !named && !text.is_empty()).map(str::to_owned);
        let id = said(string(item, "call_id").or(string(item, "id")));
        emit(piece(index, id, said(string(item, "name")), arguments));
    }

    /// A piece of a call's arguments.
    pub(super) fn arguments(&mut self, event: &Value, text: String, emit: &mut impl FnMut(ChatEvent)) {
        if text.is_empty() {
            return;
        }
        let index = self.find(number(event, "output_index"), string(event, "item_id"));
        self.0[index].has_arguments = true;
        emit(piece(index, None, None, text));
    }

    /// All arguments of a call, which count if no piece of them has come.
    pub(super) fn whole_arguments(&mut self, event: &mut Value, field: &str, emit: &mut impl FnMut(ChatEvent)) {
        let text = json_text(take(event, field));
        let index = self.find(number(event, "output_index"), string(event, "item_id"));
        if !self.0[index].has_arguments {
            self.arguments(event, text, emit);
        }
    }

    /// Which call it is, counted from 0; a new one if it is not known. All calls beyond the most that an answer may
    /// have are one, for which whoever collects the answer refuses it: a server cannot make the search ever longer.
    fn find(&mut self, place: Option<u64>, item: Option<&str>) -> usize {
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
