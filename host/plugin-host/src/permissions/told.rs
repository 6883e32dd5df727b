//! The data that the host gives to a plugin, and the data that no plugin gets.

use crate::manifest::Manifest;

/// An exported interface, what it does in the words of an approval, and what its calls are given.
const INTERFACES: [(&str, &str, &str); 15] = [
    (
        "webhook",
        "reads the webhooks of a media server",
        "every webhook of its sources as the server sent it: titles, the names of people and devices, paths of files",
    ),
    (
        "realtime",
        "listens to a media server",
        "every message of the connection to its servers: who plays what, where and on which device",
    ),
    (
        "enrich",
        "asks the media server for what a message lacks",
        "the title of a message that lacks something",
    ),
    (
        "identify",
        "finds out at the media server whose a message is",
        "the title, the device and what is known of the user of a message without a name",
    ),
    ("server-history", "reads the history of a media server", "the time from which on plays were missed"),
    (
        "sink",
        "tells a tracker what was played and rated",
        "what the routes to its accounts let through: the title with its ids and length, what happened, when, and the rating; no names of \
         people, servers or devices",
    ),
    ("sink-batch", "sends many late events in one request", "the same, of many plays and ratings at once"),
    ("watchlist", "reads and changes a watchlist", "the titles that are to come off or onto the list"),
    ("metadata", "finds ids and pictures of titles", "titles that lack ids, or whose pictures a page shows"),
    ("airing", "knows which episodes have aired", "shows that are on a watchlist"),
    (
        "numbering",
        "knows episodes by the numbers of other orders",
        "episodes whose numbers are not those of catalogues, and the day on which they were first shown",
    ),
    ("check", "tests a connection", "nothing"),
    (
        "auth",
        "logs accounts in by code of its own",
        "what is typed into the form of its login; a marker stands in the place of each secret field",
    ),
    (
        "webhook-registration",
        "registers webhooks at a media server",
        "Playrelay's address; a marker stands in the place of its token",
    ),
    (
        "notify",
        "shows notifications to people",
        "notifications: names of accounts, plugins and people of whom something is to be done, and Playrelay's address",
    ),
];

/// The interfaces that a plugin exports, each with what it does.
pub(super) fn capabilities(manifest: &Manifest) -> Vec<String> {
    of(manifest).map(|(name, does, _)| format!("{name}: {does}")).collect()
}

/// What its calls are given.
pub(super) fn told(manifest: &Manifest) -> Vec<String> {
    let given = of(manifest).filter(|(.., given)| *given != "nothing").map(|(.., given)| (*given).to_owned());
    let open = manifest.settings.iter().filter(|(_, setting)| !setting.secret).map(|(key, _)| key.as_str());
    let open: Vec<&str> = open.collect();
    let settings = match open.as_slice() {
        [] => None,
        keys => Some(format!("these settings of its accounts: {}", keys.join(", "))),
    };
    given.chain(settings).collect()
}

/// What no plugin learns.
pub(super) fn not_told(manifest: &Manifest) -> Vec<String> {
    let secret = manifest.settings.iter().filter(|(_, setting)| setting.secret).map(|(key, _)| key.as_str());
    let secret: Vec<&str> = secret.collect();
    let keys = match secret.as_slice() {
        [] => "keys, passwords and tokens".to_owned(),
        keys => format!("keys, passwords and tokens, among them the settings {}", keys.join(", ")),
    };
    vec![
        keys,
        "other accounts, their settings and what they are sent".to_owned(),
        "files, environment variables and programs of this machine".to_owned(),
    ]
}

fn of(manifest: &Manifest) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    let provided = manifest.provides.names();
    INTERFACES.iter().filter(move |(name, ..)| provided.contains(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::interface;

    #[test]
    fn every_interface_has_words() {
        let named: Vec<&str> = INTERFACES.iter().map(|(name, ..)| *name).collect();
        let all: Vec<&str> = interface::ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(named, all);
    }

    #[test]
    fn a_tracker_is_told_its_open_settings_and_no_secret() {
        let manifest = Manifest::parse(
            br#"
            [plugin]
            id = "diary"
            name = "Diary"
            version = "1.0.0"
            api = "0.1"
            [provides.sink]
            actions = ["watched"]
            [settings.shelf]
            label = "Shelf"
            [settings.api_key]
            label = "Key"
            secret = true
            "#,
        )
        .unwrap();
        assert_eq!(capabilities(&manifest), ["sink: tells a tracker what was played and rated"]);
        let told = told(&manifest);
        assert!(told[0].contains("the title with its ids"), "{told:?}");
        assert!(told[1].ends_with("accounts: shelf"), "{told:?}");
        assert!(not_told(&manifest)[0].ends_with("the settings api_key"), "{:?}", not_told(&manifest));
    }
}
