//! A first project: code that does something, a manifest, the contract, and tests that pass.

mod contract;
mod kind;
mod templates;

pub use kind::Kind;
use playrelay_plugin_host::manifest;

use std::fs;
use std::path::{Path, PathBuf};

use crate::KitError;
use crate::language::Language;
use crate::project::MANIFEST;

/// Writes a project into a folder that is new or empty, and gives its files.
///
/// # Errors
///
/// The name is no id, the folder is in use, or a file cannot be written.
pub fn create(folder: &Path, name: &str, language: Language, kind: Kind) -> Result<Vec<PathBuf>, KitError> {
    if !is_id(name) {
        return Err(KitError::Name(name.to_owned()));
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(KitError::Occupied(folder.to_owned()));
    }
    let mut written = Vec::new();
    for (path, text) in files(name, language, kind) {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(KitError::file(parent))?;
        }
        fs::write(&path, text).map_err(KitError::file(&path))?;
        written.push(path);
    }
    Ok(written)
}

/// An id that is also the name of a package in each of the languages.
fn is_id(name: &str) -> bool {
    manifest::is_id(name) && name.starts_with(|letter: char| letter.is_ascii_lowercase())
}

/// The name as people see it: `my-diary` is `My diary`.
fn title(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The files of a project, by their paths.
fn files(name: &str, language: Language, kind: Kind) -> Vec<(PathBuf, String)> {
    let world = format!(
        "package author:{name};\n\n/// What the plugin exports. Add a line for each interface, and its table under [provides] of {MANIFEST}.\n\
         world plugin {{\n    include playrelay:plugin/imports@0.1.0;\n    export playrelay:plugin/{}@0.1.0;\n}}\n",
        kind.interface()
    );
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{title}}", &title(name));
    let of_template = templates::files(language, kind).into_iter();
    let contract = contract::FILES
        .iter()
        .map(|(file, text)| (format!("wit/deps/playrelay-plugin/{file}"), (*text).to_owned()));
    of_template
        .map(|(path, text)| (path.to_owned(), fill(&text)))
        .chain([("wit/world.wit".to_owned(), world)])
        .chain(contract)
        .map(|(path, text)| (PathBuf::from(path), text))
        .collect()
}

#[cfg(test)]
mod tests {
    use playrelay_plugin_host::manifest::Manifest;

    use super::*;
    use crate::case::Case;
    use crate::project::Project;

    #[test]
    fn each_project_has_a_manifest_that_the_host_takes_and_tests_that_can_be_read() {
        for language in [Language::Rust, Language::JavaScript, Language::Python] {
            for kind in Kind::ALL {
                let folder = tempfile::tempdir().unwrap();
                create(folder.path(), "my-diary", language, kind).unwrap();
                let project = Project::open(folder.path()).unwrap();
                assert_eq!(project.id, "my-diary");
                assert_eq!(Language::of(folder.path()).unwrap(), language);
                let text = fs::read(folder.path().join(MANIFEST)).unwrap();
                let manifest = Manifest::parse(&text).unwrap();
                assert_eq!(manifest.plugin.name, "My diary");
                assert!(manifest.provides.names().contains(kind.interface()));
                let cases = Case::all(&project.tests()).unwrap();
                assert!(cases.len() >= 2, "{language:?} {kind}");
                for case in cases {
                    assert!(case.expected_path().is_file(), "{}", case.name());
                }
                let again = create(folder.path(), "my-diary", language, kind).unwrap_err();
                assert!(matches!(again, KitError::Occupied(_)), "{again}");
            }
        }
    }

    #[test]
    fn a_name_is_an_id() {
        assert!(is_id("my-diary") && is_id("a1"));
        for wrong in ["", "My", "1a", "a_b", "a b", "../a", &"a".repeat(41)] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
