//! What changes leave as it was, and what they change.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TEXT: &str = "\
# at the top
[server]
listen = \"0.0.0.0:8787\"   # everywhere
  max_body = \"1 MiB\"

# the server in the attic
[sources.home]
plugin = 'attic'
url = \"http://10.0.0.2\" # by wire

[trackers]
bob = { plugin = \"diary\", pin = 1 }

[[routes]] # the first
source = \"home\"
tracker = \"bob\"
users = [
  \"mia\", # a child
]

# the second
[[routes]]
source = \"home\"
tracker = \"bob\"
users = []
";

fn change(path: &str, value: Json) -> Change {
    let value = (!value.is_null()).then_some(value);
    Change { path: KeyPath::parse(path).unwrap(), value }
}

fn changed(text: &str, path: &str, value: Json) -> String {
    apply(text, &[change(path, value)]).unwrap()
}

/// The lines that a change has taken away and added.
fn lines(path: &str, value: Json) -> (Vec<String>, Vec<String>) {
    let new = changed(TEXT, path, value);
    let only = |these: &str, those: &str| {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.map(str::to_owned).collect()
    };
    (only(TEXT, &new), only(&new, TEXT))
}

fn values(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_value_is_replaced_and_all_around_it_stays() {
    let (gone, new) = lines("server.listen", json!("127.0.0.1:1"));
    assert_eq!(gone, ["listen = \"0.0.0.0:8787\"   # everywhere"]);
    assert_eq!(new, ["listen = \"127.0.0.1:1\"   # everywhere"]);
    let (_, new) = lines("trackers.bob.pin", json!(2));
    assert_eq!(new, ["bob = { plugin = \"diary\", pin = 2 }"]);
    let (_, new) = lines("routes[1].users", json!(["sean", "mia"]));
    assert_eq!(new, ["users = [\"sean\", \"mia\"]"]);
}

#[test]
fn a_new_key_goes_to_the_end_of_its_section() {
    let new = changed(TEXT, "server.public_url", json!("http://relay"));
    assert!(new.contains("  max_body = \"1 MiB\"\n  public_url = \"http://relay\"\n\n# the server"), "{new}");
    let new = changed(TEXT, "routes[0].ratings", json!(true));
    assert!(new.contains("]\nratings = true\n\n# the second"), "{new}");
    let (_, new) = lines("trackers.bob.url", json!("x"));
    assert_eq!(new, ["bob = { plugin = \"diary\", pin = 1, url = \"x\" }"]);
}

#[test]
fn new_sections_go_where_they_belong() {
    let new = changed(TEXT, "scrobble.watched_at", json!(90));
    assert!(new.ends_with("users = []\n\n[scrobble]\nwatched_at = 90\n"), "{new}");
    let new = changed(TEXT, "sources.attic", json!({ "plugin": "attic", "mode": "watch" }));
    assert!(new.ends_with("\n[sources.attic]\nplugin = \"attic\"\nmode = \"watch\"\n"), "{new}");
    let new = changed(TEXT, "routes[+]", json!({ "source": "home", "tracker": "bob", "users": ["*"] }));
    assert!(new.ends_with("\n[[routes]]\nsource = \"home\"\ntracker = \"bob\"\nusers = [\"*\"]\n"), "{new}");
    assert_eq!(changed("", "server.listen", json!("x")), "[server]\nlisten = \"x\"\n");
    assert_eq!(changed("a = 1", "b", json!(2)), "a = 1\nb = 2");
}

#[test]
fn what_is_removed_takes_its_line_or_its_section_along() {
    assert_eq!(lines("server.listen", Json::Null).0, ["listen = \"0.0.0.0:8787\"   # everywhere"]);
    let (gone, new) = lines("trackers.bob.plugin", Json::Null);
    assert_eq!((gone.len(), new), (1, vec!["bob = { pin = 1 }".to_owned()]));
    let (_, new) = lines("trackers.bob.pin", Json::Null);
    assert_eq!(new, ["bob = { plugin = \"diary\" }"]);
    let new = changed(TEXT, "sources.home", Json::Null);
    assert!(new.contains("max_body = \"1 MiB\"\n\n# the server in the attic\n[trackers]"), "{new}");
    let new = changed(TEXT, "routes[0]", Json::Null);
    assert!(new.contains("pin = 1 }\n\n# the second\n[[routes]]"), "{new}");
    let new = changed(TEXT, "routes[1]", Json::Null);
    assert!(new.ends_with("]\n\n# the second\n"), "{new}");
}

#[test]
fn line_ends_stay_as_they_are() {
    let text = TEXT.replace('\n', "\r\n");
    for (path, value) in [
        ("server.listen", json!("x")),
        ("server.public_url", json!("x")),
        ("scrobble.watched_at", json!(90)),
        ("routes[+]", json!({ "source": "home" })),
        ("routes[0]", Json::Null),
        ("sources.home.url", Json::Null),
    ] {
        let new = changed(&text, path, value);
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count(), "{path}: {new:?}");
    }
}

#[test]
fn keys_that_are_written_in_full_stay_so() {
    let new = changed("server.listen = \"x\"\n", "server.public_url", json!("y"));
    assert_eq!(new, "server.listen = \"x\"\nserver.public_url = \"y\"\n");
    let new = changed("server.listen = \"x\"\n", "server.listen", Json::Null);
    assert_eq!(new, "");
}

#[test]
fn a_key_or_a_value_writes_nothing_beside_itself() {
    let odd = "x\"\n[server]\nlisten = \"y";
    let new = changed(TEXT, "trackers.amy", json!({ "plugin": "diary", odd: odd }));
    let read = values(&new);
    assert_eq!(read["trackers"]["amy"][odd].as_str(), Some(odd));
    assert_eq!(read["server"], values(TEXT)["server"]);
    for path in ["", ".", "server.", "a b", "routes[", "routes[x]", "server.\"x\"", "a\nb"] {
        assert!(KeyPath::parse(path).is_err(), "{path:?}");
    }
}

#[test]
fn what_is_not_there_is_complained_of() {
    let error = |path: &str, value: Json| apply(TEXT, &[change(path, value)]).unwrap_err().to_string();
    assert!(error("server.public_url", Json::Null).contains("there is no server.public_url"));
    assert!(error("routes[7].users", json!([])).contains("there is no"));
    assert!(error("server.listen.port", json!(1)).contains("no keys of its own"));
    assert!(error("server", json!(1)).contains("no keys of its own"));
    assert!(error("server.x", json!([null])).contains("cannot be written"));
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        "[ -~\u{e9}\u{2603}\n\t]{0,12}".prop_map(|text| json!(text)),
        proptest::collection::vec("[a-z\"#\\[\\]]{0,5}", 0..4).prop_map(|items| json!(items)),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("server.listen".to_owned()),
        Just("server.max_body".to_owned()),
        Just("sources.home.url".to_owned()),
        Just("trackers.bob.pin".to_owned()),
        Just("routes[0].users".to_owned()),
        Just("routes[1].tracker".to_owned()),
        "(server|sources\\.home|trackers\\.bob|routes\\[[01]\\]|scrobble|access\\.oidc)\\.[a-z_]{1,8}"
            .prop_map(|path| path),
    ]
}

