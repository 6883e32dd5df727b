//! The difference between two texts of the configuration, without secrets.

use playrelay_plugin_host::artifact::Digest;
use similar::TextDiff;

use crate::config::is_secret;

/// Lines around a difference.
const CONTEXT: usize = 2;

/// The difference between two texts, line by line. Values of secrets are not shown.
pub(super) fn diff(before: &str, after: &str) -> String {
    let (before, after) = (masked(before), masked(after));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(CONTEXT).to_string()
}

/// A text without the values of secrets. What has changed is still to be seen: a secret is shown by the beginning of its digest.
fn masked(text: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key, value)) if is_secret(key, value) => {
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            let digest = Digest::of(value.trim().as_bytes()).to_string();
            format!("{key}= (secret {}){end}", &digest[..8.min(digest.len())])
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_its_change_is() {
        let text = |secret: &str| format!("a = 1\nclient_secret = \"{secret}\"\nb = 2\n");
        let diff = diff(&text("one-secret"), &text("another"));
        assert!(!diff.contains("one-secret") && !diff.contains("another"), "{diff}");
        let changed = |mark: &str| {
            diff.lines().filter(|line| line.starts_with(mark) && line.contains("secret")).count()
        };
        assert_eq!((changed("-client"), changed("+client")), (1, 1), "{diff}");
    }
}
