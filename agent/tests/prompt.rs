//! The prompt with its tool schemas, weighed.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use persai_agent::ports::{ModelEvent, StopReason};
use support::{ScriptedModel, end, setup, text};

#[test]
fn prompt_and_default_tools_stay_under_3000_tokens() {
    let script: Vec<ModelEvent> = vec![text("ok"), end(StopReason::EndTurn)];
    let model = ScriptedModel::new(vec![script]);
    let requests = Arc::clone(&model.requests);
    let mut setup = setup(model, "x");
    setup.run.utc_offset_minutes = 345;
    setup.run.variables.insert("job".into(), vec!["a".into()]);
    setup.go();
    let request = requests.lock().unwrap()[0].clone();
    let tools = serde_json::to_string(&request.tools).unwrap();
    // About four characters a token for English prose and JSON.
    let tokens = (request.system_prompt.len() + tools.len()) / 4;
    assert!(tokens <= 3_000, "{tokens} tokens");
    for part in [
        "2026-11-24T16:05:37+05:45",
        "UTC+05:45",
        "\"prom\"",
        "(1h)",
        "$job",
    ] {
        assert!(
            request.system_prompt.contains(part),
            "{part} in {}",
            request.system_prompt
        );
    }
    assert_eq!(
        request
            .tools
            .iter()
            .map(|t| t.name.as_str())
            .collect::<Vec<_>>(),
        ["search_metrics", "describe_metric", "query_metrics"]
    );
}

#[test]
fn operator_rules_stand_after_the_products() {
    let model = ScriptedModel::new(vec![vec![text("ok"), end(StopReason::EndTurn)]]);
    let requests = Arc::clone(&model.requests);
    let mut setup = setup(model, "x");
    setup.run.operator_rules = Some("Speak of clusters by their colour.".into());
    setup.go();
    let prompt = requests.lock().unwrap()[0].system_prompt.clone();
    let (rank, rules) = (
        prompt.find("## Rank").unwrap(),
        prompt.find("Speak of clusters").unwrap(),
    );
    assert!(rank < rules && rules < prompt.find("## Situation").unwrap());
}

#[test]
fn schemas_are_plain() {
    let model = ScriptedModel::new(vec![vec![text("ok"), end(StopReason::EndTurn)]]);
    let requests = Arc::clone(&model.requests);
    setup(model, "x").go();
    for tool in &requests.lock().unwrap()[0].tools {
        let schema = tool.input_schema.to_string();
        for union in ["anyOf", "oneOf", "allOf", "$ref", "[\"string\""] {
            assert!(!schema.contains(union), "{union} in {schema}");
        }
        assert_eq!(tool.input_schema["additionalProperties"], false);
        assert!(tool.input_schema["properties"]["description"].is_object());
    }
}
