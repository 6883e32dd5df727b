//! The authorities whose certificates are believed.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, Error};
use rustls_platform_verifier::Verifier;

/// The authorities whose certificates are believed: those of the system, or, where it has none, as in a small image, those that Mozilla trusted when
/// the program was built.
#[derive(Clone)]
pub struct Authorities {
    /// Says whether a certificate is theirs.
    pub verifier: Arc<Verifier>,
    /// How signatures are checked.
    pub provider: Arc<CryptoProvider>,
    /// Why those that are built into the program count; absent where the system has some.
    pub without_system_roots: Option<String>,
}

impl Authorities {
    /// Reads those of the system, which takes a while: there are hundreds of files.
    ///
    /// # Errors
    ///
    /// Neither those of the system nor those that are built in can be read.
    pub fn load() -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (verifier, without_system_roots) = match Verifier::new(Arc::clone(&provider)) {
            Ok(verifier) => (verifier, None),
            Err(error) => {
                let built_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
                let verifier = Verifier::new_with_extra_roots(built_in, Arc::clone(&provider))?;
                (verifier, Some(error.to_string()))
            }
        };
        Ok(Self { verifier: Arc::new(verifier), provider, without_system_roots })
    }

    /// The TLS of a client that believes them and nobody else.
    ///
    /// # Errors
    ///
    /// The provider knows no version of TLS that is safe.
    pub fn client(&self) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        Ok(builder
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Verifier>::clone(&self.verifier))
            .with_no_client_auth())
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities")
            .field("without_system_roots", &self.without_system_roots)
            .finish_non_exhaustive()
    }
}
