//! The documents: which endpoints a service has, and what goes in and out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::contracts::blueprint;
use crate::contracts::endpoint::{Endpoint, family_of};
use crate::contracts::schema::{Schema, bundle, of_examples, open};

/// What all services publish.
pub struct Documents {
    services: BTreeMap<String, Vec<Endpoint>>,
}

impl Documents {
    /// Reads all of them out of a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
        };
        let json = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&text(name)?)?) };
        let plex: Value = serde_saphyr::from_str(&text("plex.yaml")?).context("plex.yaml")?;
        let services = [
            ("trakt", zod(&json("trakt.json")?)),
            ("simkl", blueprint::endpoints(&text("simkl.apib")?)),
            ("mdblist", openapi(&json("mdblist.json")?, Detail::ByExamples)),
            ("tmdb", openapi(&json("tmdb.json")?, Detail::AllFields)),
            ("jellyfin", openapi(&json("jellyfin.json")?, Detail::AllFields)),
            ("emby", openapi(&json("emby-4.8.11.json")?, Detail::AllFields)),
            ("plex", openapi(&plex, Detail::SomeFields)),
            ("plex-tv", openapi(&plex, Detail::SomeFields)),
        ];
        Ok(Self { services: services.into_iter().map(|(name, it)| (name.to_owned(), it)).collect() })
    }

    /// The endpoint that a request is for.
    pub fn find(&self, service: &str, method: &str, path: &str) -> Option<&Endpoint> {
        // A recording of the real plugin does not tell the server from plex.tv.
        let service = if service == "plex" && path.starts_with("/api/v2/") { "plex-tv" } else { service };
        let prefix = match service {
            "emby" => "/emby",
            "plex-tv" => "/api/v2",
            _ => "",
        };
        let path = path.strip_prefix(prefix).unwrap_or(path);
        let ignores_case = matches!(service, "jellyfin" | "emby");
        let fitting = self.services.get(service)?.iter().filter(|endpoint| endpoint.method == method);
        let fitting = fitting.filter_map(|endpoint| Some((endpoint.fit(path, ignores_case)?, endpoint)));
        // A template of nothing but holes would fit everything.
        let fitting = fitting.filter(|(exact, _)| *exact > 1 || path == "/");
        fitting.max_by_key(|(exact, _)| *exact).map(|(_, endpoint)| endpoint)
    }
}

/// Endpoints of Trakt's contract.
fn zod(document: &Value) -> Vec<Endpoint> {
    let none = Value::Null;
    let endpoint = |it: &Value| {
        let answers = it["responses"].as_object().into_iter().flatten();
        let schema = |value: &Value| {
            value.as_object().filter(|it| !it.is_empty()).map(|_| Schema::any_of(vec![bundle(value, &none)]))
        };
        let names = it["query"]["properties"].as_object();
        Some(Endpoint {
            method: it["method"].as_str()?.to_owned(),
            template: it["path"].as_str()?.to_owned(),
            query: names.map(|names| names.keys().map(|name| (name.clone(), false)).collect()),
            body: schema(&it["body"]),
            answers: answers.map(|(status, value)| (status.clone(), schema(value))).collect(),
        })
    };
    document.as_array().into_iter().flatten().filter_map(endpoint).collect()
}

/// How much a document says of fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// It names all of them.
    AllFields,
    /// Real servers send more: it was put together by others than the service.
    SomeFields,
    /// Its schemas were made out of one example each: what any example has is known.
    ByExamples,
}

/// The bodies of examples, by what goes in, and what comes out with which status; each also for the paths beside it.
#[derive(Default)]
struct Family<'a> {
    requests: Vec<&'a Value>,
    answers: Vec<&'a Value>,
}

fn examples_in(of: &Value) -> Vec<&Value> {
    let media = &of["content"]["application/json"];
    let several = media["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
    several.chain(media.get("example")).collect()
}

/// Endpoints of an OpenAPI document.
fn openapi(document: &Value, detail: Detail) -> Vec<Endpoint> {
    let components = &document["components"]["schemas"];
    let mut families: BTreeMap<&str, Family<'_>> = BTreeMap::new();
    if detail == Detail::ByExamples {
        for (template, operations) in document["paths"].as_object().into_iter().flatten() {
            let family = families.entry(family_of(template)).or_default();
            for it in operations.as_object().into_iter().flatten().map(|(_, it)| it) {
                family.requests.extend(examples_in(&it["requestBody"]));
                let answers = it["responses"].as_object().into_iter().flatten();
                let good = answers.filter(|(status, _)| status.starts_with('2'));
                good.for_each(|(_, answer)| family.answers.extend(examples_in(answer)));
            }
        }
    }
    let content = |of: &Value, alike: &[&Value]| -> Option<Schema> {
        let media = of["content"].as_object()?;
        let it = media.get("application/json").or_else(|| {
            media.iter().find(|(kind, _)| kind.contains("json") || kind.contains("form")).map(|(_, it)| it)
        })?;
        let mut alternatives = Vec::new();
        if it["schema"].is_object() {
            let mut schema = bundle(&it["schema"], components);
            if detail == Detail::SomeFields {
                open(&mut schema);
            }
            alternatives.push(schema);
        }
        if detail == Detail::ByExamples {
            let own = examples_in(of);
            // The kind of the body is that of its own examples.
            let is_like = |it: &&&Value| own.first().is_none_or(|own| own.is_array() == it.is_array());
            let all: Vec<&Value> = own.iter().copied().chain(alike.iter().filter(is_like).copied()).collect();
            if !all.is_empty() {
                alternatives.push(of_examples(&all));
            }
        }
        (!alternatives.is_empty()).then(|| Schema::any_of(alternatives))
    };
    let resolve = |parameter: &Value| -> Value {
        let name = parameter["$ref"].as_str().and_then(|it| it.rsplit('/').next());
        name.map_or_else(|| parameter.clone(), |name| document["components"]["parameters"][name].clone())
    };
    let mut all = Vec::new();
    for (template, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, it) in operations.as_object().into_iter().flatten() {
            if !["get", "post", "put", "delete", "patch", "head"].contains(&method.as_str()) {
                continue;
            }
            let both = [&operations["parameters"], &it["parameters"]];
            let parameters = both.into_iter().filter_map(Value::as_array).flatten().map(resolve);
            let named = parameters.filter(|parameter| parameter["in"] == "query");
            let query: BTreeMap<String, bool> = named
                .filter_map(|it| Some((it["name"].as_str()?.to_owned(), it["required"] == true)))
                .collect();
            let answers = it["responses"].as_object().into_iter().flatten();
            let none = Family::default();
            let family = families.get(family_of(template)).unwrap_or(&none);
            let alike = |status: &str| if status.starts_with('2') { family.answers.as_slice() } else { &[] };
            all.push(Endpoint {
                method: method.to_uppercase(),
                template: template.clone(),
                query: (!query.is_empty()).then_some(query),
                body: content(&it["requestBody"], &family.requests),
                answers: answers
                    .map(|(status, answer)| (status.clone(), content(answer, alike(status))))
                    .collect(),
            });
        }
    }
    all
}
