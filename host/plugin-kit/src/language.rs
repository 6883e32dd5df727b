//! The languages whose tools are known.

use std::path::Path;

use crate::KitError;

/// A language with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `wit-bindgen`; needs cargo and the target wasm32-unknown-unknown.
    Rust,
    /// `componentize-js`; needs Node.js and npm.
    JavaScript,
    /// `componentize-py`; needs Python and pip.
    Python,
}

impl Language {
    /// The language of a project, by the file that its package manager reads.
    ///
    /// # Errors
    ///
    /// The folder has none of these files.
    pub fn of(folder: &Path) -> Result<Self, KitError> {
        let marks = [
            ("Cargo.toml", Self::Rust),
            ("package.json", Self::JavaScript),
            ("requirements.txt", Self::Python),
        ];
        let found = marks.into_iter().find(|(file, _)| folder.join(file).is_file());
        found.map(|(_, language)| language).ok_or_else(|| KitError::NoLanguage(folder.to_owned()))
    }
}
