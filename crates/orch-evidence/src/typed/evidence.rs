use orch_core::{Error, Output};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::sound::sound;
use super::{Consensus, Field};
use crate::bundle::{Bundle, BundleContent, Disagreement};
use crate::decision::Decision;

/// What several answers of a type say: one value, and how far each of its fields can be relied on.
///
/// ```
/// # #[cfg(feature = "derive")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), orch_core::Error> {
/// use orch_core::{Error, HasContext, IntoTool, Output, Request, ToolSpec, tool_fn};
/// use orch_evidence::{BundleTool, Consensus, Evidence};
/// use serde::Deserialize;
/// use serde_json::json;
/// use tower::ServiceExt;
///
/// #[derive(Debug, PartialEq, Deserialize, Consensus)]
/// struct Offer {
///     #[consensus(number(rel = 0.01))]
///     price: f64,
///     city: String,
/// }
///
/// let ask = tool_fn(ToolSpec::pure("ask"), |request: Request| async move {
///     let nth = request.context().replicate();
///     let city = if nth == Some(2) { "Lyon" } else { "Paris" };
///     Ok::<_, Error>(Output::new(json!({ "price": if nth == Some(3) { 99.8 } else { 100.0 }, "city": city })))
/// });
/// let output = BundleTool::new("offer", ask).answers::<Offer>().opaque()?.oneshot(Request::new("which?")).await?;
///
/// let evidence = Evidence::<Offer>::from_output(&output)?;
/// assert_eq!(*evidence.value(), Offer { price: 100.0, city: "Paris".into() });
/// assert_eq!(evidence.field("/price").support(), Some(1.0));
/// assert_eq!(evidence.field("/city").support(), Some(2.0 / 3.0));
/// assert_eq!(evidence.disagreements()[0].pointer, "/city");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "derive"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct Evidence<T> {
    value: T,
    bundle: Bundle,
}

impl<T: Consensus + DeserializeOwned> Evidence<T> {
    /// Reads the consensus of a bundle as `T`, and checks it.
    ///
    /// # Errors
    /// `BadOutput` that points at what does not fit, and has the bundle, with the consensus as it is, as its
    /// [`output`](Error::output).
    pub fn from_bundle(bundle: Bundle) -> Result<Self, Error> {
        match sound(bundle.summary.consensus.as_ref().unwrap_or(&Value::Null)) {
            Ok(value) => Ok(Self { value, bundle }),
            Err(error) => Err(error.with_output(Output::typed(BundleContent::new(bundle)))),
        }
    }

    /// Reads the bundle in the output of a replicated call, and its consensus as `T`.
    ///
    /// # Errors
    /// As [`Bundle::from_output`] and [`from_bundle`](Self::from_bundle).
    pub fn from_output(output: &Output) -> Result<Self, Error> {
        Self::from_bundle(Bundle::from_output(output)?)
    }
}

impl<T> Evidence<T> {
    /// The answer that was agreed on.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The answer that was agreed on, without its evidence.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What is known of a field, by its JSON Pointer in the consensus: `/items/0/price`.
    #[must_use]
    pub fn field<'a>(&'a self, pointer: &'a str) -> Field<'a> {
        Field::new(&self.bundle.summary, pointer)
    }

    /// The values in the consensus that are neither objects nor arrays, object by object and item by item.
    #[must_use]
    pub fn fields(&self) -> Vec<Field<'_>> {
        Field::leaves(&self.bundle.summary)
    }

    /// What is to be done with the answer: what the layer's [`Policy`](crate::decision::Policy) has decided; without one,
    /// a review of the fields that differ.
    #[must_use]
    pub fn decision(&self) -> Decision {
        let undecided = || Decision::review(&self.bundle, "no policy has decided on it");
        self.bundle.decision.clone().unwrap_or_else(undecided)
    }

    /// Where the answers differ, the most divided first.
    #[must_use]
    pub fn disagreements(&self) -> &[Disagreement] {
        &self.bundle.summary.disagreements
    }
}
