//! `cargo xtask release VERSION`: gives the tree its next version, in a commit with a tag. Pushing the tag is left to a person; the workflow of the tag
//! builds and publishes.

use std::cmp::Ordering;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::shell::{cargo, command, workspace};

/// The heading of what is not released yet.
const UNRELEASED: &str = "## [Unreleased]";

/// The crate that is published for authors of plugins.
const SDK: &str = "playrelay-sdk";

/// Releases a version; `--dry-run` shows what would change, and changes nothing.
pub fn run(arguments: &[String]) -> Result<()> {
    let is_dry = arguments.iter().any(|argument| argument == "--dry-run");
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let current = env!("CARGO_PKG_VERSION");
    let version = match named.as_slice() {
        [version] => version.as_str(),
        // The version that stands there has never been released.
        [] if is_dry => current,
        _ => bail!("expected `cargo xtask release VERSION [--dry-run]`"),
    };
    let tags = shell::output(command("git").args(["tag", "--list"]))?;
    ensure!(
        !tags.lines().any(|tag| tag == format!("v{version}")),
        "version {version} has been released: there is a tag v{version}"
    );
    ensure!(
        compare(version, current)? != Ordering::Less,
        "version {version} is older than {current}, which Cargo.toml has"
    );
    let (manifest_path, changelog_path) = (workspace().join("Cargo.toml"), workspace().join("CHANGELOG.md"));
    let manifest = with_version(&fs::read_to_string(&manifest_path)?, current, version)?;
    let today = shell::output(command("date").args(["--utc", "+%Y-%m-%d"]))?;
    let (changelog, notes) = released(&fs::read_to_string(&changelog_path)?, version, today.trim())?;
    if is_dry {
        println!(
            "Cargo.toml: version {current} becomes {version}\nCHANGELOG.md: what is unreleased becomes\n\n{notes}"
        );
        println!("then: git commit, git tag v{version}; `git push origin v{version}` is left to you");
        // It is built from what would be published alone.
        shell::run(&mut cargo(&["publish", "--dry-run", "--allow-dirty", "--package", SDK]))?;
        return Ok(());
    }
    let changed = shell::output(command("git").args(["status", "--porcelain"]))?;
    ensure!(changed.trim().is_empty(), "the tree has changes that are not committed:\n{changed}");
    fs::write(manifest_path, manifest)?;
    fs::write(changelog_path, changelog)?;
    shell::run(&mut cargo(&["update", "--workspace", "--offline", "--quiet"]))?;
    let subject = format!("release: {version}");
    shell::run(command("git").args(["commit", "--quiet", "--all", "--message", &subject]))?;
    shell::run(command("git").args(["tag", "--annotate", &format!("v{version}"), "--message", &notes]))?;
    println!("version {version} is committed; `git push origin main v{version}` publishes it");
    Ok(())
}

/// The order of two versions: three numbers, with dots between.
fn compare(a: &str, b: &str) -> Result<Ordering> {
    let numbers = |version: &str| {
        let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        numbers
            .filter(|it| it.len() == 3)
            .with_context(|| format!("{version:?} is no version; expected three numbers, as 1.2.3"))
    };
    Ok(numbers(a)?.cmp(&numbers(b)?))
}

/// The manifest of the workspace with another version.
fn with_version(manifest: &str, current: &str, version: &str) -> Result<String> {
    let (old, new) = (format!("\nversion = \"{current}\"\n"), format!("\nversion = \"{version}\"\n"));
    ensure!(manifest.matches(&old).count() == 1, "Cargo.toml has not one line version = \"{current}\"");
    Ok(manifest.replace(&old, &new))
}

/// The changelog with a heading for the version below that of what is unreleased, and what the version has.
fn released(changelog: &str, version: &str, date: &str) -> Result<(String, String)> {
    let (before, after) =
        changelog.split_once(UNRELEASED).with_context(|| format!("CHANGELOG.md has no {UNRELEASED}"))?;
    let notes = after.split("\n## ").next().unwrap_or_default().trim();
    ensure!(!notes.is_empty(), "CHANGELOG.md has nothing under {UNRELEASED}");
    Ok((format!("{before}{UNRELEASED}\n\n## [{version}] - {date}{after}"), notes.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_up() {
        assert_eq!(compare("0.10.0", "0.9.9").unwrap(), Ordering::Greater);
        assert_eq!(compare("1.0.0", "1.0.0").unwrap(), Ordering::Equal);
        for odd in ["1.0", "v1.0.0", "1.0.0.0", "1.0.x", ""] {
            assert!(compare(odd, "1.0.0").unwrap_err().to_string().contains("expected three numbers"));
        }
    }

    #[test]
    fn the_changelog_gets_a_heading() {
        let before =
            "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A.\n\n## [0.1.0] - 2026-01-01\n\n- B.\n";
        let (after, notes) = released(before, "0.2.0", "2026-12-01").unwrap();
        assert_eq!(notes, "### Added\n\n- A.");
        assert!(
            after.contains("## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- A.\n\n## [0.1.0]"),
            "{after}"
        );
        assert!(released(&after, "0.3.0", "2026-12-02").is_err(), "there is nothing new");
    }

    #[test]
    fn the_version_stands_in_one_place() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        assert!(with_version(manifest, "0.1.0", "0.2.0").unwrap().contains("version = \"0.2.0\""));
        assert!(with_version(manifest, "0.3.0", "0.4.0").is_err());
        let own = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let now = env!("CARGO_PKG_VERSION");
        assert!(with_version(&own, now, now).is_ok(), "the manifest of this workspace can be released");
    }
}
