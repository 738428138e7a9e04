use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::RuleFileError;

/// How rules, or settings, are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML. A date may be written as one, without quotes.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's ending names.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A text in TOML or JSON, kept to say where in it something is wrong.
///
/// Rule files are read by it, and so are other files whose errors have to name their lines:
///
/// ```
/// use orch_planning::rule_file::{Format, Source};
///
/// # fn main() -> Result<(), orch_planning::rule_file::RuleFileError> {
/// let source = Source::new("deadline = 300\n\n[retry]\nmax_attempts = 5", Format::Toml);
/// assert_eq!(source.value()?["retry"]["max_attempts"], 5);
/// assert_eq!(source.lines()["/retry/max_attempts"], 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    text: Arc<str>,
    format: Format,
    file: Option<Arc<Path>>,
}

/// How large a file may be, in bytes.
const LARGEST: u64 = 64 << 20;

impl Source {
    /// A text that came from no file.
    #[must_use]
    pub fn new(text: &str, format: Format) -> Self {
        Self { text: text.into(), format, file: None }
    }

    /// The text of a file whose name ends in `.toml` or `.json`, of at most 64 MiB. Blocks while it reads.
    ///
    /// # Errors
    /// That it cannot be read, and why.
    pub fn read(path: &Path) -> Result<Self, RuleFileError> {
        let unreadable = |reason: String| RuleFileError {
            file: Some(path.to_owned()),
            line: None,
            pointer: String::new(),
            reason,
            rule: None,
        };
        let ending = || unreadable("the name of the file must end in `.toml` or `.json`".to_owned());
        let format = Format::of(path).ok_or_else(ending)?;
        let size = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
        if size > LARGEST {
            return Err(unreadable(format!("has {size} bytes, at most {LARGEST} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        Ok(Self { file: Some(path.into()), ..Self::new(&text, format) })
    }

    /// What the text says, dates as texts.
    ///
    /// # Errors
    /// Where it is no TOML or JSON, or has a number that JSON has not.
    pub fn value(&self) -> Result<Value, RuleFileError> {
        match self.format {
            Format::Json => serde_json::from_str(&self.text).map_err(|error| RuleFileError {
                line: Some(error.line()).filter(|line| *line > 0),
                ..self.error("", error.to_string())
            }),
            Format::Toml => match DeTable::parse(&self.text) {
                Ok(table) => self.object(table.get_ref(), ""),
                Err(error) => Err(RuleFileError {
                    line: error.span().map(|span| self.line(span.start)),
                    ..self.error("", error.message().to_owned())
                }),
            },
        }
    }

    /// The line, from 1, on which each value of a TOML text begins (its key, in a table), by its JSON Pointer. Empty for
    /// JSON, and for what is no TOML.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        if let (Format::Toml, Ok(table)) = (self.format, DeTable::parse(&self.text)) {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at).collect();
            Walk { breaks, lines: &mut lines }.table(table.get_ref(), "");
        }
        lines
    }

    /// What is wrong at `pointer`.
    pub(super) fn error(&self, pointer: &str, reason: String) -> RuleFileError {
        let line = self.line_of(pointer);
        let file = self.file.as_deref().map(Path::to_owned);
        RuleFileError { file, line, pointer: pointer.to_owned(), reason, rule: None }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The line of the value at `pointer`, or of what there is on the way to it.
    fn line_of(&self, pointer: &str) -> Option<usize> {
        let (lines, mut pointer) = (self.lines(), pointer);
        loop {
            match lines.get(pointer) {
                Some(line) => return Some(*line),
                None => pointer = pointer.rsplit_once('/')?.0,
            }
        }
    }

    fn object(&self, table: &DeTable<'_>, at: &str) -> Result<Value, RuleFileError> {
        let field = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let name = key.get_ref();
            let at = inner(at, name);
            Ok((name.to_string(), self.json(value.get_ref(), &at)?))
        };
        table.iter().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }

    /// A TOML value as JSON; dates become texts.
    fn json(&self, value: &DeValue<'_>, at: &str) -> Result<Value, RuleFileError> {
        let wrong = |what: &str| self.error(at, what.to_owned());
        match value {
            DeValue::String(text) => Ok(Value::from(text.as_ref())),
            DeValue::Boolean(bool) => Ok(Value::from(*bool)),
            DeValue::Datetime(moment) => Ok(Value::from(moment.to_string())),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map(Value::from)
                .map_err(|_| wrong("the whole number is too large")),
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok().and_then(Number::from_f64);
                number.map(Value::Number).ok_or_else(|| wrong("the number is not finite"))
            }
            DeValue::Array(items) => {
                let item = |(n, item): (usize, &Spanned<DeValue<'_>>)| self.json(item.get_ref(), &format!("{at}/{n}"));
                items.iter().enumerate().map(item).collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            DeValue::Table(table) => self.object(table, at),
        }
    }
}

fn inner(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Goes through a text once and notes the line of each value.
struct Walk<'l> {
    /// Where the lines end.
    breaks: Vec<usize>,
    lines: &'l mut BTreeMap<String, usize>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, at: &str) {
        for (key, value) in table {
            self.value(inner(at, key.get_ref()), key.span().start, value.get_ref());
        }
    }

    fn value(&mut self, at: String, offset: usize, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.table(table, &at),
            DeValue::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.value(format!("{at}/{n}"), item.span().start, item.get_ref());
                }
            }
            _ => {}
        }
        self.lines.insert(at, self.breaks.partition_point(|end| *end < offset) + 1);
    }
}
