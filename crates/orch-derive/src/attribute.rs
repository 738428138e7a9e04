//! What attributes of all kinds share.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, ExprUnary, Lit, LitStr, Result, Token, UnOp, token};

/// A value that may be given once, and where it was.
#[derive(Debug)]
pub(crate) struct Once<T>(Option<(T, Span)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// Keeps the value, unless there is one.
    pub(crate) fn set(&mut self, value: T, span: Span, what: &str) -> Result<()> {
        if self.0.is_some() {
            return Err(Error::new(span, format!("{what} is given twice")));
        }
        self.0 = Some((value, span));
        Ok(())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(value, _)| value)
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(_, span)| *span)
    }
}

/// Reads each entry of the attributes of this name.
pub(crate) fn each(
    attributes: &[Attribute],
    name: &str,
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        attribute.parse_nested_meta(|meta| read(&meta))?;
    }
    Ok(())
}

/// Goes over the value of an entry that means nothing here: ` = value`, `(..)` or nothing.
pub(crate) fn skip(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(token::Paren) {
        meta.parse_nested_meta(|inner| skip(&inner))?;
    }
    Ok(())
}

/// The text of an entry `name = "text"`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

/// The number of an entry `name = 0.5`, and its place.
pub(crate) fn number(meta: &ParseNestedMeta<'_>) -> Result<(f64, Span)> {
    let value: Expr = meta.value()?.parse()?;
    let span = value.span();
    let number = literal_number(&value).ok_or_else(|| Error::new(span, "a number is expected"))?;
    Ok((number, span))
}

fn literal_number(value: &Expr) -> Option<f64> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => literal_number(expr).map(|number| -number),
        _ => None,
    }
}
