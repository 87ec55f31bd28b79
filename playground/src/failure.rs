//! The one error shape of the playground: a sentence for the user, a cause for the operator.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong and what to do about it.
    pub sentence: String,
    /// The error below, where there is one.
    pub cause: Option<String>,
}

impl Failure {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            cause: None,
        }
    }

    pub fn with_cause(sentence: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self {
            sentence: sentence.into(),
            cause: Some(cause.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) if cause.contains('\n') => {
                write!(f, "{}\n{}", self.sentence, cause.trim_matches('\n'))
            }
            Some(cause) => write!(f, "{} ({cause})", self.sentence),
            None => f.write_str(&self.sentence),
        }
    }
}

impl std::error::Error for Failure {}
