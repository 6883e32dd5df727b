//! A mail server (RFC 5321, RFC 4954, RFC 3207): it wants a login before it takes a mail, and TLS before the login where it speaks TLS. It knows some
//! of its recipients.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::tls_proxy::SelfSigned;

/// The name of the account.
pub const USER: &str = "relay";
/// Its password.
pub const PASSWORD: &str = "password-of-the-relay";
/// Recipients with this domain are known.
const DOMAIN: &str = "@example.com>";
/// How long a test waits for a mail.
const DEADLINE: Duration = Duration::from_secs(60);

/// A mail that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The recipients of its envelope, in angle brackets.
    pub to: Vec<String>,
    /// Headers and text.
    pub text: String,
}

/// A running mail server. It ends when it is dropped.
pub struct FakeMailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeMailServer {
    /// Starts one without TLS.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts one that goes over to TLS when it is asked to, and gives the certificate, which nobody has signed.
    pub async fn start_with_tls() -> (Self, String) {
        let SelfSigned { acceptor, pem, .. } = SelfSigned::new();
        (Self::start_with(Some(acceptor)).await, pem)
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mails = Arc::<Mutex<Vec<Mail>>>::default();
        let taken = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, tls) = (Arc::clone(&taken), tls.clone());
                tokio::spawn(async move {
                    // That the client has gone away is its own affair.
                    let _ = serve(stream, &taken, tls).await;
                });
            }
        });
        Self { address, mails, task }
    }

    /// Where it is: `127.0.0.1:1234`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The same by the name that its certificate has.
    pub fn named_address(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// The mails that were taken, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("no thread panics while it holds the lock").clone()
    }

    /// Waits until so many mails were taken.
    pub async fn until(&self, count: usize) -> Vec<Mail> {
        let end = Instant::now() + DEADLINE;
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < end, "waited in vain for {count} mails: {mails:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for FakeMailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, taken: &Mutex<Vec<Mail>>, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.write_all(b"220 mail.example.com ESMTP\r\n").await?;
    match (talk(stream, taken, tls.is_some()).await?, tls) {
        (Some(stream), Some(tls)) => talk(tls.accept(stream).await?, taken, false).await.map(drop),
        _ => Ok(()),
    }
}

/// Talks to its end, or until the client asks for TLS, where that is offered: gives the stream then.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    taken: &Mutex<Vec<Mail>>,
    offers_tls: bool,
) -> io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let (mut is_logged_in, mut has_sender, mut mail) = (false, false, Mail::default());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        let upper = line.to_ascii_uppercase();
        let answer = if upper.starts_with("EHLO ") {
            if offers_tls {
                "250-mail.example.com\r\n250-STARTTLS\r\n250 8BITMIME"
            } else {
                "250-mail.example.com\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME"
            }
        } else if upper == "STARTTLS" && offers_tls {
            stream.write_all(b"220 2.0.0 Ready to start TLS\r\n").await?;
            // What follows without TLS would be taken for something that came by it.
            assert!(stream.buffer().is_empty(), "the client did not wait for the answer");
            return Ok(Some(stream.into_inner()));
        } else if offers_tls && upper != "QUIT" {
            "530 5.7.0 Must issue a STARTTLS command first"
        } else if let Some(given) = upper.starts_with("AUTH PLAIN ").then(|| &line["AUTH PLAIN ".len()..]) {
            let expected = BASE64.encode(format!("\0{USER}\0{PASSWORD}"));
            is_logged_in = given == expected;
            if is_logged_in { "235 2.7.0 Accepted" } else { "535 5.7.8 Username and password not accepted" }
        } else if upper.starts_with("MAIL FROM:") {
            has_sender = is_logged_in;
            if is_logged_in { "250 2.1.0 OK" } else { "530 5.7.0 Authentication required" }
        } else if upper.starts_with("RCPT TO:") && has_sender {
            match line["RCPT TO:".len()..].split(' ').next().unwrap_or_default() {
                known if known.ends_with(DOMAIN) => {
                    mail.to.push(known.to_owned());
                    "250 2.1.5 OK"
                }
                _ => "550 5.1.1 No such user here",
            }
        } else if upper == "DATA" && !mail.to.is_empty() {
            stream.write_all(b"354 Go ahead\r\n").await?;
            mail.text = data(&mut stream).await?;
            taken.lock().expect("no thread panics while it holds the lock").push(std::mem::take(&mut mail));
            "250 2.0.0 OK"
        } else if upper == "QUIT" {
            stream.write_all(b"221 2.0.0 Bye\r\n").await?;
            return Ok(None);
        } else if upper == "RSET" || upper == "NOOP" {
            "250 2.0.0 OK"
        } else {
            "503 5.5.1 Bad sequence of commands"
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// Headers and text, up to the line with a single full stop.
async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
