//! A browser that uses the API: with a cookie, and with what the daemon printed at its first start.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{Daemon, TestContext};
use crate::plex_webhook;

/// How long something may take that happens at once.
pub const SOON: Duration = Duration::from_secs(20);
/// The password of the first member.
pub const PASSWORD: &str = "three words in a row";

/// The code of the set-up, as the daemon printed it.
pub async fn setup_code(home: &TestContext) -> String {
    let printed = async {
        loop {
            let log = home.printed();
            let code = log.split("The code of the set-up is ").nth(1).and_then(|rest| rest.split(',').next());
            match code {
                Some(code) => return code.to_owned(),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(SOON, printed).await.expect("the daemon prints a code")
}

/// A webhook: somebody begins to watch a film.
pub fn begins(user: &str) -> Value {
    let film = plex_webhook::movie("7", "Inception", 2010, 8_880_000, &["imdb://tt1375666"]);
    plex_webhook::event("media.play", &film, Some(0), (7, user), "TV")
}

/// The body of an answer.
pub async fn read(answer: Response) -> Value {
    let text = answer.text().await.expect("the daemon answers");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A browser: it keeps its cookie.
pub struct Browser<'a> {
    daemon: &'a Daemon<'a>,
    client: reqwest::Client,
    /// The cookie of the login.
    pub cookie: Option<String>,
}

impl<'a> Browser<'a> {
    /// A browser that is not logged in.
    pub fn new(daemon: &'a Daemon<'a>) -> Self {
        Self { daemon, client: reqwest::Client::new(), cookie: None }
    }

    /// A request with the cookie.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.daemon.url()));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// Sends a body of JSON. Gives the status and the answer.
    pub async fn send(&mut self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.request(method, path).json(body).send().await.expect("the daemon answers");
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie
                .to_str()
                .expect("the daemon answers")
                .split(';')
                .next()
                .expect("the daemon answers")
                .to_owned();
            self.cookie = Some(cookie).filter(|cookie| !cookie.ends_with('='));
        }
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.expect("the daemon answers")).unwrap_or_default())
    }

    /// The status of an answer.
    pub async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.request(method, path).send().await.expect("the daemon answers").status()
    }

    /// Adds the first member, and is logged in as them.
    pub async fn set_up(&mut self, home: &TestContext) {
        let first = json!({ "code": setup_code(home).await, "name": "ada", "password": PASSWORD });
        let (status, answer) = self.send(Method::POST, "/api/v1/setup", &first).await;
        assert_eq!((status, &answer["role"]), (StatusCode::CREATED, &json!("admin")), "{answer}");
    }

    /// Logs in. Gives the status.
    pub async fn log_in(&mut self, name: &str, password: &str) -> StatusCode {
        let body = json!({ "name": name, "password": password });
        self.send(Method::POST, "/api/v1/login", &body).await.0
    }
}
