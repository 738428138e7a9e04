//! What a run asks of the replicates of its bundle: options of the bundle, under names of their own.

use orch_core::{Budget, Error, Route, ToolKind};
use orch_evidence::{BundleOptions, Delivery};
use serde_json::{Map, Value};

use super::Run;

impl Run {
    /// Sets what each replicate of the bundle may use, its repeated attempts included; a replicate that needs more fails alone.
    /// It wins over the bundle's own. A named tool that is no bundle refuses it; one that the planner chooses, or that is fallen
    /// back to, gets it among its options and may ignore it.
    pub fn per_replicate_budget(self, budget: Budget) -> Self {
        self.of_replicates(|options| options.per_replicate_budget(budget))
    }

    /// Sets what listeners get of the answer while the bundle is made; default: the bundle's own setting, which is
    /// [`Quiet`](Delivery::Quiet) by default. A named tool that is no bundle refuses it.
    pub fn delivery(self, delivery: Delivery) -> Self {
        self.of_replicates(|options| options.delivery(delivery))
    }

    fn of_replicates(mut self, change: impl FnOnce(BundleOptions) -> BundleOptions) -> Self {
        self.replicates =
            Some(Box::new(change(self.replicates.take().map_or_else(BundleOptions::new, |options| *options))));
        self
    }

    /// Lays them over the tool's options, unless the tool that is named has no replicates. Of a tool that the planner will
    /// choose it is not known yet.
    pub(super) fn set_replicate_options(&mut self) -> Result<(), Error> {
        let Some(asked) = self.replicates.take() else { return Ok(()) };
        let asked = match serde_json::to_value(asked) {
            Ok(Value::Object(asked)) => asked,
            other => return Err(Error::invalid("/tool_options", format!("{other:?}: not options of a bundle"))),
        };
        self.refuse_without_replicates(&asked)?;
        let mut options = match self.request.asked_options() {
            Value::Object(options) => options.clone(),
            Value::Null => Map::new(),
            other => {
                return Err(Error::invalid("/tool_options", format!("{other}: the options of a bundle are an object")));
            }
        };
        for (name, value) in asked {
            if options.contains_key(&name) {
                let reason = format!("it is set by `tool_options` and by the run's own `{name}`: set one of them");
                return Err(Error::invalid(format!("/tool_options/{name}"), reason));
            }
            options.insert(name, value);
        }
        self.request = self.request.clone().with_options(options);
        Ok(())
    }

    fn refuse_without_replicates(&self, asked: &Map<String, Value>) -> Result<(), Error> {
        let named = self.request.route().map(Route::tool);
        let tool = named.and_then(|name| self.client.inner().registry.get(name));
        match (tool, asked.keys().next()) {
            (Some(tool), Some(name)) if tool.spec().kind() != ToolKind::Bundle => {
                let reason = format!("the tool `{}` is no bundle: it has no replicates", tool.spec().name());
                Err(Error::invalid(format!("/{name}"), reason))
            }
            _ => Ok(()),
        }
    }
}
