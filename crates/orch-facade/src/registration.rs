use orch_core::{BoxTool, Effect, ToolSpec};
use orch_evidence::ReplicateLayer;

use crate::BuildError;

/// What a user registered. A bundle keeps its parts, so that retry, limits and breaker see its replicates.
#[derive(Clone, Debug)]
pub(crate) enum Registration {
    Tool(BoxTool),
    Bundle { spec: ToolSpec, layer: Box<ReplicateLayer>, inner: BoxTool },
}

impl Registration {
    pub(crate) fn spec(&self) -> &ToolSpec {
        match self {
            Self::Tool(tool) => tool.spec(),
            Self::Bundle { spec, .. } => spec,
        }
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let Self::Bundle { spec, layer, inner } = self else { return Ok(()) };
        layer.check().map_err(|error| BuildError::Bundle { bundle: spec.name().to_owned(), error })?;
        match inner.spec().effect() {
            Effect::Pure => Ok(()),
            effect => Err(BuildError::NotReplicable { bundle: spec.name().to_owned(), effect }),
        }
    }
}
