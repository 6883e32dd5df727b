//! A login at an OpenID provider, from the way there to the member.

use axum::http::{HeaderMap, HeaderValue};
use openidconnect::core::{CoreGenderClaim, CoreResponseType};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, Scope, TokenResponse, UserInfoClaims,
};
use playrelay_plugin_host::artifact::Digest;
use playrelay_store::{Member, Role};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;
use url::Url;

use crate::config::Oidc;
use crate::web::access::forwarded::Origin;
use crate::web::access::oidc::claims::{Claims, OtherClaims, as_map};
use crate::web::access::oidc::error::{LOGIN_MINUTES, OidcError};
use crate::web::access::oidc::provider::{ProviderClient, with_causes};
use crate::web::access::oidc::transport::transport;
use crate::web::access::{AccessControl, random, sessions};

/// The cookie of a login that has begun.
const COOKIE: &str = "playrelay_login";

/// What a provider sends along when it sends somebody back.
#[derive(Debug, Default)]
pub struct Callback {
    /// The code, to be exchanged for tokens; absent where the provider refused.
    pub code: Option<Secret>,
    /// What Playrelay sent along.
    pub state: Option<String>,
    /// The issuer (RFC 9207); absent from older providers.
    pub issuer: Option<String>,
    /// Why the provider refused.
    pub error: Option<String>,
}

/// A login that has begun.
pub struct Begun {
    /// The address at the provider to which the browser goes.
    pub address: Url,
    /// The header that has the browser keep the secret of this login.
    pub cookie: Option<HeaderValue>,
}

/// Begins a login.
///
/// # Errors
///
/// No provider is set, it does not answer, or the system gives no random bytes.
pub async fn begin(access: &AccessControl, origin: &Origin) -> Result<Begun, OidcError> {
    let oidc = access.config().oidc.ok_or(OidcError::Absent)?;
    let client = client(access, &oidc).await?;
    let secret = random::token()?;
    let (state, nonce) = (CsrfToken::new(derive(&secret, "state")), Nonce::new(derive(&secret, "nonce")));
    let mut request = client.authorize_url(
        AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
        move || state,
        move || nonce,
    );
    let verifier = PkceCodeVerifier::new(derive(&secret, "verifier"));
    request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    for scope in oidc.scopes.iter().filter(|scope| *scope != "openid") {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let (address, _, _) = request.url();
    Ok(Begun { address, cookie: sessions::named_cookie(COOKIE, &secret, origin, LOGIN_MINUTES * 60) })
}

/// The header that has a browser forget a login that has begun.
pub fn clear_cookie(origin: &Origin) -> Option<HeaderValue> {
    sessions::named_cookie(COOKIE, &Secret::new(String::new()), origin, 0)
}

/// Ends a login: the member whom the provider names. A member of a user that was never here is added.
///
/// # Errors
///
/// The provider refuses or does not answer, its token is not valid, or the user may not log in.
pub async fn finish(
    access: &AccessControl,
    headers: &HeaderMap,
    callback: Callback,
) -> Result<Member, OidcError> {
    let oidc = access.config().oidc.ok_or(OidcError::Absent)?;
    let secret = sessions::cookie_named(headers, COOKIE).map(Secret::new).ok_or(OidcError::Stranger)?;
    let state = callback.state.unwrap_or_default();
    if !bool::from(derive(&secret, "state").as_bytes().ct_eq(state.as_bytes())) {
        return Err(OidcError::Stranger);
    }
    if callback.issuer.is_some_and(|issuer| issuer != oidc.issuer) {
        return Err(OidcError::Token("another provider answered".to_owned()));
    }
    if let Some(error) = callback.error {
        return Err(OidcError::Refused(error));
    }
    let code = callback.code.ok_or(OidcError::Stranger)?;
    let claims = claims(access, &oidc, &secret, code).await;
    if matches!(claims, Err(OidcError::Token(_))) {
        access.provider.forget().await;
    }
    admit(access, &oidc, &claims?).await
}

/// The provider, as it describes itself.
async fn client(access: &AccessControl, oidc: &Oidc) -> Result<ProviderClient, OidcError> {
    let app = access.app().get();
    let public_url = app.config.server.public_url.as_deref().unwrap_or_default();
    access.provider.client(&app.wire, public_url, oidc).await
}

/// A text that only the holder of a secret can make: 64 hexadecimal digits.
fn derive(secret: &Secret, purpose: &str) -> String {
    Digest::of(format!("{purpose}:{}", secret.expose()).as_bytes()).to_string()
}

/// Exchanges a code for what the provider says of the user.
async fn claims(
    access: &AccessControl,
    oidc: &Oidc,
    secret: &Secret,
    code: Secret,
) -> Result<Claims, OidcError> {
    let client = client(access, oidc).await?;
    let wire = access.app().get().wire.clone();
    let failed = |reason: String| OidcError::Provider { issuer: oidc.issuer.clone(), reason };
    let exchange = client.exchange_code(AuthorizationCode::new(code.expose().to_owned()));
    let tokens = exchange
        .map_err(|error| failed(error.to_string()))?
        .set_pkce_verifier(PkceCodeVerifier::new(derive(secret, "verifier")))
        .request_async(&transport(&wire))
        .await
        .map_err(|error| failed(with_causes(&error)))?;
    let token = tokens.id_token().ok_or_else(|| OidcError::Token("there is none".to_owned()))?;
    let verified = token
        .claims(&client.id_token_verifier(), &Nonce::new(derive(secret, "nonce")))
        .map_err(|error| OidcError::Token(with_causes(&error)))?;
    let subject = verified.subject().clone();
    let mut claims = Claims { subject: subject.to_string(), values: as_map(verified) };
    // Some providers say in the token no more than who it is.
    let is_whole =
        claims.values.contains_key(&oidc.name_claim) && claims.values.contains_key(&oidc.groups_claim);
    if !is_whole && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(subject)) {
        let info: UserInfoClaims<OtherClaims, CoreGenderClaim> =
            request.request_async(&transport(&wire)).await.map_err(|error| failed(with_causes(&error)))?;
        for (name, value) in as_map(&info) {
            claims.values.entry(name).or_insert(value);
        }
    }
    Ok(claims)
}

