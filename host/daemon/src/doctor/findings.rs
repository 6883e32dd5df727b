//! The findings of the doctor.

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Ok,
    /// It works, and could be better.
    Note,
    /// It does not work.
    Error,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The account, or what else it is about.
    pub about: String,
    /// The name of the check. It does not change.
    pub check: &'static str,
    /// The severity.
    pub level: Severity,
    /// The finding, one sentence.
    pub text: String,
    /// The remedy, one sentence; empty if nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The findings of one account.
pub(crate) struct Findings {
    /// The account, or what else it is about.
    pub about: String,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// Is told each as it is found; absent where nobody waits for them.
    pub listener: Option<UnboundedSender<Finding>>,
}

impl Findings {
    /// No findings yet.
    pub fn of(about: &str) -> Self {
        Self { about: about.to_owned(), findings: Vec::new(), listener: None }
    }

    /// Whether something does not work.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Severity::Error)
    }

    fn add(&mut self, check: &'static str, level: Severity, text: String, remedy: Option<String>) {
        let finding = Finding { about: self.about.clone(), check, level, text, remedy };
        if let Some(listener) = &self.listener {
            // Whoever has left the page needs no findings.
            let _ = listener.send(finding.clone());
        }
        self.findings.push(finding);
    }

    /// All is well.
    pub fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Severity::Ok, text.into(), None);
    }

    /// It works, and could be better.
    pub fn note(&mut self, check: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Note, text.into(), Some(remedy.into()));
    }

    /// It does not work.
    pub fn error(&mut self, check: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Error, text.into(), Some(remedy.into()));
    }
}
