use std::collections::HashMap;
use std::sync::Arc;

use crate::{BoxTool, Error, ErrorKind, IntoTool, ToolSpec, did_you_mean};

/// The tools that exist, by name. Immutable once built.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// In order of registration.
    tools: Vec<BoxTool>,
    by_name: HashMap<Arc<str>, usize>,
}

impl Registry {
    /// Starts a registry.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BoxTool> {
        self.by_name.get(name).map(|index| &self.tools[*index])
    }

    /// The tool of this name.
    ///
    /// # Errors
    /// `UnknownTool` with the nearest name.
    pub fn find(&self, name: &str) -> Result<&BoxTool, Error> {
        self.get(name).ok_or_else(|| {
            let nearest = did_you_mean(name, self.specs().map(ToolSpec::name));
            Error::new(ErrorKind::UnknownTool { name: name.into(), did_you_mean: nearest.map(Into::into) })
        })
    }

    /// Every tool, in order of registration.
    #[must_use]
    pub fn tools(&self) -> impl ExactSizeIterator<Item = &BoxTool> {
        self.tools.iter()
    }

    /// What every tool is called, expects and does, in order of registration.
    #[must_use]
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &ToolSpec> {
        self.tools.iter().map(BoxTool::spec)
    }
}

/// Collects the tools of a [`Registry`].
#[derive(Debug, Default)]
#[must_use]
pub struct RegistryBuilder {
    tools: Vec<BoxTool>,
}

impl RegistryBuilder {
    /// Adds a tool.
    pub fn tool(mut self, tool: impl IntoTool) -> Self {
        self.tools.push(tool.into_tool());
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// When two tools have the same name, or one has none.
    pub fn build(self) -> Result<Registry, RegistryError> {
        let mut by_name = HashMap::with_capacity(self.tools.len());
        for (index, tool) in self.tools.iter().enumerate() {
            let name = Arc::clone(tool.spec().shared_name());
            if name.is_empty() {
                return Err(RegistryError::Unnamed);
            }
            if by_name.insert(Arc::clone(&name), index).is_some() {
                return Err(RegistryError::Duplicate { name });
            }
        }
        Ok(Registry { tools: self.tools, by_name })
    }
}

/// Tools that cannot be registered together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two tools of one name.
    #[error("two tools are named `{name}`")]
    Duplicate {
        /// The name.
        name: Arc<str>,
    },
    /// A tool without a name.
    #[error("a tool has an empty name")]
    Unnamed,
}
