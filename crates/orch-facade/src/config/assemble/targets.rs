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
        // As they are written: one with which something is wrong is there all the same.
        known.extend(self.tree.keys("/providers").into_iter().map(|name| {
            let target = self.tree.value.pointer(&child(&child("/providers", &name), "target"));
            target.and_then(Value::as_str).map_or(name, str::to_owned)
        }));
        known.sort_unstable();
        known.dedup();
        for table in ["/reliability/circuit_breakers", "/reliability/rate_limits", "/reliability/bulkheads"] {
            self.names(table, &known, "no tool has the target");
        }
        // Of a bundle, what is called is the tool that it replicates.
        let called = builder.registrations().iter().map(|registration| match registration {
            Registration::Tool(tool) => tool.spec().name().to_owned(),
            Registration::Bundle { inner, .. } => inner.spec().name().to_owned(),
        });
        let mut tools: Vec<String> = called.chain(self.tree.keys("/tools")).collect();
        tools.sort_unstable();
        tools.dedup();
        self.names("/reliability/tools", &tools, "no tool that is called has the name");
    }

    /// Finds the keys of a table that nothing is called by.
    fn names(&mut self, table: &str, known: &[String], none: &str) {
        for name in self.tree.keys(table).iter().filter(|name| !known.contains(name)) {
            let pointer = child(table, name);
            if self.tree.is_written(&pointer) {
                let meant = meant(name, known.iter().map(String::as_str));
                self.wrong(&pointer, format!("{none} `{name}`{meant}"));
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
