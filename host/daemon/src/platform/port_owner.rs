//! The program that has a port, for the message when ours is taken.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use procfs::net::{TcpState, tcp, tcp6};
use procfs::process::{FDTarget, all_processes};

/// How long the other program has to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// Bytes of its answer in which its name is looked for.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// Letters of its name.
const MAX_NAME: usize = 60;

/// Who has a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortOwner {
    /// The name that its page has, or that of another Playrelay.
    name: Option<String>,
    /// The process: its name and its number. Absent where it is another user's, or in another container.
    process: Option<(String, i32)>,
}

impl PortOwner {
    /// Asks who listens at an address of this machine. All that cannot be found out stays out.
    pub fn find(address: SocketAddr) -> Self {
        Self { name: name_of(address), process: process_of(address.port()) }
    }
}

impl fmt::Display for PortOwner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.process) {
            (Some(name), Some((process, pid))) => {
                write!(formatter, "{name} has the port (process {pid}, {process})")
            }
            (Some(name), None) => write!(formatter, "{name} has the port"),
            (None, Some((process, pid))) => write!(formatter, "process {pid}, {process}, has the port"),
            (None, None) => write!(formatter, "another program has the port"),
        }
    }
}

/// What the program at an address calls itself.
fn name_of(address: SocketAddr) -> Option<String> {
    if ask(address, "/healthz").is_some_and(|answer| body(&answer).trim() == "ok") {
        return Some("another Playrelay".to_owned());
    }
    title(&ask(address, "/")?)
}

/// Sends a request, and reads its answer as far as it comes in time.
fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let end = Instant::now() + DEADLINE;
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).ok()?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    // As a whole: a program that answers the first piece and closes would cut its own answer off.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while (answer.len() as u64) < MAX_ANSWER_BYTES {
        let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let Some(left) = left else { break };
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
        }
    }
    (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
}

/// What follows the head of an answer.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The title of a page, as one line in quotes.
fn title(answer: &str) -> Option<String> {
    let lower = answer.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let words = answer[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = words.chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect();
    (!name.is_empty()).then(|| format!("a program that calls itself \u{201c}{name}\u{201d}"))
}

/// The process that listens at a port, as far as this user may see it.
fn process_of(port: u16) -> Option<(String, i32)> {
    let (v4, v6) = (tcp().unwrap_or_default(), tcp6().unwrap_or_default());
    let sockets = v4.into_iter().chain(v6);
    let listens = sockets.filter(|it| it.state == TcpState::Listen && it.local_address.port() == port);
    let sockets: Vec<u64> = listens.map(|it| it.inode).collect();
    all_processes().ok()?.flatten().find_map(|process| {
        let has_it = process.fd().ok()?.flatten().any(
            |descriptor| matches!(descriptor.target, FDTarget::Socket(inode) if sockets.contains(&inode)),
        );
        has_it.then(|| Some((process.stat().ok()?.comm, process.pid())))?
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A program that answers each connection with these bytes.
    fn program(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0, "a request comes first");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn a_program_is_named_by_its_page_and_its_process() {
        let address =
            program("HTTP/1.0 200 OK\r\n\r\n<html><head><Title lang=en>\n Other\u{1b}  thing </title>");
        let owner = PortOwner::find(address);
        assert_eq!(owner.name.as_deref(), Some("a program that calls itself \u{201c}Other thing\u{201d}"));
        assert_eq!(owner.process.map(|(_, pid)| pid), Some(i32::try_from(std::process::id()).unwrap()));
    }

    #[test]
    fn a_program_without_a_page_is_a_process() {
        let address = program("SSH-2.0-OpenSSH\r\n");
        let said = PortOwner::find(address).to_string();
        assert!(said.starts_with(&format!("process {}, ", std::process::id())), "{said}");
        assert_eq!(PortOwner::default().to_string(), "another program has the port");
    }

    #[test]
    fn another_daemon_is_recognized() {
        let address = program("HTTP/1.0 200 OK\r\n\r\nok");
        assert!(PortOwner::find(address).to_string().starts_with("another Playrelay has the port"));
    }
}
