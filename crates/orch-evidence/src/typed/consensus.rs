use super::{Place, Violation};
use crate::ConsensusRules;

/// How values of a type are compared, and when one is sound.
///
/// With the feature `derive` it is derived, from attributes at the fields:
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use orch_evidence::{Consensus, ConsensusRules, Compare, FieldRule};
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Consensus)]
/// #[consensus(check = "adds_up")]
/// struct Invoice {
///     #[consensus(number(rel = 0.01), weight = 2.0)]
///     total: f64,
///     #[consensus(keyed = "sku")]
///     items: Vec<Item>,
///     #[consensus(ignore)]
///     remark: Option<String>,
/// }
///
/// #[derive(Deserialize, Consensus)]
/// struct Item {
///     sku: String,
///     #[consensus(number(abs = 0.005))]
///     price: f64,
/// }
///
/// fn adds_up(invoice: &Invoice) -> Result<(), String> {
///     let sum: f64 = invoice.items.iter().map(|item| item.price).sum();
///     if (sum - invoice.total).abs() < 0.01 { Ok(()) } else { Err(format!("the items sum up to {sum}")) }
/// }
///
/// // What the attributes say is the table that one would write by hand:
/// let table = ConsensusRules::new()
///     .field("/total", FieldRule::new(Compare::Number { abs: 0.0, rel: 0.01 }).weight(2.0))
///     .field("/items", Compare::Keyed("sku".into()))
///     .field("/items/*/price", Compare::Number { abs: 0.005, rel: 0.0 })
///     .field("/remark", Compare::Ignore);
/// assert_eq!(ConsensusRules::of::<Invoice>(), table);
/// # }
/// ```
///
/// # Attributes of a field
///
/// | attribute | two values of the field are compared |
/// |---|---|
/// | `number(rel = 0.01)`, `number(abs = 0.5)`, or both | as numbers, with this tolerance |
/// | `text = "token_jaccard"` | as texts, by this [`TextMetric`](crate::TextMetric), named as in JSON |
/// | `one_of("low", "high")` | as one of these texts, numbers or truth values |
/// | `date` | as dates, however they are written |
/// | `exact` | by equality: texts to the letter, arrays and objects as a whole |
/// | `ignore` | not at all |
/// | `default` | as without any rule; for types that are not `Consensus` |
/// | `ordered`, `set`, `keyed = "sku"` | as arrays whose items are paired in order, by likeness, or by a field |
/// | `weight = 2.0` | with this weight, compared with 1 for other fields |
///
/// They mean [`Compare`](crate::Compare). In a `Vec`, an array, a set or a map, however many there are around the
/// value, `number`, `text`, `one_of` and `date` are rules of the values inside; so is `exact` beside `set` or
/// `ordered`. These containers, `Option`, `Box`, `Arc`, `Rc` and `Cow` are known by their names, so the rule of an alias of one
/// belongs to what the alias stands for. A field that has none of the first seven attributes has the rules of its type,
/// which must be `Consensus` too: numbers, texts, truth values, `serde_json::Value` and the containers of the standard
/// library are, and whatever derives it.
///
/// At the struct, `check = "path"` names a function `fn(&Self) -> Result<(), E>` that a value must pass, where `E` is a
/// `String` or a `&str`, or a [`Violation`] that points at a field; and `crate = "path"` says where this crate is, if it is
/// not `::orch_evidence`.
///
/// An enum without data can derive it too: it is one of its names. A newtype is what is in it.
///
/// # Names
/// Serde's `rename`, `rename_all`, `alias`, `flatten`, `transparent`, `skip`, `from` and `try_from` are honoured, as they
/// are for reading. What is said under an alias counts as said under the name. A field that a function reads (`with`,
/// `deserialize_with`) has no rules but those at the field. Rules of a flattened map hold for every key beside it that has
/// none.
///
/// # By hand
/// Without the feature, or where attributes do not reach:
///
/// ```
/// use orch_evidence::typed::Place;
/// use orch_evidence::{Compare, Consensus, ConsensusRules};
///
/// struct Price {
///     amount: f64,
/// }
///
/// impl Consensus for Price {
///     fn rules(place: &mut Place) {
///         place.field("amount", |amount| amount.compare(Compare::Number { abs: 0.0, rel: 0.01 }));
///     }
/// }
///
/// assert!(ConsensusRules::of::<Vec<Price>>().rule("/7/amount").is_some());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing about how it is compared",
    label = "not `Consensus`",
    note = "derive `Consensus` for it, or say so at the field: `#[consensus(exact)]`, `text = \"..\"`, `date`, `default`"
)]
pub trait Consensus: Sized + 'static {
    /// The names of its fields in JSON, if they are known: `keyed` is checked against them. Of a container, those of
    /// what is in it.
    const FIELDS: Option<&'static [&'static str]> = None;

    /// Writes the rules for values of this type at a place in an answer; default: none, so that everything is compared by
    /// its type.
    fn rules(place: &mut Place) {
        let _ = place;
    }

    /// Whether a value is sound in itself; default: yes. A consensus that is put together from the fields of
    /// several answers need not be.
    ///
    /// # Errors
    /// Where it is not, and why.
    fn check(&self) -> Result<(), Violation> {
        Ok(())
    }
}

impl ConsensusRules {
    /// The rules of a type.
    pub fn of<T: Consensus>() -> Self {
        Place::rules_of::<T>()
    }
}
