//! JSON schemas out of the documents: completed, so that a field that no document names is found, and compiled when they are needed.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// What a body must be: one of these.
pub struct Schema {
    alternatives: Vec<Value>,
    compiled: OnceLock<Vec<Validator>>,
}

impl Schema {
    /// A body that fits one of several schemas.
    pub fn any_of(alternatives: Vec<Value>) -> Self {
        Self { alternatives, compiled: OnceLock::new() }
    }

    /// What is wrong with a body: by the last alternative, where it fits none.
    pub fn problems(&self, body: &Value) -> Result<Vec<String>> {
        if self.compiled.get().is_none() {
            let compile = |schema: &Value| {
                jsonschema::options()
                    .build(schema)
                    .map_err(|error| anyhow!("a schema cannot be compiled: {error}"))
            };
            // Nobody else can have set it meanwhile.
            let _ = self.compiled.set(self.alternatives.iter().map(compile).collect::<Result<_>>()?);
        }
        let mut last = Vec::new();
        for validator in self.compiled.get().into_iter().flatten() {
            let problems: BTreeSet<String> =
                validator.iter_errors(body).map(|error| describe(&error)).collect();
            if problems.is_empty() {
                return Ok(Vec::new());
            }
            last = problems.into_iter().collect();
        }
        Ok(last)
    }
}

