//! Logins at an OpenID provider.

use playrelay_tests::browser::{Browser, PASSWORD};
use playrelay_tests::fake_oidc::{FakeOidc, Lie, PUBLIC_URL};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

const LOGIN: &str = "/api/v1/login/oidc";

/// The names and values of the cookies that an answer sets.
fn cookies(answer: &Response) -> Vec<String> {
    let values = answer.headers().get_all(SET_COOKIE).iter();
    values.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// A browser on its way through a login.
struct Way<'a> {
    daemon: &'a Daemon<'a>,
    client: Client,
    cookie: String,
}

impl<'a> Way<'a> {
    fn new(daemon: &'a Daemon<'a>) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { daemon, client, cookie: String::new() }
    }

    /// Begins a login, goes to the provider, and is sent back. Gives path and query to which the provider sends it.
    async fn visit_provider(&mut self) -> String {
        let begun = self.client.get(format!("{}{LOGIN}", self.daemon.url())).send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::SEE_OTHER, "{}", begun.text().await.unwrap());
        self.cookie = cookies(&begun).remove(0);
        let set = begun.headers()[SET_COOKIE].to_str().unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("Max-Age=600"), "{set}");
        let address = begun.headers()[LOCATION].to_str().unwrap().to_owned();
        let sent_back = self.client.get(address).send().await.unwrap();
        assert_eq!(sent_back.status(), StatusCode::SEE_OTHER, "{}", sent_back.text().await.unwrap());
        let back = Url::parse(sent_back.headers()[LOCATION].to_str().unwrap()).unwrap();
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    /// Comes back to the daemon.
    async fn arrive(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.daemon.url())).header(COOKIE, &self.cookie);
        request.send().await.unwrap()
    }

    /// A whole login that must fail. Gives the status and the problem.
    async fn fail(&mut self) -> (StatusCode, Value) {
        let back = self.visit_provider().await;
        problem(self.arrive(&back).await).await
    }

    /// A whole login that must succeed. Gives what the daemon says of the session.
    async fn log_in(&mut self) -> Value {
        let back = self.visit_provider().await;
        let arrived = self.arrive(&back).await;
        assert_eq!(arrived.status(), StatusCode::SEE_OTHER, "{}", arrived.text().await.unwrap());
        assert_eq!(arrived.headers()[LOCATION], "/");
        let set = cookies(&arrived);
        assert!(set.contains(&"playrelay_login=".to_owned()), "{set:?}");
        let session = set.into_iter().find(|cookie| cookie.starts_with("playrelay=")).unwrap();
        let mut browser = Browser::new(self.daemon);
        browser.cookie = Some(session);
        browser.send(Method::GET, "/api/v1/session", &Value::Null).await.1
    }
}

