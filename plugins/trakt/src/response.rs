//! The meaning of Trakt's statuses.

use playrelay_sdk::failure;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::Response;

/// The service, for people.
pub const NAME: &str = "Trakt";

/// The failure that a status means, where it means one whatever was asked. 404, 409 and 422 are for the caller.
pub fn failure(answer: &Response) -> Option<Failure> {
    Some(match answer.status {
        200..=299 | 404 | 409 | 422 => return None,
        _ if let Some(failure) = failure::of_page(answer, NAME) => failure,
        401 => Failure::Unauthorized("Trakt refused the login".to_owned()),
        403 if answer.text().contains("1010") => {
            Failure::Blocked("Trakt's gateway blocks this program (403, error code 1010)".to_owned())
        }
        403 => Failure::Blocked(
            "Trakt refused the app (403): the client id is wrong, or the app was deleted because its owner is not VIP; \
             see app.trakt.tv/settings/apps/api"
                .to_owned(),
        ),
        412 => Failure::Rejected("Trakt did not accept the request's content type (412)".to_owned()),
        420 => Failure::Blocked(format!("a limit of the Trakt account is reached (420){}", upgrade(answer))),
        423 if answer.header("x-account-deactivated").is_some() => {
            Failure::Blocked("the Trakt account is deactivated (423); contact Trakt's support".to_owned())
        }
        423 => Failure::Blocked("the Trakt account is locked (423); contact Trakt's support".to_owned()),
        426 => Failure::Blocked(format!("Trakt offers this to VIP members only (426){}", upgrade(answer))),
        _ => failure::from_status(answer, NAME),
    })
}

/// The failure that a limit of the account means for what would go beyond it: a list that is full stays full.
pub fn full(answer: &Response) -> Option<Failure> {
    (answer.status == 420).then(|| {
        let text = "a limit of the Trakt account is reached (420): its watchlist or lists are full";
        Failure::Rejected(format!("{text}{}", upgrade(answer)))
    })
}

/// Trakt's refusal of what was sent, in its own words.
pub fn refused(answer: &Response) -> String {
    match failure::words(answer) {
        Some(words) => format!("Trakt refused it ({}): {words}", answer.status),
        None => format!("Trakt refused it ({}), and does not say why", answer.status),
    }
}

/// Where Trakt says how to go beyond a limit.
fn upgrade(answer: &Response) -> String {
    answer.header("x-upgrade-url").map(|url| format!("; see {url}")).unwrap_or_default()
}

/// The answer, where it is a success.
pub fn require_success(answer: Response) -> Result<Response, Failure> {
    match failure(&answer) {
        Some(failure) => Err(failure),
        None if (200..300).contains(&answer.status) => Ok(answer),
        None => Err(Failure::Rejected(refused(&answer))),
    }
}