/// The member that a user of the provider is. The subject decides, never the name: names change hands.
async fn admit(access: &AccessControl, oidc: &Oidc, claims: &Claims) -> Result<Member, OidcError> {
    let name = claims.name(&oidc.name_claim).ok_or_else(|| OidcError::Nameless(oidc.name_claim.clone()))?;
    let groups = claims.groups(&oidc.groups_claim);
    let is_admin = access.config().is_admin(&name, &groups);
    if !is_admin && !oidc.allows(&name, &groups) {
        return Err(OidcError::NotAllowed(name));
    }
    let role = if is_admin { Role::Admin } else { Role::Viewer };
    let subject = format!("{} {}", oidc.issuer, claims.subject);
    let members = access.store().members().await?;
    if members.is_empty() && role != Role::Admin {
        return Err(OidcError::NoAdmin(name));
    }
    if let Some(mut member) = members.into_iter().find(|member| member.subject.as_ref() == Some(&subject)) {
        if member.role != role {
            member.role = role;
            if access.store().change_member(member.clone(), None).await? {
                access.revoke();
            } else {
                tracing::warn!(
                    member = member.name,
                    "the last member with the role admin keeps it, whatever the OpenID provider says"
                );
                member.role = Role::Admin;
            }
        }
        return Ok(member);
    }
    let member =
        Member { name: name.clone(), role, password: None, subject: Some(subject), created_at: clock::now() };
    if !access.store().add_member(member.clone()).await? {
        return Err(OidcError::NameTaken(name));
    }
    access.setup_code().end();
    tracing::info!(member = name, "a user of the OpenID provider is a member now");
    Ok(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_along_says_nothing_of_the_rest() {
        let secret = Secret::new("s".to_owned());
        let [state, nonce, verifier] = ["state", "nonce", "verifier"].map(|purpose| derive(&secret, purpose));
        assert!(state != nonce && nonce != verifier && state.len() == 64);
        assert_ne!(state, derive(&Secret::new("t".to_owned()), "state"));
    }
}
