//! The rules of one field.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Error, Field, Result};

use crate::attribute::{Once, each, number, text};
use crate::comparison::{Comparison, Pairing};
use crate::serde_names::SerdePart;
use crate::shape::{Outer, Shape};

const KNOWN: &str = "there is `number`, `text`, `one_of`, `date`, `exact`, `ignore`, `default`, `ordered`, `set`, \
                     `keyed` and `weight`";

/// What the attributes of a field say.
#[derive(Default)]
pub(crate) struct FieldRules {
    pairing: Once<Pairing>,
    comparison: Once<Comparison>,
    weight: Once<f64>,
    pub(crate) serde: SerdePart,
}

impl FieldRules {
    pub(crate) fn read(field: &Field) -> Result<Self> {
        let mut read = Self { serde: SerdePart::read(&field.attrs)?, ..Self::default() };
        each(&field.attrs, "consensus", |meta| read.entry(meta))?;
        read.check(Shape::of(&field.ty))?;
        Ok(read)
    }

    fn entry(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let span = meta.path.span();
        if let Some(comparison) = Comparison::read(meta)? {
            return self.comparison.set(comparison, span, "how the value is compared");
        }
        let pairing = if meta.path.is_ident("ordered") {
            Pairing::Ordered
        } else if meta.path.is_ident("set") {
            Pairing::Set
        } else if meta.path.is_ident("keyed") {
            Pairing::Keyed(text(meta)?)
        } else if meta.path.is_ident("weight") {
            let (weight, at) = number(meta)?;
            if !(weight.is_finite() && weight > 0.0) {
                return Err(Error::new(at, format!("{weight}: a weight is finite and above 0")));
            }
            return self.weight.set(weight, span, "the weight");
        } else if meta.path.is_ident("check") || meta.path.is_ident("crate") {
            return Err(meta.error("this stands at the struct, not at a field"));
        } else {
            return Err(meta.error(KNOWN));
        };
        self.pairing.set(pairing, span, "how the items are paired")
    }

    /// Whether the entries fit each other and the type.
    fn check(&self, shape: Shape<'_>) -> Result<()> {
        if let (Some(comparison), Some(span)) = (self.comparison.get(), self.comparison.span()) {
            if let Some(leaf) = shape.leaf() {
                comparison.fits(leaf, span)?;
            }
            let other = self.pairing.span().or(self.weight.span().filter(|_| matches!(comparison, Comparison::Ignore)));
            match (comparison, other) {
                (Comparison::Ignore, Some(other)) => {
                    return Err(Error::new(other, "this says nothing about a field that is ignored"));
                }
                (Comparison::Default, Some(other)) => {
                    return Err(Error::new(other, "this is a rule, and `default` is to have none"));
                }
                _ => {}
            }
        }
        match self.pairing.span() {
            Some(span) if shape.outer == Outer::Map => Err(Error::new(span, "a map is compared key by key")),
            Some(span) if shape.outer == Outer::Other && shape.leaf().is_some() => {
                Err(Error::new(span, "this is for arrays, and the field is none"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the rules and the check of the field's type hold for it.
    pub(crate) fn is_nested(&self) -> bool {
        self.comparison.get().is_none() && !self.serde.by_function
    }

    /// The statements that write the rules of the field at its `place`.
    pub(crate) fn statements(&self, field: &Field, krate: &TokenStream) -> TokenStream {
        let shape = Shape::of(&field.ty);
        let inside = self.is_nested().then(|| {
            let (ty, span) = (&field.ty, field.ty.span());
            quote_spanned!(span=> place.of::<#ty>();)
        });
        let set = self.pairing.get().is_none() && self.comparison.get().is_some() && shape.outer == Outer::Set;
        let pairing = self.pairing.get().or(set.then_some(&Pairing::Set)).map(|pairing| {
            let compare = pairing.tokens(krate);
            quote!(place.compare(#compare);)
        });
        let comparison = self.comparison.get().map(|comparison| {
            let compare = comparison.tokens(krate);
            let whole = comparison.is_of_the_whole() && pairing.is_none();
            let depth = if whole { 0 } else { shape.each };
            (0..depth).fold(quote!(place.compare(#compare);), |inside, _| quote!(place.each(|place| { #inside });))
        });
        let weight = self.weight.get().map(|weight| quote!(place.weight(#weight);));
        quote!(#inside #pairing #comparison #weight)
    }

    /// The name that the items must have as a field, and where it is written.
    pub(crate) fn key(&self) -> Option<(String, Span)> {
        match self.pairing.get()? {
            Pairing::Keyed(key) if self.is_nested() && !key.value().starts_with('/') => Some((key.value(), key.span())),
            _ => None,
        }
    }
}
