//! E-mail, sent by the host: plugins have no sockets.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use playrelay_engine::notifications::{Notification, Urgency};
use playrelay_plugin_host::artifact::Digest;

use crate::config::{Email, MailTls};
use crate::notify::error::SendError;

/// How long a mail server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long sending one mail may take.
const MAIL_TIMEOUT: Duration = Duration::from_secs(60);
/// The answer of a server that does not accept the login (RFC 4954, section 6).
const LOGIN_REFUSED: u16 = 535;
/// The right side of ids of mails: they are ours, and no host has this name (RFC 6761).
const ID_DOMAIN: &str = "playrelay.invalid";

/// Sends a notification. The same one has the same `Message-ID` each time, so that a mail program shows it once.
pub(super) async fn send(
    email: &Email,
    notification: &Notification,
    link: Option<&str>,
    has_system_roots: bool,
) -> Result<(), SendError> {
    let message = message(email, notification, link)?;
    let transport = transport(email, has_system_roots)?;
    match tokio::time::timeout(MAIL_TIMEOUT, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(from_smtp(email, &error)),
        Err(_) => {
            let reason = format!("{} took longer than {} s", email.host, MAIL_TIMEOUT.as_secs());
            Err(SendError::Later { reason, after: None })
        }
    }
}

fn message(email: &Email, notification: &Notification, link: Option<&str>) -> Result<Message, SendError> {
    let refused =
        |error: &dyn std::fmt::Display| SendError::Refused(format!("the mail cannot be written: {error}"));
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| refused(&error));
    let id = |text: &str| format!("<{}@{ID_DOMAIN}>", &Digest::of(text.as_bytes()).to_string()[..32]);
    let mut builder = Message::builder()
        .from(mailbox(&email.from)?)
        .subject(&notification.title)
        .date(std::time::SystemTime::from(notification.at))
        .message_id(Some(id(&notification.id)))
        // What begins and ends one condition is one conversation.
        .references(id(&notification.condition))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN);
    if notification.urgency == Urgency::High {
        builder = builder
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Importance"), "high".to_owned()));
    }
    for to in &email.to {
        builder = builder.to(mailbox(to)?);
    }
    let paragraphs = [Some(notification.text.as_str()), link].into_iter().flatten();
    let text: Vec<&str> = paragraphs.filter(|text| !text.is_empty()).collect();
    let text = if text.is_empty() { notification.title.clone() } else { text.join("\n\n") };
    builder.body(format!("{text}\n")).map_err(|error| refused(&error))
}

fn transport(email: &Email, has_system_roots: bool) -> Result<AsyncSmtpTransport<Tokio1Executor>, SendError> {
    let later = |error: &dyn std::fmt::Display| SendError::Later {
        reason: format!("the certificates cannot be read: {error}"),
        after: None,
    };
    let tls = || {
        let mut parameters = TlsParameters::builder(email.host.clone());
        if !has_system_roots {
            parameters = parameters.certificate_store(CertificateStore::None);
            for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
                parameters = parameters.add_root_certificate(
                    Certificate::from_der(root.to_vec()).map_err(|error| later(&error))?,
                );
            }
        }
        parameters.build_rustls().map_err(|error| later(&error))
    };
    let tls = match email.tls {
        MailTls::Implicit => Tls::Wrapper(tls()?),
        MailTls::StartTls => Tls::Required(tls()?),
        MailTls::None => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&email.host)
        .port(email.port)
        .tls(tls)
        .hello_name(ClientId::Domain("localhost".to_owned()))
        .timeout(Some(ANSWER_TIMEOUT));
    if let Some((user, password)) = &email.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(transport.build())
}

/// What an error of the transport means. A server that refuses the login, or cannot take the mail now, is asked again.
fn from_smtp(email: &Email, error: &lettre::transport::smtp::Error) -> SendError {
    let mut reason = format!("mail server {}: {error}", email.host);
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    match error.status() {
        Some(code) if u16::from(code) == LOGIN_REFUSED => SendError::until_corrected(reason),
        _ if error.is_permanent() => SendError::Refused(reason),
        _ => SendError::Later { reason, after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> Email {
        Email {
            host: "mail.example.com".to_owned(),
            port: 465,
            tls: MailTls::Implicit,
            login: None,
            from: "Playrelay <relay@example.com>".to_owned(),
            to: vec!["mia@example.com".to_owned(), "Ida <ida@example.com>".to_owned()],
        }
    }

    #[test]
    fn a_mail_says_what_happened_and_where_to_look() {
        let notification = Notification {
            id: "installation/disk@2026-11-21T20:00:00Z".to_owned(),
            condition: "disk".to_owned(),
            title: "The disk is nearly full\r\nBcc: eve@example.com".to_owned(),
            text: "400 MB are left: füll it no more.".to_owned(),
            urgency: Urgency::High,
            page: "/doctor".to_owned(),
            resolved: false,
            at: "2026-11-21T20:00:00Z".parse().unwrap(),
        };
        let written =
            |link| String::from_utf8(message(&email(), &notification, link).unwrap().formatted()).unwrap();
        let mail = written(Some("https://relay.example/doctor"));
        assert!(mail.contains("From: Playrelay <relay@example.com>\r\n"), "{mail}");
        assert!(mail.contains("To: mia@example.com, Ida <ida@example.com>\r\n"), "{mail}");
        assert!(mail.contains("Date: Sat, 21 Nov 2026 20:00:00 +0000\r\n"), "{mail}");
        assert!(
            mail.contains("Importance: high\r\n") && mail.contains("Auto-Submitted: auto-generated\r\n"),
            "{mail}"
        );
        assert!(mail.contains("https://relay.example/doctor"), "{mail}");
        // A title cannot add a header.
        assert!(!mail.contains("\r\nBcc:"), "{mail}");
        assert!(!written(None).contains("https://"), "{mail}");
    }
}
