//! Origins: scheme, host and port, compared after normalisation.

use std::fmt;

use url::{Host, Url};

/// The origin of a URL: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: Host<String>,
    port: u16,
}

/// The reason why a URL is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is no URL.
    #[error("not an absolute URL")]
    Syntax,
    /// It is of another kind.
    #[error("its scheme is {0:?}, expected http or https")]
    Scheme(String),
    /// It carries a user name or a password.
    #[error("it carries a user name or password")]
    UserInfo,
    /// It has a fragment.
    #[error("it has a fragment (#…)")]
    Fragment,
}

impl Origin {
    /// Reads the origin of a URL that is given as text.
    ///
    /// # Errors
    ///
    /// The text is no URL, or a URL that is refused.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        Self::of(&Url::parse(text).map_err(|_| OriginError::Syntax)?)
    }

    /// The origin of a URL, which must have nothing that could mislead: no user info, no fragment.
    ///
    /// # Errors
    ///
    /// The scheme is neither `http` nor `https`, or the URL has user info or a fragment.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OriginError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(OriginError::Fragment);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(OriginError::Syntax);
        };
        Ok(Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port })
    }

    /// The host.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_origin_are_equal() {
        let origin = Origin::parse("https://api.example.org").unwrap();
        for same in ["https://API.example.org:443/x?y=1", "https://api.example.org/"] {
            assert_eq!(Origin::parse(same).unwrap(), origin, "{same}");
        }
        for other in
            ["http://api.example.org", "https://api.example.org:8443", "https://api.example.org.evil"]
        {
            assert_ne!(Origin::parse(other).unwrap(), origin, "{other}");
        }
        assert_eq!(Origin::parse("http://0x7f.1").unwrap(), Origin::parse("http://127.0.0.1").unwrap());
    }

    #[test]
    fn misleading_urls_are_refused() {
        for (url, error) in [
            ("ftp://a", OriginError::Scheme("ftp".to_owned())),
            ("http://allowed@evil", OriginError::UserInfo),
            ("http://allowed:x@evil", OriginError::UserInfo),
            ("http://a/#b", OriginError::Fragment),
            ("/relative", OriginError::Syntax),
            ("http://", OriginError::Syntax),
        ] {
            assert_eq!(Origin::parse(url), Err(error), "{url}");
        }
    }
}
