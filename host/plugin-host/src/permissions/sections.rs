//! A report as sections of lines, for people.

use crate::permissions::{PermissionReport, SettingSummary};

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionSection {
    /// What the lines are.
    pub title: &'static str,
    /// One line or more.
    pub lines: Vec<String>,
}

impl PermissionReport {
    /// All that it asks for, in the order in which a person reads it. Empty sections are left out.
    pub fn sections(&self) -> Vec<PermissionSection> {
        let network = self.network.iter().map(|(origin, reason)| format!("{origin}: {reason}"));
        let publisher = self.publisher.iter().chain(&self.homepage).cloned();
        let all = [
            ("does", vec![self.description.clone()]),
            ("is published by, as it says itself", publisher.collect()),
            ("provides", self.capabilities()),
            ("may send requests to", network.collect()),
            ("has added to its requests", self.credentials.clone()),
            ("is logged in at", self.login.clone()),
            ("is told", self.told.clone()),
            ("is not told", self.not_told.clone()),
            ("settings", self.settings.iter().map(setting).collect()),
            ("imports", self.imports.clone()),
            ("limits", self.limits()),
            (
                "file",
                vec![
                    format!("{} bytes, sha256 {}", self.size, self.digest),
                    format!("permissions {}", self.permissions),
                ],
            ),
        ];
        let sections = all.into_iter().map(|(title, lines)| {
            let lines = lines.into_iter().filter(|line| !line.is_empty()).collect();
            PermissionSection { title, lines }
        });
        sections.filter(|section| !section.lines.is_empty()).collect()
    }

    /// The interfaces in words. What an older program has stored has their names alone.
    fn capabilities(&self) -> Vec<String> {
        if self.capabilities.is_empty() { vec![self.provides.join(", ")] } else { self.capabilities.clone() }
    }

    fn limits(&self) -> Vec<String> {
        let memory = format!("{} MiB of memory", self.memory_mib);
        std::iter::once(memory).chain(self.limits.iter().cloned()).collect()
    }
}

fn setting(it: &SettingSummary) -> String {
    let mut facts = vec![it.kind.clone()];
    facts.extend(it.required.then(|| "required".to_owned()));
    facts.extend(it.secret.then(|| "secret".to_owned()));
    facts.extend(it.default.as_ref().map(|default| format!("default {default}")));
    let help = if it.help.is_empty() { String::new() } else { format!(". {}", it.help) };
    format!("{}: {} ({}){help}", it.key, it.label, facts.join(", "))
}
