//! A provider as a tool: a prompt made from the input, an answer made into content.

mod answer;
mod options;
mod prompt;
mod tool;

pub use self::tool::ChatTool;
