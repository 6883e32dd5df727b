//! A front that speaks TLS, with a certificate that nobody has signed, before a server that does not.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate for `localhost` that nobody has signed, and what speaks TLS with it.
pub(crate) struct SelfSigned {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate.
    pub(crate) pem: String,
    /// Its SHA-256, in hexadecimal.
    fingerprint: String,
}

impl SelfSigned {
    pub(crate) fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = own.cert.der().clone();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&certificate)
        );
        let fingerprint = Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02x}")).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a key that fits");
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem, fingerprint }
    }
}

/// A running front. It ends when it is dropped.
pub struct TlsProxy {
    address: SocketAddr,
    fingerprint: String,
    pem: String,
    task: tokio::task::JoinHandle<()>,
}

impl TlsProxy {
    /// Puts one before the server at an address: `http://127.0.0.1:1234`.
    pub async fn before(url: &str) -> Self {
        let behind = url.trim_start_matches("http://").to_owned();
        let SelfSigned { acceptor, pem, fingerprint } = SelfSigned::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that does not believe the certificate goes away.
                    let Ok(mut front) = acceptor.accept(stream).await else { return };
                    let Ok(mut back) = TcpStream::connect(behind).await else { return };
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
                });
            }
        });
        Self { address, fingerprint, pem, task }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Its certificate, for whoever believes it as an authority.
    pub fn certificate(&self) -> &str {
        &self.pem
    }

    /// The SHA-256 of its certificate, in hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
