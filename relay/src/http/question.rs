//! Checks of form on a posted question, before anything is asked of Perses or written.

use persai_protocol::error::ErrorCode;
use persai_protocol::evidence::{DatasourceSelector, is_valid_resource_name};
use persai_protocol::id::is_valid_id;
use persai_protocol::input::{PersaiProps, RunAgentInput};

use super::state::Inner;
use crate::error::ApiError;
use crate::perses::datasource::PROMETHEUS_KIND;

const MAX_DATASOURCES: usize = 16;
const MAX_VARIABLES: usize = 200;
/// The year 9999, so that arithmetic on what comes from outside cannot leave the numbers.
const MAX_TIME_MS: i64 = 253_402_300_799_999;
const MAX_STEP_MS: i64 = 366 * 86_400_000;
/// From UTC-12 to UTC+14.
const UTC_OFFSET_MINUTES: std::ops::RangeInclusive<i32> = -720..=840;

/// # Errors
/// `invalidRequest` naming the place, `unknownModel`.
pub fn check(input: &RunAgentInput, state: &Inner) -> Result<(), ApiError> {
    check_id("threadId", &input.thread_id)?;
    check_id("runId", &input.run_id)?;
    if let Some(parent) = &input.parent_run_id {
        check_id("parentRunId", parent)?;
    }
    check_text(input, state.config.max_question_bytes)?;
    match &input.forwarded_props.persai {
        Some(props) => check_props(props, state),
        None => Ok(()),
    }
}

fn check_id(place: &str, id: &str) -> Result<(), ApiError> {
    if is_valid_id(id) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{place} must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -."
    )))
}

fn check_text(input: &RunAgentInput, max_bytes: usize) -> Result<(), ApiError> {
    let question = input
        .messages
        .iter()
        .rev()
        .find(|message| message.role == "user")
        .ok_or_else(|| {
            ApiError::invalid("messages has no message of the role user, so there is no question.")
        })?;
    check_id("The id of the last user message", &question.id)?;
    let text = question.text();
    if text.trim().is_empty() {
        return Err(ApiError::invalid("The question is empty."));
    }
    if text.len() > max_bytes {
        return Err(ApiError::invalid(format!(
            "The question has {} bytes; at most {max_bytes} are taken.",
            text.len()
        )));
    }
    Ok(())
}

fn check_props(props: &PersaiProps, state: &Inner) -> Result<(), ApiError> {
    const AT: &str = "forwardedProps.persai";
    if props.datasources.len() > MAX_DATASOURCES {
        return Err(ApiError::invalid(format!(
            "{AT}.datasources has more than {MAX_DATASOURCES} entries."
        )));
    }
    for (index, datasource) in props.datasources.iter().enumerate() {
        check_datasource(&format!("{AT}.datasources[{index}]"), datasource)?;
    }
    if props.time_range.is_some_and(|range| {
        range.start_ms < 0 || range.start_ms >= range.end_ms || range.end_ms > MAX_TIME_MS
    }) {
        return Err(ApiError::invalid(format!(
            "{AT}.timeRange must start before it ends, and end before the year 10000."
        )));
    }
    if !UTC_OFFSET_MINUTES.contains(&props.utc_offset_minutes) {
        return Err(ApiError::invalid(format!(
            "{AT}.utcOffsetMinutes must be between -720 and 840."
        )));
    }
    if props
        .suggested_step_ms
        .is_some_and(|step| !(1..=MAX_STEP_MS).contains(&step))
    {
        return Err(ApiError::invalid(format!(
            "{AT}.suggestedStepMs must be more than 0 and at most {MAX_STEP_MS}."
        )));
    }
    if props.variables.len() > MAX_VARIABLES {
        return Err(ApiError::invalid(format!(
            "{AT}.variables has more than {MAX_VARIABLES} entries."
        )));
    }
    match &props.model {
        Some(id) if !state.models.iter().any(|model| model.id == *id) => Err(ApiError::new(
            ErrorCode::UnknownModel,
            "This relay has no such model.",
        )
        .hint("Pick one that the capabilities list.")),
        _ => Ok(()),
    }
}

fn check_datasource(place: &str, datasource: &DatasourceSelector) -> Result<(), ApiError> {
    if datasource.kind != PROMETHEUS_KIND {
        return Err(ApiError::invalid(format!(
            "{place}.kind must be {PROMETHEUS_KIND}; other kinds cannot be asked yet."
        )));
    }
    let names = [
        ("name", Some(&datasource.name)),
        ("project", datasource.project.as_ref()),
    ];
    for (field, name) in names {
        if name.is_some_and(|name| !is_valid_resource_name(name)) {
            return Err(ApiError::invalid(format!(
                "{place}.{field} cannot be a name in Perses: at most 75 of A-Z, a-z, 0-9, _, - and single dots."
            )));
        }
    }
    Ok(())
}
