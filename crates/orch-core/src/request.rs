use std::sync::{Arc, LazyLock};

use serde::Serialize;
use serde_json::Value;

use crate::route::merge_options;
use crate::store::{Field, Fingerprint, HasFingerprint};
use crate::{CallContext, Error, HasContext, Route};

static NULL: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Null));

/// The input of a call: JSON, shared and never changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Input(Arc<Value>);

impl Input {
    /// Any value that can become JSON.
    ///
    /// # Errors
    /// `InvalidRequest` when it cannot.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, Error> {
        serde_json::to_value(value).map(Self::from).map_err(|error| Error::invalid("", format!("not JSON: {error}")))
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// The text, if it is a JSON string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_str()
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self(Arc::new(Value::from(text)))
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self(Arc::new(Value::from(text)))
    }
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl From<Arc<Value>> for Input {
    fn from(value: Arc<Value>) -> Self {
        Self(value)
    }
}

/// A request to a tool: what is asked, with which options, along which route, in which context.
///
/// Cheap to clone: layers that repeat a call clone it for every attempt.
#[derive(Clone, Debug)]
#[must_use]
pub struct Request {
    input: Input,
    options: Arc<Value>,
    route: Option<Arc<Route>>,
    context: CallContext,
}

impl Request {
    /// A request with a context of its own.
    pub fn new(input: impl Into<Input>) -> Self {
        Self { input: input.into(), options: Arc::clone(&NULL), route: None, context: CallContext::new() }
    }

    /// Sets the options that the caller asks for; they win over those of a planner.
    pub fn with_options(mut self, options: impl Into<Value>) -> Self {
        self.options = Arc::new(options.into());
        if let Some(route) = &self.route {
            let options = Arc::clone(&self.options);
            self.route = Some(Arc::new(route.as_ref().clone().with_options(options)));
        }
        self
    }

    /// Names the tool, so that no planner is asked.
    pub fn with_tool(self, tool: impl Into<Arc<str>>) -> Self {
        let route = Route::new(tool, "named by the caller").with_options(Arc::clone(&self.options));
        self.with_route(route)
    }

    /// Sets the route.
    pub fn with_route(mut self, route: Route) -> Self {
        self.route = Some(Arc::new(route));
        self
    }

    /// Replaces the context.
    pub fn with_context(mut self, context: CallContext) -> Self {
        self.context = context;
        self
    }

    /// What is asked.
    #[must_use]
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The options to work with: the route's, else the caller's. `Null` means none.
    #[must_use]
    pub fn options(&self) -> &Value {
        self.route.as_ref().map_or(&self.options, |route| route.options())
    }

    /// The options that the caller asked for.
    #[must_use]
    pub fn asked_options(&self) -> &Value {
        &self.options
    }

    /// The route, once chosen.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        self.route.as_deref()
    }

    /// `planned` with the caller's own options laid over it, field by field.
    #[must_use]
    pub fn merged_options(&self, planned: &Value) -> Value {
        merge_options(planned, &self.options)
    }

    /// This request for another context, with the same input, options and route.
    pub fn for_context(&self, context: CallContext) -> Self {
        self.clone().with_context(context)
    }
}

impl HasContext for Request {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}

/// What makes two requests the same: input, tool as asked for, options as asked for, part and seed.
impl HasFingerprint for Request {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_fields(&[
            ("input", Field::Json(&self.input.0)),
            ("options", Field::Json(&self.options)),
            ("part", Field::Text(Some(self.context.part_path()))),
            ("seed", Field::Number(self.context.seed())),
            ("tool", Field::Text(self.route.as_ref().map(|route| route.tool()))),
        ])
    }
}

impl<T: Into<Input>> From<T> for Request {
    fn from(input: T) -> Self {
        Self::new(input)
    }
}
