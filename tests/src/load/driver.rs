//! Sends distinct webhooks over connections that stay open, and measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::workload::Workload;

/// What a round has measured.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Requests that were answered 200.
    pub requests: usize,
    /// From the first to the last.
    pub elapsed: Duration,
    /// How long each took, sorted.
    latencies: Vec<Duration>,
}

impl Figures {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the requests did not exceed.
    pub fn percentile(&self, share: f64) -> Duration {
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies[index.min(self.latencies.len() - 1)]
    }
}

/// Sends so many groups of a workload, numbered from `first`, with `in_flight` at a time.
pub async fn drive(
    address: SocketAddr,
    path: &str,
    workload: Workload,
    first: u32,
    groups: u32,
    in_flight: u32,
) -> Figures {
    let next = Arc::new(AtomicU32::new(first));
    let started = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|_| tokio::spawn(work(address, path.to_owned(), workload, Arc::clone(&next), first + groups)))
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.expect("a worker does not panic"));
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Figures { requests: latencies.len(), elapsed, latencies }
}

async fn work(
    address: SocketAddr,
    path: String,
    workload: Workload,
    next: Arc<AtomicU32>,
    end: u32,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return latencies;
        }
        for request in workload.group(&path, number) {
            let sent = Instant::now();
            stream.write_all(&request).await.expect("the server reads");
            let answer = read_answer(&mut stream, &mut buffer).await;
            latencies.push(sent.elapsed());
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
}

/// Reads one answer: its head, and as much as it says.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> String {
    let mut answer = Vec::new();
    loop {
        let read = stream.read(buffer).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return text.into_owned();
            }
        }
    }
}
