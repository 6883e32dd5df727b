//! The forms in which webhooks come, and which plugin of the server sent them.

mod official;
mod plex_format;
mod shemanaev;

use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::webhook::{self, Message};
use serde_json::{Map, Value};

/// Turns a webhook into its report.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    let read = message(request)?;
    let (message, received_at) = (&read.value, &request.received_at);
    let report = if message["NotificationType"].is_string() {
        official::report(message, received_at)?
    } else if message["Event"].is_string() {
        shemanaev::report(message)
    } else if is_plex_like(message) {
        plex_format::report(message)
    } else {
        let text = "found neither a \u{201c}NotificationType\u{201d} nor an \u{201c}Event\u{201d}; with the Webhook plugin, tick \
                    \u{201c}Send All Properties\u{201d}, or have the template print NotificationType";
        return Err(ParseError::Unsupported(text.to_owned()));
    };
    Ok(read.with(vec![report]))
}

fn is_plex_like(message: &Value) -> bool {
    message["event"].is_string() && message["Metadata"].is_object()
}

/// Whether a value is a message of one of the plugins.
fn is_message(value: &Value) -> bool {
    value["NotificationType"].is_string() || value["Event"].is_string() || is_plex_like(value)
}

/// The message: JSON whatever its content type, or the fields of a form.
fn message(request: &Request) -> Result<Message, ParseError> {
    let Some((text, place)) = webhook::text(request) else {
        let fields = request.form.iter().map(|field| (field.name.clone(), Value::from(field.value.as_str())));
        let value = Value::Object(fields.collect::<Map<_, _>>());
        return Ok(Message { value, remarks: Vec::new() });
    };
    let message = webhook::message(text, &place, is_message)?;
    match message.value.is_object() {
        true => Ok(message),
        false => Err(ParseError::Malformed(format!("{place} is JSON, but no object"))),
    }
}

#[cfg(test)]
mod tests {
    use playrelay_sdk::host::types::Field;

    use super::*;

    fn request(text: &str) -> Request {
        webhook::request(None, text)
    }

    fn read(name: &str) -> String {
        let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn messages_become_reports() {
        for name in [
            "episode-progress-paused",
            "movie-stop-quotes",
            "templated-finished",
            "templated-mark",
            "user-rating",
            "user-favorite",
            "finished-unprobed",
            "unofficial-progress",
            "unofficial-mark",
            "plex-like-movie",
        ] {
            insta::assert_debug_snapshot!(name, parse(&request(&read(name))));
        }
    }

    #[test]
    fn a_form_says_the_same_as_json() {
        let text = read("movie-stop-quotes");
        let message: Value = serde_json::from_str(&text).unwrap();
        let mut form = request("");
        // As GenericForm writes them: everything is text, and booleans are those of .NET.
        form.form = message
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| Field {
                name: name.clone(),
                value: match value {
                    Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                },
            })
            .collect();
        assert_eq!(parse(&form), parse(&request(&text)));
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (body, words) in [
            ("", "not JSON"),
            ("{\"NotificationType\":", "not JSON"),
            ("[]", "no object"),
            ("{}", "Send All Properties"),
            ("{\"NotificationType\":7}", "Send All Properties"),
        ] {
            let error = webhook::reason(parse(&request(body)).unwrap_err());
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
