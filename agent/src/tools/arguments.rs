//! Checks what a model sent against a tool's schema, and says in words what is wrong.

use serde_json::{Map, Value};

/// Parses and checks `arguments`. Nulls count as absent; a number where a text is asked for is taken as its text, since
/// models write Unix times so.
///
/// # Errors
/// A sentence for the model.
pub fn check(schema: &Value, arguments: &str) -> Result<Map<String, Value>, String> {
    if arguments.contains('\u{fffd}') {
        return Err(
            "The arguments hold characters that were damaged on the way (U+FFFD).".to_owned(),
        );
    }
    let text = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    let parsed: Value = serde_json::from_str(text).map_err(|error| {
        format!(
            "The arguments are not JSON ({error}). They were: {}",
            crate::neutral::quoted(arguments, 200)
        )
    })?;
    let Value::Object(mut object) = parsed else {
        return Err(format!(
            "The arguments must be a JSON object, not {}.",
            kind(&parsed)
        ));
    };
    object.retain(|_, value| !value.is_null());
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !object.contains_key(name) {
            return Err(format!("The argument `{name}` is missing."));
        }
    }
    for (name, value) in &mut object {
        let Some(property) = properties.get(name) else {
            let known: Vec<&str> = properties.keys().map(String::as_str).collect();
            return Err(format!(
                "There is no argument {}; known are {}.",
                crate::neutral::quoted(name, 60),
                known.join(", ")
            ));
        };
        let wanted = property
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("string");
        if wanted == "string"
            && let Value::Number(number) = value
        {
            *value = Value::String(number.to_string());
        }
        let fits = match wanted {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        if !fits {
            return Err(format!(
                "The argument `{name}` must be of type {wanted}, not {}.",
                kind(value)
            ));
        }
        if let Some(allowed) = property.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            let known: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
            return Err(format!(
                "The argument `{name}` must be one of {}.",
                known.join(", ")
            ));
        }
    }
    Ok(object)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text argument, if it is there and not blank.
#[must_use]
pub fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// What makes two calls the same: the tool and its arguments, whatever their order and the reason given.
#[must_use]
pub fn identity(name: &str, arguments: &Map<String, Value>) -> String {
    let mut pairs: Vec<(&String, &Value)> = arguments
        .iter()
        .filter(|(name, _)| *name != "description")
        .collect();
    pairs.sort_by_key(|(name, _)| *name);
    format!("{name}{pairs:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "required": ["query"], "properties": {
            "query": {"type": "string"}, "limit": {"type": "integer"}, "mode": {"type": "string", "enum": ["a", "b"]}
        }})
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        for (arguments, word) in [
            ("{\"query\": \"up", "not JSON"),
            ("[1]", "must be a JSON object, not a list"),
            ("\"x\"", "not a text"),
            ("", "`query` is missing"),
            ("{\"query\": null}", "`query` is missing"),
            ("{\"query\": {}}", "must be of type string"),
            (
                "{\"query\": \"up\", \"limit\": \"x\"}",
                "must be of type integer",
            ),
            ("{\"query\": \"up\", \"mode\": \"c\"}", "one of a, b"),
            (
                "{\"query\": \"up\", \"other\": 1}",
                "known are query, limit, mode",
            ),
            ("{\"query\": \"u\u{fffd}\"}", "damaged"),
        ] {
            let error = check(&schema(), arguments).expect_err(arguments);
            assert!(error.contains(word), "{arguments}: {error}");
        }
        let good =
            check(&schema(), "{\"query\": 17, \"limit\": 3, \"mode\": null}").expect("taken");
        assert_eq!(Value::Object(good), json!({"query": "17", "limit": 3}));
    }

    #[test]
    fn order_and_reason_do_not_make_a_call_another_one() {
        let one = check(
            &json!({"properties": {"a": {}, "b": {}, "description": {}}}),
            r#"{"a":"1","b":"2","description":"x"}"#,
        );
        let two = check(
            &json!({"properties": {"a": {}, "b": {}, "description": {}}}),
            r#"{"b":"2","description":"y","a":"1"}"#,
        );
        assert_eq!(
            one.map(|o| identity("t", &o)),
            two.map(|o| identity("t", &o))
        );
    }
}
