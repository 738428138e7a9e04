//! The attributes of the struct itself.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, Path, Result};

use crate::attribute::{Once, each, text};
use crate::serde_names::SerdeContainer;

/// What they say.
pub(crate) struct Container {
    /// The function that checks a whole value.
    pub(crate) check: Option<Path>,
    /// Where the trait is.
    pub(crate) krate: TokenStream,
    pub(crate) serde: SerdeContainer,
}

impl Container {
    pub(crate) fn read(attributes: &[Attribute], krate: &TokenStream) -> Result<Self> {
        let (mut check, mut place) = (Once::default(), Once::default());
        each(attributes, "consensus", |meta| {
            let span = meta.path.span();
            if meta.path.is_ident("check") {
                check.set(text(meta)?.parse::<Path>()?, span, "`check`")
            } else if meta.path.is_ident("crate") {
                place.set(text(meta)?.parse::<Path>()?, span, "`crate`")
            } else {
                Err(meta.error("at the struct there is `check` and `crate`; the others stand at its fields"))
            }
        })?;
        let krate = place.get().map_or_else(|| krate.clone(), |path| quote!(#path));
        Ok(Self { check: check.get().cloned(), krate, serde: SerdeContainer::read(attributes)? })
    }
}
