//! What an OpenID provider says of itself, read once for many logins.

use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    Client, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IssuerUrl, RedirectUrl, StandardErrorResponse, StandardTokenResponse,
};
use playrelay_plugin_host::http::client::HttpClient;
use tokio::sync::Mutex;

use crate::config::Oidc;
use crate::web::access::oidc::claims::OtherClaims;
use crate::web::access::oidc::error::OidcError;
use crate::web::access::oidc::transport::transport;

/// Where the provider sends people back, below `public_url`.
pub const CALLBACK_PATH: &str = "/api/v1/login/oidc/callback";
/// How long what a provider says of itself is used: its keys among them.
const METADATA_AGE: Duration = Duration::from_secs(300);
/// How long a provider that failed is left alone.
const FAILURE_AGE: Duration = Duration::from_secs(5);

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
/// The library, set up for a provider.
pub(super) type ProviderClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the provider said of itself last.
#[derive(Default)]
pub struct ProviderCache(Mutex<Option<Cached>>);

struct Cached {
    issuer: String,
    read_at: Instant,
    metadata: Result<CoreProviderMetadata, String>,
}

impl ProviderCache {
    /// The provider, as it describes itself. `public_url` is that of `[server]`.
    ///
    /// # Errors
    ///
    /// The provider does not answer, or not as it should.
    pub(super) async fn client(
        &self,
        wire: &HttpClient,
        public_url: &str,
        oidc: &Oidc,
    ) -> Result<ProviderClient, OidcError> {
        let failed = |reason: String| OidcError::Provider { issuer: oidc.issuer.clone(), reason };
        let redirect = RedirectUrl::new(format!("{public_url}{CALLBACK_PATH}"))
            .map_err(|error| failed(format!("`public_url` is no address: {error}")))?;
        // One at a time: strangers can begin logins, and the provider is asked once for all of them.
        let mut cache = self.0.lock().await;
        let fresh = cache.take().filter(|cached| {
            let age = if cached.metadata.is_ok() { METADATA_AGE } else { FAILURE_AGE };
            cached.issuer == oidc.issuer && cached.read_at.elapsed() < age
        });
        let cached = match fresh {
            Some(cached) => cached,
            None => Cached {
                issuer: oidc.issuer.clone(),
                metadata: discover(wire, &oidc.issuer).await,
                read_at: Instant::now(),
            },
        };
        let metadata = cached.metadata.clone();
        *cache = Some(cached);
        drop(cache);
        let secret = oidc.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let id = ClientId::new(oidc.client_id.clone());
        Ok(Client::from_provider_metadata(metadata.map_err(failed)?, id, secret).set_redirect_uri(redirect))
    }

    /// Forgets what the provider said: it may have new keys.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

async fn discover(wire: &HttpClient, issuer: &str) -> Result<CoreProviderMetadata, String> {
    let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|error| error.to_string())?;
    CoreProviderMetadata::discover_async(issuer, &transport(wire)).await.map_err(|error| with_causes(&error))
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
