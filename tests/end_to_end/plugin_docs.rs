//! The references for authors of plugins: of the manifest, from its types; of the contract, from its files.
//!
//! `UPDATE_DOCS=1` writes the pages anew.

use std::fs;

use playrelay_plugin_host::manifest;
use serde_json::Value;

use crate::architecture::workspace;
use crate::docs::is_kept_as;

const HOW: &str = "`UPDATE_DOCS=1 cargo xtask test --test end_to_end -- plugin_docs`.";

/// What a schema means where it refers to another, or may be null.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        return resolved(&root["$defs"][name], root);
    }
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    let mut other = choices.filter(|choice| choice["type"] != "null");
    match (other.next(), other.next()) {
        (Some(only), None) => resolved(only, root),
        _ => schema,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('\n', " ")
}

/// The type of a value, for people.
fn type_of(schema: &Value, root: &Value) -> String {
    let schema = resolved(schema, root);
    let plain = match &schema["type"] {
        Value::Array(types) => types.iter().find(|it| *it != "null").map(text).unwrap_or_default(),
        other => text(other),
    };
    match plain.as_str() {
        "array" => format!("list of {}", type_of(&schema["items"], root)),
        "object" if schema["properties"].is_object() => "table".to_owned(),
        "object" if schema["additionalProperties"].is_object() => {
            format!("table of {}", type_of(&schema["additionalProperties"], root))
        }
        "string" => "text".to_owned(),
        "" if schema["oneOf"].is_array() || schema["enum"].is_array() => "one of these words".to_owned(),
        other => other.to_owned(),
    }
}

/// The words of an enumeration, each with its meaning.
fn words(schema: &Value, root: &Value) -> String {
    let schema = resolved(schema, root);
    let schema = if schema["type"] == "array" { resolved(&schema["items"], root) } else { schema };
    let described = schema["oneOf"].as_array().into_iter().flatten().filter_map(|choice| {
        let word = choice["const"].as_str()?;
        let meaning = text(&choice["description"]);
        Some(if meaning.is_empty() { format!("`{word}`") } else { format!("`{word}`: {meaning}") })
    });
    let bare = schema["enum"].as_array().into_iter().flatten().map(|word| format!("`{}`", text(word)));
    let all: Vec<String> = described.chain(bare).collect();
    if all.is_empty() { String::new() } else { format!(" {}", all.join(" ")) }
}

/// A table of a manifest with its heading, and the tables below it.
fn section(title: &str, schema: &Value, root: &Value, page: &mut String) {
    page.push_str(&format!("## `{title}`\n\n"));
    table(title, schema, root, page);
}

/// The keys of a table, and the tables below it.
fn table(title: &str, schema: &Value, root: &Value, page: &mut String) {
    page.push_str(&format!("{}\n\n", text(&schema["description"])));
    let required: Vec<String> = schema["required"].as_array().into_iter().flatten().map(text).collect();
    let inner = title.trim_matches(['[', ']']);
    let path = |key: &str| if inner.is_empty() { key.to_owned() } else { format!("{inner}.{key}") };
    let (mut rows, mut below) = (String::new(), Vec::new());
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let found = resolved(value, root);
        let of_list = resolved(&found["items"], root);
        let of_map = resolved(&found["additionalProperties"], root);
        let is_table = |schema: &Value| schema["properties"].is_object();
        if is_table(found) || found["oneOf"].as_array().is_some_and(|choices| choices.iter().any(is_table)) {
            below.push((format!("[{}]", path(key)), found));
        } else if is_table(of_list) {
            below.push((format!("[[{}]]", path(key)), of_list));
        } else if is_table(of_map) {
            below.push((format!("[{}.KEY]", path(key)), of_map));
        } else if found["type"] == "object" && found["additionalProperties"] == false {
            // A table without keys: that it stands there is all that it says.
            below.push((format!("[{}]", path(key)), value));
        } else {
            let default = match &value["default"] {
                Value::Null if required.contains(key) => "required".to_owned(),
                Value::Null => String::new(),
                default => format!("`{default}`"),
            };
            let meaning = text(&value["description"]) + &words(value, root);
            rows.push_str(&format!("| `{key}` | {} | {default} | {meaning} |\n", type_of(value, root)));
        }
    }
    if !rows.is_empty() {
        page.push_str(&format!("| key | type | default | |\n|---|---|---|---|\n{rows}\n"));
    }
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        let kind = text(&choice["properties"]["kind"]["const"]);
        page.push_str(&format!("### `{title}` with `kind = \"{kind}\"`\n\n"));
        table(title, &merged(choice, root), root, page);
    }
    for (title, schema) in below {
        section(&title, schema, root, page);
    }
}

/// A case of an enumeration with the keys of what it holds.
fn merged(choice: &Value, root: &Value) -> Value {
    let held = resolved(choice, root);
    let mut all = choice.clone();
    all["properties"] = held["properties"].clone();
    all["required"] = held["required"].clone();
    all
}

#[test]
fn the_reference_of_the_manifest_is_that_of_its_types() {
    let schema = manifest::schema();
    let mut page = format!(
        "# The manifest\n\n`plugin.toml` stands in the component, where `playrelay plugin pack` and `build` put it. The host reads it before any code runs, \
         and refuses a key that it does not know. `playrelay plugin schema` prints this page as a JSON Schema, for an editor. Texts with \
         holes take `{{settings.KEY}}`, `{{credential.NAME}}` (a part of the login), `{{host.name}}`, `{{host.version}}` and `{{host.instance}}`.\n\n\
         Generated from `host/plugin-host/src/manifest`: {HOW}\n\n"
    );
    table("", &schema, &schema, &mut page);
    assert!(page.contains("## `[provides.sink-batch]`") && page.contains("| `memory-mib` |"), "{page}");
    is_kept_as("docs/plugins/manifest.md", &page);
}

#[test]
fn the_reference_of_the_contract_is_that_of_its_files() {
    let folder = workspace().join("wit/0.1");
    let mut page = format!(
        "# The contract\n\nThe package `playrelay:plugin@0.1.0`, interface by interface. A plugin exports the first ones, imports the second ones, and shares the \
         types of the last ones. Generated from `wit/0.1`: {HOW}\n\n"
    );
    let exported = [
        "webhook",
        "realtime",
        "enrich",
        "identify",
        "server-history",
        "webhook-registration",
        "sink",
        "sink-batch",
        "watchlist",
        "check",
        "auth",
        "metadata",
        "airing",
        "numbering",
        "notify",
    ];
    let imported = ["http", "settings", "kv", "log", "clock", "device-key"];
    let shared = ["types", "reports", "events", "worlds"];
    for (title, names) in
        [("Exported", exported.as_slice()), ("Imported", imported.as_slice()), ("Shared", shared.as_slice())]
    {
        page.push_str(&format!("## {title}\n\n"));
        for name in names {
            let text = fs::read_to_string(folder.join(format!("{name}.wit"))).unwrap();
            let body = text.split_once(";\n").unwrap().1.trim();
            page.push_str(&format!("### {name}\n\n```wit\n{body}\n```\n\n"));
        }
    }
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, exported.len() + imported.len() + shared.len(), "each file is on the page");
    is_kept_as("docs/plugins/contract.md", &page);
}
