//! `[notify]`: what notifications are about, when they are sent, and e-mail.

use std::collections::BTreeMap;
use std::time::Duration;

use lettre::message::Mailbox;
use playrelay_engine::notifications::QuietHours;
use playrelay_util::secret::Secret;
use url::{Host, Url};

use crate::config::document::{ConfigError, Location, SpannedValue};
use crate::config::section::Section;

/// The name of the notifier that sends e-mail. No account may have it.
pub const EMAIL: &str = "email";
/// The port of SMTP with TLS from the start (RFC 8314).
const SMTPS_PORT: u16 = 465;
/// The port of SMTP that begins TLS with STARTTLS (RFC 6409).
const SUBMISSION_PORT: u16 = 587;
/// The port of SMTP without TLS.
const SMTP_PORT: u16 = 25;

/// `[notify]`
#[derive(Clone, Debug, PartialEq)]
pub struct NotifyOptions {
    /// Hours in which nothing is sent, by the clock of this machine; absent: none.
    pub quiet: Option<QuietHours>,
    /// For how long a tracker must be away, while something waits for it, before that is said.
    pub away_after: Duration,
    /// For how long a source that was heard must be silent before that is said; absent: it is never said.
    pub silent_after: Option<Duration>,
    /// Whether each play that counts as watched is a notification.
    pub plays: bool,
    /// `[notify.email]`; absent without it.
    pub email: Option<Email>,
}

/// `[notify.email]`
#[derive(Clone, Debug, PartialEq)]
pub struct Email {
    /// The host of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// The name and the password of the account there; absent for a server that wants none.
    pub login: Option<(String, Secret)>,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From its start: `smtps://`.
    Implicit,
    /// From STARTTLS on, which the server must offer: `smtp://`.
    StartTls,
    /// Not at all: `smtp+plain://`, for a server at home.
    None,
}

pub(super) fn read(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> NotifyOptions {
    let mut section = Section::new("[notify]", keys, problems);
    let place = section.location("quiet");
    let quiet = section.text("quiet").and_then(|text| {
        let hours = QuietHours::parse(&text);
        if hours.is_none() {
            let text = format!("`quiet` in [notify] is {text:?}; expected two times such as \"22:00-07:00\"");
            section.error(place, text);
        }
        hours
    });
    let away_after = section.duration("away_after").unwrap_or(Duration::from_secs(60 * 60));
    let silent_after = section.duration_or_off("silent_after");
    let silent_after = silent_after.unwrap_or(Some(Duration::from_secs(14 * 24 * 60 * 60)));
    let plays = section.boolean("plays").unwrap_or(false);
    let place = section.location("email");
    let email = section.table("email");
    section.finish();
    let email = read_email(email, &place, problems);
    NotifyOptions { quiet, away_after, silent_after, plays, email }
}

/// Reads the section; absent if the file has none.
fn read_email(
    keys: BTreeMap<String, SpannedValue>,
    place: &Location,
    problems: &mut Vec<ConfigError>,
) -> Option<Email> {
    if keys.is_empty() {
        return None;
    }
    let mut section = Section::new("[notify.email]", keys, problems);
    let server_place = section.location("server");
    let server = section.required_text("server", place, "the mail server, \"smtps://mail.example.com\"");
    let from = section.required_text("from", place, "the address of the sender");
    let from = from.and_then(|from| address(&mut section, "from", place, from));
    let to = section.texts("to").unwrap_or_default();
    if to.is_empty() {
        let text = "[notify.email] has no `to`; expected the addresses of the recipients".to_owned();
        section.missing("to", place.clone(), text);
    }
    let to: Vec<String> = to.into_iter().filter_map(|to| address(&mut section, "to", place, to)).collect();
    let (user, password) = (section.text("user"), section.text("password").map(Secret::new));
    if user.is_some() != password.is_some() {
        let text = "[notify.email] has one of `user` and `password`; expected both, or neither";
        section.error(place.clone(), text.to_owned());
    }
    let server = server.and_then(|text| {
        let server = mail_server(&text);
        if server.is_none() {
            let text = "`server` in [notify.email] is not the address of a mail server; expected \"smtps://HOST\" (TLS), \
                        \"smtp://HOST\" (STARTTLS) or \"smtp+plain://HOST\" (without TLS, at home), each with :PORT where it is another one";
            section.error(server_place, text.to_owned());
        }
        server
    });
    section.finish();
    let (tls, host, port) = server?;
    Some(Email { host, port, tls, login: user.zip(password), from: from?, to })
}

/// An address of e-mail, `mia@example.com` or `Mia <mia@example.com>`. The server says more about it.
fn address(section: &mut Section<'_>, key: &str, place: &Location, text: String) -> Option<String> {
    if text.parse::<Mailbox>().is_ok() {
        return Some(text);
    }
    let text =
        format!("`{key}` in [notify.email] is {text:?}; expected an address such as \"mia@example.com\"");
    section.error(place.clone(), text);
    None
}

/// How to connect to a mail server: encryption, host and port.
fn mail_server(text: &str) -> Option<(MailTls, String, u16)> {
    let (scheme, rest) = text.split_once("://")?;
    let (tls, usual) = match scheme {
        "smtps" => (MailTls::Implicit, SMTPS_PORT),
        "smtp" => (MailTls::StartTls, SUBMISSION_PORT),
        "smtp+plain" => (MailTls::None, SMTP_PORT),
        _ => return None,
    };
    // A scheme that the parser knows, so that it reads the host as one.
    let url = Url::parse(&format!("https://{rest}")).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let has_no_login = url.username().is_empty() && url.password().is_none();
    let host = match url.host().filter(|_| is_bare && has_no_login)? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    // The parser leaves out the port that its own scheme has.
    let port = if rest.trim_end_matches('/').ends_with(":443") { 443 } else { url.port().unwrap_or(usual) };
    Some((tls, host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_a_scheme_a_host_and_a_port() {
        let cases = [
            ("smtps://mail.example.com", Some((MailTls::Implicit, "mail.example.com", 465))),
            ("smtp://mail.example.com/", Some((MailTls::StartTls, "mail.example.com", 587))),
            ("smtp://mail.example.com:2525", Some((MailTls::StartTls, "mail.example.com", 2525))),
            ("smtp+plain://127.0.0.1:443", Some((MailTls::None, "127.0.0.1", 443))),
            ("smtp+plain://[::1]", Some((MailTls::None, "::1", 25))),
            ("https://mail.example.com", None),
            ("mail.example.com", None),
            ("smtps://mia:secret@mail.example.com", None),
            ("smtps://mail.example.com/inbox", None),
            ("smtps://", None),
        ];
        for (text, expected) in cases {
            let found = mail_server(text);
            let found = found.as_ref().map(|(tls, host, port)| (*tls, host.as_str(), *port));
            assert_eq!(found, expected, "{text}");
        }
    }
}
