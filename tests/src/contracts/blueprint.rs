//! API Blueprint, as far as SIMKL's document uses it: headings with paths and methods, requests and responses with JSON bodies. There are no
//! schemas in it, so the examples are the contract; a field that only the text names may have any value.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contracts::endpoint::{Endpoint, family_of};
use crate::contracts::example::Example;
use crate::contracts::schema::{Schema, of_examples};

/// A heading with a method.
struct Section<'a> {
    method: String,
    template: String,
    /// Of its group.
    introduction: Vec<&'a str>,
    text: Vec<&'a str>,
}

/// All endpoints.
pub fn endpoints(text: &str) -> Vec<Endpoint> {
    let sections = sections(text);
    let alike: Vec<Example> = sections.iter().flat_map(examples_of).collect();
    sections.iter().map(|section| endpoint(section, &alike)).collect()
}

/// All examples.
pub fn examples(text: &str) -> Vec<Example> {
    sections(text).iter().flat_map(examples_of).collect()
}

/// `Scrobble [/scrobble/start{?x}]` gives the path, `Start [POST]` the method, `Delete [DELETE /path]` both.
fn sections(text: &str) -> Vec<Section<'_>> {
    let (mut all, mut path): (Vec<Section<'_>>, String) = (Vec::new(), String::new());
    let (mut introduction, mut is_introduction): (Vec<&str>, bool) = (Vec::new(), false);
    for line in text.lines() {
        let heading = line.trim_start_matches('#');
        let is_heading = heading.len() < line.len() && heading.trim_end().ends_with(']');
        if is_heading && let Some((_, inner)) = heading.trim_end().trim_end_matches(']').rsplit_once('[') {
            let (method, own_path) = inner.split_once(' ').unwrap_or((inner, ""));
            let is_method = ["GET", "POST", "PUT", "DELETE"].contains(&method);
            if inner.starts_with('/') {
                path = bare(inner);
            } else if is_method {
                let template = if own_path.is_empty() { path.clone() } else { bare(own_path.trim()) };
                is_introduction = false;
                let (method, introduction) = (method.to_owned(), introduction.clone());
                all.push(Section { method, template, introduction, text: Vec::new() });
                continue;
            }
        }
        if heading.len() < line.len() && line.starts_with("# ") {
            path.clear();
            introduction.clear();
            is_introduction = true;
        }
        if is_introduction {
            introduction.push(line);
        } else if let Some(section) = all.last_mut() {
            section.text.push(line);
        }
    }
    all
}

/// A path without the parameters of its query.
fn bare(path: &str) -> String {
    let end = path.find("{?").or_else(|| path.find('?')).unwrap_or(path.len());
    path[..end].to_owned()
}

fn examples_of(section: &Section<'_>) -> Vec<Example> {
    let mut all = Vec::new();
    let mut status = None;
    let mut lines = section.text.iter().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("+ Response ") {
            status = Some(rest.split_whitespace().next().and_then(|it| it.parse().ok()));
        } else if trimmed.starts_with("+ Request") {
            status = Some(None);
        } else if trimmed == "+ Body" || trimmed.starts_with("+ Body ") {
            let mut body = String::new();
            while let Some(next) = lines.peek() {
                let next = next.trim();
                if next.starts_with('+') || next.starts_with('#') {
                    break;
                }
                body.push_str(next);
                body.push('\n');
                lines.next();
            }
            let (Some(status), Ok(body)) = (status, serde_json::from_str(body.trim())) else { continue };
            let (method, template) = (section.method.clone(), section.template.clone());
            all.push(Example { method, template, status, body });
        }
    }
    all
}

/// `all` are the examples of the whole document.
fn endpoint(section: &Section<'_>, all: &[Example]) -> Endpoint {
    let examples = examples_of(section);
    let alike = |is_request: bool| {
        all.iter().filter(move |it| {
            it.status.is_none() == is_request
                && it.status.is_none_or(|status| status < 300)
                && family_of(&it.template) == family_of(&section.template)
        })
    };
    // The fields that tables, lists and prose name in code, those of the group's introduction among them.
    let text = || section.introduction.iter().chain(&section.text);
    let named: Vec<&str> = text().flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    let listed = text().filter_map(|line| line.trim().strip_prefix("+ "));
    let listed = listed.filter_map(|line| line.split([' ', ':', '(']).next());
    let cells = text().filter_map(|line| line.trim().strip_prefix('|')?.split('|').next());
    let cells = cells.map(|cell| cell.trim().trim_matches(['*', '`']));
    let named: Vec<&str> = named.into_iter().chain(listed).chain(cells).collect();
    let schema = |own: Vec<&Value>, is_request: bool| {
        let of_kind = |it: &&Value| own.first().is_none_or(|own| own.is_array() == it.is_array());
        let alike = alike(is_request).map(|it| &it.body).filter(of_kind);
        let mut schema = of_examples(&own.iter().copied().chain(alike).collect::<Vec<_>>());
        open_for(&mut schema, &named);
        take_numbers_as_text(&mut schema);
        (!own.is_empty()).then(|| Schema::any_of(vec![schema]))
    };
    let mut statuses: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for line in &section.text {
        let status = line.trim().strip_prefix("+ Response ").and_then(|rest| rest.split_whitespace().next());
        statuses.extend(status.map(|status| (status.to_owned(), Vec::new())));
    }
    for example in &examples {
        let status = example.status.map(|status| status.to_string());
        if let Some(found) = status.and_then(|status| statuses.get_mut(&status)) {
            found.push(&example.body);
        }
    }
    Endpoint {
        method: section.method.clone(),
        template: section.template.clone(),
        // The document names most of them in prose.
        query: None,
        body: schema(examples.iter().filter(|it| it.status.is_none()).map(|it| &it.body).collect(), true),
        answers: statuses.into_iter().map(|(status, examples)| (status, schema(examples, false))).collect(),
    }
}

/// Lets every object have these fields too, with any value.
fn open_for(schema: &mut Value, names: &[&str]) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|value| open_for(value, names));
        for name in names {
            properties.entry((*name).to_owned()).or_insert(Value::Bool(true));
        }
    }
    if let Some(items) = schema.get_mut("items") {
        open_for(items, names);
    }
}

/// The examples have numbers here and text there for the same field.
fn take_numbers_as_text(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type")
                && types.iter().any(|it| it == "string" || it == "number")
            {
                for kind in ["string", "number"] {
                    if !types.contains(&kind.into()) {
                        types.push(kind.into());
                    }
                }
            }
            fields.values_mut().for_each(take_numbers_as_text);
        }
        Value::Array(items) => items.iter_mut().for_each(take_numbers_as_text),
        _ => {}
    }
}
