//! A plugin from an OCI registry, as `wkg oci push` lays it out: a manifest with one layer, which is the component. Signatures are those of cosign with a
//! key: an image beside it, whose tag is the digest of the manifest.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use oci_client::Reference;
use oci_client::client::{Certificate, CertificateEncoding, Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use playrelay_plugin_host::artifact::{Digest, SIZE_LIMIT};
use playrelay_plugin_host::http::tls;
use tokio::io::AsyncWrite;

use crate::error::{FetchError, reason};
use crate::fetched::Fetched;
use crate::request::{CONNECT_TIMEOUT, READ_TIMEOUT, USER_AGENT};
use crate::signature::{PublicKey, SIGNATURE_LIMIT_BYTES, Signature};
use crate::source::is_loopback;

/// The type of the layer that is a component.
const COMPONENT: &str = "application/wasm";
/// The type of a layer that cosign has signed.
const SIGNED_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Where cosign puts the signature.
const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Signatures of one image that are looked at.
const MAX_SIGNATURES: usize = 16;

/// Fetches a component, and judges its signature.
pub(crate) async fn fetch(reference: &Reference, key: Option<&PublicKey>) -> Result<Fetched, FetchError> {
    let client = client(reference);
    let (manifest, digest) = pull_manifest(&client, reference).await?.ok_or_else(|| {
        FetchError::unreachable(
            reference,
            "the registry has nothing there, or shows it only to those who log in",
        )
    })?;
    let layer = component(reference, &manifest)?;
    let bytes = pull(&client, reference, layer, SIZE_LIMIT).await?;
    let signature = signature(&client, reference, &digest, key).await?;
    let place =
        Reference::with_digest(reference.registry().to_owned(), reference.repository().to_owned(), digest);
    Ok(Fetched { digest: Digest::of(&bytes), bytes, resolved: Some(place.to_string()), signature })
}

fn client(reference: &Reference) -> Client {
    // A second installation is refused by rustls and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = reference.resolve_registry();
    let built_in = || {
        let der = |it: &rustls::pki_types::CertificateDer<'_>| Certificate {
            encoding: CertificateEncoding::Der,
            data: it.to_vec(),
        };
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(der).collect()
    };
    Client::new(ClientConfig {
        protocol: match is_loopback(registry) {
            true => ClientProtocol::HttpsExcept(vec![registry.to_owned()]),
            false => ClientProtocol::Https,
        },
        tls_certs_only: tls::without_system_roots().map(|_| built_in()).unwrap_or_default(),
        // A plugin is the same for all machines.
        platform_resolver: None,
        read_timeout: Some(READ_TIMEOUT),
        connect_timeout: Some(CONNECT_TIMEOUT),
        user_agent: USER_AGENT,
        ..ClientConfig::default()
    })
}

/// Reads the manifest behind a tag or a digest, and its digest; absent if the registry has no manifest there.
async fn pull_manifest(
    client: &Client,
    reference: &Reference,
) -> Result<Option<(OciImageManifest, String)>, FetchError> {
    match client.pull_image_manifest(reference, &RegistryAuth::Anonymous).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(OciDistributionError::ImageIndexParsingNoPlatformResolverError) => Err(FetchError::Layout {
            source_text: reference.to_string(),
            reason: "it is a list of images".to_owned(),
        }),
        Err(error) => Err(FetchError::unreachable(reference, reason(&error))),
    }
}

fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => {
            let missing = [OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound];
            envelope.errors.iter().any(|error| missing.contains(&error.code))
        }
        _ => false,
    }
}

/// The one layer of a manifest that is a component.
fn component<'a>(
    reference: &Reference,
    manifest: &'a OciImageManifest,
) -> Result<&'a OciDescriptor, FetchError> {
    let layout = |reason: String| FetchError::Layout { source_text: reference.to_string(), reason };
    match manifest.layers.as_slice() {
        [only] if only.media_type == COMPONENT => Ok(only),
        [only] => Err(layout(format!("its layer is of the type {:?}", only.media_type))),
        several => Err(layout(format!("it has {} layers", several.len()))),
    }
}

async fn pull(
    client: &Client,
    reference: &Reference,
    layer: &OciDescriptor,
    limit: usize,
) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::Size { source_text: reference.to_string() };
    if usize::try_from(layer.size).is_ok_and(|size| size > limit) {
        return Err(too_large());
    }
    let mut buffer = LimitedBuffer { bytes: Vec::new(), limit };
    match client.pull_blob(reference, layer, &mut buffer).await {
        Ok(()) => Ok(buffer.bytes),
        Err(OciDistributionError::IoError(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(too_large())
        }
        Err(error) => Err(FetchError::unreachable(reference, reason(&error))),
    }
}

async fn signature(
    client: &Client,
    reference: &Reference,
    digest: &str,
    key: Option<&PublicKey>,
) -> Result<Signature, FetchError> {
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let place = Reference::with_tag(reference.registry().to_owned(), reference.repository().to_owned(), tag);
    let found = pull_manifest(client, &place).await?;
    let Some(key) = key else {
        return Ok(if found.is_some() { Signature::Unchecked } else { Signature::Missing });
    };
    let refused = |reason: &str| FetchError::Signature {
        source_text: reference.to_string(),
        key: key.to_string(),
        reason: reason.to_owned(),
    };
    let (manifest, _) = found.ok_or_else(|| refused("it has no signature of cosign"))?;
    let signed = manifest.layers.iter().filter(|layer| layer.media_type == SIGNED_PAYLOAD);
    for layer in signed.take(MAX_SIGNATURES) {
        let none = BTreeMap::new();
        let annotations = layer.annotations.as_ref().unwrap_or(&none);
        let Some(signature) = annotations.get(SIGNATURE_ANNOTATION) else { continue };
        let payload = pull(client, &place, layer, SIGNATURE_LIMIT_BYTES).await?;
        if key.has_signed_image(digest, &payload, signature) {
            return Ok(Signature::Checked(key.to_string()));
        }
    }
    Err(refused("no signature of cosign fits the key and the image"))
}

/// Bytes that come in, up to a limit.
struct LimitedBuffer {
    bytes: Vec<u8>,
    limit: usize,
}

impl AsyncWrite for LimitedBuffer {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, piece: &[u8]) -> Poll<io::Result<usize>> {
        if self.bytes.len() + piece.len() > self.limit {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.bytes.extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
