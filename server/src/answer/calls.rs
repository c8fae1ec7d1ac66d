//! Calls of tools on the wire: whole, and in pieces.

use proto::{FunctionCall, FunctionCallDelta, Text, ToolCall, ToolCallDelta};

use crate::{request_id::random_id, tools::CallDelta};

/// `type` of every call.
const KIND: &str = "function";

/// The calls of one choice, as far as they have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallCount(usize);

impl CallCount {
    /// The pieces of a stream that say what is new.
    pub(super) fn next(&mut self, calls: Vec<CallDelta>) -> Vec<ToolCallDelta> {
        calls.into_iter().map(|delta| self.piece(delta)).collect()
    }

    fn piece(&mut self, delta: CallDelta) -> ToolCallDelta {
        match delta {
            CallDelta::Begin(name) => {
                self.0 += 1;
                let function = FunctionCallDelta { name: Some(name.into()), arguments: Text::default() };
                let (id, kind) = (Some(new_id()), Some(KIND.into()));
                ToolCallDelta { index: self.0 - 1, id, kind, function }
            }
            CallDelta::Arguments(text) => {
                let function = FunctionCallDelta { name: None, arguments: text.into() };
                ToolCallDelta { index: self.0.saturating_sub(1), id: None, kind: None, function }
            }
        }
    }
}

/// All calls of an answer: what was new about them, put together.
pub(super) fn whole(calls: Vec<CallDelta>) -> Vec<ToolCall> {
    let mut whole: Vec<ToolCall> = Vec::new();
    for delta in calls {
        match (delta, whole.last_mut()) {
            (CallDelta::Begin(name), _) => {
                let function = FunctionCall { name: name.into(), arguments: Text::default() };
                whole.push(ToolCall { id: new_id(), kind: KIND.into(), function });
            }
            (CallDelta::Arguments(text), Some(call)) => {
                let so_far = std::mem::take(&mut call.function.arguments).into_string();
                call.function.arguments = (so_far + &text).into();
            }
            (CallDelta::Arguments(_), None) => {}
        }
    }
    whole
}

fn new_id() -> Text {
    random_id("call_").into()
}
