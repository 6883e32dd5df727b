//! The examples of the documents, to be replayed as answers. Trakt's contract has none: its schemas are filled in their stead, once with what
//! is required and once with everything.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::contracts::blueprint;
pub use crate::contracts::example::Example;

/// All answers in the document of a service.
pub fn answers(folder: &Path, service: &str) -> Result<Vec<Example>> {
    let text = |name: &str| fs::read_to_string(folder.join(name));
    let mut all = match service {
        "simkl" => blueprint::examples(&text("simkl.apib")?),
        "mdblist" => openapi(&serde_json::from_str(&text("mdblist.json")?)?),
        "trakt" => filled(&serde_json::from_str(&text("trakt.json")?)?),
        other => bail!("{other} has no examples"),
    };
    all.retain(|example| example.status.is_some());
    Ok(all)
}

fn openapi(document: &Value) -> Vec<Example> {
    let mut all = Vec::new();
    for (template, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, it) in operations.as_object().into_iter().flatten() {
            for (status, answer) in it["responses"].as_object().into_iter().flatten() {
                let media = &answer["content"]["application/json"];
                let several = media["examples"].as_object().into_iter().flatten().map(|(_, it)| &it["value"]);
                all.extend(several.chain(media.get("example")).map(|body| Example {
                    method: method.to_uppercase(),
                    template: template.clone(),
                    status: status.parse().ok(),
                    body: body.clone(),
                }));
            }
        }
    }
    all
}

fn filled(document: &Value) -> Vec<Example> {
    let mut all = Vec::new();
    for it in document.as_array().into_iter().flatten() {
        for (status, schema) in it["responses"].as_object().into_iter().flatten() {
            for (alternative, is_full) in
                alternatives(schema).into_iter().flat_map(|it| [(it, false), (it, true)])
            {
                all.push(Example {
                    method: it["method"].as_str().unwrap_or_default().to_owned(),
                    template: it["path"].as_str().unwrap_or_default().to_owned(),
                    status: status.parse().ok(),
                    body: fill(alternative, "", is_full),
                });
            }
        }
    }
    all
}

fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema["oneOf"].as_array() {
        Some(several) => several.iter().collect(),
        None => vec![schema],
    }
}

/// A value that fits a schema; `name` is that of the field.
fn fill(schema: &Value, name: &str, is_full: bool) -> Value {
    let schema = alternatives(schema)[0];
    if let Some(first) = schema["enum"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if schema["properties"].is_object() {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let wanted = fields.filter(|(name, _)| is_full || required.contains(&name.as_str()));
        return Value::Object(
            wanted.map(|(name, it)| (name.clone(), fill(it, name, is_full))).collect::<Map<_, _>>(),
        );
    }
    match kinds.first() {
        Some(&"array") => json!([fill(&schema["items"], name, is_full)]),
        Some(&("integer" | "number")) => json!(1),
        Some(&"boolean") => json!(false),
        // The type says text; the prose says which.
        Some(&"string") if name == "action" => json!("scrobble"),
        Some(&"string") if name.ends_with("_at") => json!("2026-10-01T00:00:00.000Z"),
        Some(&"string") => json!("text"),
        _ => Value::Null,
    }
}
