//! What most services that show notifications need.

use serde::Serialize;

use crate::capability::notify::Notification;
use crate::failure;
use crate::host::types::Failure;
use crate::http;
use crate::response::Response;

/// The text to show: the sentences, or the title for a service that wants a text.
pub fn text_or_title(notification: &Notification) -> &str {
    if notification.text.is_empty() { &notification.title } else { &notification.text }
}

/// Sends a POST with JSON to a service, and judges its answer. `who` names the service.
pub fn post(url: &str, body: &impl Serialize, who: &str) -> Result<(), Failure> {
    judge(&http::post_json(url, &[], body)?, who)
}

/// The meaning of an answer. `who` names the service.
pub fn judge(response: &Response, who: &str) -> Result<(), Failure> {
    let page = failure::of_page(response, who);
    match (response.status, page) {
        (200..=299, _) => Ok(()),
        (_, Some(failure)) => Err(failure),
        (401 | 403, None) => Err(Failure::Unauthorized(format!(
            "{who} answered {}: look at the token in the settings",
            response.status
        ))),
        (404 | 410, None) => Err(Failure::Blocked(format!(
            "{who} answered {}: look at the address in the settings",
            response.status
        ))),
        _ => Err(failure::from_status(response, who)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_another_try_helps() {
        let answer = |status| judge(&Response::of(status, &[], ""), "Gotify");
        assert_eq!(answer(204), Ok(()));
        assert!(matches!(answer(401), Err(Failure::Unauthorized(_))));
        assert!(matches!(answer(404), Err(Failure::Blocked(_))));
        assert!(matches!(answer(400), Err(Failure::Rejected(_))));
        assert!(matches!(answer(503), Err(Failure::Retry(_))));
        let page = Response::of(403, &[("content-type", "text/html")], "<html></html>");
        assert!(matches!(judge(&page, "Gotify"), Err(Failure::Blocked(_))));
    }
}
