//! The files of the templates: those of the kind, and those of the language.

use crate::language::Language;
use crate::scaffold::kind::Kind;

/// The files, by their paths in the project. `{{name}}` and `{{title}}` are still to be filled in.
pub(super) fn files(language: Language, kind: Kind) -> Vec<(&'static str, String)> {
    let limits = match language {
        Language::Rust => "",
        Language::JavaScript | Language::Python => {
            "\n[limits]\n# The engine of the language comes with the plugin.\nmemory-mib = 64\n"
        }
    };
    let (manifest, tests): (&str, &[(&str, &str)]) = match kind {
        Kind::Source => (include_str!("templates/source/plugin.toml"), SOURCE_TESTS),
        Kind::Sink => (include_str!("templates/sink/plugin.toml"), SINK_TESTS),
        Kind::Notify => (include_str!("templates/notify/plugin.toml"), NOTIFY_TESTS),
    };
    let code: &[(&str, &str)] = match (language, kind) {
        (Language::Rust, Kind::Source) => &[("src/lib.rs", include_str!("templates/rust/source.rs"))],
        (Language::Rust, Kind::Sink) => &[("src/lib.rs", include_str!("templates/rust/sink.rs"))],
        (Language::Rust, Kind::Notify) => &[("src/lib.rs", include_str!("templates/rust/notify.rs"))],
        (Language::JavaScript, Kind::Source) => {
            &[("src/plugin.js", include_str!("templates/javascript/source.js"))]
        }
        (Language::JavaScript, Kind::Sink) => {
            &[("src/plugin.js", include_str!("templates/javascript/sink.js"))]
        }
        (Language::JavaScript, Kind::Notify) => {
            &[("src/plugin.js", include_str!("templates/javascript/notify.js"))]
        }
        (Language::Python, Kind::Source) => &[("src/plugin.py", include_str!("templates/python/source.py"))],
        (Language::Python, Kind::Sink) => &[("src/plugin.py", include_str!("templates/python/sink.py"))],
        (Language::Python, Kind::Notify) => &[("src/plugin.py", include_str!("templates/python/notify.py"))],
    };
    let tools: &[(&str, &str)] = match language {
        Language::Rust => {
            &[("Cargo.toml", include_str!("templates/rust/cargo.toml")), (".gitignore", "build/\n")]
        }
        Language::JavaScript => &[
            ("package.json", include_str!("templates/javascript/package.json")),
            ("build.mjs", include_str!("templates/javascript/build.mjs")),
            (".gitignore", "build/\nnode_modules/\n"),
        ],
        Language::Python => &[
            ("requirements.txt", include_str!("templates/python/requirements.txt")),
            (".gitignore", "build/\n__pycache__/\n"),
        ],
    };
    let all = code.iter().chain(tools).chain(tests).map(|(path, text)| (*path, (*text).to_owned()));
    all.chain([("plugin.toml", format!("{manifest}{limits}"))])
        .chain([("README.md", include_str!("templates/README.md").to_owned())])
        .collect()
}

const SOURCE_TESTS: &[(&str, &str)] = &[
    ("tests/starts.toml", include_str!("templates/source/starts.toml")),
    ("tests/starts.expected.json", include_str!("templates/source/starts.expected.json")),
    ("tests/another-event.toml", include_str!("templates/source/another-event.toml")),
    ("tests/another-event.expected.json", include_str!("templates/source/another-event.expected.json")),
    ("tests/no-json.toml", include_str!("templates/source/no-json.toml")),
    ("tests/no-json.expected.json", include_str!("templates/source/no-json.expected.json")),
];

const SINK_TESTS: &[(&str, &str)] = &[
    ("tests/watched.toml", include_str!("templates/sink/watched.toml")),
    ("tests/watched.expected.json", include_str!("templates/sink/watched.expected.json")),
    ("tests/busy.toml", include_str!("templates/sink/busy.toml")),
    ("tests/busy.expected.json", include_str!("templates/sink/busy.expected.json")),
];

const NOTIFY_TESTS: &[(&str, &str)] = &[
    ("tests/login.toml", include_str!("templates/notify/login.toml")),
    ("tests/login.expected.json", include_str!("templates/notify/login.expected.json")),
    ("tests/busy.toml", include_str!("templates/notify/busy.toml")),
    ("tests/busy.expected.json", include_str!("templates/notify/busy.expected.json")),
];
