//! The websockets of a fake server: all clients hear the same, and some of what can go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use tokio::sync::{broadcast, watch};

/// Frames that may wait for a slow client.
const MAX_QUEUED_FRAMES: usize = 4_096;

/// How long a test waits for something to happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Clone, Debug)]
enum Push {
    Text(Utf8Bytes),
    /// Only for those who have asked for it.
    News(Utf8Bytes),
    /// A ping, of which the answer says that all before it was dealt with.
    Mark(u64),
    /// Pings, as fast as they go, for so long. Nothing is read meanwhile.
    Flood(Duration),
    Cut,
}

/// The sockets of a server. Clones are the same.
#[derive(Clone)]
pub struct Sockets {
    pushes: broadcast::Sender<Push>,
    frozen: Arc<watch::Sender<bool>>,
    open: Arc<watch::Sender<usize>>,
    /// Sockets that were opened so far.
    opened: Arc<watch::Sender<usize>>,
    heard: Arc<watch::Sender<Vec<String>>>,
    /// Clients that have asked for news.
    subscribed: Arc<watch::Sender<usize>>,
    /// The last mark that was sent…
    marked: Arc<AtomicU64>,
    /// …and the last one that was answered.
    reached: Arc<watch::Sender<u64>>,
}

/// What a client says to be told of sessions.
const SUBSCRIBE: &str = "\"SessionsStart\"";

