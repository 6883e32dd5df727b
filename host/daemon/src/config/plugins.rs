//! `[plugins] approve`

use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::manifest;
use playrelay_plugin_host::registry::Approval;

use crate::config::section::Section;

/// Reads `approve`: `["notebook@sha256:0f3a…"]`.
pub(super) fn approvals(section: &mut Section<'_>) -> Vec<Approval> {
    let place = section.location("approve");
    let mut approvals: Vec<Approval> = Vec::new();
    for text in section.texts("approve").unwrap_or_default() {
        let Some(approval) = approval(&text) else {
            let text = format!(
                "`approve` in [plugins] has {text:?}; expected an id and the whole digest of the file, \"notebook@sha256:0f3a…\", as \
                 `playrelay plugin list --json` and `plugins.lock` have them"
            );
            section.error(place.clone(), text);
            continue;
        };
        if let Some(other) = approvals.iter().find(|other| other.id == approval.id && **other != approval) {
            let text = format!(
                "`approve` in [plugins] has two digests of {:?}: {} and {}; expected one",
                approval.id, other.digest, approval.digest
            );
            section.error(place.clone(), text);
            continue;
        }
        if !approvals.contains(&approval) {
            approvals.push(approval);
        }
    }
    approvals
}

fn approval(text: &str) -> Option<Approval> {
    let (id, digest) = text.trim().split_once("@sha256:")?;
    let digest = Digest::from_hex(&digest.to_ascii_lowercase()).filter(|_| manifest::is_id(id))?;
    Some(Approval { id: id.to_owned(), digest: digest.to_string(), permissions: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_has_an_id_and_a_whole_digest() {
        let digest = "0123456789abcdef".repeat(4);
        let read = approval(&format!("notebook@sha256:{}", digest.to_uppercase())).unwrap();
        assert_eq!((read.id.as_str(), read.digest, read.permissions), ("notebook", digest.clone(), None));
        for wrong in [
            "notebook",
            "notebook@0123",
            "notebook@sha256:0123",
            &format!("@sha256:{digest}"),
            &format!("Note book@sha256:{digest}"),
        ] {
            assert_eq!(approval(wrong), None, "{wrong}");
        }
    }
}
