//! Holds exchanges against the documents that the services publish of themselves.
//!
//! Paths, methods, query parameters, bodies and answers are compared; what a document does not say is counted. Deviations that are known
//! and harmless stand in `deviations.toml`, each with its reason.

mod blueprint;
mod coverage;
mod deviations;
mod document;
mod endpoint;
mod example;
mod examples;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
pub use coverage::untried_paths;
pub use deviations::Deviations;
pub use document::Documents;
pub use endpoint::Endpoint;
pub use examples::{Example, answers};
use serde_json::Value;

use crate::exchanges::Exchange;

/// A service whose answer deviates from its document, or a request to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The service.
    pub service: String,
    /// `POST /sync/history`, as the document writes it where it does.
    pub endpoint: String,
    /// `path`, `query`, `request`, `status` or `answer`.
    pub part: &'static str,
    /// Where, and what is wrong.
    pub what: String,
}

/// What was compared.
#[derive(Debug, Default)]
pub struct Report {
    /// Exchanges.
    pub exchanges: usize,
    /// Services, methods and paths.
    pub endpoints: BTreeSet<String>,
    /// Parts of exchanges that were compared with a schema.
    pub validated: usize,
    /// Parts that no document describes, by what they are.
    pub not_validated: BTreeMap<String, usize>,
    /// Each deviation, with how often it was seen.
    pub findings: BTreeMap<Finding, usize>,
}

/// Compares exchanges with the documents in a folder.
pub fn check(exchanges: &[Exchange], folder: &Path) -> Result<Report> {
    let documents = Documents::read(folder)?;
    let mut report = Report { exchanges: exchanges.len(), ..Report::default() };
    // The same exchange comes a thousand times.
    let mut seen = BTreeMap::new();
    for exchange in exchanges {
        *seen.entry(serde_json::to_string(exchange)?).or_insert(0) += 1;
    }
    for (text, times) in seen {
        let exchange: Exchange = serde_json::from_str(&text)?;
        report.compare(&documents, &exchange, times)?;
    }
    Ok(report)
}

impl Report {
    fn compare(&mut self, documents: &Documents, exchange: &Exchange, times: usize) -> Result<()> {
        let path = exchange.path.split('?').next().unwrap_or_default();
        let Some(endpoint) = documents.find(&exchange.service, &exchange.method, path) else {
            let shown = format!("{} {path}", exchange.method);
            self.endpoints.insert(format!("{} {shown}", exchange.service));
            self.find(&exchange.service, &shown, "path", "it is in no document".to_owned(), times);
            return Ok(());
        };
        let shown = format!("{} {}", endpoint.method, endpoint.template);
        self.endpoints.insert(format!("{} {shown}", exchange.service));
        for problem in endpoint.query_problems(&exchange.path) {
            self.find(&exchange.service, &shown, "query", problem, times);
        }
        match (&exchange.request, &endpoint.body) {
            (Value::Null, _) => {}
            (body, Some(schema)) => {
                self.validated += times;
                for problem in schema.problems(body)? {
                    self.find(&exchange.service, &shown, "request", problem, times);
                }
            }
            (_, None) => self.skip(&exchange.service, &shown, "request", times),
        }
        // What a test has broken on purpose says nothing.
        if exchange.is_faulty {
            return Ok(());
        }
        match endpoint.answers.get(&exchange.status.to_string()) {
            None if (200..300).contains(&exchange.status) => {
                let known: Vec<&str> = endpoint.answers.keys().map(String::as_str).collect();
                let text = format!("{} where the document has {}", exchange.status, known.join(", "));
                self.find(&exchange.service, &shown, "status", text, times);
                if let Some((_, Some(schema))) =
                    endpoint.answers.iter().find(|(status, _)| status.starts_with('2'))
                {
                    self.validated += times;
                    for problem in schema.problems(&exchange.answer)? {
                        self.find(&exchange.service, &shown, "answer", problem, times);
                    }
                }
            }
            Some(Some(schema)) if !exchange.answer.is_null() || (200..300).contains(&exchange.status) => {
                self.validated += times;
                for problem in schema.problems(&exchange.answer)? {
                    self.find(&exchange.service, &shown, "answer", problem, times);
                }
            }
            _ if exchange.answer.is_null() => {}
            _ => self.skip(&exchange.service, &shown, "answer", times),
        }
        Ok(())
    }

    fn find(&mut self, service: &str, endpoint: &str, part: &'static str, what: String, times: usize) {
        let finding = Finding { service: service.to_owned(), endpoint: endpoint.to_owned(), part, what };
        *self.findings.entry(finding).or_insert(0) += times;
    }

    fn skip(&mut self, service: &str, endpoint: &str, part: &str, times: usize) {
        *self.not_validated.entry(format!("{service} {endpoint}: {part}")).or_insert(0) += times;
    }
}
