//! The streams of one reader. A browser has six connections to a server without TLS: were all of them streams, the next page would not load.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use playrelay_util::lock::lock;
use tokio::sync::Notify;

/// The message that ends a stream for good: the reader has opened newer ones. The page looks every few seconds then.
pub(super) const FULL: &str = "full";
/// Streams that one reader may have open.
const MAX_STREAMS: usize = 4;

/// The open streams, by reader, the oldest first.
#[derive(Clone, Default)]
pub struct SessionStreams(Arc<Mutex<BTreeMap<String, VecDeque<Arc<Notify>>>>>);

/// An open stream. It leaves its place when it is dropped.
pub(super) struct StreamPlace {
    streams: SessionStreams,
    reader: String,
    /// Asks the stream to end: the reader has opened newer ones.
    pub(super) ended: Arc<Notify>,
}

impl SessionStreams {
    /// Opens a stream. The oldest one of the reader ends where there are too many.
    pub(super) fn open(&self, reader: String) -> StreamPlace {
        let ended = Arc::new(Notify::new());
        let mut all = lock(&self.0);
        let open = all.entry(reader.clone()).or_default();
        if open.len() >= MAX_STREAMS
            && let Some(oldest) = open.pop_front()
        {
            oldest.notify_one();
        }
        open.push_back(Arc::clone(&ended));
        drop(all);
        StreamPlace { streams: self.clone(), reader, ended }
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut all = lock(&self.streams.0);
        if let Some(open) = all.get_mut(&self.reader) {
            open.retain(|stream| !Arc::ptr_eq(stream, &self.ended));
            if open.is_empty() {
                all.remove(&self.reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_stream_of_a_reader_makes_room() {
        let streams = SessionStreams::default();
        let places: Vec<StreamPlace> = (0..=MAX_STREAMS).map(|_| streams.open("mia".to_owned())).collect();
        let other = streams.open("bob".to_owned());
        places[0].ended.notified().await;
        for place in [&places[1], &other] {
            let asked = tokio::time::timeout(std::time::Duration::ZERO, place.ended.notified()).await;
            assert!(asked.is_err(), "only the oldest one ends");
        }
        drop((places, other));
        assert!(lock(&streams.0).is_empty());
    }
}
