//! A provider as a tool: a prompt made from the input, an answer made into content.

mod account;
mod answer;
mod answer_type;
mod conversation;
mod options;
mod prompt;
mod tool;
mod toolbox;

pub use self::tool::ChatTool;
