use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orch_core::store::IdempotencyStore;
use orch_planning::rule_file::{Format, RuleFileError, Source};

use super::assemble::{Assembly, Surroundings};
use super::environment::{self, Variables};
use super::pointer::dotted;
use super::sections::{Sections, StoresSection};
use super::tree::Tree;
use super::{Effective, Finding, Findings, Origin, code, read, spelling};
use crate::{Client, ClientBuilder};

/// Where the settings of a client come from: code, then a file over it, then the environment.
///
/// Nothing is read before [`check`](Self::check), [`effective`](Self::effective) or [`build`](Self::build), and each reads
/// everything anew. They block while they read files.
#[derive(Clone, Default)]
#[must_use]
pub struct Config {
    text: Option<Text>,
    variables: Variables,
    code: ClientBuilder,
    stores: BTreeMap<String, Arc<dyn IdempotencyStore>>,
}

#[derive(Clone, Debug)]
enum Text {
    File(PathBuf),
    Toml(String),
}

impl Config {
    /// Nothing but the defaults, to which code and environment are added.
    pub fn new() -> Self {
        Self::default()
    }

    /// Settings of a file, whose name ends in `.toml` (or `.json`, without lines in errors). Files that it names are
    /// looked for in its folder.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { text: Some(Text::File(path.into())), ..Self::default() }
    }

    /// Settings of a text in TOML. Files that it names are looked for in the current folder.
    pub fn toml(text: impl Into<String>) -> Self {
        Self { text: Some(Text::Toml(text.into())), ..Self::default() }
    }

    /// Lays the process's environment variables over the file: `ORCH__RELIABILITY__DEADLINE` is `reliability.deadline`.
    /// Values are read as TOML if they can be, else as texts. A name is compared with the keys that are there without
    /// regard to case, `_` standing for any sign; else it is taken in lower case. Default: none are read.
    pub fn environment(self) -> Self {
        Self { variables: Variables::Process, ..self }
    }

    /// As [`environment`](Self::environment), of these variables instead of the process's own, for settings and for the
    /// secrets that are in variables.
    pub fn variables<N: Into<String>, V: Into<String>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let given = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables: Variables::Given(given), ..self }
    }

    /// Sets what code has to say: functions as tools, a planner, observers, and settings that file and environment
    /// overrule. Default: an empty [`Client::builder`].
    pub fn code(self, builder: ClientBuilder) -> Self {
        Self { code: builder, ..self }
    }

    /// Registers a store of one's own under the name by which `stores.idempotency` may choose it; `memory` and `code` are
    /// taken.
    pub fn store(mut self, name: impl Into<String>, store: Arc<dyn IdempotencyStore>) -> Self {
        self.stores.insert(name.into(), store);
        self
    }

    /// Whether a client can be built: reads everything, secrets included, and makes neither a client nor a connection.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place, keys and value.
    pub fn check(&self) -> Result<(), Findings> {
        self.read().map(|_| ())
    }

    /// Every setting as it holds, and where it came from.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn effective(&self) -> Result<Effective, Findings> {
        let Read { tree, sections, .. } = self.read()?;
        let value = serde_json::to_value(&sections).map_err(|error| whole(error.to_string()))?;
        Ok(Effective::new(&value, &tree))
    }

    /// The client.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn build(&self) -> Result<Client, Findings> {
        self.snapshot(None).map(|snapshot| snapshot.client)
    }

    /// The client, which goes on with what an earlier one has learnt.
    pub(super) fn snapshot(&self, earlier: Option<&Snapshot>) -> Result<Snapshot, Findings> {
        let Read { sections, mut builder, .. } = self.read()?;
        if let Some(earlier) = earlier {
            builder = builder.sharing(&earlier.client, earlier.stores == sections.stores);
        }
        let client = builder.build().map_err(|error| whole(error.to_string()))?;
        Ok(Snapshot { client, stores: sections.stores })
    }

    /// Everything that is written, and the builder that it makes.
    fn read(&self) -> Result<Read, Findings> {
        let mut found = Vec::new();
        let tree = self.tree(&mut found)?;
        let (sections, left_out) = read::sections(&tree, &mut found);
        let around = Surroundings { folder: self.folder(), variables: &self.variables, stores: &self.stores };
        let mut assembly = Assembly { tree: &tree, sections: &sections, around: &around, found, left_out };
        let builder = assembly.builder(self.code.clone());
        Findings::none(assembly.found)?;
        // What is wrong with the code itself, or with it and the rest together.
        builder.check().map_err(|error| whole(error.to_string()))?;
        Ok(Read { tree, sections, builder })
    }

    /// Code, file and environment, laid over one another.
    fn tree(&self, found: &mut Vec<Finding>) -> Result<Tree, Findings> {
        let mut tree = code::read(&self.code).map_err(|error| whole(error.to_string()))?;
        let source = match &self.text {
            None => None,
            Some(Text::Toml(text)) => Some((Source::new(text, Format::Toml), None)),
            Some(Text::File(path)) => Some((Source::read(path).map_err(unreadable)?, Some(Arc::from(path.as_path())))),
        };
        if let Some((source, path)) = source {
            tree.lay(of_text(&source, path, found)?);
        }
        let mut set = environment::read(&self.variables, &tree.value, found);
        spelling::settle(&mut set, found);
        tree.lay(set);
        Ok(tree)
    }

    fn folder(&self) -> PathBuf {
        match &self.text {
            Some(Text::File(path)) => path.parent().map(Path::to_owned).unwrap_or_default(),
            _ => PathBuf::new(),
        }
    }
}

/// A client, and what decides whether its store serves the next one.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) client: Client,
    stores: StoresSection,
}

/// What was read, and can be used.
struct Read {
    tree: Tree,
    sections: Sections,
    builder: ClientBuilder,
}

fn of_text(source: &Source, path: Option<Arc<Path>>, found: &mut Vec<Finding>) -> Result<Tree, Findings> {
    let value = source.value().map_err(unreadable)?;
    if !value.is_object() {
        return Err(Finding {
            origin: Origin::File { path, line: None },
            key: String::new(),
            value: None,
            reason: "expected a table of sections".to_owned(),
        }
        .into());
    }
    let lines = source.lines();
    let origin = |pointer: &str| Origin::File { path: path.clone(), line: lines.get(pointer).copied() };
    let mut tree = Tree::new(value, origin);
    spelling::settle(&mut tree, found);
    Ok(tree)
}

/// A text that is no TOML, or cannot be read.
fn unreadable(error: RuleFileError) -> Findings {
    let RuleFileError { file, line, pointer, reason, .. } = error;
    let origin = match (file, line) {
        (None, None) => Origin::Default,
        (file, line) => Origin::File { path: file.map(Into::into), line },
    };
    Finding { origin, key: dotted(&pointer), value: None, reason }.into()
}

/// Something about the whole.
fn whole(reason: String) -> Findings {
    Finding { origin: Origin::Default, key: String::new(), value: None, reason }.into()
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.as_ref().map(|text| match text {
            Text::File(path) => path.display().to_string(),
            Text::Toml(_) => "a text".to_owned(),
        });
        f.debug_struct("Config").field("text", &text).field("code", &self.code).finish_non_exhaustive()
    }
}
