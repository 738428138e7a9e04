use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use orch_core::Error;

/// A key that a provider asks for.
///
/// It is written into one request header, marked as sensitive, and nowhere else: `Debug` shows `ApiKey(***)`, there
/// is no `Display` and no serde, and a server's message that repeats the key comes back without it.
///
/// ```
/// use orch_providers::ApiKey;
///
/// assert_eq!(format!("{:?}", ApiKey::new("sk-secret")), "ApiKey(***)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Arc<str>);

/// What stands where a key was.
pub(super) const REDACTED: &str = "***";

impl ApiKey {
    /// A key; spaces and line ends around it are dropped, since keys are often read from files.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().into())
    }

    /// The key in an environment variable.
    ///
    /// # Errors
    /// `InvalidRequest` when the variable is not set, empty or not Unicode. It is named if it has the form of a name
    /// (letters, digits and `_`); anything else may be a key that was given in place of a name, and is not shown.
    pub fn from_env(variable: &str) -> Result<Self, Error> {
        let invalid = |why: &str| {
            let name = shown_variable(variable);
            Error::invalid("/api_key_env", format!("the environment variable `{name}` {why}"))
        };
        let value = std::env::var(variable).map_err(|error| match error {
            std::env::VarError::NotPresent => invalid("is not set"),
            std::env::VarError::NotUnicode(_) => invalid("is not Unicode"),
        })?;
        let key = Self::new(value);
        if key.0.is_empty() { Err(invalid("is empty")) } else { Ok(key) }
    }

    /// The header value `{scheme} {key}`, or the key alone without a scheme, marked as sensitive.
    pub(crate) fn header_value(&self, scheme: &str) -> Result<HeaderValue, Error> {
        if self.0.is_empty() {
            return Err(Error::invalid("/api_key", "the API key is empty"));
        }
        if HeaderValue::from_str(scheme).is_err() {
            return Err(Error::invalid("/api_key_scheme", "the scheme holds a character that a header cannot carry"));
        }
        let space = if scheme.is_empty() { "" } else { " " };
        let mut value = HeaderValue::from_str(&format!("{scheme}{space}{}", self.0))
            .map_err(|_| Error::invalid("/api_key", "the API key holds a character that a header cannot carry"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The secrets among the words of a text: those of 8 bytes and more, for shorter ones stand in any sentence.
    pub(crate) fn words(text: &str) -> impl Iterator<Item = Self> {
        text.split_whitespace().filter(|word| word.len() >= 8).map(Self::new)
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A text without the key in it.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(self.0.as_ref(), REDACTED) }
    }
}

/// The name of a variable, if it has the form of one: it may be a key that was given in its place.
pub(crate) fn shown_variable(variable: &str) -> &str {
    let is_name = variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { variable } else { REDACTED }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({REDACTED})")
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_the_header_shows_the_key() {
        let key = ApiKey::from("sk-secret\n");
        let value = key.header_value("Bearer").unwrap();
        assert!(value.is_sensitive());
        assert_eq!(value.as_bytes(), b"Bearer sk-secret");
        assert_eq!(key.header_value("").unwrap().as_bytes(), b"sk-secret");
        assert!(!format!("{key:?} {value:?}").contains("secret"));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
        let error = ApiKey::from("sk-sec\nret").header_value("Bearer").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("ret\""), "{error:?}");
        assert!(ApiKey::from(" ").header_value("Bearer").is_err());
        let error = ApiKey::from("k").header_value("Bear\ner").unwrap_err();
        assert!(error.to_string().contains("/api_key_scheme"), "{error}");
    }

    #[test]
    fn a_message_that_repeats_the_key_loses_it() {
        let key = ApiKey::from("sk-secret");
        assert_eq!(key.redact("Incorrect API key provided: sk-secret."), "Incorrect API key provided: ***.");
        assert_eq!(ApiKey::from("").redact("nothing to hide"), "nothing to hide");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = ApiKey::from_env("ORCH_TEST_NO_SUCH_KEY").unwrap_err();
        assert!(error.to_string().contains("`ORCH_TEST_NO_SUCH_KEY` is not set"), "{error}");
    }

    #[test]
    fn a_key_in_place_of_a_variables_name_is_not_shown() {
        let error = ApiKey::from_env("sk-secret").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("`***` is not set") && !text.contains("secret"), "{text}");
    }
}
