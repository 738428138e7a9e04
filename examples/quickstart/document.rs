//! The text that is asked about.

use std::fs;

use crate::args::Args;

/// A document and where it comes from.
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads the document; the message of a failure names the option, the path and what is wrong.
pub(crate) fn read(args: &Args) -> Result<Document, String> {
    let Some(path) = &args.file else {
        let text = include_str!("../data/field-notes.md").to_owned();
        return Ok(Document { name: "examples/data/field-notes.md".to_owned(), text });
    };
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| format!("--file {name}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| format!("--file {name}: not UTF-8: {error}"))?;
    if text.trim().is_empty() {
        return Err(format!("--file {name}: the document is empty"));
    }
    Ok(Document { name, text })
}
