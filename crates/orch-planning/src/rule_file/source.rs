use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::RuleFileError;

/// How rules are written.
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

/// A text with rules, kept to say where in it something is wrong.
#[derive(Clone, Debug)]
pub(super) struct Source {
    text: Arc<str>,
    format: Format,
    file: Option<Arc<Path>>,
}

/// How large a rule file may be, in bytes.
const LARGEST: u64 = 64 << 20;

impl Source {
    pub(super) fn new(text: &str, format: Format, file: Option<&Path>) -> Self {
        Self { text: text.into(), format, file: file.map(Into::into) }
    }

    /// The text of a file.
    pub(super) fn read(path: &Path) -> Result<Self, RuleFileError> {
        let unreadable = |reason: String| RuleFileError {
            file: Some(path.to_owned()),
            line: None,
            pointer: String::new(),
            reason,
            rule: None,
        };
        let ending = || unreadable("the name of a rule file ends in `.toml` or `.json`".to_owned());
        let format = Format::of(path).ok_or_else(ending)?;
        let size = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
        if size > LARGEST {
            return Err(unreadable(format!("has {size} bytes, at most {LARGEST} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        Ok(Self::new(&text, format, Some(path)))
    }

    /// What the text says.
    pub(super) fn value(&self) -> Result<Value, RuleFileError> {
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

    /// What is wrong at `pointer`.
    pub(super) fn error(&self, pointer: &str, reason: String) -> RuleFileError {
        let line = match self.format {
            Format::Toml => self.offset(pointer).map(|offset| self.line(offset)),
            Format::Json => None,
        };
        let file = self.file.as_deref().map(Path::to_owned);
        RuleFileError { file, line, pointer: pointer.to_owned(), reason, rule: None }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Where in the TOML the value at `pointer`, or what there is on the way to it, begins.
    fn offset(&self, pointer: &str) -> Option<usize> {
        let table = DeTable::parse(&self.text).ok()?;
        let mut offset = None;
        let mut open = Node::Table(table.get_ref());
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            let Some((start, value)) = open.child(&segment) else { break };
            offset = Some(start);
            match Node::of(value) {
                Some(inner) => open = inner,
                None => break,
            }
        }
        offset
    }

    fn object(&self, table: &DeTable<'_>, at: &str) -> Result<Value, RuleFileError> {
        let field = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let name = key.get_ref();
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
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

/// A value with values in it.
enum Node<'t, 'i> {
    Table(&'t DeTable<'i>),
    Array(&'t DeArray<'i>),
}

impl<'t, 'i> Node<'t, 'i> {
    fn of(value: &'t DeValue<'i>) -> Option<Self> {
        match value {
            DeValue::Table(table) => Some(Self::Table(table)),
            DeValue::Array(array) => Some(Self::Array(array)),
            _ => None,
        }
    }

    /// Where the child begins (its key, in a table), and the child.
    fn child(&self, segment: &str) -> Option<(usize, &'t DeValue<'i>)> {
        match self {
            Self::Table(table) => {
                let (key, value) = table.iter().find(|(key, _)| key.get_ref() == segment)?;
                Some((key.span().start, value.get_ref()))
            }
            Self::Array(array) => {
                let value = array.get(segment.parse::<usize>().ok()?)?;
                Some((value.span().start, value.get_ref()))
            }
        }
    }
}
