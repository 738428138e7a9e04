use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All documents of the repository. What is built, and what is hidden, is passed over.
pub(crate) fn documents() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A document without its fenced blocks and without what stands in backticks.
pub(crate) fn outside_code(text: &str) -> String {
    let (mut kept, mut fenced) = (String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let plain: String = if line.starts_with('#') { line.replace('`', "") } else { without_code(line) };
            kept.push_str(&format!("{plain}\n"));
        }
    }
    kept
}

fn without_code(line: &str) -> String {
    // The texts of links are often code: `[`name`](path)`. What matters of them is the path.
    let spans = line.split('`').enumerate();
    spans.filter(|(index, _)| index % 2 == 0).map(|(_, part)| part).collect()
}
