use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Tool, ToolSpec};
use crate::content::pointer;
use crate::{CallContext, Error, HasContext, Output, Request};

/// A tool from a closure over the whole [`Request`].
///
/// ```
/// use orch_core::{Error, Output, Request, ToolSpec, tool_fn};
///
/// let echo = tool_fn(ToolSpec::pure("echo"), |request: Request| async move {
///     Ok::<_, Error>(Output::new(request.input().as_json().clone()))
/// });
/// ```
pub fn tool_fn<F, Fut, O, E>(spec: ToolSpec, function: F) -> impl Tool
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<Output> + 'static,
    E: Into<Error> + 'static,
{
    FunctionTool { spec, function }
}

struct FunctionTool<F> {
    spec: ToolSpec,
    function: F,
}

#[async_trait]
impl<F, Fut, O, E> Tool for FunctionTool<F>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<Output> + 'static,
    E: Into<Error> + 'static,
{
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let work = (self.function)(request);
        work.await.map(Into::into).map_err(Into::into)
    }
}

/// A tool from a closure over a typed input: its JSON Schema, its parsing and the errors of a wrong field come for free.
///
/// ```
/// use orch_core::{Error, Output, ToolSpec, typed_tool_fn};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Sum { numbers: Vec<f64> }
///
/// let sum = typed_tool_fn(ToolSpec::pure("sum"), |input: Sum, _context| async move {
///     Ok::<_, Error>(Output::typed(input.numbers.iter().sum::<f64>()))
/// });
/// ```
///
/// # Errors
/// A request whose input does not fit gets `InvalidRequest` that points at the field.
pub fn typed_tool_fn<T, F, Fut, O, E>(spec: ToolSpec, function: F) -> impl Tool
where
    T: DeserializeOwned + JsonSchema + Send + 'static,
    F: Fn(T, CallContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<Output> + 'static,
    E: Into<Error> + 'static,
{
    let spec = match spec.input_schema() {
        Some(_) => spec,
        None => spec.with_input_schema(schemars::schema_for!(T).to_value()),
    };
    TypedTool { spec, function, input: PhantomData::<fn(T)> }
}

struct TypedTool<T, F> {
    spec: ToolSpec,
    function: F,
    input: PhantomData<fn(T)>,
}

#[async_trait]
impl<T, F, Fut, O, E> Tool for TypedTool<T, F>
where
    T: DeserializeOwned + Send + 'static,
    F: Fn(T, CallContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<Output> + 'static,
    E: Into<Error> + 'static,
{
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let input = serde_path_to_error::deserialize(request.input().as_json())
            .map_err(|error| Error::invalid(pointer(error.path()), error.inner().to_string()))?;
        let work = (self.function)(input, request.context().clone());
        work.await.map(Into::into).map_err(Into::into)
    }
}
