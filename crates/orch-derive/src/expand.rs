//! From the input to the implementation.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, Generics, Index, Member, Result, parse_quote, parse2};

use crate::container::Container;
use crate::field::FieldRules;
use crate::serde_names::SerdePart;

/// The implementation for a struct or an enum, or the complaint about it. `krate` is where the trait is.
pub(crate) fn expand(input: TokenStream, krate: &TokenStream) -> TokenStream {
    parse2(input).and_then(|input| implementation(&input, krate)).unwrap_or_else(|error| error.to_compile_error())
}

/// The parts of the implementation.
#[derive(Default)]
struct Body {
    /// Statements about a `place`.
    rules: TokenStream,
    /// Statements about `self`.
    check: TokenStream,
    /// The names of the fields as an `Option` of a slice.
    fields: TokenStream,
    /// Items that the compiler evaluates.
    assertions: TokenStream,
}

fn implementation(input: &DeriveInput, krate: &TokenStream) -> Result<TokenStream> {
    let container = Container::read(&input.attrs, krate)?;
    let krate = &container.krate;
    let body = match (&input.data, &container.serde.read_as) {
        (_, Some(other)) => Body {
            rules: quote_spanned!(other.span()=> place.of::<#other>();),
            fields: quote!(<#other as #krate::Consensus>::FIELDS),
            ..Body::default()
        },
        (Data::Struct(data), None) => structure(&data.fields, &container, &input.generics)?,
        (Data::Enum(data), None) => enumeration(data, &container)?,
        (Data::Union(data), None) => {
            return Err(Error::new(data.union_token.span, "a union has no JSON to compare"));
        }
    };
    let Body { rules, check, fields, assertions } = body;
    let own = container.check.map(|path| {
        let span = path.span();
        quote_spanned!(span=> #krate::typed::validate(self, #path)?;)
    });
    let name = &input.ident;
    let generics = bounded(&input.generics, krate);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    // Paths are written out because the user may have imported anything under their last names; a type without rules
    // leaves `place` unused.
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #parameters #krate::Consensus for #name #arguments #bounds {
            const FIELDS: ::std::option::Option<&'static [&'static str]> = #fields;

            #[allow(unused_variables)]
            fn rules(place: &mut #krate::typed::Place) {
                #rules
            }

            fn check(&self) -> ::std::result::Result<(), #krate::typed::Violation> {
                #check
                #own
                ::std::result::Result::Ok(())
            }
        }
        #assertions
    })
}

fn structure(fields: &Fields, container: &Container, generics: &Generics) -> Result<Body> {
    let krate = &container.krate;
    let mut body = Structure { names: Some(Vec::new()), ..Structure::default() };
    let mut complaints: Option<Error> = None;
    for (index, field) in fields.iter().enumerate() {
        let added = FieldRules::read(field).map(|rules| {
            let is_the_whole = container.serde.transparent || (field.ident.is_none() && fields.len() == 1);
            let part = Part::new(index, field, &rules, container, is_the_whole);
            body.add(&part, field, &rules, krate);
            if let Some(key) = rules.key().filter(|_| generics.params.is_empty()) {
                body.body.assertions.extend(key_assertion(field, key, krate));
            }
        });
        match (added, &mut complaints) {
            (Err(error), Some(all)) => all.combine(error),
            (Err(error), none) => *none = Some(error),
            (Ok(()), _) => {}
        }
    }
    complaints.map_or_else(|| Ok(body.finish()), Err)
}

/// One field, as it is called.
struct Part {
    member: Member,
    /// Its names in JSON.
    keys: Vec<String>,
    /// Whether its JSON is in the place of the struct's own.
    here: bool,
}

impl Part {
    fn new(index: usize, field: &Field, rules: &FieldRules, container: &Container, is_the_whole: bool) -> Self {
        let case = |name: &str| container.serde.rename_all.map_or(name.to_owned(), |case| case.field(name));
        let (member, keys) = match &field.ident {
            Some(ident) => (Member::from(ident.clone()), rules.serde.names(ident, case)),
            None => (Member::from(Index::from(index)), vec![index.to_string()]),
        };
        Self { member, keys, here: is_the_whole || rules.serde.flatten }
    }
}

