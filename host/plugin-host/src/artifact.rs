//! What the bytes of a component say: its digest, its manifest, what it imports and exports.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{Chunk, ComponentExternalKind, Encoding, Parser, Payload};

use crate::manifest::{Manifest, ManifestError, SECTION};

/// A component may be this large. Bytes.
pub const SIZE_LIMIT: usize = 32 << 20;
/// A manifest may be this large. Bytes.
const MANIFEST_LIMIT: usize = 64 << 10;
/// Where the contract's interfaces live.
const PACKAGE: &str = "playrelay:plugin/";

/// The SHA-256 of a component, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut context = Self::context();
        context.update(bytes);
        Self::finish(context)
    }

    /// The digest of bytes that come in pieces, before the first of them.
    pub(crate) fn context() -> ring::digest::Context {
        ring::digest::Context::new(&ring::digest::SHA256)
    }

    /// The digest after the last piece.
    pub(crate) fn finish(context: ring::digest::Context) -> Self {
        Self(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads 64 hexadecimal digits in lower case; absent for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The digest in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A component that has been read, and is what it says. Its bytes are not kept: many large ones must not be in memory together.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// How many bytes it has.
    pub size: usize,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Manifest,
    /// Everything that it imports, by full name.
    pub imports: BTreeSet<String>,
}

/// Why a file is not accepted as a plugin.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Too large.
    #[error("it is {found} bytes large; a plugin may have {SIZE_LIMIT}")]
    Size {
        /// The size in bytes.
        found: usize,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Not WebAssembly.
    #[error("it is not WebAssembly: {0}")]
    Syntax(String),
    /// A core module.
    #[error(
        "it is a WebAssembly module, not a component; wrap it with `cargo xtask pack` or `wasm-tools component new`"
    )]
    Module,
    /// Another file has taken its place since it was read.
    #[error("it was changed while it was loaded")]
    Changed,
    /// Its manifest is not accepted.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It asks for something that is not there.
    #[error("it imports {0}, which this host does not offer")]
    Import(String),
    /// Manifest and component disagree.
    #[error("its manifest says that it provides {declared}, and it exports {exported}")]
    Exports {
        /// The interfaces in the manifest.
        declared: String,
        /// The interfaces of the component.
        exported: String,
    },
}

impl Artifact {
    /// Reads a component and holds its exports against its manifest. No code of it runs.
    ///
    /// # Errors
    ///
    /// The file is too large or no component, its manifest is refused, or its exports differ from the manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        Self::read_with_digest(bytes, || Digest::of(bytes))
    }

    /// The same where the digest may be known.
    pub(crate) fn read_with_digest(
        bytes: &[u8],
        digest: impl FnOnce() -> Digest,
    ) -> Result<Self, ArtifactError> {
        if bytes.len() > SIZE_LIMIT {
            return Err(ArtifactError::Size { found: bytes.len() });
        }
        let ComponentSections { manifest, imports, exports } = outline(bytes)?;
        let manifest = Manifest::parse(&manifest.ok_or(ManifestError::Missing)?)?;
        let declared = manifest.provides.names();
        if declared != exports {
            let list = |names: &BTreeSet<String>| match names.len() {
                0 => "nothing".to_owned(),
                _ => names.iter().cloned().collect::<Vec<_>>().join(", "),
            };
            return Err(ArtifactError::Exports { declared: list(&declared), exported: list(&exports) });
        }
        if let Some(import) = imports.iter().find(|import| !is_offered(import)) {
            return Err(ArtifactError::Import(import.clone()));
        }
        Ok(Self { size: bytes.len(), digest: digest(), manifest, imports })
    }
}

/// The contract's own interfaces, and WASI 0.2 without any way to the network.
fn is_offered(import: &str) -> bool {
    import.starts_with(PACKAGE)
        || ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"]
            .iter()
            .any(|offered| import.starts_with(offered))
}

struct ComponentSections {
    manifest: Option<Vec<u8>>,
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

fn outline(bytes: &[u8]) -> Result<ComponentSections, ArtifactError> {
    let syntax = |error: wasmparser::BinaryReaderError| {
        // The rest of it is a dump of bytes.
        ArtifactError::Syntax(error.message().lines().next().unwrap_or_default().to_owned())
    };
    let mut outline =
        ComponentSections { manifest: None, imports: BTreeSet::new(), exports: BTreeSet::new() };
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (consumed, payload) = match parser.parse(rest, true).map_err(syntax)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            // Only where more bytes could come.
            Chunk::NeedMoreData(_) => return Err(cut_off()),
        };
        rest = rest.get(consumed..).ok_or_else(cut_off)?;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => return Err(ArtifactError::Module),
            // What is in them is of no interest before it is compiled, and most of a large component is.
            Payload::ModuleSection { unchecked_range: range, .. }
            | Payload::ComponentSection { unchecked_range: range, .. } => {
                rest = rest.get(range.end - range.start..).ok_or_else(cut_off)?;
            }
            Payload::End(_) => return Ok(outline),
            Payload::CustomSection(section) if section.name() == SECTION => {
                if outline.manifest.is_some() {
                    return Err(ManifestError::Invalid("two manifests; expected one".to_owned()).into());
                }
                if section.data().len() > MANIFEST_LIMIT {
                    return Err(ManifestError::Invalid(format!("more than {MANIFEST_LIMIT} bytes")).into());
                }
                outline.manifest = Some(section.data().to_owned());
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    outline.imports.insert(import.map_err(syntax)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(syntax)?;
                    let name = export.name.name.strip_prefix(PACKAGE).and_then(|name| name.split('@').next());
                    if let (Some(name), ComponentExternalKind::Instance) = (name, export.kind) {
                        outline.exports.insert(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
}

fn cut_off() -> ArtifactError {
    ArtifactError::Syntax("it ends in the middle".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_refused_with_its_reason() {
        let refused = |bytes: &[u8]| Artifact::read(bytes).unwrap_err().to_string();
        assert!(refused(b"").contains("not WebAssembly"), "{}", refused(b""));
        assert!(refused(b"GIF89a..").contains("not WebAssembly"));
        assert!(refused(b"\0asm\x01\0\0\0").contains("not a component"));
        assert!(refused(b"\0asm\x0d\0\x01\0").contains("no manifest"));
        // The section announces eight bytes, and has four.
        assert!(refused(b"\0asm\x0d\0\x01\0\x01\x08\0asm").contains("it ends in the middle"));
    }
}
