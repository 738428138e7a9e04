use orch_core::Target;
use serde_json::Value;

use super::Assembly;
use crate::ClientBuilder;
use crate::config::pointer::child;
use crate::config::read::meant;
use crate::registration::Registration;

impl Assembly<'_> {
    /// Whether every target that has settings of its own is one that some tool reaches: a wrong name would change nothing.
    pub(super) fn targets(&mut self, builder: &ClientBuilder) {
        let mut known: Vec<String> = builder.registrations().iter().flat_map(reached).collect();
        known.extend(self.sections.providers.keys().filter(|name| !known.contains(name)).cloned().collect::<Vec<_>>());
        known.sort_unstable();
        known.dedup();
        for table in ["/reliability/circuit_breakers", "/reliability/rate_limits"] {
            let written = self.tree.value.pointer(table).and_then(Value::as_object);
            let names: Vec<String> = written.map(|table| table.keys().cloned().collect()).unwrap_or_default();
            for name in names.iter().filter(|name| !known.contains(name)) {
                let pointer = child(table, name);
                if self.tree.is_written(&pointer) {
                    let meant = meant(name, known.iter().map(String::as_str));
                    self.wrong(&pointer, format!("no tool has the target `{name}`{meant}"));
                }
            }
        }
    }
}

fn reached(registration: &Registration) -> Vec<String> {
    let name = |target: &Target| target.as_str().to_owned();
    match registration {
        Registration::Tool(tool) => vec![name(tool.spec().target())],
        Registration::Bundle { spec, inner, .. } => vec![name(spec.target()), name(inner.spec().target())],
    }
}
