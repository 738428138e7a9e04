use std::fmt;

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use orch_core::{Error, Input};
use serde_json::{Map, Value};

const NAME: &str = "prompt";

/// What a call's input becomes: the text that the model is asked.
pub(super) struct Prompt(Environment<'static>);

impl Prompt {
    /// A prompt from a template, checked now.
    pub(super) fn new(template: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        match environment.add_template_owned(NAME, template) {
            Ok(()) => Ok(Self(environment)),
            Err(error) => Err(Error::invalid("/prompt", error.to_string()).with_source(error)),
        }
    }

    /// The template filled with the fields of an object, or with any other value as `input`.
    pub(super) fn render(&self, input: &Input) -> Result<String, Error> {
        let wrapped;
        let variables = match input.as_json() {
            Value::Object(fields) => fields,
            value => {
                wrapped = Map::from_iter([("input".to_owned(), value.clone())]);
                &wrapped
            }
        };
        let template = self.0.get_template(NAME).expect("added when the prompt was made");
        template.render(Serde(variables)).map_err(|error| {
            if error.kind() != ErrorKind::UndefinedError {
                return Error::invalid("", format!("the prompt template failed: {error}")).with_source(error);
            }
            let undeclared = template.undeclared_variables(true);
            let mut missing: Vec<String> = undeclared.into_iter().filter(|path| !has(variables, path)).collect();
            missing.sort_unstable();
            missing_variables(&missing).with_source(error)
        })
    }
}

/// Whether a dotted path leads to a value.
fn has(variables: &Map<String, Value>, path: &str) -> bool {
    let (first, rest) = path.split_once('.').map_or((path, ""), |(first, rest)| (first, rest));
    let Some(value) = variables.get(first) else { return false };
    rest.is_empty() || value.as_object().is_some_and(|fields| has(fields, rest))
}

fn missing_variables(missing: &[String]) -> Error {
    let pointer = match missing {
        [only] => format!("/{}", only.replace('.', "/")),
        _ => String::new(),
    };
    let names = if missing.is_empty() { "a value".to_owned() } else { format!("`{}`", missing.join("`, `")) };
    Error::invalid(pointer, format!("the prompt template needs {names}, which the input does not have"))
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = self.0.get_template(NAME).expect("added when the prompt was made");
        f.debug_tuple("Prompt").field(&template.source()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str, input: impl Into<Input>) -> Result<String, Error> {
        Prompt::new(template.to_owned())?.render(&input.into())
    }

    #[test]
    fn the_fields_of_an_object_are_variables_and_any_other_value_is_input() {
        let input = json!({ "name": "Ann", "likes": ["<tea>", "rain"] });
        let text = render("{{ name }} likes {% for it in likes %}{{ it }} {% endfor %}", input).unwrap();
        assert_eq!(text, "Ann likes <tea> rain ");
        assert_eq!(render("Q: {{ input }}", "why?").unwrap(), "Q: why?");
        assert_eq!(render("{{ input | length }}", json!([1, 2])).unwrap(), "2");
    }

    #[test]
    fn a_missing_variable_is_named_and_pointed_at() {
        let error = render("{{ question }} {{ mood }}", json!({ "mood": 1 })).unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid request at `/question`: the prompt template needs `question`, which the input does not have"
        );
        let error = render("{{ user.name }}", json!({ "user": { "id": 1 } })).unwrap_err().to_string();
        assert!(error.contains("`/user/name`") && error.contains("`user.name`"), "{error}");
        let error = render("{{ a }}{{ b }}", json!({})).unwrap_err().to_string();
        assert!(error.contains("`a`, `b`"), "{error}");
    }

    #[test]
    fn a_broken_template_is_refused_when_it_is_set() {
        let error = Prompt::new("{{ question ".to_owned()).unwrap_err().to_string();
        assert!(error.contains("/prompt"), "{error}");
    }
}
