//! Makes a plugin out of what a compiler gives: a core module is wrapped as a component, and the manifest goes into a custom section. The build of the
//! bundled plugins and `playrelay plugin pack` share this.

#![forbid(unsafe_code)]

use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

/// The custom section that the host reads the manifest from.
const SECTION: &str = "playrelay:manifest";
/// How WebAssembly begins.
const MAGIC: &[u8] = b"\0asm";

/// Why something cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It does not begin like WebAssembly.
    #[error("it is not WebAssembly; expected a core module or a component")]
    Format,
    /// The module has no type information of a component, or imports something that no interface describes.
    #[error("it cannot be made a component: {0}")]
    Component(String),
}

/// Wraps a core module as a component, and appends the manifest. A component stays as it is.
///
/// # Errors
///
/// The bytes are no WebAssembly, or a module that was not built against the contract.
pub fn pack(code: &[u8], manifest: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut bytes = match (code.starts_with(MAGIC), code.get(6..8)) {
        // The version field of a core module ends in two zero bytes; the layer of a component is 1.
        (true, Some([0, 0])) => ComponentEncoder::default()
            .module(code)
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|error| PackError::Component(format!("{error:#}")))?,
        (true, Some(_)) => code.to_vec(),
        _ => return Err(PackError::Format),
    };
    let section = CustomSection { name: SECTION.into(), data: manifest.into() };
    section.append_to_component(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_gets_the_section_at_its_end() {
        let component = b"\0asm\x0d\0\x01\0";
        let packed = pack(component, b"[plugin]").unwrap_or_default();
        assert!(packed.starts_with(component) && packed.ends_with(b"playrelay:manifest[plugin]"));
    }

    #[test]
    fn what_is_no_webassembly_is_refused() {
        for code in [&b""[..], b"\0asm", b"#!/bin/sh"] {
            assert!(matches!(pack(code, b""), Err(PackError::Format)), "{code:?}");
        }
    }

    #[test]
    fn a_module_without_types_of_a_component_is_wrapped_as_one() {
        // An empty module asks for nothing and gives nothing.
        let packed = pack(b"\0asm\x01\0\0\0", b"x").unwrap_or_default();
        assert_eq!(packed.get(4..8), Some(&b"\x0d\0\x01\0"[..]));
    }
}