proptest! {
    #[test]
    fn a_change_sets_its_key_and_its_inverse_gives_the_same_bytes(
        path in path(),
        value in scalar(),
        crlf in any::<bool>(),
    ) {
        let text = if crlf { TEXT.replace('\n', "\r\n") } else { TEXT.to_owned() };
        let change = change(&path, value.clone());
        let made = splice(&text, &change).unwrap();
        let mut new = text.clone();
        new.replace_range(made.range.clone(), &made.text);
        let mut expected = serde_json::to_value(values(&text)).unwrap();
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        // A section that was not there is there now.
        let mut at = &mut expected;
        for part in parent.split('/').skip(1) {
            at = match at {
                Json::Array(items) => &mut items[part.parse::<usize>().unwrap()],
                Json::Object(fields) => fields.entry(part).or_insert_with(|| json!({})),
                other => panic!("{other}"),
            };
        }
        at[key] = value;
        prop_assert_eq!(serde_json::to_value(values(&new)).unwrap(), expected, "{}", new);
        let inverse = made.range.start..made.range.start + made.text.len();
        new.replace_range(inverse, &text[made.range]);
        prop_assert_eq!(new, text);
    }

    #[test]
    fn no_text_and_no_change_is_a_crash(text in "[a-z\\[\\].=\"'{}, #\n]{0,60}", path in "[a-z.\\[\\]+0-9]{0,12}", value in scalar()) {
        if let Ok(path) = KeyPath::parse(&path) {
            for value in [Some(value), None] {
                let _ = splice(&text, &Change { path: path.clone(), value });
            }
        }
    }
}
