//! The findings of the doctor.

use serde::Serialize;

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
}

impl Findings {
    fn add(&mut self, check: &'static str, level: Severity, text: String, remedy: Option<String>) {
        self.findings.push(Finding { about: self.about.clone(), check, level, text, remedy });
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