/// A struct, field by field.
#[derive(Default)]
struct Structure {
    body: Body,
    /// What is flattened holds for names that are not known; what is known wins over it, so this goes first.
    flattened: TokenStream,
    /// The names of all fields, unless there are others.
    names: Option<Vec<String>>,
}

impl Structure {
    fn add(&mut self, part: &Part, field: &Field, rules: &FieldRules, krate: &TokenStream) {
        if rules.serde.skip {
            return;
        }
        let Part { member, keys, here } = part;
        let statements = rules.statements(field, krate);
        if *here {
            self.names = None;
            self.flattened.extend(statements);
        } else {
            let (own, aliases) = (&keys[0], &keys[1..]);
            self.body.rules.extend(quote! {
                place.field(#own, |place| { #statements });
                #(place.field(#aliases, |place| {
                    place.compare(#krate::Compare::AliasOf(::std::convert::Into::into(#own)));
                });)*
            });
            self.names.iter_mut().for_each(|names| names.push(own.clone()));
        }
        if rules.is_nested() {
            let name = if *here { "" } else { keys[0].as_str() };
            let (span, krate) = (field.ty.span(), at(field.ty.span(), krate));
            self.body.check.extend(quote_spanned!(span=> #krate::typed::check_field(#name, &self.#member)?;));
        }
    }

    fn finish(mut self) -> Body {
        self.flattened.extend(self.body.rules);
        self.body.rules = self.flattened;
        self.body.fields = match self.names {
            Some(names) => quote!(::std::option::Option::Some(&[#(#names),*])),
            None => quote!(::std::option::Option::None),
        };
        self.body
    }
}

/// The compiler finds out whether the items have the key.
fn key_assertion(field: &Field, (key, span): (String, Span), krate: &TokenStream) -> TokenStream {
    let complaint = format!("the items have no field `{key}`");
    let (ty, krate) = (&field.ty, at(span, krate));
    quote_spanned! {span=>
        const _: () = #krate::typed::assert_field(<#ty as #krate::Consensus>::FIELDS, #key, #complaint);
    }
}

/// An enum without data is one of its names.
fn enumeration(data: &DataEnum, container: &Container) -> Result<Body> {
    let krate = &container.krate;
    let mut names = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let reason = "an enum with data has no rules of its own; say at the field how it is compared: \
                          `#[consensus(default)]` or `#[consensus(exact)]`";
            return Err(Error::new(variant.span(), reason));
        }
        if let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("consensus")) {
            return Err(Error::new(attribute.span(), "a variant has no rules"));
        }
        let serde = SerdePart::read(&variant.attrs)?;
        if !serde.skip && !serde.other {
            let case = |name: &str| container.serde.rename_all.map_or(name.to_owned(), |case| case.variant(name));
            names.extend(serde.names(&variant.ident, case));
        }
    }
    let values = names.iter().map(|name| quote!(::std::convert::Into::into(#name)));
    let rules = if names.is_empty() {
        TokenStream::new()
    } else {
        quote!(place.compare(#krate::Compare::OneOf(::std::vec![#(#values),*]));)
    };
    Ok(Body { rules, fields: quote!(::std::option::Option::Some(&[])), ..Body::default() })
}

/// The same path, written at this place, so that complaints about what it begins point there.
fn at(span: Span, path: &TokenStream) -> TokenStream {
    let moved = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    path.clone().into_iter().map(moved).collect()
}

/// Type parameters have rules too.
fn bounded(generics: &Generics, krate: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    let parameters: Vec<_> = generics.type_params().map(|parameter| parameter.ident.to_token_stream()).collect();
    let clause = generics.make_where_clause();
    for parameter in parameters {
        clause.predicates.push(parse_quote!(#parameter: #krate::Consensus));
    }
    generics
}
