//! Every key of the configuration, for `docs/configuration.md` and for whoever shows settings.

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The section, as a file has it: `[server]`, `[sources.NAME]`, `[[routes]]`.
    pub section: &'static str,
    /// The key.
    pub name: &'static str,
    /// The value if the key is absent, as a file would have it; empty without one.
    pub default: &'static str,
    /// The meaning: one sentence or two.
    pub meaning: &'static str,
}

const fn key(section: &'static str, name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { section, name, default, meaning }
}

/// A key of `[scrobble]` that a route sets for its tracker.
const fn for_route(name: &'static str) -> Key {
    key(ROUTE, name, "`[scrobble]`", "As in `[scrobble]`, for this route.")
}

const SERVER: &str = "[server]";
const STORE: &str = "[store]";
const ACCESS: &str = "[access]";
const OIDC: &str = "[access.oidc]";
const SCROBBLE: &str = "[scrobble]";
const DELIVERY: &str = "[delivery]";
const SOURCE: &str = "[sources.NAME]";
const ROUTE: &str = "[[routes]]";
const NOTIFY: &str = "[notify]";
const EMAIL: &str = "[notify.email]";
const PERSON: &str = "[people.NAME]";
const MAPPINGS: &str = "[mappings]";

/// All of them, by section. Accounts also have the settings of their plugins.
pub const KEYS: &[Key] = &[
    key(SERVER, "listen", "\"0.0.0.0:8787\"", "The address and port on which Playrelay listens."),
    key(
        SERVER,
        "data_dir",
        "\"playrelay-data\"",
        "The folder of the database, the key and the caches (mode 0700).",
    ),
    key(SERVER, "public_url", "", "The address under which media servers and browsers reach Playrelay."),
    key(SERVER, "max_body", "\"10 MiB\"", "Playrelay answers a larger request with 413."),
    key(
        SERVER,
        "keep_events",
        "\"90d\"",
        "How long Playrelay keeps received events and their stories. It deletes events that changed nothing after 2 days, and plays never.",
    ),
    key(SERVER, "admin_password", "", "Opens `/api/` beside the token; 12 letters or more."),
    key(
        STORE,
        "url",
        "",
        "The PostgreSQL database in which Playrelay keeps everything: `\"postgres://USER:PASSWORD@HOST/DATABASE\"`. Without it, a file in `data_dir`.",
    ),
    key(ACCESS, "session_length", "\"30d\"", "How long a login in a browser lasts without being used."),
    key(
        ACCESS,
        "trusted_proxies",
        "[]",
        "Addresses or networks of reverse proxies. From these, and from nobody else, Playrelay takes `X-Forwarded-For`, `-Proto`, `-Host` and \
         `-Prefix`, and the user that `user_header` names.",
    ),
    key(
        ACCESS,
        "user_header",
        "",
        "The header in which a trusted proxy names the user that it let in: `\"Remote-User\"`.",
    ),
    key(
        ACCESS,
        "groups_header",
        "",
        "The header in which a trusted proxy names the groups of that user, with commas between: `\"Remote-Groups\"`.",
    ),
    key(
        ACCESS,
        "admin_users",
        "[]",
        "Users of a trusted proxy or of the OpenID provider that may change everything. All others may only look.",
    ),
    key(ACCESS, "admin_groups", "[]", "The same for all users of these groups."),
    key(
        ACCESS,
        "monitoring",
        "[]",
        "Addresses or networks that may read `/readyz` and `/metrics` without a token.",
    ),
    key(
        OIDC,
        "issuer",
        "",
        "The address of an OpenID provider, as its discovery document has it: `\"https://auth.example.com\"`. Needs `public_url`; the provider \
         must allow the redirect to `<public_url>/api/v1/login/oidc/callback`.",
    ),
    key(OIDC, "client_id", "", "The id under which the provider knows Playrelay."),
    key(OIDC, "client_secret", "", "The secret that belongs to the id. A public client has none."),
    key(OIDC, "scopes", "[\"profile\", \"email\"]", "What Playrelay asks the provider for, beside `openid`."),
    key(
        OIDC,
        "name_claim",
        "\"preferred_username\"",
        "The claim that holds the user's name. `\"email\"` counts only if the provider has verified it.",
    ),
    key(OIDC, "groups_claim", "\"groups\"", "The claim that holds the user's groups."),
    key(
        OIDC,
        "allowed_users",
        "[]",
        "Users that may log in, beside those of `admin_users`; `[\"*\"]` means everybody whom the provider lets in.",
    ),
    key(OIDC, "allowed_groups", "[]", "Groups whose users may log in, beside those of `admin_groups`."),
    key("[plugins]", "dir", "`<data_dir>/plugins`", "The folder of plugins: `.wasm` files."),
    key(
        "[plugins]",
        "approve",
        "[]",
        "Plugins that may serve without a question, each by its id and the SHA-256 of its file: `\"notebook@sha256:0f3a…\"`. `plugins.lock` in the \
         data folder has what was approved by command or on a page.",
    ),
    key(
        SCROBBLE,
        "watched_at",
        "80",
        "A play that ends at this percentage or later is watched; at least 20.",
    ),
    key(SCROBBLE, "credits", "true", "A play that reaches the credits is watched."),
    key(
        SCROBBLE,
        "credits_grace",
        "\"180s\"",
        "Without a marker of the credits, a stop this close to the end is watched.",
    ),
    key(
        SCROBBLE,
        "min_watched_with_unknown_runtime",
        "\"300s\"",
        "How long an item of unknown runtime must play before Playrelay believes \"played to the end\".",
    ),
    key(
        SCROBBLE,
        "pause_debounce",
        "\"5s\"",
        "Playrelay sends a pause, a jump or a rating after it has held this long.",
    ),
    key(SCROBBLE, "suppress_start_at", "99", "Playrelay sends no start at this percentage or later."),
    key(SCROBBLE, "live_tv", "false", "Live television counts."),
    key(SCROBBLE, "recordings", "false", "Recordings count."),
    key(SCROBBLE, "extras", "false", "Trailers and other extras count."),
    key(
        SCROBBLE,
        "heartbeat",
        "as the tracker wants",
        "How often Playrelay tells a tracker that an item still plays: an interval that its plugin allows, or `false`.",
    ),
    key(SCROBBLE, "min_duration", "\"120s\"", "Playrelay ignores shorter items."),
    key(SCROBBLE, "regress_tolerance", "5", "A change of the position by fewer percent is no jump."),
    key(
        SCROBBLE,
        "stale_after",
        "\"300s\"",
        "If a source reported progress and then reports nothing for this long, Playrelay ends the play at its last position. It waits \
         longer while the server cannot be reached.",
    ),
    key(
        SCROBBLE,
        "offline_keep",
        "\"30d\"",
        "How long Playrelay tries to deliver a watch before it moves it to the dead letters.",
    ),
    key(
        DELIVERY,
        "late_after",
        "\"60s\"",
        "An older watch goes to the tracker's history with its own time; at most \"90s\".",
    ),
    key(
        DELIVERY,
        "retry_first",
        "\"2s\"",
        "The pause after a first failure. Each further pause is twice as long, with jitter.",
    ),
    key(DELIVERY, "retry_longest", "\"15m\"", "The longest pause after a failure."),
    key(SOURCE, "plugin", "", "The id of the plugin. `playrelay plugin inspect ID` lists its settings."),
    key(
        SOURCE,
        "enabled",
        "true",
        "If `false`, Playrelay stores webhooks of the source and does not process them.",
    ),
    key(
        SOURCE,
        "mode",
        "\"both\"",
        "`\"watch\"` connects to the server, `\"webhook\"` takes webhooks, `\"both\"` does both.",
    ),
    key(
        SOURCE,
        "catch_up",
        "\"7d\"",
        "How far back Playrelay reads the server's history after a gap; `false` for never.",
    ),
    key(
        SOURCE,
        "webhook_token",
        "made by Playrelay",
        "The secret in the address of the webhook; 8 letters or more.",
    ),
    key(
        SOURCE,
        "tls_fingerprint",
        "",
        "The SHA-256 of a certificate that Playrelay trusts although no authority signed it.",
    ),
    key(SOURCE, "tls_insecure", "false", "Playrelay trusts every certificate of this server."),
    key(
        "[trackers.NAME]",
        "plugin",
        "",
        "The id of the plugin. `playrelay plugin inspect ID` lists its settings.",
    ),
    key(
        "[catalogues.NAME]",
        "plugin",
        "",
        "The id of the plugin. Playrelay asks the first catalogue that finds titles for the ids of items without ids.",
    ),
    key(
        "[notifiers.NAME]",
        "plugin",
        "",
        "The id of the plugin that shows notifications: `gotify`, `discord`, `apprise`, `json-webhook`, or one of your own.",
    ),
    key(
        NOTIFY,
        "quiet",
        "",
        "Hours in which nothing is sent, by the clock of this machine: `\"22:00-07:00\"`. What begins and ends within them is not said at all.",
    ),
    key(
        NOTIFY,
        "away_after",
        "\"1h\"",
        "For how long a tracker must be away, while something waits for it, before that is said.",
    ),
    key(
        NOTIFY,
        "silent_after",
        "\"14d\"",
        "For how long a source that was heard before must be silent before that is said; `false` for never.",
    ),
    key(NOTIFY, "plays", "false", "Each play that counts as watched is a notification of its own."),
    key(
        EMAIL,
        "server",
        "",
        "The mail server: `\"smtps://HOST\"` (TLS, port 465), `\"smtp://HOST\"` (STARTTLS, port 587) or `\"smtp+plain://HOST\"` (without TLS, port 25).",
    ),
    key(EMAIL, "user", "", "The name of the account at the mail server. A server at home may want none."),
    key(EMAIL, "password", "", "The password of that account."),
    key(EMAIL, "from", "", "The address of the sender: `\"Playrelay <relay@example.com>\"`."),
    key(EMAIL, "to", "", "The addresses of the recipients: `[\"mia@example.com\"]`."),
    key(
        PERSON,
        "users",
        "[]",
        "The person's users on media servers: names, `\"id:…\"` or `\"uuid:…\"`, each with `@SOURCE` behind it where only one source is meant. \
         Whom no section mentions is a person of their own.",
    ),
    key(
        PERSON,
        "timezone",
        "that of this machine",
        "In whose days the person's plays are counted: `\"Europe/Berlin\"`.",
    ),
    key(
        PERSON,
        "records",
        "[\"plays\", \"ratings\"]",
        "What the person's own webhook address records: `\"plays\"`, `\"ratings\"`, or both. `playrelay people webhook NAME` has the address.",
    ),
    key(
        PERSON,
        "watchlist_from",
        "[]",
        "Accounts, sources or trackers, whose watchlists Playrelay reads into the person's own. It adds what is missing, and removes nothing.",
    ),
    key(
        PERSON,
        "watchlist_schedule",
        "",
        "When it reads them: an interval of at least 5 minutes, `\"6h\"`, or a cron expression in the person's time zone, `\"0 4 * * *\"`. Without \
         it only when somebody asks.",
    ),
    key(
        PERSON,
        "export_schedule",
        "",
        "When Playrelay writes an archive of the person's history: an interval or a cron expression, as above. It keeps each for 30 days; the page of the job and \
         `/api/v1/jobs/{id}/file` have it.",
    ),
    key(PERSON, "export_format", "\"jsonl\"", "The form of that archive, by its word in docs/export.md."),
    key(
        MAPPINGS,
        "anime",
        "",
        "A file that maps ids of AniDB, MyAnimeList, AniList and Kitsu: a path, or an https address. docs/mappings.md names files that are kept up.",
    ),
    key(
        MAPPINGS,
        "refresh",
        "\"7d\"",
        "When Playrelay reads that file again: an interval of at least 5 minutes, or a cron expression in the time zone of this machine.",
    ),
    key(ROUTE, "source", "", "The name of a source."),
    key(ROUTE, "tracker", "", "The name of a tracker."),
    key(
        ROUTE,
        "users",
        "",
        "Whose plays the route sends: names, `\"id:…\"`, `\"uuid:…\"`, or `\"*\"` for everybody. With `[]` only users whom you assign.",
    ),
    key(ROUTE, "enabled", "true", "If `false`, the route sends nothing."),
    key(ROUTE, "ratings", "false", "The route sends ratings."),
    key(ROUTE, "marks", "true", "An item that the user marked as watched by hand counts."),
    key(
        ROUTE,
        "unwatched",
        "false",
        "When the user marks an item as unwatched, the tracker removes it from its history.",
    ),
    key(
        ROUTE,
        "watchlist_remove",
        "false",
        "What a watch removes from watchlists: `true` for movies, or a list of `\"movie\"` and `\"show\"`.",
    ),
    key(
        ROUTE,
        "watchlist_remove_from",
        "the route's tracker",
        "The accounts from whose watchlists it is removed.",
    ),
    key(ROUTE, "servers", "all", "Only these servers, by name or id."),
    key(ROUTE, "except_servers", "none", "All but these servers."),
    key(ROUTE, "libraries", "all", "Only these libraries, by name."),
    key(ROUTE, "except_libraries", "none", "All but these libraries."),
    key(ROUTE, "devices", "all", "Only these devices, by name, id or app."),
    key(ROUTE, "except_devices", "none", "All but these devices."),
    key(ROUTE, "kinds", "all", "Only these kinds: `\"movie\"`, `\"episode\"`."),
    key(
        ROUTE,
        "paths",
        "all",
        "Only files in these folders (`\"/media/kids\"`) or patterns (`\"**/*sample*\"`).",
    ),
    key(ROUTE, "except_paths", "none", "All files but these."),
    key(ROUTE, "except_editions", "none", "All editions but these: `\"director's cut\"`."),
    for_route("watched_at"),
    for_route("credits"),
    for_route("credits_grace"),
    for_route("min_watched_with_unknown_runtime"),
    for_route("pause_debounce"),
    for_route("suppress_start_at"),
    for_route("live_tv"),
    for_route("recordings"),
    for_route("extras"),
    for_route("heartbeat"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    /// A misspelt key is answered with those that a section reads.
    #[test]
    fn the_list_has_what_each_section_reads() {
        for section in [SERVER, "[plugins]", SCROBBLE, DELIVERY, ROUTE] {
            let text = format!("{section}\nqqqqqqqqqqqq = 1\n");
            let problems = parse(Some((Path::new("F"), &text)), std::iter::empty()).unwrap_err();
            let said =
                problems.iter().map(|problem| &problem.text).find(|text| text.contains("allowed: ")).unwrap();
            let read: BTreeSet<&str> =
                said.split("allowed: ").nth(1).unwrap().trim_end_matches(')').split(", ").collect();
            let listed = KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
            assert_eq!(read, listed, "{section}");
        }
    }
}
