//! Where a plugin comes from, as a person writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use oci_client::Reference;
use url::{Host, Url};

use crate::error::FetchError;

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// An address of a web server.
    Https(Url),
    /// A place in an OCI registry. It names a tag, or a digest.
    Registry(Reference),
}

impl FromStr for Source {
    type Err = FetchError;

    /// Reads `./notebook.wasm`, `https://example.org/notebook.wasm`, `ghcr.io/someone/notebook:1.2` or the last one with `oci://` in front.
    fn from_str(text: &str) -> Result<Self, FetchError> {
        let unknown = |reason: &str| FetchError::Source { text: text.to_owned(), reason: reason.to_owned() };
        if let Some(reference) = text.strip_prefix("oci://") {
            return reference_of(reference).map_err(|reason| unknown(&reason));
        }
        match text.split_once("://") {
            Some(("https", _)) => {
                let url = Url::parse(text).map_err(|error| unknown(&error.to_string()))?;
                return match url.username().is_empty() && url.password().is_none() {
                    true => Ok(Self::Https(url)),
                    false => Err(unknown("a password does not belong into an address")),
                };
            }
            Some((scheme, _)) => return Err(unknown(&format!("{scheme} is not supported"))),
            None => {}
        }
        let path = PathBuf::from(text);
        let is_path = text.starts_with(['/', '.']) || text.ends_with(".wasm") || path.is_file();
        match is_path {
            true => Ok(Self::File(path)),
            false => reference_of(text).map_err(|reason| unknown(&reason)),
        }
    }
}

/// Reads a place in a registry. The registry must be named: a bare word would be a place at Docker's.
fn reference_of(text: &str) -> Result<Source, String> {
    let registry = text.split_once('/').map_or("", |(registry, _)| registry);
    if !registry.contains(['.', ':']) && registry != "localhost" {
        return Err("it names no registry".to_owned());
    }
    text.parse().map(Source::Registry).map_err(|error: oci_client::ParseError| error.to_string())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Https(url) => url.fmt(f),
            Self::Registry(reference) => reference.fmt(f),
        }
    }
}

/// Whether a registry is on this machine: only there it is spoken to without TLS, as Docker does.
pub(crate) fn is_loopback(registry: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{registry}")) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Source {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_a_file_an_address_or_a_place_in_a_registry() {
        assert_eq!(read("./a/notebook.wasm"), Source::File("./a/notebook.wasm".into()));
        assert_eq!(read("notebook.wasm"), Source::File("notebook.wasm".into()));
        assert!(matches!(read("https://example.org/notebook.wasm"), Source::Https(_)));
        for text in ["ghcr.io/someone/notebook:1.2", "oci://ghcr.io/someone/notebook:1.2"] {
            let Source::Registry(reference) = read(text) else { panic!("{text}") };
            assert_eq!((reference.registry(), reference.tag()), ("ghcr.io", Some("1.2")));
        }
        let digest = format!("ghcr.io/someone/notebook@sha256:{}", "0".repeat(64));
        assert_eq!(read(&digest).to_string(), digest);
        assert!(matches!(read("localhost:5000/notebook:1"), Source::Registry(_)));
    }

    #[test]
    fn what_is_no_source_is_refused_with_what_is_expected() {
        for wrong in [
            "notebook",
            "someone/notebook",
            "http://example.org/notebook.wasm",
            "ftp://example.org/notebook.wasm",
            "https://mia:secret@example.org/notebook.wasm",
            "ghcr.io/Some One/notebook",
            "oci://notebook",
            "",
        ] {
            let error = wrong.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains("expected a file, an https address or a place in a registry"), "{error}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for registry in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "localhost"] {
            assert!(is_loopback(registry), "{registry}");
        }
        for registry in ["ghcr.io", "192.168.1.5:5000", "localhost.example.org", "", "127.0.0.1.example.org"]
        {
            assert!(!is_loopback(registry), "{registry}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".{0,80}") {
            let _ = text.parse::<Source>();
            is_loopback(&text);
        }
    }
}
