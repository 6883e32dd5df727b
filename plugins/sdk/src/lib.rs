//! The guest side of the Playrelay plugin contract, for plugins written in Rust.
//!
//! A plugin implements the trait of each capability that it has and exports it:
//!
//! ```text
//! struct Plugin;
//! impl capability::webhook::Guest for Plugin {
//!     fn parse(request: Request) -> Result<Vec<Report>, ParseError> { … }
//! }
//! capability::webhook::export_webhook!(Plugin with_types_in capability::webhook);
//! ```
//!
//! What each function means is documented in `wit/`. Beside the generated types there are helpers for what every
//! plugin does: requests with JSON ([`http`]), ids ([`ids`]), failures ([`failure`]), lenient reading of
//! JSON ([`json`]), what most media servers need ([`server`]), what most trackers need ([`tracker`], [`batch`], [`matching`]), titles ([`titles`]), names of files ([`file_names`]), logins ([`login`]), services that show notifications ([`notify`]), and
//! reading webhooks ([`webhook`]).

pub mod batch;
pub mod failure;
pub mod file_names;
pub mod http;
pub mod ids;
pub mod json;
mod lenient;
pub mod login;
pub mod matching;
pub mod notify;
pub mod response;
pub mod server;
pub mod titles;
pub mod tracker;
pub mod webhook;

/// The imports of a plugin, and the types that all interfaces share.
#[expect(missing_docs, reason = "generated; the documentation is in wit/")]
pub mod host {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package playrelay:sdk;
            world host { include playrelay:plugin/imports@0.1.0; import playrelay:plugin/reports@0.1.0; import playrelay:plugin/events@0.1.0; }",
        additional_derives: [PartialEq],
        generate_all,
    });
    pub use playrelay::plugin::{clock, device_key, events, http, kv, log, reports, settings, types};
}

/// Generates the module of a capability: its trait, and the macro that exports it.
macro_rules! capability {
    ($module:ident, $macro:literal, $world:literal, $path:literal, [$($interface:literal => $types:path),*]) => {
        #[expect(missing_docs, reason = "generated; the documentation is in wit/")]
        pub mod $module {
            wit_bindgen::generate!({
                path: "wit",
                inline: $world,
                with: { $($interface: $types),* },
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: $macro,
                default_bindings_module: $path,
                generate_all,
            });
            pub use exports::playrelay::plugin::$module::*;
        }
    };
}

/// One module per capability that a plugin can export.
pub mod capability {
    capability!(
        webhook,
        "export_webhook",
        "package playrelay:sdk-webhook; world exports-webhook { export playrelay:plugin/webhook@0.1.0; }",
        "playrelay_sdk::capability::webhook",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/reports@0.1.0" => crate::host::reports]
    );
    capability!(
        enrich,
        "export_enrich",
        "package playrelay:sdk-enrich; world exports-enrich { export playrelay:plugin/enrich@0.1.0; }",
        "playrelay_sdk::capability::enrich",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        identify,
        "export_identify",
        "package playrelay:sdk-identify; world exports-identify { export playrelay:plugin/identify@0.1.0; }",
        "playrelay_sdk::capability::identify",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/reports@0.1.0" => crate::host::reports]
    );
    capability!(
        realtime,
        "export_realtime",
        "package playrelay:sdk-realtime; world exports-realtime { export playrelay:plugin/realtime@0.1.0; }",
        "playrelay_sdk::capability::realtime",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/reports@0.1.0" => crate::host::reports]
    );
    capability!(
        server_history,
        "export_server_history",
        "package playrelay:sdk-server-history; world exports-server-history { export playrelay:plugin/server-history@0.1.0; }",
        "playrelay_sdk::capability::server_history",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/reports@0.1.0" => crate::host::reports]
    );
    capability!(
        auth,
        "export_auth",
        "package playrelay:sdk-auth; world exports-auth { export playrelay:plugin/auth@0.1.0; }",
        "playrelay_sdk::capability::auth",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        webhook_registration,
        "export_webhook_registration",
        "package playrelay:sdk-webhook-registration; world exports-webhook-registration { export playrelay:plugin/webhook-registration@0.1.0; }",
        "playrelay_sdk::capability::webhook_registration",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        sink,
        "export_sink",
        "package playrelay:sdk-sink; world exports-sink { export playrelay:plugin/sink@0.1.0; }",
        "playrelay_sdk::capability::sink",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/events@0.1.0" => crate::host::events]
    );
    capability!(
        sink_batch,
        "export_sink_batch",
        "package playrelay:sdk-sink-batch; world exports-sink-batch { export playrelay:plugin/sink-batch@0.1.0; }",
        "playrelay_sdk::capability::sink_batch",
        ["playrelay:plugin/types@0.1.0" => crate::host::types, "playrelay:plugin/events@0.1.0" => crate::host::events]
    );
    capability!(
        check,
        "export_check",
        "package playrelay:sdk-check; world exports-check { export playrelay:plugin/check@0.1.0; }",
        "playrelay_sdk::capability::check",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        watchlist,
        "export_watchlist",
        "package playrelay:sdk-watchlist; world exports-watchlist { export playrelay:plugin/watchlist@0.1.0; }",
        "playrelay_sdk::capability::watchlist",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        metadata,
        "export_metadata",
        "package playrelay:sdk-metadata; world exports-metadata { export playrelay:plugin/metadata@0.1.0; }",
        "playrelay_sdk::capability::metadata",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        airing,
        "export_airing",
        "package playrelay:sdk-airing; world exports-airing { export playrelay:plugin/airing@0.1.0; }",
        "playrelay_sdk::capability::airing",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        numbering,
        "export_numbering",
        "package playrelay:sdk-numbering; world exports-numbering { export playrelay:plugin/numbering@0.1.0; }",
        "playrelay_sdk::capability::numbering",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
    capability!(
        notify,
        "export_notify",
        "package playrelay:sdk-notify; world exports-notify { export playrelay:plugin/notify@0.1.0; }",
        "playrelay_sdk::capability::notify",
        ["playrelay:plugin/types@0.1.0" => crate::host::types]
    );
}
