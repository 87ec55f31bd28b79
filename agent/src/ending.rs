//! What an answer's end means for the run: answered, cut, or nothing said.

use persai_protocol::error::ErrorCode;

use crate::ports::StopReason;

/// How the rounds ended, before the closing events are written.
pub enum Ended {
    Answered,
    Failed {
        code: ErrorCode,
        message: String,
        cause: Option<String>,
    },
}

fn failed(code: ErrorCode, message: impl Into<String>) -> Ended {
    Ended::Failed {
        code,
        message: message.into(),
        cause: None,
    }
}

/// The end of a run whose last answer has no text; `spent` is the budget's sentence where one forced the last round.
#[must_use]
pub fn without_text(stop: &StopReason, spent: Option<&str>) -> Ended {
    match (stop, spent) {
        (StopReason::ContextWindow, _) => failed(
            ErrorCode::ContextTooLong,
            "This conversation has become too long for the model. Start a new one.",
        ),
        (StopReason::Refusal, _) => failed(
            ErrorCode::ProviderError,
            "The model refused to answer this.",
        ),
        (_, Some(sentence)) => {
            let budget = sentence.split(';').next().unwrap_or_default();
            failed(
                ErrorCode::BudgetSpent,
                format!("{budget}, and the model gave no answer."),
            )
        }
        (_, None) => failed(ErrorCode::ProviderError, "The model gave an empty answer."),
    }
}

/// The sentence for an answer that is there but not whole.
#[must_use]
pub fn cut(stop: &StopReason, max_output_tokens: u32) -> Option<String> {
    match stop {
        StopReason::MaxTokens => Some(format!(
            "The answer was cut at {max_output_tokens} output tokens."
        )),
        StopReason::ContextWindow => {
            Some("The answer was cut: the model's context window is full.".to_owned())
        }
        StopReason::Refusal => Some("The model stopped here and refused to go on.".to_owned()),
        _ => None,
    }
}
