//! The functions of guests that can be recorded, by name. Logins and registrations of webhooks are not among them: they are about secrets.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::exports::playrelay::plugin as exports;
use crate::bindings::playrelay::plugin::events::Event;
use crate::bindings::playrelay::plugin::types::Item;
use crate::call_state::CallState;
use crate::capabilities::interface::Interface;
use crate::fault::{Fault, FaultKind};
use crate::recording::bytes;

/// Calls a function of a guest, with the notes of a record where one is made: `guest_call!(store, "sink.submit", guest.call_submit(&event))`.
macro_rules! guest_call {
    ($store:ident, $name:literal, $guest:ident.$function:ident($($argument:expr),*)) => {{
        const { assert!($crate::recording::functions::is_known($name), "the table of functions has it") };
        let host_calls = $store.data().context.host_calls.clone();
        host_calls.called($name, &($($argument,)*));
        let result = $guest.$function(&mut *$store, $($argument),*).await?;
        host_calls.returned(&result);
        result
    }};
}
pub(crate) use guest_call;

macro_rules! functions {
    ($($name:literal: $interface:ident.$function:ident($($argument:ident: $type:ty => $passed:expr),*);)*) => {
        /// The names.
        const NAMES: &[&str] = &[$($name),*];

        /// Calls the function of this name with arguments of a record.
        ///
        /// # Errors
        ///
        /// There is no such function, the arguments do not fit it, or the guest failed.
        pub(crate) async fn call(
            name: &str,
            arguments: Value,
            pre: &InstancePre<CallState>,
            store: &mut Store<CallState>,
            instance: &Instance,
        ) -> wasmtime::Result<Value> {
            match name {
                $($name => {
                    let ($($argument,)*): ($($type,)*) = read(name, arguments)?;
                    let guest = exports::$interface::Guest::load(pre, store, instance)?;
                    let result = Box::pin(guest.$function(&mut *store, $($passed),*)).await?;
                    written(&result)
                })*
                unknown => Err(fault(format!("there is no function {unknown:?} that could be recorded"))),
            }
        }
    };
}

functions! {
    "airing.last-aired": airing.call_last_aired(show: Item => &show);
    "check.account": check.call_account();
    "enrich.resolve": enrich.call_resolve(item: Item => &item);
    "identify.identify-user": identify.call_identify_user(observation: exports::identify::Observation => &observation);
    "metadata.artwork": metadata.call_artwork(item: Item => &item);
    "metadata.find": metadata.call_find(item: Item => &item);
    "notify.send": notify.call_send(notification: exports::notify::Notification => &notification);
    "numbering.locate": numbering.call_locate(episode: Item => &episode, order: exports::numbering::Order => order);
    "realtime.connect": realtime.call_connect();
    "realtime.handle-message": realtime.call_handle_message(text: String => &text, state: Vec<u8> => &state);
    "server-history.plays-since": server_history.call_plays_since(cursor: Option<String> => cursor.as_deref(), since: String => &since);
    "sink-batch.submit-batch": sink_batch.call_submit_batch(events: Vec<Event> => &events);
    "sink.submit": sink.call_submit(event: Event => &event);
    "watchlist.add": watchlist.call_add(items: Vec<Item> => &items);
    "watchlist.entries": watchlist.call_entries(cursor: Option<String> => cursor.as_deref());
    "watchlist.remove": watchlist.call_remove(items: Vec<Item> => &items);
    "webhook.parse": webhook.call_parse(request: exports::webhook::Request => &request);
}

/// Whether the table has a function, known when the program is compiled.
pub(crate) const fn is_known(name: &str) -> bool {
    let mut index = 0;
    while index < NAMES.len() {
        if is_same(NAMES[index].as_bytes(), name.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

fn read<A: DeserializeOwned>(name: &str, arguments: Value) -> wasmtime::Result<A> {
    serde_json::from_value(bytes::read(arguments))
        .map_err(|error| fault(format!("the record's arguments do not fit {name}: {error}")))
}

fn written(result: &impl Serialize) -> wasmtime::Result<Value> {
    let value = serde_json::to_value(result);
    value.map(bytes::written).map_err(|error| fault(format!("the result cannot be written: {error}")))
}

fn fault(text: String) -> wasmtime::Error {
    Fault::new(FaultKind::Host, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_whole_name() {
        assert!(NAMES.iter().all(|name| is_known(name)) && NAMES.is_sorted());
        assert!(!is_known("sink.submi") && !is_known("sink.submitted") && !is_known("auth.begin"));
    }
}
