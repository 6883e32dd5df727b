//! What the commands say when something is wrong with the configuration.

use playrelay_tests::harness::TestContext;

fn complaints(config: &str) -> Vec<String> {
    let home = TestContext::new(config);
    let output = home.run(&["check"]);
    assert!(!output.status.success(), "{config}");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let file = home.path().join("playrelay.toml").display().to_string();
    let lines = text.lines().filter(|line| line.contains(&file));
    // The path differs from run to run; the line in the file is what counts.
    lines.map(|line| line.trim_start_matches("error: ").replace(&file, "F")).collect()
}

/// Lines 1 to 4 are `[server]`.
#[test]
fn everything_wrong_is_said_at_once_with_line_and_remedy() {
    let config = "\
[scrobble]
watchedat = 80
min_duration = \"soon\"
watched_at = 180

[sources.home]
plugin = \"plex\"

[trackers.bob]
plugin = \"trakt\"
client_id = \"x\"

[[routes]]
source = \"hoem\"
tracker = \"bob\"
users = [\"*\"]
";
    assert_eq!(
        complaints(config),
        [
            "F:6: unknown key `watchedat` in [scrobble]; did you mean `watched_at`? (allowed: watched_at, credits, \
             credits_grace, min_watched_with_unknown_runtime, pause_debounce, suppress_start_at, live_tv, recordings, extras, \
             heartbeat, min_duration, regress_tolerance, stale_after, offline_keep)",
            "F:7: `min_duration` in [scrobble] is \"soon\"; expected a duration such as \"90s\", \"15m\", \"12h\" or \"30d\"",
            "F:8: `watched_at` in [scrobble] is 180; expected a percentage from 0 to 100",
            "F:18: unknown source `hoem` in [[routes]]; did you mean `home`? (allowed: home)",
        ]
    );
}

#[test]
fn a_misspelt_name_is_complained_of_once() {
    let config = "\
[sorces.home]
plugin = \"plex\"

[trackers.bob]
plguin = \"trakt\"
client_id = \"x\"

[[routes]]
source = \"home\"
tracker = \"bob\"
user = [\"*\"]
";
    assert_eq!(
        complaints(config),
        [
            "F:5: unknown key `sorces` in the configuration; did you mean `sources`? (allowed: server, store, access, plugins, scrobble, \
             delivery, sources, trackers, catalogues, notifiers, notify, people, mappings, routes)",
            "F:9: unknown key `plguin` in [trackers.bob]; did you mean `plugin`? (allowed: plugin)",
            "F:15: unknown key `user` in [[routes]]; did you mean `users`? (allowed: users)",
        ]
    );
}

#[test]
fn plugins_are_asked_what_their_settings_are() {
    let config = "\
[sources.home]
plugin = \"plexx\"

[trackers.bob]
plugin = \"trakt\"
clientid = \"x\"
api_url = \"nowhere\"

[trackers.eve]
plugin = \"emby\"

[trackers.mia]
plugin = \"mdblist\"
";
    let complaints = complaints(config);
    let expected = [
        "F:6: unknown plugin `plexx` in [sources.home]; did you mean `plex`? (allowed: emby, jellyfin, plex)",
        "F:9: [trackers.bob] has no `client_secret`, which plugin \"trakt\" needs: Client secret.",
        "F:10: unknown key `clientid` in [trackers.bob]; did you mean `client_id`? (allowed: plugin, api_url,",
        "F:11: `api_url` in [trackers.bob] is not a valid address: not an absolute URL; expected an http:// or https:// address",
        "F:14: plugin \"emby\" in [trackers.eve] provides auth, enrich, identify, realtime, server-history, webhook, webhook-registration; expected one that provides sink or watchlist",
        "F:17: [trackers.mia] has no `client_id` or `api_key`, which plugin \"mdblist\" needs: Client id.",
    ];
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.starts_with(expected), "{complaint}");
    }
    assert_eq!(complaints.len(), 6, "{complaints:#?}");
}

#[test]
fn what_cannot_work_is_no_sound_configuration() {
    for (config, expected) in [
        (
            "[sources.home]\nplugin = \"plex\"\nurl = \"192.168.1.10:32400\"\n",
            "F:7: `url` in [sources.home] is not a valid address:",
        ),
        (
            "[sources.home]\nplugin = \"plex\"\nurl = \"http://u:p@host\"\n",
            "F:7: `url` in [sources.home] is not a valid address: it carries a user name or password;",
        ),
        (
            "[sources.home]\nplugin = \"plex\"\ntoken = \"\"\n",
            "F:7: `token` in [sources.home] is empty; expected text, or no such key",
        ),
        (
            "[sources.home]\nplugin = \"plex\"\n[trackers.list]\nplugin = \"plex\"\n[[routes]]\nsource = \"home\"\ntracker = \"list\"\nusers = [\"*\"]\n",
            "F:8: a route leads to [trackers.list], which only keeps a watchlist;",
        ),
        (
            "[sources.home]\nplugin = \"plex\"\n[trackers.bob]\nplugin = \"mdblist\"\napi_key = \"k\"\n[[routes]]\nsource = \"home\"\ntracker = \"bob\"\nusers = [\"*\"]\nwatchlist_remove_from = [\"bob\"]\n",
            "F:14: `watchlist_remove_from` in [[routes]] has no effect without `watchlist_remove`",
        ),
    ] {
        let found = complaints(config);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:#?}");
    }
    let mut home = TestContext::new("");
    for (name, value, words) in [
        ("PUBLIC_URL", "playrelay.example", "begins with http:// or https://"),
        ("PUBLIC_URL", "", "begins with http:// or https://"),
        ("MAX_BODY", "0", "webhooks carry pictures"),
        ("KEEP_EVENTS", "0s", "at least \"1h\""),
    ] {
        let variable = format!("PLAYRELAY__SERVER__{name}");
        home.set(&variable, value);
        let output = home.run(&["check"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains(words) && text.contains(&variable),
            "{value}: {text}"
        );
        home = TestContext::new("");
    }
}

#[test]
fn a_syntax_error_has_its_line() {
    let complaints = complaints("[scrobble]\nwatched_at = = 80\n");
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].starts_with("F:6: "), "{complaints:?}");
}

#[test]
fn keys_come_from_the_environment_and_secrets_from_files() {
    let mut home = TestContext::new("[trackers.bob]\nplugin = \"trakt\"\nclient_secret = \"a-secret\"\n");
    let secret = home.path().join("id");
    std::fs::write(&secret, "an-id\n").unwrap();
    home.set("PLAYRELAY__TRACKERS__BOB__CLIENT_ID_FILE", secret.to_str().unwrap());
    home.set("PLAYRELAY__SCROBBLE__WATCHED_AT", "85");
    assert!(home.run(&["check"]).status.success());
    home.set("PLAYRELAY__SCROBBLE__WATCHEDAT", "85");
    let output = home.run(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("environment variable PLAYRELAY__SCROBBLE__WATCHEDAT: unknown key `watchedat`"),
        "{text}"
    );
}

#[test]
fn two_daemons_do_not_share_a_folder() {
    let home = TestContext::new("");
    let _daemon = home.start();
    let output = home.run(&["serve"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("another Playrelay uses the data folder"), "{text}");
}
