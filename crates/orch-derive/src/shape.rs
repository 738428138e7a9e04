//! What a type is made of, as far as its name tells.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// A type without the containers around it, which are known by name.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    /// The outermost container that is one in JSON too.
    pub(crate) outer: Outer,
    /// How many containers of many values stand around the inner type.
    pub(crate) each: usize,
    pub(crate) inner: &'a Type,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outer {
    Array,
    /// An array without an order.
    Set,
    Map,
    Other,
}

/// What a type is in JSON, if it is one of the standard library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Number,
    Text,
    Bool,
}

impl<'a> Shape<'a> {
    pub(crate) fn of(of: &'a Type) -> Self {
        let (outer, inside) = match of {
            Type::Group(group) => return Self::of(&group.elem),
            Type::Paren(paren) => return Self::of(&paren.elem),
            Type::Array(array) => (Outer::Array, &*array.elem),
            _ => match container(of) {
                Some((Outer::Other, inside)) => return Self::of(inside),
                Some(found) => found,
                None => return Self { outer: Outer::Other, each: 0, inner: of },
            },
        };
        let inside = Self::of(inside);
        Self { outer, each: inside.each + 1, inner: inside.inner }
    }

    /// What the inner type is in JSON; `None`: its name does not tell.
    pub(crate) fn leaf(self) -> Option<Leaf> {
        let name = last(self.inner)?.ident.to_string();
        Some(match name.as_str() {
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize"
            | "f32" | "f64" => Leaf::Number,
            "String" | "str" | "char" => Leaf::Text,
            "bool" => Leaf::Bool,
            _ => return None,
        })
    }
}

/// What stands in a container; of [`Outer::Other`] it is the same JSON as what stands in it.
fn container(of: &Type) -> Option<(Outer, &Type)> {
    let segment = last(of)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let types: Vec<&Type> = arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(inside) => Some(inside),
            _ => None,
        })
        .collect();
    match (segment.ident.to_string().as_str(), types.as_slice()) {
        ("Option" | "Box" | "Arc" | "Rc" | "Cow", [inside]) => Some((Outer::Other, inside)),
        ("Vec" | "VecDeque" | "LinkedList", [inside]) => Some((Outer::Array, inside)),
        ("HashSet" | "BTreeSet" | "IndexSet", [inside, ..]) => Some((Outer::Set, inside)),
        ("HashMap" | "BTreeMap" | "IndexMap", [_, inside, ..]) => Some((Outer::Map, inside)),
        _ => None,
    }
}

fn last(of: &Type) -> Option<&PathSegment> {
    match of {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}
