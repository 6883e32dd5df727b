//! What all fake services share: a world behind a lock, a clock, faults, a log of everything that was received, and a way to wait
//! for something to become true.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::deadline::DEADLINE;
use crate::disconnect::Disconnect;
use crate::faults::{Fault, Faults};

/// A request that was received.
#[derive(Clone, Debug)]
pub struct Call {
    /// When, by the service's clock.
    pub at: Timestamp,
    /// The verb.
    pub method: String,
    /// With its query.
    pub path: String,
    /// The names of its headers, in lower case.
    pub headers: Vec<String>,
    /// The body, where it is JSON or a form.
    pub body: Value,
    /// The status of the answer; 0 where the connection was cut off.
    pub status: u16,
}

/// What a service refuses before it looks at a request, and what it adds to every answer.
pub trait RequestCheck: Send + 'static {
    /// The refusal, where there is one.
    fn check(&mut self, request: &Parts, now: Timestamp) -> Option<Response>;

    /// Adds headers.
    fn add_headers(&mut self, _response: &mut Response, _now: Timestamp) {}
}

/// A service. Clones are the same one.
pub struct Service<World> {
    world: Arc<Mutex<World>>,
    calls: Arc<Mutex<Vec<Call>>>,
    /// Its clock.
    pub clock: Clock,
    /// What goes wrong.
    pub faults: Faults,
    changed: watch::Sender<u64>,
    own_url: Arc<Mutex<String>>,
}

impl<World> Clone for Service<World> {
    fn clone(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            calls: Arc::clone(&self.calls),
            clock: self.clock.clone(),
            faults: self.faults.clone(),
            changed: self.changed.clone(),
            own_url: Arc::clone(&self.own_url),
        }
    }
}

impl<World> Service<World> {
    /// A service with a world.
    pub fn new(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            calls: Arc::default(),
            clock: Clock::default(),
            faults: Faults::default(),
            changed: watch::Sender::new(0),
            own_url: Arc::default(),
        }
    }

    /// Its world.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no handler panics while it holds the lock")
    }

    /// Everything that was received, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.log().clone()
    }

    fn log(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().expect("no handler panics while it holds the lock")
    }

    /// What was received as `VERB /path STATUS`, without queries, where the path begins with one of these.
    pub fn request_log(&self, beginnings: &[&str]) -> Vec<String> {
        let calls = self.calls();
        let told = calls.iter().filter(|call| beginnings.iter().any(|it| call.path.starts_with(it)));
        told.map(|call| {
            let path = call.path.split('?').next().unwrap_or_default();
            format!("{} {path} {}", call.method, call.status)
        })
        .collect()
    }

    /// Says that something has changed.
    pub fn notify_changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Where it is.
    pub fn own_url(&self) -> String {
        self.own_url.lock().expect("no handler panics").clone()
    }

    /// Says where it is.
    pub fn set_url(&self, url: String) {
        *self.own_url.lock().expect("no handler panics") = url;
    }

    /// Waits until something is true.
    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !holds() {
                changed.changed().await.expect("the sender lives in self");
            }
        };
        if tokio::time::timeout(DEADLINE, wait).await.is_err() {
            panic!("waited in vain for: {what}; received {:#?}", self.request_log(&["/"]));
        }
    }
}

/// What every request goes through: the log, faults, what the service refuses, and then the service itself.
pub async fn middleware<World: RequestCheck>(
    State(service): State<Service<World>>,
    request: Request,
    next: Next,
) -> Response {
    let cut = request.extensions().get::<Disconnect>().expect("the server puts it there").clone();
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let call = Call {
        at: service.clock.now(),
        method: parts.method.to_string(),
        path: path.clone(),
        headers: parts.headers.keys().map(|name| name.as_str().to_owned()).collect(),
        body: read(&bytes),
        status: 0,
    };
    let index = {
        let mut log = service.log();
        log.push(call);
        log.len() - 1
    };
    let fault = service.faults.take(&path);
    match &fault {
        Some(Fault::CutBefore) => cut.now().await,
        Some(Fault::Slow(delay)) => tokio::time::sleep(*delay).await,
        _ => {}
    }
    let now = service.clock.now();
    let refusal = match fault.as_ref().and_then(Fault::answer) {
        Some(answer) => Some(answer),
        None => service.world().check(&parts, now),
    };
    let mut response = match refusal {
        Some(response) => response,
        None => next.run(Request::from_parts(parts, Body::from(bytes))).await,
    };
    if matches!(fault, Some(Fault::CutAfter)) {
        service.notify_changed();
        cut.now().await;
    }
    service.world().add_headers(&mut response, now);
    service.log()[index].status = response.status().as_u16();
    service.notify_changed();
    response
}

/// A body of JSON, or a form as an object.
pub fn read(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let mut fields = json!({});
        for (name, value) in url::form_urlencoded::parse(bytes) {
            fields[name.as_ref()] = json!(value);
        }
        fields
    })
}

/// A body as it is noted: JSON, a form as an object, other text; null for an empty one.
pub fn read_body(bytes: &Bytes) -> Value {
    let is_form = |text: &str| text.contains('=') && !text.contains(['\n', '<', ' ']);
    match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
        (Ok(value), _) => value,
        (_, Ok("")) => Value::Null,
        (_, Ok(text)) if is_form(text) => read(bytes),
        (_, Ok(text)) => json!(text),
        (_, Err(_)) => json!(format!("{} bytes", bytes.len())),
    }
}

/// A header as text; empty where there is none.
pub fn header<'a>(request: &'a Parts, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A parameter of the query; empty where there is none.
pub fn parameter(request: &Parts, name: &str) -> String {
    let query = request.uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// What every fake can be asked. It has a field `shared`, which is its [`Service`].
macro_rules! service_of {
    ($fake:ident) => {
        impl $fake {
            /// Its clock.
            pub fn clock(&self) -> &$crate::clock::Clock {
                &self.shared.clock
            }

            /// What goes wrong.
            pub fn faults(&self) -> &$crate::faults::Faults {
                &self.shared.faults
            }

            /// Everything that was received, in order.
            pub fn calls(&self) -> Vec<$crate::service::Call> {
                self.shared.calls()
            }

            /// Waits until something is true of it.
            pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
                self.shared.until(what, || holds(self)).await;
            }
        }
    };
}
pub(crate) use service_of;