async fn problem(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    assert!(cookies(&answer).is_empty(), "nobody is logged in");
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn ada() -> Value {
    json!({ "sub": "a1", "preferred_username": "ada", "groups": ["family", "admins"] })
}

fn mia() -> Value {
    json!({ "sub": "m1", "preferred_username": "mia", "groups": ["family"] })
}

async fn home(provider: &FakeOidc, access: &str) -> TestContext {
    let trakt = FakeTrakt::start().await;
    let access = format!("[access]\nadmin_groups = [\"admins\"]\n{access}\n");
    let access = access + &provider.config("allowed_groups = [\"family\"]");
    let mut home = TestContext::plex_to_trakt(None, &trakt, &access);
    home.set("PLAYRELAY__SERVER__PUBLIC_URL", PUBLIC_URL);
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_provider_becomes_a_member_with_the_role_of_their_groups() {
    let provider = FakeOidc::start(mia()).await;
    let home = home(&provider, "").await;
    let daemon = home.start();
    // The first member is one that may change something.
    let (status, refused) = Way::new(&daemon).fail().await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{refused}");
    provider.log_in_as(ada());
    let session = Way::new(&daemon).log_in().await;
    assert_eq!((&session["name"], &session["role"]), (&json!("ada"), &json!("admin")));
    let setup = Browser::new(&daemon).send(Method::GET, "/api/v1/setup", &Value::Null).await.1;
    assert_eq!(setup, json!({ "needed": false }));
    provider.log_in_as(mia());
    provider.keep_tokens_short();
    let session = Way::new(&daemon).log_in().await;
    assert_eq!((&session["name"], &session["role"]), (&json!("mia"), &json!("viewer")));
    // Names change, and so do groups; who it is does not.
    provider.log_in_as(json!({ "sub": "m1", "preferred_username": "mia2", "groups": "admins" }));
    let session = Way::new(&daemon).log_in().await;
    assert_eq!((&session["name"], &session["role"]), (&json!("mia"), &json!("admin")));
    // A name that somebody has is not given away.
    provider.log_in_as(json!({ "sub": "other", "preferred_username": "mia", "groups": ["family"] }));
    let (status, refused) = Way::new(&daemon).fail().await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("another member has the name \"mia\""), "{refused}");
    assert_eq!(provider.discoveries(), 1, "the provider is not asked for each login");
    drop(daemon);
    assert!(!home.log().contains("code-"), "no code is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays_one() {
    let provider = FakeOidc::start(ada()).await;
    let home = home(&provider, "").await;
    let daemon = home.start();
    Way::new(&daemon).log_in().await;
    provider.log_in_as(json!({ "sub": "a1", "preferred_username": "ada", "groups": ["family"] }));
    assert_eq!(Way::new(&daemon).log_in().await["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_named_is_not_let_in() {
    let provider =
        FakeOidc::start(json!({ "sub": "e1", "preferred_username": "eve", "groups": ["work"] })).await;
    let home = home(&provider, "").await;
    let daemon = home.start();
    let (status, refused) = Way::new(&daemon).fail().await;
    assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")), "{refused}");
    provider.log_in_as(json!({ "sub": "e1", "groups": ["family"] }));
    let (status, refused) = Way::new(&daemon).fail().await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(refused["detail"].as_str().unwrap().contains("preferred_username"), "{refused}");
    let mut browser = Browser::new(&daemon);
    browser.set_up(&home).await;
    let members = browser.send(Method::GET, "/api/v1/members", &Value::Null).await.1;
    assert_eq!(members["items"].as_array().unwrap().len(), 1, "{members}");
    // A member with a password keeps the name, whoever has it at the provider.
    provider.log_in_as(json!({ "sub": "a9", "preferred_username": "ada", "groups": ["admins"] }));
    assert_eq!(Way::new(&daemon).fail().await.0, StatusCode::CONFLICT);
    assert_eq!(Browser::new(&daemon).log_in("ada", PASSWORD).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_valid_opens_nothing() {
    let provider = FakeOidc::start(ada()).await;
    let home = home(&provider, "trusted_proxies = [\"127.0.0.1\"]").await;
    let daemon = home.start();
    let lies = [
        Lie::Audience,
        Lie::Issuer,
        Lie::Nonce,
        Lie::Expired,
        Lie::Key,
        Lie::Unsigned,
        Lie::NoToken,
        Lie::OtherUser,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        if lie == Lie::OtherUser {
            provider.keep_tokens_short();
        }
        provider.lie(Some(lie));
        let mut way = Way::new(&daemon);
        let back = way.visit_provider().await;
        // Each from an address of its own: guesses are limited.
        let request = way.client.get(format!("{}{back}", daemon.url())).header(COOKIE, &way.cookie);
        let answer = request.header("x-forwarded-for", format!("203.0.113.{number}")).send().await.unwrap();
        let (status, refused) = problem(answer).await;
        let expected = if lie == Lie::OtherUser { StatusCode::BAD_GATEWAY } else { StatusCode::UNAUTHORIZED };
        assert_eq!(status, expected, "{lie:?}: {refused}");
    }
    provider.lie(None);
    assert_eq!(Way::new(&daemon).log_in().await["role"], "admin");
    // A provider with a new key is read once more: the second try succeeds.
    provider.rotate_key();
    assert_eq!(Way::new(&daemon).fail().await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(Way::new(&daemon).log_in().await["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_that_began_a_login_ends_it_and_only_once() {
    let provider = FakeOidc::start(ada()).await;
    let home = home(&provider, "").await;
    let daemon = home.start();
    let mut way = Way::new(&daemon);
    let back = way.visit_provider().await;
    // Another browser is handed the address: it has no cookie, or that of its own login.
    let (status, refused) = problem(Way::new(&daemon).arrive(&back).await).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("invalid-request")), "{refused}");
    let mut other = Way::new(&daemon);
    other.visit_provider().await;
    assert_eq!(problem(other.arrive(&back).await).await.0, StatusCode::BAD_REQUEST);
    // The provider is another, or refuses.
    let elsewhere = back.split("&iss=").next().unwrap().to_owned() + "&iss=https%3A%2F%2Fevil.example";
    assert_eq!(problem(way.arrive(&elsewhere).await).await.0, StatusCode::UNAUTHORIZED);
    let state = back.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap();
    let denied = format!("{LOGIN}/callback?state={state}&error=access_denied&error_description=no");
    let (status, refused) = problem(way.arrive(&denied).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(refused["detail"].as_str().unwrap().ends_with("access_denied: no"), "{refused}");
    assert_eq!(way.arrive(&back).await.status(), StatusCode::SEE_OTHER);
    let (status, refused) = problem(way.arrive(&back).await).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_GATEWAY, &json!("upstream")), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_said_and_so_is_none() {
    let provider = FakeOidc::start(ada()).await;
    let with_provider = home(&provider, "").await;
    let daemon = with_provider.start();
    provider.server.go_down().await;
    let away = Way::new(&daemon).client.get(format!("{}{LOGIN}", daemon.url())).send().await.unwrap();
    let (status, refused) = problem(away).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_GATEWAY, &json!("upstream")), "{refused}");
    let trakt = FakeTrakt::start().await;
    let without = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = without.start();
    let absent = Way::new(&daemon).client.get(format!("{}{LOGIN}", daemon.url())).send().await.unwrap();
    assert_eq!(problem(absent).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_the_client_is_not_written_to_the_file_from_here() {
    let provider = FakeOidc::start(ada()).await;
    let home = home(&provider, "").await;
    let daemon = home.start();
    let settings: Value = daemon.get("/api/v1/settings").await;
    let item = |key: &str| {
        settings["items"].as_array().unwrap().iter().find(|item| item["key"] == key).cloned().unwrap()
    };
    assert_eq!(item("access.oidc.client_secret")["value"], Value::Null);
    let change = json!({
        "digest": settings["digest"],
        "changes": [{ "key": "access.oidc.client_secret", "value": "another-secret" }],
    });
    let answer = daemon.api(Method::PATCH, "/api/v1/settings").json(&change).send().await.unwrap();
    let (status, refused) = problem(answer).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("locked")), "{refused}");
}
