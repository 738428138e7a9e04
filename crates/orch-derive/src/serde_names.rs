//! What serde's attributes say about names and shapes; what is wrong in them, serde complains of.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitStr, Result, Token, Type};

use crate::attribute::{each, skip, text};
use crate::rename::Case;

/// What they say about a struct or an enum.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Option<Case>,
    pub(crate) transparent: bool,
    /// The type that it is read as: `from` or `try_from`.
    pub(crate) read_as: Option<Type>,
}

impl SerdeContainer {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, "serde", |meta| {
            if meta.path.is_ident("rename_all") {
                read.rename_all = when_read(meta)?.and_then(|case| Case::named(&case.value()));
            } else if meta.path.is_ident("transparent") {
                read.transparent = true;
            } else if meta.path.is_ident("from") || meta.path.is_ident("try_from") {
                read.read_as = Some(text(meta)?.parse()?);
            } else {
                skip(meta)?;
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// What they say about a field or a variant.
#[derive(Debug, Default)]
pub(crate) struct SerdePart {
    rename: Option<String>,
    alias: Vec<String>,
    pub(crate) flatten: bool,
    /// It is not read at all.
    pub(crate) skip: bool,
    /// A function reads it: its JSON need not be that of its type.
    pub(crate) by_function: bool,
    /// The variant for whatever has no other.
    pub(crate) other: bool,
}

impl SerdePart {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, "serde", |meta| {
            if meta.path.is_ident("rename") {
                read.rename = when_read(meta)?.map(|name| name.value());
            } else if meta.path.is_ident("alias") {
                read.alias.push(text(meta)?.value());
            } else {
                read.flag(meta);
                skip(meta)?;
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn flag(&mut self, meta: &ParseNestedMeta<'_>) {
        if let Some(name) = meta.path.get_ident() {
            match name.to_string().as_str() {
                "flatten" => self.flatten = true,
                "skip" | "skip_deserializing" => self.skip = true,
                "with" | "deserialize_with" => self.by_function = true,
                "other" => self.other = true,
                _ => {}
            }
        }
    }

    /// All names under which it is read.
    pub(crate) fn names(&self, ident: &Ident, in_case: impl Fn(&str) -> String) -> Vec<String> {
        let own = self.rename.clone().unwrap_or_else(|| in_case(&ident.unraw().to_string()));
        [own].into_iter().chain(self.alias.iter().cloned()).collect()
    }
}

/// The name for reading: of `rename = ".."`, or of `rename(serialize = "..", deserialize = "..")`.
fn when_read(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return text(meta).map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|inner| {
        if inner.path.is_ident("deserialize") {
            name = Some(text(&inner)?);
            Ok(())
        } else {
            skip(&inner)
        }
    })?;
    Ok(name)
}
