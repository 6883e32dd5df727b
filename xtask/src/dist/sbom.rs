//! The list of what the program consists of, as CycloneDX 1.6 has it. It has no random number, and no time but that of the commit.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use serde_json::{Value, json};

use crate::dist::release::Release;
use crate::shell::workspace;
use crate::third_party;

/// The document, as JSON.
pub fn document(release: &Release) -> Result<String> {
    let checksums = checksums(&fs::read_to_string(workspace().join("Cargo.lock"))?);
    let component = |it: &third_party::Crate| {
        let purl = format!("pkg:cargo/{}@{}", it.name, it.version);
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": it.name, "version": it.version, "purl": purl,
            // Slashes are how manifests of 2015 wrote it.
            "licenses": [{ "expression": it.licence.replace('/', " OR ") }],
        });
        if let Some(checksum) = checksums.get(&(it.name.clone(), it.version.clone())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    };
    let components: Vec<Value> = third_party::built_in()?.iter().map(component).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": release.time,
            "component": {
                "type": "application", "bom-ref": "playrelay", "name": "playrelay", "version": release.version,
                "licenses": [{ "expression": "MIT" }],
            },
        },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The digests of the crates in a lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]");
    blocks
        .filter_map(|it| Some(((field(it, "name")?, field(it, "version")?), field(it, "checksum")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_has_digests() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nchecksum = \"abc\"\ndependencies = [\n \"b\",\n]\n\n\
                    [[package]]\nname = \"b\"\nversion = \"2.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.get(&("a".to_owned(), "1.0".to_owned())).map(String::as_str), Some("abc"));
        assert_eq!(found.len(), 1, "our own crates have none");
    }
}
