//! The certificates that the host trusts.
//!
//! By default those that the system's authorities have signed, or, where the system has none, those that are built in. A server at home often has one that it signed itself: it is
//! believed by its fingerprint, or, where somebody has said so, whatever it is. That holds for addresses that the user typed, never
//! for a service on the internet.

use std::fmt;
use std::sync::Arc;

use playrelay_util::authorities::Authorities;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

/// The certificates that the host trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that an authority of the system has signed.
    #[default]
    SystemRoots,
    /// The one with this SHA-256 fingerprint.
    Fingerprint([u8; 32]),
    /// Any.
    Anybody,
}

impl Trust {
    /// Reads a fingerprint: 64 hexadecimal digits, with or without colons and `sha256:` in front.
    pub fn fingerprint(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.get(..7).filter(|it| it.eq_ignore_ascii_case("sha256:")).map_or(text, |_| &text[7..]);
        let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b' ')).collect();
        let mut bytes = [0; 32];
        if digits.len() != bytes.len() * 2 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self::Fingerprint(bytes))
    }
}

/// Why the authorities that are built into the program count; absent where the system has some.
pub fn without_system_roots() -> Option<String> {
    Authorities::load().ok()?.without_system_roots
}

/// The TLS configuration of a client.
///
/// # Errors
///
/// The certificates that are built in cannot be read.
pub fn config(trust: &Trust) -> Result<ClientConfig, Error> {
    client_config(&Authorities::load()?, trust)
}

/// The same with authorities that were read before.
pub(crate) fn client_config(authorities: &Authorities, trust: &Trust) -> Result<ClientConfig, Error> {
    let judge = CertVerifier {
        trust: trust.clone(),
        authorities: Arc::clone(&authorities.verifier),
        provider: Arc::clone(&authorities.provider),
    };
    Ok(ClientConfig::builder_with_provider(Arc::clone(&authorities.provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth())
}

#[derive(Debug)]
struct CertVerifier {
    trust: Trust,
    authorities: Arc<Verifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for CertVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Fingerprint(Sha256::digest(certificate).into());
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Fingerprint(known) if *known == found.0 => Ok(ServerCertVerified::assertion()),
            Trust::Fingerprint(known) => Err(Error::General(format!(
                "its certificate has the fingerprint {found}, and `tls_fingerprint` says {}",
                Fingerprint(*known)
            ))),
            Trust::SystemRoots => self
                .authorities
                .verify_server_cert(certificate, intermediates, name, ocsp, now)
                .map_err(|error| {
                    Error::General(format!(
                        "its certificate is not believed ({error}); when it is yours, set `tls_fingerprint = \
                             \"{found}\"` in the account's section"
                    ))
                }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_tools_print_them() {
        let bytes: [u8; 32] = std::array::from_fn(|index| index as u8);
        let plain = Fingerprint(bytes).to_string();
        let digits = plain.trim_start_matches("sha256:");
        let pairs: Vec<&str> = (0..32).map(|at| &digits[at * 2..at * 2 + 2]).collect();
        let colons = pairs.join(":").to_uppercase();
        for text in [plain.as_str(), digits, &colons, &format!("SHA256:{colons}")] {
            assert_eq!(Trust::fingerprint(text), Some(Trust::Fingerprint(bytes)), "{text}");
        }
        for text in ["", "sha256:", "00", &digits[1..], &format!("{}zz", &digits[2..])] {
            assert_eq!(Trust::fingerprint(text), None, "{text}");
        }
    }
}
