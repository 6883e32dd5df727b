//! `auth`

use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::auth::{self as contract, Guest};
use crate::bindings::playrelay::plugin::types::Field;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind};
use crate::limits::{Budget, CODE_INTERVAL_S, MAX_CODE_LIFETIME_S, MAX_STATE_BYTES};
use crate::{convert, text};

/// A step of a login.
pub enum Authenticate {}

/// The step that is asked for.
pub enum AuthInput {
    /// The first one, in one of the ways of the manifest. Secrets in the form are markers.
    Begin(String, Vec<(String, String)>),
    /// The next poll.
    Poll(Vec<u8>),
    /// With what the user has chosen.
    Choose(String, Vec<u8>),
}

/// The result of a step of a login.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthStep {
    /// The next step.
    pub outcome: AuthOutcome,
    /// For the next step.
    pub state: Vec<u8>,
}

/// The next step of a login.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthOutcome {
    /// The user does something elsewhere.
    Prompt(AuthPrompt),
    /// The user has done nothing yet.
    Pending,
    /// The user chooses: ids and labels.
    Choose(Vec<(String, String)>),
    /// Settings were found out.
    Settings(Vec<(String, String)>),
    /// It is done.
    Granted(Grant),
    /// The user said no.
    Denied,
    /// The user was too slow.
    Expired,
}

/// The result of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Settings; markers stand for secrets.
    pub settings: Vec<(String, String)>,
    /// The name of the account at the service, one line; absent if unknown.
    pub account_name: Option<String>,
    /// How long the secrets are valid, in seconds; absent where no end is known.
    pub expires_s: Option<u32>,
}

/// The address that the user opens, and the code to enter there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthPrompt {
    /// The address to open.
    pub url: String,
    /// The address with the code in it; absent if the service has none.
    pub complete_url: Option<String>,
    /// Enter this.
    pub code: String,
    /// How long that is possible. Seconds, a day at most.
    pub expires_s: u32,
    /// Between two questions whether it was done. Seconds, from 1 to 60.
    pub interval_s: u32,
}

impl Capability for Authenticate {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    const IS_LOGIN: bool = true;
    type Input = AuthInput;
    type Output = Result<AuthStep, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let answer = match input {
            AuthInput::Begin(method, form) => {
                let form: Vec<Field> = form.into_iter().map(|(name, value)| Field { name, value }).collect();
                guest.call_begin(store, &method, &form).await?
            }
            AuthInput::Poll(state) => guest.call_poll(store, &state).await?,
            AuthInput::Choose(id, state) => guest.call_choose(store, &id, &state).await?,
        };
        let step = match answer {
            Ok(step) => step,
            Err(failure) => return Ok(Err(convert::failure(failure))),
        };
        if step.state.len() > MAX_STATE_BYTES {
            let text =
                format!("it asked to remember {} bytes; {MAX_STATE_BYTES} are allowed", step.state.len());
            return Err(Fault::new(FaultKind::Output, text).into());
        }
        Ok(Ok(AuthStep { outcome: outcome(step.outcome), state: step.state }))
    }
}

fn outcome(it: contract::Outcome) -> AuthOutcome {
    let pairs = |it: Vec<Field>| convert::fields(it);
    match it {
        contract::Outcome::Prompt(it) => AuthOutcome::Prompt(AuthPrompt {
            url: text::cut(&it.url, text::WORDS),
            complete_url: it.complete_url.map(|url| text::cut(&url, text::WORDS)),
            code: text::cut(&it.code, text::CODE),
            expires_s: it.expires_s.min(MAX_CODE_LIFETIME_S),
            interval_s: it.interval_s.clamp(1, CODE_INTERVAL_S),
        }),
        contract::Outcome::Pending => AuthOutcome::Pending,
        contract::Outcome::Choose(choices) => {
            let choice = |it: contract::Choice| {
                Some((text::whole(it.id, text::ID)?, text::cut(&it.label, text::NAME)))
            };
            AuthOutcome::Choose(choices.into_iter().take(text::ENTRIES).filter_map(choice).collect())
        }
        contract::Outcome::Settings(fields) => AuthOutcome::Settings(pairs(fields)),
        contract::Outcome::Granted(it) => AuthOutcome::Granted(grant(it)),
        contract::Outcome::Denied => AuthOutcome::Denied,
        contract::Outcome::Expired => AuthOutcome::Expired,
    }
}

fn grant(it: contract::Grant) -> Grant {
    let name = it.account_name.map(|name| text::cut(name.trim(), text::NAME));
    Grant {
        settings: convert::fields(it.settings),
        account_name: name.filter(|name| !name.is_empty()),
        expires_s: it.expires_s,
    }
}

/// Renews a login.
pub enum Renew {}

impl Capability for Renew {
    type Interface = Guest;
    const NAME: &'static str = "auth.renew";
    const BUDGET: Budget = Budget::SERVICE;
    const IS_LOGIN: bool = true;
    const IS_NESTED: bool = true;
    type Input = ();
    type Output = Result<Grant, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        (): Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        Ok(guest.call_renew(store).await?.map(grant).map_err(convert::failure))
    }
}

/// Ends a login at the service.
pub enum Revoke {}

impl Capability for Revoke {
    type Interface = Guest;
    const NAME: &'static str = "auth.revoke";
    const BUDGET: Budget = Budget::SERVICE;
    const IS_RECORDED: bool = false;
    type Input = ();
    /// Credentials that stay valid there; absent if none do.
    type Output = Result<Option<String>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        (): Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let remains = guest.call_revoke(store).await?.map_err(convert::failure);
        Ok(remains.map(|remains| remains.map(|words| text::cut(&words, text::WORDS))))
    }
}
