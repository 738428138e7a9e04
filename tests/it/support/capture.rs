use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// What this thread's spans and logs say, at every level, as long as it lives.
pub(crate) struct Capture {
    lines: Arc<Mutex<Vec<Line>>>,
    _guard: DefaultGuard,
}

/// A span, or what was recorded on one, or a log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) level: Level,
    /// All fields that it has, with or without a value.
    pub(crate) declared: Vec<&'static str>,
    pub(crate) fields: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Span,
    Log,
}

/// A second subscriber that is always there. With one alone, `tracing` asks only the thread that comes first to a
/// span whether somebody listens, and remembers its "no" for all.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Keep::default()));

impl Capture {
    pub(crate) fn begin() -> Self {
        LazyLock::force(&ANOTHER);
        let keep = Keep::default();
        let lines = Arc::clone(&keep.lines);
        Self { lines, _guard: tracing::subscriber::set_default(keep) }
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn everything(&self) -> String {
        let mut text = String::new();
        for line in self.lines() {
            let Line { kind, name, target, level, declared, fields } = line;
            writeln!(text, "{kind:?} {level} {target} {name} {declared:?} {fields:?}").unwrap();
        }
        text
    }
}

#[derive(Default)]
struct Keep {
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Keep {
    /// Ids are places in the list, counted from 1.
    fn add(&self, kind: Kind, metadata: &'static Metadata<'static>, fields: Vec<(&'static str, String)>) -> u64 {
        let mut lines = self.lines.lock().unwrap();
        let declared = metadata.fields().iter().map(|field| field.name()).collect();
        let (name, target, level) = (metadata.name(), metadata.target(), *metadata.level());
        lines.push(Line { kind, name, target, level, declared, fields });
        lines.len() as u64
    }
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Subscriber for Keep {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        Id::from_u64(self.add(Kind::Span, attributes.metadata(), fields.0))
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        let place = usize::try_from(id.into_u64()).unwrap() - 1;
        self.lines.lock().unwrap()[place].fields.extend(fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.add(Kind::Log, event.metadata(), fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
