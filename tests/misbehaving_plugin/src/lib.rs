//! A source that does as the message says: behaves, or misbehaves in one of many ways. With another manifest the same
//! code is the healthy plugin beside it.

use playrelay_sdk::capability::{self, webhook::{ParseError, Report, Request}};
use playrelay_sdk::host::http::{self, Body, Method};
use playrelay_sdk::host::log::{self, Level};
use playrelay_sdk::host::reports::{Completion, Content, Ignored, Playback, PlaybackState, Player, Server, User};
use playrelay_sdk::host::types::{Failure, Field, Item, ItemKind, Movie};
use playrelay_sdk::host::{clock, kv, settings};

struct Rogue;

impl capability::webhook::Guest for Rogue {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        match request.body.as_str() {
            "loop" => loop {
                std::hint::spin_loop();
            },
            // Each turn asks the host, so that no turn computes for long.
            "spin" => loop {
                std::hint::black_box(clock::now());
            },
            "allocate" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![hoard.len() as u8; 1 << 20]);
                }
            }
            "panic" => panic!("as told"),
            "recurse" => Ok(vec![ignored("depth", recurse(1).to_string())]),
            "list" => Ok(vec![ignored("one-of-many", "x".repeat(1_000)); 10_000]),
            // 7.7 MB, and what may just be returned.
            "hoard" => Ok(vec![ignored("one-of-many", "x".repeat(30_000)); 256]),
            "heavy" => Ok(vec![ignored("one-of-many", "x".repeat(3_000)); 256]),
            // It says that a text of a GiB lies in a memory of a few MiB.
            "giant" => Ok(vec![ignored("giant", claimed_text(1 << 30))]),
            "forge" => Ok(vec![ignored("forged\u{1b}[2J", "\u{1b}]0;title\u{7}\r\n   99  queued\u{202e}".to_owned())]),
            text if text.starts_with("play ") => Ok(vec![play(&text["play ".len()..])]),
            "many" => Ok(vec![ignored("one-of-many", String::new()); 257]),
            "shout" => {
                for line in 0..5_000 {
                    log::write(Level::Warn, &format!("shouting {line}"), &[]);
                }
                Ok(vec![ignored("shouted", String::new())])
            }
            "fetch" => Ok(vec![ignored("fetched", fetch("http://127.0.0.1:9/"))]),
            "store" => Ok(vec![ignored("stored", format!("{:?}", kv::set("key", b"value", None)))]),
            "time" => Ok(vec![ignored("time", (clock::now() == request.received_at).to_string())]),
            "secrets" => Ok(vec![ignored("secrets", format!("{:?} {:?}", settings::get("token"), request.headers))]),
            text => Ok(vec![ignored("well", text.to_owned())]),
        }
    }
}

/// A text that has this length only by its own word. The host reads it; nothing here does.
fn claimed_text(length: usize) -> String {
    let start = Box::leak(Box::new(b'x'));
    // SAFETY: there is none: the guest lies to its host about its own memory, and it is the host that must notice.
    unsafe { String::from_raw_parts(start, length, length) }
}

impl capability::enrich::Guest for Rogue {
    /// Tries to reach `target`, or the address that was played.
    fn resolve(item: Item) -> Result<Item, Failure> {
        let played = item.server_ref.clone().filter(|played| played.starts_with("http"));
        let target = played.or_else(|| settings::get("target")).unwrap_or_default();
        Err(Failure::Rejected(fetch(&target))).or_else(|failure| if target.is_empty() { Ok(item) } else { Err(failure) })
    }
}

impl capability::check::Guest for Rogue {
    /// Sends one request to `target`, with headers that it must not be able to send; or reads and writes its own store.
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        let target = settings::get("target").unwrap_or_default();
        if target == "its own store" {
            let before = format!("{:?}", kv::get("key"));
            let name = format!("{before} {:?}", kv::set("key", b"private", None));
            return Ok(capability::check::AccountInfo { name, id: None, details: Vec::new() });
        }
        Ok(capability::check::AccountInfo { name: fetch(&target), id: None, details: Vec::new() })
    }
}

/// Somebody starts a film that has to be looked up.
fn play(user: &str) -> Report {
    let film = Movie { title: "Mirror".to_owned(), original_title: None, year: Some(1975), ids: Vec::new() };
    Report::Playback(Playback {
        server: Server { id: Some("attic".to_owned()), name: None },
        user: User { id: Some(user.to_owned()), name: Some(user.to_owned()) },
        player: Player { id: None, name: None, product: None },
        session: None,
        item: Item {
            kind: ItemKind::Movie(film),
            server_ref: Some(user.to_owned()),
            server_show_ref: None,
            runtime_ms: None,
            ext: Vec::new(),
        },
        state: PlaybackState::Playing,
        position_ms: Some(0),
        completion: Completion::None,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at: None,
        ext: Vec::new(),
    })
}

/// Sends a request with headers that it must not be able to send. An address after `smuggle ` gets one with a second header in its value.
fn fetch(target: &str) -> String {
    let header = |name: &str, value: &str| Field { name: name.to_owned(), value: value.to_owned() };
    let (url, headers) = match target.strip_prefix("smuggle ") {
        Some(url) => (url, vec![header("x-own", "1\r\nx-smuggled: 2")]),
        None => {
            let forged = ["authorization", "x-api-key", "cookie", "x-own"];
            (target, forged.iter().map(|name| header(name, "forged")).collect())
        }
    };
    let request = http::Request {
        method: Method::Get,
        url: url.to_owned(),
        headers,
        body: Body::None,
        timeout_ms: Some(2_000),
        captures: Vec::new(),
    };
    match http::send(&request) {
        Ok(response) => format!("{} {:?}", response.status, response.body),
        Err(error) => format!("{error:?}"),
    }
}

fn ignored(code: &str, detail: String) -> Report {
    Report::Ignored(Ignored { code: code.to_owned(), detail })
}

#[expect(unconditional_recursion, reason = "that is the misbehaviour")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth) + 1) + 1)
}

capability::webhook::export_webhook!(Rogue with_types_in capability::webhook);
capability::enrich::export_enrich!(Rogue with_types_in capability::enrich);
capability::check::export_check!(Rogue with_types_in capability::check);