/// Where and what, without the values: they differ with each exchange.
fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let place: Vec<String> = error
        .instance_path()
        .to_string()
        .split('/')
        .map(|part| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
                "*".to_owned()
            } else {
                part.to_owned()
            }
        })
        .collect();
    let place = place.join("/");
    let (rule, value) = (error.schema_path().to_string(), error.instance());
    let rule =
        rule.rsplit('/').find(|part| !part.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or_default();
    let text = error.to_string();
    // These messages name a field, and no value.
    let names_field = matches!(rule, "required" | "unevaluatedProperties" | "additionalProperties");
    let kind = match value.as_ref() {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    if text.len() > 200 {
        format!("{place}: {kind} breaks `{rule}`")
    } else if names_field {
        format!("{place}: {text}")
    } else {
        format!("{place}: {kind} breaks `{rule}`")
    }
}

/// A schema of OpenAPI 3.0 or 3.1, with all that it refers to, as one of JSON Schema 2020-12 that takes no unknown field.
pub fn bundle(schema: &Value, components: &Value) -> Value {
    let mut names = BTreeSet::new();
    collect(schema, components, &mut names);
    let mut composed = BTreeSet::new();
    let parts: Map<String, Value> =
        names.iter().filter_map(|name| Some((name.clone(), components.get(name)?.clone()))).collect();
    find_composed(schema, &mut composed);
    parts.values().for_each(|part| find_composed(part, &mut composed));
    let parts: Map<String, Value> = parts
        .into_iter()
        .map(|(name, part)| {
            let is_open = composed.contains(&name);
            (name, complete(&part, !is_open))
        })
        .collect();
    let mut whole = complete(schema, true);
    if let Value::Object(whole) = &mut whole {
        whole.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        whole.insert("components".to_owned(), json!({ "schemas": parts }));
    }
    whole
}

fn referred(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn collect(schema: &Value, components: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = referred(schema)
        && names.insert(name.to_owned())
        && let Some(part) = components.get(name)
    {
        collect(part, components, names);
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|value| collect(value, components, names)),
        Value::Array(items) => items.iter().for_each(|value| collect(value, components, names)),
        _ => {}
    }
}

/// Names of schemas that others are composed of: alone they do not know all fields.
fn find_composed(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let parts = fields.get("allOf").and_then(Value::as_array);
            if let Some(parts) = parts.filter(|parts| parts.len() > 1 || fields.contains_key("properties")) {
                names.extend(parts.iter().filter_map(referred).map(str::to_owned));
            }
            fields.values().for_each(|value| find_composed(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| find_composed(value, names)),
        _ => {}
    }
}

/// Words of OpenAPI become words of JSON Schema: `nullable` a type, `oneOf` an `anyOf`. With `is_closed` an object takes the fields that it
/// names, and no others.
fn complete(schema: &Value, is_closed: bool) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut done = Map::new();
    let mut alternatives = Vec::new();
    for (key, value) in fields {
        let each = |value: &Value, is_closed: bool| match value {
            Value::Array(items) => items.iter().map(|item| complete(item, is_closed)).collect(),
            other => other.clone(),
        };
        let value = match key.as_str() {
            "properties" | "patternProperties" | "$defs" => {
                let Value::Object(properties) = value else { continue };
                let completed = properties.iter().map(|(name, value)| (name.clone(), complete(value, true)));
                Value::Object(completed.collect())
            }
            "items" | "not" => complete(value, true),
            "additionalProperties" if value.is_object() => complete(value, true),
            "allOf" => each(value, false),
            // Unions of zod are dumped as `oneOf`.
            "oneOf" | "anyOf" => {
                let mut several = each(value, !fields.contains_key("properties"));
                share_names(&mut several);
                alternatives.push(several);
                continue;
            }
            // Formats and limits of numbers are annotations in most of the documents, and wrong in some.
            "nullable" | "format" | "example" | "examples" | "discriminator" | "xml" | "description"
            | "title" | "default" | "deprecated" | "readOnly" | "writeOnly" | "externalDocs"
            | "exclusiveMinimum" | "exclusiveMaximum" => continue,
            _ => value.clone(),
        };
        done.insert(key.clone(), value);
    }
    if let Some(first) = alternatives.pop() {
        done.insert("anyOf".to_owned(), first);
    }
    // A base of other types, which says nothing itself.
    let is_empty = done.get("properties").is_none_or(|it| it.as_object().is_some_and(Map::is_empty));
    if is_empty
        && done.get("type") == Some(&json!("object"))
        && done.get("additionalProperties") == Some(&json!(false))
    {
        return json!({ "type": ["object", "array"] });
    }
    let names_fields = done.contains_key("properties") || done.contains_key("allOf");
    if is_closed && names_fields && !done.contains_key("additionalProperties") {
        done.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    if !is_closed && done.get("additionalProperties") == Some(&json!(false)) {
        done.remove("additionalProperties");
    }
    // JSON has one kind of numbers.
    let takes_null = fields.get("nullable") == Some(&json!(true));
    if takes_null {
        if done.is_empty() {
            return json!({});
        }
        return json!({ "anyOf": [Value::Object(done), { "type": "null" }] });
    }
    Value::Object(done)
}

/// Lets each alternative have the fields of the others too, with any value: services look at the ones that they need.
fn share_names(alternatives: &mut Value) {
    let Value::Array(several) = alternatives else { return };
    let names: BTreeSet<String> = several
        .iter()
        .filter_map(|it| it["properties"].as_object())
        .flat_map(|fields| fields.keys().cloned())
        .collect();
    for fields in several.iter_mut().filter_map(|it| it.get_mut("properties")?.as_object_mut()) {
        for name in &names {
            fields.entry(name.clone()).or_insert(json!(true));
        }
    }
}

/// Takes the limits to known fields out of a schema whose document is known not to name all of them.
pub fn open(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("unevaluatedProperties");
            if fields.get("additionalProperties") == Some(&json!(false)) {
                fields.remove("additionalProperties");
            }
            fields.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}

/// A schema that takes what looks like one of several examples.
pub fn of_examples(examples: &[&Value]) -> Value {
    let mut types = BTreeSet::new();
    let (mut items, mut properties): (Vec<&Value>, Map<String, Value>) = (Vec::new(), Map::new());
    for example in examples {
        types.insert(match example {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(of) => {
                items.extend(of);
                "array"
            }
            Value::Object(_) => "object",
        });
    }
    let names: BTreeSet<&String> =
        examples.iter().filter_map(|example| example.as_object()).flat_map(Map::keys).collect();
    for name in names {
        let values: Vec<&Value> = examples.iter().filter_map(|example| example.get(name)).collect();
        properties.insert(name.clone(), of_examples(&values));
    }
    // An example of null says nothing of what else there may be.
    if types.iter().eq([&"null"]) {
        return json!({});
    }
    let mut schema = json!({ "type": types.iter().collect::<Vec<_>>() });
    if types.contains("object") {
        schema["properties"] = Value::Object(properties);
        schema["unevaluatedProperties"] = json!(false);
    }
    if types.contains("array") && !items.is_empty() {
        schema["items"] = of_examples(&items);
    }
    schema
}
