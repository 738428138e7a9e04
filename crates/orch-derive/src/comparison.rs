//! How a value is compared, as an attribute says it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Result, Token, UnOp, parenthesized, parse_str};

use crate::attribute::{Once, number, text};
use crate::rename::Case;
use crate::shape::Leaf;

/// How the items of an array are paired.
pub(crate) enum Pairing {
    Ordered,
    Set,
    Keyed(LitStr),
}

/// How a value is compared.
pub(crate) enum Comparison {
    /// As without rules.
    Default,
    Ignore,
    Exact,
    Date,
    Number {
        abs: f64,
        rel: f64,
    },
    /// Texts, by the metric of this variant's name.
    Text(Ident),
    OneOf(Vec<Expr>),
}

impl Pairing {
    pub(crate) fn tokens(&self, krate: &TokenStream) -> TokenStream {
        match self {
            Self::Ordered => quote!(#krate::Compare::Ordered),
            Self::Set => quote!(#krate::Compare::Set),
            Self::Keyed(key) => quote!(#krate::Compare::Keyed(::std::string::String::from(#key))),
        }
    }
}

impl Comparison {
    /// Reads an entry; `None` when it is of another kind.
    pub(crate) fn read(meta: &ParseNestedMeta<'_>) -> Result<Option<Self>> {
        let Some(name) = meta.path.get_ident() else { return Ok(None) };
        Ok(Some(match name.to_string().as_str() {
            "default" => Self::Default,
            "ignore" => Self::Ignore,
            "exact" => Self::Exact,
            "date" => Self::Date,
            "number" => tolerance(meta)?,
            "text" if meta.input.peek(Token![=]) => Self::Text(metric(&text(meta)?)?),
            "text" => return Err(meta.error("`text` names a metric: `text = \"token_jaccard\"`")),
            "one_of" => Self::OneOf(listed(meta)?),
            _ => return Ok(None),
        }))
    }

    /// Whether it says something about the value as a whole, and not about the leaves in it.
    pub(crate) fn is_of_the_whole(&self) -> bool {
        matches!(self, Self::Default | Self::Ignore | Self::Exact)
    }

    /// Whether such values can be compared so.
    pub(crate) fn fits(&self, leaf: Leaf, span: Span) -> Result<()> {
        let no = |reason: &str| Err(Error::new(span, reason));
        match (self, leaf) {
            (Self::Number { .. }, Leaf::Text) => no("`number` is for numbers, and this is a text"),
            (Self::Number { .. }, Leaf::Bool) => no("`number` is for numbers, and this is a `bool`"),
            (Self::Text(_) | Self::Date, Leaf::Number) => no("this is for texts, and the field is a number"),
            (Self::Text(_) | Self::Date, Leaf::Bool) => no("this is for texts, and the field is a `bool`"),
            (Self::OneOf(values), _) => values.iter().try_for_each(|value| listed_fits(value, leaf)),
            _ => Ok(()),
        }
    }

    pub(crate) fn tokens(&self, krate: &TokenStream) -> TokenStream {
        match self {
            Self::Default => quote!(#krate::Compare::Auto),
            Self::Ignore => quote!(#krate::Compare::Ignore),
            Self::Exact => quote!(#krate::Compare::Exact),
            Self::Date => quote!(#krate::Compare::Date),
            Self::Number { abs, rel } => quote!(#krate::Compare::Number { abs: #abs, rel: #rel }),
            Self::Text(metric) => {
                // Which metrics there are is known to the enum alone, and so is the complaint of another one.
                let metric = quote_spanned!(metric.span()=> #krate::TextMetric::#metric);
                quote!(#krate::Compare::Text(#metric))
            }
            Self::OneOf(values) => {
                quote!(#krate::Compare::OneOf(::std::vec![#(::std::convert::Into::into(#values)),*]))
            }
        }
    }
}

/// The variant of a metric's name.
fn metric(name: &LitStr) -> Result<Ident> {
    let variant = Case::Pascal.field(&name.value());
    let variant: Ident = parse_str(&variant).map_err(|_| Error::new(name.span(), "this is no name of a metric"))?;
    Ok(Ident::new(&variant.to_string(), name.span()))
}

fn tolerance(meta: &ParseNestedMeta<'_>) -> Result<Comparison> {
    let missing = "`number` has a tolerance: `number(rel = 0.01)`, `number(abs = 0.5)` or both";
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Err(meta.error(missing));
    }
    let (mut abs, mut rel) = (Once::default(), Once::default());
    meta.parse_nested_meta(|inner| {
        let which = if inner.path.is_ident("abs") {
            &mut abs
        } else if inner.path.is_ident("rel") {
            &mut rel
        } else {
            return Err(inner.error("there is `abs` and `rel`"));
        };
        let (tolerance, span) = number(&inner)?;
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            return Err(Error::new(span, format!("{tolerance}: a tolerance is finite and at least 0")));
        }
        which.set(tolerance, span, "this tolerance")
    })?;
    if abs.get().is_none() && rel.get().is_none() {
        return Err(meta.error(missing));
    }
    let of = |tolerance: &Once<f64>| tolerance.get().copied().unwrap_or(0.0);
    Ok(Comparison::Number { abs: of(&abs), rel: of(&rel) })
}

fn listed(meta: &ParseNestedMeta<'_>) -> Result<Vec<Expr>> {
    let inside;
    parenthesized!(inside in meta.input);
    let values = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?;
    if values.is_empty() {
        return Err(meta.error("`one_of` lists no value"));
    }
    match values.iter().find(|value| kind(value).is_none()) {
        Some(other) => Err(Error::new(other.span(), "`one_of` lists texts, numbers, `true` and `false`")),
        None => Ok(values.into_iter().collect()),
    }
}

fn listed_fits(value: &Expr, leaf: Leaf) -> Result<()> {
    match (kind(value), leaf) {
        (Some(kind), leaf) if kind != leaf => {
            Err(Error::new(value.span(), format!("the field is a {}, and this is a {}", word(leaf), word(kind))))
        }
        _ => Ok(()),
    }
}

fn kind(value: &Expr) -> Option<Leaf> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => Some(Leaf::Text),
        Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }) => Some(Leaf::Number),
        Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => Some(Leaf::Bool),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => kind(expr).filter(|kind| *kind == Leaf::Number),
        _ => None,
    }
}

fn word(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Number => "number",
        Leaf::Text => "text",
        Leaf::Bool => "`bool`",
    }
}
