//! Every complaint and every warning about a configuration, as people read it.

use std::path::Path;

use playrelay::config;

/// A title, the lines of a file, and variables with their values.
type Case = (&'static str, String, &'static [(&'static str, &'static str)]);

/// What is wrong with a configuration that has these lines and variables, or what it is warned of.
fn messages(lines: &str, variables: &[(&str, &str)]) -> String {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let problems = match config::parse(Some((Path::new("F"), lines)), variables) {
        Ok(config) => config.warnings,
        Err(problems) => problems,
    };
    assert!(!problems.is_empty(), "nothing is wrong with {lines}");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn every_message_names_place_value_and_remedy() {
    let both = "[sources.a]\nplugin = \"p\"\n[trackers.t]\nplugin = \"q\"\n";
    let route = |keys: &str| {
        format!("{both}[[routes]]\nsource = \"a\"\ntracker = \"t\"\nusers = [\"mia\"]\n{keys}\n")
    };
    let cases: Vec<Case> = vec![
        ("no TOML", "listen: 1".to_owned(), &[]),
        ("a text without quotes", "[server]\ndata_dir = here".to_owned(), &[]),
        ("typographic quotes", "[server]\ndata_dir = \u{201c}here\u{201d}".to_owned(), &[]),
        ("a secret is not repeated", "[server]\nadmin_password = secret-and-long'".to_owned(), &[]),
        ("an unknown section", "[sevrer]\nlisten = \"127.0.0.1:1\"\n[other]\na = 1".to_owned(), &[]),
        ("an unknown key", "[server]\nlsiten = \"127.0.0.1:1\"\nother = 1".to_owned(), &[]),
        ("a section that is a value", "server = 1\nsources = \"a\"\nroutes = 1".to_owned(), &[]),
        (
            "[server]",
            "[server]\nlisten = \"here\"\npublic_url = \"here\"\nmax_body = 1\nkeep_events = \"1s\"\nadmin_password = \"short\"".to_owned(),
            &[],
        ),
        (
            "other types in [server]",
            "[server]\nlisten = 1\npublic_url = true\nmax_body = \"much\"\nkeep_events = \"long\"\ndata_dir = 1979-05-27".to_owned(),
            &[],
        ),
        (
            "[access]",
            "[access]\nsession_length = \"1s\"\ntrusted_proxies = [\"here\"]\nuser_header = \"Cookie\"\ngroups_header = \"\"\nmonitoring = [1]".to_owned(),
            &[],
        ),
        ("a user's header without proxies", "[access]\nuser_header = \"Remote-User\"".to_owned(), &[]),
        ("[access.oidc]", "[access.oidc]\nissuer = \"http://auth.example.com\"\nclient = \"x\"".to_owned(), &[]),
        ("[access.oidc] without a client", "[access.oidc]\nclient_secret = \"x\"\nallowed_users = [\"*\"]\nscopes = \"email\"".to_owned(), &[]),
        ("[delivery]", "[delivery]\nlate_after = \"1h\"\nretry_first = \"0s\"\nretry_longest = \"never\"".to_owned(), &[]),
        (
            "[scrobble]",
            "[scrobble]\nwatched_at = 0.8\nsuppress_start_at = 180\ncredits = \"maybe\"\nheartbeat = \"0s\"\nregress_tolerance = -1\n\
             min_duration = [1]"
                .to_owned(),
            &[],
        ),
        ("a heartbeat that is none", "[scrobble]\nheartbeat = \"often\"".to_owned(), &[]),
        ("an account that is no section", "[sources]\na = 1\n[trackers]\nt = \"p\"".to_owned(), &[]),
        ("an account without a plugin", "[sources.a]\n[trackers.t]\nplguin = \"p\"".to_owned(), &[]),
        ("a name that is none", "[sources.\"a b\"]\nplugin = \"p\"".to_owned(), &[]),
        ("a name twice", format!("{both}[trackers.a]\nplugin = \"p\"\n[catalogues.t]\nplugin = \"c\""), &[]),
        (
            "tokens",
            "[sources.a]\nplugin = \"p\"\nwebhook_token = \"short\"\n[sources.b]\nplugin = \"p\"\nwebhook_token = \"long-enough\"\n\
             [sources.c]\nplugin = \"p\"\nwebhook_token = \"long-enough\""
                .to_owned(),
            &[],
        ),
        (
            "a source",
            "[sources.a]\nplugin = \"p\"\nmode = \"listen\"\nenabled = \"no\"\ncatch_up = true\ntls_insecure = true\n\
             tls_fingerprint = \"ab:cd\""
                .to_owned(),
            &[],
        ),
        ("a route without anything", format!("{both}[[routes]]\n"), &[]),
        ("a route to nowhere", format!("{both}[[routes]]\nsource = \"aa\"\ntracker = \"other\"\nusers = [\"*\"]"), &[]),
        ("a route for an empty name", route("").replace("mia", ""), &[]),
        ("a route for no text", route("").replace("\"mia\"", "1"), &[]),
        ("a route with odd filters", route("kinds = [\"film\"]\npaths = [\"[\"]\nlibraries = 1"), &[]),
        ("a route that removes nothing", route("watchlist_remove_from = [\"t\"]"), &[]),
        ("a route that removes what there is not", route("watchlist_remove = [\"films\"]\nwatchlist_remove_from = [\"other\"]"), &[]),
        ("a route that removes perhaps", route("watchlist_remove = 1"), &[]),
        ("a route with a threshold", route("watched_at = 1"), &[]),
        ("a route that is no section", "routes = [1]".to_owned(), &[]),
        ("a variable with one underscore", String::new(), &[("PLAYRELAY_SERVER_LISTEN", "1")]),
        ("a variable without a key", String::new(), &[("PLAYRELAY__", "1"), ("PLAYRELAY__SERVER", "1")]),
        ("a variable below a value", "[server]\nlisten = \"127.0.0.1:1\"".to_owned(), &[("PLAYRELAY__SERVER__LISTEN__PORT", "1")]),
        ("a variable that names no file", String::new(), &[("PLAYRELAY__SERVER__ADMIN_PASSWORD_FILE", "/nowhere/password")]),
        ("a variable of the wrong type", String::new(), &[("PLAYRELAY__SERVER__MAX_BODY", "much")]),
        ("warned of: accounts without routes", both.to_owned(), &[]),
        (
            "warned of: one server twice",
            format!("{}[sources.b]\nplugin = \"p\"\nurl = \"http://A/\"\n", route("").replace("[trackers", "url = \"http://a\"\n[trackers")),
            &[],
        ),
        (
            "warned of: a route twice",
            route("[[routes]]\nsource = \"a\"\ntracker = \"t\"\nusers = [\"mia\"]"),
            &[],
        ),
    ];
    let mut text = String::new();
    for (title, lines, variables) in cases {
        text += &format!("## {title}\n{}\n", messages(&lines, variables));
    }
    insta::assert_snapshot!("messages", text);
}