impl Default for Sockets {
    fn default() -> Self {
        Self {
            pushes: broadcast::Sender::new(MAX_QUEUED_FRAMES),
            frozen: Arc::new(watch::Sender::new(false)),
            open: Arc::new(watch::Sender::new(0)),
            opened: Arc::new(watch::Sender::new(0)),
            heard: Arc::new(watch::Sender::new(Vec::new())),
            subscribed: Arc::new(watch::Sender::new(0)),
            marked: Arc::default(),
            reached: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl Sockets {
    /// Sends a frame to all clients. Gives how many there are.
    pub fn push(&self, text: impl Into<String>) -> usize {
        self.pushes.send(Push::Text(text.into().into())).unwrap_or(0)
    }

    /// Sends a frame to all clients that have asked for it. Gives how many there are.
    pub fn broadcast_subscribed(&self, text: impl Into<String>) -> usize {
        // Nobody may be there.
        let _ = self.pushes.send(Push::News(text.into().into()));
        *self.subscribed.borrow()
    }

    /// Waits until the client has dealt with all that it was sent, or the socket has ended. A client answers a ping when it comes to it,
    /// and what came before it has then been dealt with.
    pub async fn wait_until_drained(&self) {
        let (mut reached, mut open, mut opened) =
            (self.reached.subscribe(), self.open.subscribe(), self.opened.subscribe());
        let before = *opened.borrow();
        let mark = self.marked.fetch_add(1, Ordering::Relaxed) + 1;
        // Nobody may be there.
        let _ = self.pushes.send(Push::Mark(mark));
        let taken = async {
            tokio::select! {
                _ = reached.wait_for(|reached| *reached >= mark) => {}
                _ = open.wait_for(|open| *open == 0) => {}
                _ = opened.wait_for(|opened| *opened > before) => {}
            }
        };
        let waited = tokio::time::timeout(DEADLINE, taken).await.is_ok();
        assert!(waited, "nobody has dealt with what was sent");
    }

    /// Waits until a client has asked for news.
    pub async fn until_subscribed(&self) {
        let mut subscribed = self.subscribed.subscribe();
        let wait = subscribed.wait_for(|subscribed| *subscribed > 0);
        let waited = tokio::time::timeout(DEADLINE, wait).await.is_ok();
        assert!(waited, "nobody has asked for news: {:?}", self.received());
    }

    /// Floods all clients with pings for a while, and reads none of the answers.
    pub fn flood(&self, duration: Duration) {
        // Nobody may be there.
        let _ = self.pushes.send(Push::Flood(duration));
    }

    /// Closes all sockets.
    pub fn close_all(&self) {
        // Nobody may be there.
        let _ = self.pushes.send(Push::Cut);
    }

    /// From here on nothing is read, answered or sent, and no connection ends: a cable was pulled.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// What clients said, in order.
    pub fn received(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    /// Waits until a client has said something.
    pub async fn until_heard(&self, text: &str) {
        let mut heard = self.heard.subscribe();
        let wait = heard.wait_for(|heard| heard.iter().any(|heard| heard.contains(text)));
        let waited = tokio::time::timeout(DEADLINE, wait).await.is_ok();
        assert!(waited, "{text} was waited for in vain: {:?}", self.received());
    }

    /// Sockets that were opened so far.
    pub fn opened(&self) -> usize {
        *self.opened.borrow()
    }

    /// Waits until so many sockets were opened in all.
    pub async fn until_opened(&self, count: usize) {
        let mut opened = self.opened.subscribe();
        let wait = opened.wait_for(|opened| *opened >= count);
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        assert!(
            waited.is_ok(),
            "a socket was waited for in vain: {} were opened, {count} expected",
            self.opened()
        );
    }

    /// Serves a client until it goes, the server is cut off, or `up` says that it is down. `answer` says what is answered to a text.
    pub async fn serve(
        self,
        mut socket: WebSocket,
        mut up: watch::Receiver<bool>,
        answer: impl Fn(&str) -> Option<String>,
    ) {
        let mut pushes = self.pushes.subscribe();
        let mut frozen = self.frozen.subscribe();
        self.open.send_modify(|open| *open += 1);
        self.opened.send_modify(|opened| *opened += 1);
        let mut is_subscribed = false;
        loop {
            let is_frozen = *frozen.borrow_and_update();
            if is_frozen {
                tokio::select! {
                    _ = frozen.changed() => continue,
                    () = wait_until_down(&mut up) => break,
                }
            }
            tokio::select! {
                _ = frozen.changed() => {}
                () = wait_until_down(&mut up) => break,
                push = pushes.recv() => match push {
                    Ok(Push::News(_)) if !is_subscribed => {}
                    Ok(Push::Text(text) | Push::News(text)) => {
                        if socket.send(Message::Text(text)).await.is_err() {
                            break;
                        }
                    }
                    Ok(Push::Mark(mark)) => {
                        let mark = Message::Ping(mark.to_be_bytes().to_vec().into());
                        if socket.send(mark).await.is_err() {
                            break;
                        }
                    }
                    Ok(Push::Flood(duration)) => {
                        let flood = async {
                            while socket.send(Message::Ping(b"still there?".to_vec().into())).await.is_ok() {}
                        };
                        // A client that hangs up has had enough.
                        let _ = tokio::time::timeout(duration, flood).await;
                    }
                    Ok(Push::Cut) | Err(broadcast::error::RecvError::Closed) => break,
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.heard.send_modify(|heard| heard.push(text.as_str().to_owned()));
                        if text.as_str().contains(SUBSCRIBE) && !std::mem::replace(&mut is_subscribed, true) {
                            self.subscribed.send_modify(|subscribed| *subscribed += 1);
                        }
                        if let Some(answer) = answer(text.as_str())
                            && socket.send(Message::Text(answer.into())).await.is_err()
                        {
                            break;
                        }
                    }
                    Some(Ok(Message::Pong(mark))) => {
                        if let Ok(mark) = <[u8; 8]>::try_from(&mark[..]) {
                            self.reached.send_replace(u64::from_be_bytes(mark));
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                },
            }
        }
        self.open.send_modify(|open| *open -= 1);
        self.subscribed.send_modify(|subscribed| *subscribed -= usize::from(is_subscribed));
    }
}

/// Waits until a server is down, or gone.
async fn wait_until_down(up: &mut watch::Receiver<bool>) {
    // An error means that it is gone.
    let _ = up.wait_for(|up| !*up).await;
}
