//! A method and a path of a document, and what goes in and out.

use std::collections::BTreeMap;

use crate::contracts::schema::Schema;

/// A method and a path.
pub struct Endpoint {
    /// The verb.
    pub method: String,
    /// `/shows/:id/last_episode`, or with `{id}`.
    pub template: String,
    /// The parameters of the query that the document names; absent where it names none at all, with whether each is required.
    pub query: Option<BTreeMap<String, bool>>,
    /// The body; absent where the document does not describe it.
    pub body: Option<Schema>,
    /// By status: what is answered; absent where the document does not describe it.
    pub answers: BTreeMap<String, Option<Schema>>,
}

impl Endpoint {
    /// What is wrong with a query.
    pub fn query_problems(&self, path: &str) -> Vec<String> {
        let Some(known) = &self.query else { return Vec::new() };
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let names: Vec<String> =
            url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.to_lowercase()).collect();
        let knows = |name: &str| known.keys().any(|key| key.to_lowercase() == name);
        let unknown =
            names.iter().filter(|name| !knows(name)).map(|name| format!("the parameter `{name}` is unknown"));
        let missing =
            known.iter().filter(|(name, required)| **required && !names.contains(&name.to_lowercase()));
        unknown.chain(missing.map(|(name, _)| format!("the parameter `{name}` is missing"))).collect()
    }

    /// How well a path fits: the number of its parts that the template has word for word; absent where it does not fit.
    pub(super) fn fit(&self, path: &str, ignores_case: bool) -> Option<usize> {
        let (wanted, found) = (self.template.trim_end_matches('/'), path.trim_end_matches('/'));
        let (wanted, found): (Vec<&str>, Vec<&str>) =
            (wanted.split('/').collect(), found.split('/').collect());
        if wanted.len() != found.len() {
            return None;
        }
        let mut exact = 0;
        for (wanted, found) in wanted.iter().zip(&found) {
            if (wanted.starts_with('{') || wanted.starts_with(':')) && wanted.len() > 1 {
                continue;
            }
            let same = if ignores_case { wanted.eq_ignore_ascii_case(found) } else { wanted == found };
            if !same {
                return None;
            }
            exact += 1;
        }
        Some(exact)
    }
}

/// The first part of a path. Examples of paths with the same first part are examples of each other.
pub(super) fn family_of(template: &str) -> &str {
    template.trim_start_matches('/').split('/').next().unwrap_or_default()
}
