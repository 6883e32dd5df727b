//! Rules of the code that a change could break unnoticed.

use std::path::{Path, PathBuf};

use playrelay_tests::harness::{TestContext, binary, bundled_plugins};

const PROVIDERS: [&str; 7] = ["plex", "jellyfin", "emby", "trakt", "simkl", "mdblist", "tmdb"];

/// The folder of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder.
pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_host_names_no_provider() {
    let mut sources = Vec::new();
    files(&workspace().join("host"), &mut sources);
    assert!(sources.len() > 50);
    // What is written and read there is a form of files, which has the name of a service; nothing there speaks with one.
    for folder in ["exports/history", "imports"] {
        sources.retain(|path| !path.starts_with(workspace().join("host/daemon/src").join(folder)));
    }
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        for provider in PROVIDERS {
            let line = text.lines().position(|line| line.contains(provider));
            assert!(line.is_none(), "{}:{} names {provider}", path.display(), line.unwrap_or_default() + 1);
        }
    }
}

#[test]
fn bundled_plugins_import_nothing_but_the_contract() {
    let mut plugins = Vec::new();
    files(&workspace().join("target/plugins"), &mut plugins);
    assert_eq!(plugins.len(), bundled_plugins(), "{plugins:?}");
    for path in plugins {
        let bytes = std::fs::read(&path).unwrap();
        let decoded = wit_component::decode(&bytes).unwrap();
        let resolve = decoded.resolve();
        let mut printer = wit_component::WitPrinter::default();
        printer.print(resolve, decoded.package(), &[]).unwrap();
        let wit = printer.output.to_string();
        let imports: Vec<_> = wit.lines().filter_map(|line| line.trim().strip_prefix("import ")).collect();
        assert!(!imports.is_empty(), "{wit}");
        for import in imports {
            assert!(import.starts_with("playrelay:plugin/"), "{} imports {import}", path.display());
        }
    }
}

/// What each crate of the host may depend on, of the workspace and of what does I/O.
#[test]
fn crates_of_the_host_depend_in_one_direction() {
    let depends_on = |name: &str| {
        let manifest =
            std::fs::read_to_string(workspace().join("host").join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        manifest["dependencies"].as_table().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    for (name, expected) in [
        ("engine", &[][..]),
        ("util", &[]),
        ("plugin-host", &["playrelay-engine", "playrelay-util"]),
        ("store", &["playrelay-engine", "playrelay-util"]),
        ("plugin-pack", &[]),
        ("plugin-install", &["playrelay-plugin-host"]),
        (
            "plugin-kit",
            &["playrelay-engine", "playrelay-plugin-host", "playrelay-plugin-pack", "playrelay-util"],
        ),
    ] {
        let found = depends_on(name);
        let ours: Vec<&str> =
            found.iter().map(String::as_str).filter(|it| it.starts_with("playrelay")).collect();
        assert_eq!(ours, expected, "host/{name}");
    }
    for io in ["tokio", "async-trait", "wasmtime", "rusqlite", "reqwest", "tracing", "getrandom"] {
        assert!(!depends_on("engine").iter().any(|it| it == io), "the engine depends on {io}");
    }
}

#[test]
fn nothing_unsafe_but_the_one_file() {
    let mut sources = Vec::new();
    for folder in ["host", "tests/src", "tests/end_to_end", "xtask/src"] {
        files(&workspace().join(folder), &mut sources);
    }
    let unsafe_block = concat!("unsafe", " {");
    let with_unsafe: Vec<_> = sources
        .iter()
        .filter(|path| std::fs::read_to_string(path).unwrap().contains(unsafe_block))
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(with_unsafe, ["precompiled.rs"]);
}

#[test]
fn files_with_secrets_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = TestContext::without_data_dir("");
    assert!(home.run(&["webhooks"]).status.success());
    let mode = |name: &str| std::fs::metadata(home.data().join(name)).unwrap().permissions().mode() & 0o777;
    let modes = ["", "cache", "secret.key", "playrelay.db", "cache/key"].map(mode);
    assert_eq!(modes, [0o700, 0o700, 0o600, 0o600, 0o600]);
    assert!(binary().is_file());
}
