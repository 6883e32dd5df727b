//! An OpenID provider as strict as the specification (OpenID Connect Core 1.0, RFC 7636): codes are good once, for the client, the
//! address and the verifier that they were made for. It lies on demand.
//!
//! Known lies:
//! - nobody is asked for a password: whoever comes is the user of [`FakeOidc::log_in_as`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::server::Server;

/// The id of the client that is registered.
pub const CLIENT_ID: &str = "playrelay-home";
/// Its secret.
pub const CLIENT_SECRET: &str = "oidc-secret-0123456789";
/// The address to which it may send people back.
pub const REDIRECT: &str = "http://relay.example/api/v1/login/oidc/callback";
/// The address under which people reach Playrelay.
pub const PUBLIC_URL: &str = "http://relay.example";
/// How long a token is good for. Seconds.
const TOKEN_SECONDS: i64 = 300;

/// What a provider may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The token is for another client.
    Audience,
    /// The token is of another issuer.
    Issuer,
    /// The token belongs to another login.
    Nonce,
    /// The token has expired.
    Expired,
    /// The token is signed with a key that the provider does not publish.
    Key,
    /// The token is not signed.
    Unsigned,
    /// There is no token.
    NoToken,
    /// The answers about the user are of another one.
    OtherUser,
}

struct Code {
    challenge: String,
    nonce: String,
}

struct World {
    url: String,
    claims: Value,
    is_short: bool,
    codes: HashMap<String, Code>,
    made: u32,
    discoveries: u32,
    lie: Option<Lie>,
    key: EcdsaKeyPair,
}

type Shared = Arc<Mutex<World>>;

/// A running provider.
pub struct FakeOidc {
    world: Shared,
    /// The HTTP server.
    pub server: Server,
}

impl FakeOidc {
    /// Starts one at which somebody with these claims is logged in.
    pub async fn start(claims: Value) -> Self {
        let world = Arc::new(Mutex::new(World {
            url: String::new(),
            claims,
            is_short: false,
            codes: HashMap::new(),
            made: 0,
            discoveries: 0,
            lie: None,
            key: new_key(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(user_info))
            .route("/keys", get(keys))
            .with_state(Arc::clone(&world));
        let server = Server::start(router).await;
        world.lock().expect("no thread panics while it holds the lock").url = server.url();
        Self { world, server }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no thread panics while it holds the lock")
    }

    /// Somebody else is logged in at the provider from now on.
    pub fn log_in_as(&self, claims: Value) {
        self.world().claims = claims;
    }

    /// From now on the token has no claims but the subject: the others are at the address for user info.
    pub fn keep_tokens_short(&self) {
        self.world().is_short = true;
    }

    /// What the provider does wrong from now on.
    pub fn lie(&self, lie: Option<Lie>) {
        self.world().lie = lie;
    }

    /// Signs with another key from now on, and publishes that.
    pub fn rotate_key(&self) {
        self.world().key = new_key();
    }

    /// How often the provider was asked to describe itself.
    pub fn discoveries(&self) -> u32 {
        self.world().discoveries
    }

    /// The section of the configuration that belongs to it.
    pub fn config(&self, more: &str) -> String {
        format!(
            "[access.oidc]\nissuer = {:?}\nclient_id = {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n{more}\n",
            self.server.url()
        )
    }
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("the system gives random bytes");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("the key was just made")
}

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().expect("no thread panics while it holds the lock")
}

async fn discovery(State(world): State<Shared>) -> Json<Value> {
    let mut world = lock(&world);
    world.discoveries += 1;
    let url = &world.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(world): State<Shared>) -> Json<Value> {
    let world = lock(&world);
    let point = world.key.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "x": x, "y": y }] }))
}

/// A query or form that the provider does not take.
fn refused(error: &str, words: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": words }))).into_response()
}

async fn authorize(State(world): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let scopes: Vec<&str> = get("scope").split(' ').collect();
    let is_known = get("client_id") == CLIENT_ID && get("redirect_uri") == REDIRECT;
    if !is_known || get("response_type") != "code" || !scopes.contains(&"openid") {
        return refused("invalid_request", "client, redirect, response type or scope");
    }
    if get("code_challenge_method") != "S256" || get("code_challenge").len() != 43 || get("nonce").is_empty()
    {
        return refused("invalid_request", "PKCE and a nonce are required");
    }
    let mut world = lock(&world);
    world.made += 1;
    let code = format!("code-{}", world.made);
    let made_for = Code { challenge: get("code_challenge").to_owned(), nonce: get("nonce").to_owned() };
    world.codes.insert(code.clone(), made_for);
    let mut back = Url::parse(REDIRECT).expect("an address");
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", get("state"))
        .append_pair("iss", &world.url);
    Redirect::to(back.as_str()).into_response()
}

async fn token(
    State(world): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(expected.as_str()) {
        return refused("invalid_client", "the id or the secret is wrong");
    }
    let mut world = lock(&world);
    let made_for = world.codes.remove(get("code"));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
    let Some(made_for) = made_for.filter(|made_for| made_for.challenge == challenge) else {
        return refused("invalid_grant", "the code or its verifier is wrong");
    };
    if get("grant_type") != "authorization_code" || get("redirect_uri") != REDIRECT {
        return refused("invalid_grant", "another redirect");
    }
    let mut answer =
        json!({ "access_token": "access-1", "token_type": "Bearer", "expires_in": TOKEN_SECONDS });
    if world.lie != Some(Lie::NoToken) {
        answer["id_token"] = json!(id_token(&world, &made_for.nonce));
    }
    Json(answer).into_response()
}

fn id_token(world: &World, nonce: &str) -> String {
    let now = Timestamp::now().as_second();
    let is = |lie| world.lie == Some(lie);
    let mut claims =
        if world.is_short { json!({ "sub": world.claims["sub"] }) } else { world.claims.clone() };
    claims["iss"] = if is(Lie::Issuer) { json!("https://evil.example") } else { json!(world.url) };
    claims["aud"] = json!(if is(Lie::Audience) { "another-client" } else { CLIENT_ID });
    claims["nonce"] = json!(if is(Lie::Nonce) { "another-nonce" } else { nonce });
    claims["iat"] = json!(now);
    claims["exp"] = json!(if is(Lie::Expired) { now - TOKEN_SECONDS } else { now + TOKEN_SECONDS });
    let algorithm = if is(Lie::Unsigned) { "none" } else { "ES256" };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": algorithm, "typ": "JWT" })), encode(&claims));
    let other = new_key();
    let key = if is(Lie::Key) { &other } else { &world.key };
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("the system gives random bytes");
    let signature = if is(Lie::Unsigned) { String::new() } else { URL_SAFE_NO_PAD.encode(signature) };
    format!("{signed}.{signature}")
}

async fn user_info(State(world): State<Shared>, headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some("Bearer access-1") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let world = lock(&world);
    let mut claims = world.claims.clone();
    if world.lie == Some(Lie::OtherUser) {
        claims["sub"] = json!("somebody-else");
    }
    Json(claims).into_response()
}
