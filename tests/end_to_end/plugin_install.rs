//! Plugins that are installed by command, from files and addresses.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use playrelay_plugin_host::artifact::Digest;
use playrelay_tests::harness::{TestContext, fixture};
use playrelay_tests::signers::MinisignKey;
use playrelay_tests::tls_proxy::TlsProxy;
use serde_json::Value;

use crate::plugin_changes::until_webhooks_are_taken;
use crate::plugin_directory::other_version;

/// A source of the plugin.
const SOURCE: &str = "[sources.odd]\nplugin = \"sound\"\nwebhook_token = \"webhook-token-0123456789-odd\"\n";

/// What a command says, and whether it succeeded.
pub(crate) fn say(home: &TestContext, arguments: &[&str]) -> (bool, String) {
    let output = home.run(&[&["plugin"], arguments].concat());
    let said =
        [&*String::from_utf8_lossy(&output.stdout), &*String::from_utf8_lossy(&output.stderr)].concat();
    (output.status.success(), said)
}

/// A command that must succeed.
pub(crate) fn done(home: &TestContext, arguments: &[&str]) -> String {
    let (is_done, said) = say(home, arguments);
    assert!(is_done, "{arguments:?}: {said}");
    said
}

/// A command that must fail, with these words.
pub(crate) fn refused(home: &TestContext, arguments: &[&str], words: &str) {
    let (is_done, said) = say(home, arguments);
    assert!(!is_done && said.contains(words), "{arguments:?}: {words:?} expected: {said}");
}

pub(crate) fn lock(home: &TestContext) -> toml::Table {
    fs::read_to_string(home.data().join("plugins.lock")).unwrap().parse().unwrap()
}

/// The digest of the plugin that serves; absent where none does.
pub(crate) fn serving(home: &TestContext) -> Option<String> {
    let list = home.json(&["plugin", "list"]);
    let is_active = |row: &&Value| row["id"] == "sound" && row["status"] == "active";
    list.as_array().unwrap().iter().find(is_active)?;
    Some(home.json(&["plugin", "inspect", "sound"])["digest"].as_str().unwrap().to_owned())
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_installed_updated_and_removed_while_the_daemon_runs() {
    let home = TestContext::new("");
    let published = home.path().join("published.wasm");
    let source = published.to_str().unwrap();
    fs::write(&published, other_version(1)).unwrap();
    let daemon = home.start();
    // Nobody can be asked.
    refused(&home, &["install", source], "`--yes` approves it");
    assert_eq!(serving(&home), None);
    let said = done(&home, &["install", source, "--yes"]);
    for words in ["may send requests to:\n", source, "not signed", "installed and approved"] {
        assert!(said.contains(words), "{words:?} in {said}");
    }
    let config = home.path().join("playrelay.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + SOURCE).unwrap();
    until_webhooks_are_taken(&home, &daemon).await;
    let event = daemon.message("odd", "text/plain", b"hello".to_vec());
    assert_eq!(daemon.settled(event.await).await["verdict"]["detail"], "hello");
    let row = lock(&home)["plugin"][0].clone();
    assert_eq!((row["source"].as_str(), row["file"].as_str()), (Some(source), Some("sound.wasm")));
    assert!(done(&home, &["update", "sound"]).starts_with("sound is up to date"));
    // What would change is shown, and nothing changes until somebody says so.
    fs::write(&published, other_version(2)).unwrap();
    let checked = done(&home, &["update", "--check"]);
    assert!(checked.contains("the permissions are the same"), "{checked}");
    refused(&home, &["update"], "`--yes` approves it");
    assert_eq!(serving(&home), Some(digest(&other_version(1))));
    done(&home, &["update", "--yes"]);
    assert_eq!(serving(&home), Some(digest(&other_version(2))));
    // Another plugin at the same place is no update.
    fs::copy(fixture("notebook.wasm"), &published).unwrap();
    refused(&home, &["update", "sound", "--yes"], "has another plugin now");
    fs::write(&published, "no plugin at all").unwrap();
    refused(&home, &["update", "--yes"], "is no plugin: it is not WebAssembly");
    let removed = done(&home, &["remove", "sound"]);
    assert!(removed.contains("these accounts need it, and wait: odd"), "{removed}");
    assert_eq!(fs::read_dir(home.data().join("plugins")).unwrap().count(), 0);
    assert!(lock(&home).get("plugin").is_none());
    let gone = |list: &Value| !list.to_string().contains("\"sound\"");
    daemon.get_until("/api/v1/plugins", "no plugin", gone).await;
    refused(&home, &["remove", "sound"], "sound");
    // Its account waits, also after a restart, and goes on once it is back.
    let waiting = daemon.message("odd", "text/plain", b"meanwhile".to_vec()).await;
    drop(daemon);
    let daemon = home.start();
    fs::write(&published, other_version(3)).unwrap();
    done(&home, &["install", source, "--yes"]);
    assert_eq!(daemon.settled(waiting).await["verdict"]["detail"], "meanwhile");
}

#[test]
fn an_id_has_one_file_and_a_bundled_plugin_stays() {
    let home = TestContext::new("");
    let folder = home.data().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("by-hand.wasm"), other_version(1)).unwrap();
    refused(&home, &["update", "sound"], "was not installed by `playrelay plugin install`");
    // What was put there by hand is replaced, under its name.
    let published = home.path().join("published.wasm");
    fs::write(&published, other_version(2)).unwrap();
    done(&home, &["install", published.to_str().unwrap(), "--yes"]);
    assert_eq!(fs::read(folder.join("by-hand.wasm")).unwrap(), other_version(2));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::write(folder.join("again.wasm"), other_version(3)).unwrap();
    refused(&home, &["install", published.to_str().unwrap(), "--yes"], "both; remove one of them");
    let id = bundled_id(&home);
    refused(&home, &["remove", &id], "is part of Playrelay");
    refused(&home, &["update", &id], "was not installed");
    refused(&home, &["remove", "sounds"], "sound");
    refused(&home, &["install", "sound"], "it names no registry");
    refused(&home, &["install", "./nowhere.wasm"], "cannot be read");
    refused(&home, &["install", "http://127.0.0.1/sound.wasm"], "http is not supported");
}

fn bundled_id(home: &TestContext) -> String {
    let list = home.json(&["plugin", "list"]);
    let bundled = list.as_array().unwrap().iter().find(|row| row["origin"] == "bundled").unwrap();
    bundled["id"].as_str().unwrap().to_owned()
}

/// A web server on which an author publishes files, behind TLS.
struct WebSite {
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    front: TlsProxy,
}

impl WebSite {
    async fn start(home: &mut TestContext) -> Self {
        type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;
        async fn answer(State(files): State<Files>, uri: Uri) -> (StatusCode, Vec<u8>) {
            match files.lock().unwrap().get(uri.path()) {
                Some(content) => (StatusCode::OK, content.clone()),
                None => (StatusCode::NOT_FOUND, Vec::new()),
            }
        }
        let files = Files::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&files));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let front = TlsProxy::before(&url).await;
        let authorities = home.path().join("authorities.pem");
        fs::write(&authorities, front.certificate()).unwrap();
        home.set("SSL_CERT_FILE", authorities.to_str().unwrap());
        Self { files, front }
    }

    fn publish(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), content.into());
    }

    fn url(&self, path: &str) -> String {
        self.front.url() + path
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_needs_a_digest() {
    let mut home = TestContext::new("");
    let site = WebSite::start(&mut home).await;
    let url = site.url("/sound.wasm");
    site.publish("/sound.wasm", other_version(1));
    refused(&home, &["install", &url, "--yes"], "add `--digest sha256:…`");
    refused(&home, &["install", &url, "--yes", "--digest", "sha256:12"], "expected `sha256:` and 64");
    let other = digest(&other_version(2));
    refused(&home, &["install", &url, "--yes", "--digest", &other], "it is another file");
    refused(&home, &["install", &site.url("/nothing.wasm"), "--yes", "--digest", &other], "404 Not Found");
    assert!(!home.data().join("plugins").exists(), "nothing is written");
    done(&home, &["install", &url, "--yes", "--digest", &format!("sha256:{}", digest(&other_version(1)))]);
    assert_eq!(serving(&home), Some(digest(&other_version(1))));
    refused(&home, &["update", "sound"], "is bound to its digest");
    assert!(done(&home, &["update"]).contains("sound is bound to its digest"));
    // More than a plugin may have.
    let large = vec![0; (32 << 20) + 1];
    site.publish("/large.wasm", large.clone());
    let arguments = ["install", &site.url("/large.wasm"), "--yes", "--digest", &digest(&large)];
    refused(&home, &arguments, "is larger than 33554432 bytes");
    // A server whose certificate nobody has signed.
    home.set("SSL_CERT_FILE", "/dev/null");
    refused(&home, &["install", &url, "--yes", "--digest", &other], "cannot be fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_author_counts_for_later_versions_too() {
    let mut home = TestContext::new("");
    let site = WebSite::start(&mut home).await;
    let url = site.url("/sound.wasm");
    let (author, stranger) = (MinisignKey::default(), MinisignKey::default());
    let publish = |version: u8, signature: Option<String>| {
        site.publish("/sound.wasm", other_version(version));
        site.files.lock().unwrap().remove("/sound.wasm.minisig");
        if let Some(signature) = signature {
            site.publish("/sound.wasm.minisig", signature);
        }
    };
    let key = home.path().join("author.pub");
    fs::write(&key, format!("untrusted comment: minisign public key\n{}\n", author.public())).unwrap();
    let install = ["install", &url, "--yes", "--key", key.to_str().unwrap()];
    publish(1, None);
    refused(&home, &install, "there is no file beside it that ends with .minisig");
    publish(1, Some(stranger.sign(&other_version(1))));
    refused(&home, &install, "is not signed with the key");
    publish(1, Some(author.sign(&other_version(1))));
    let said = done(&home, &install);
    assert!(said.contains(&format!("signed with {}", author.public())), "{said}");
    assert_eq!(lock(&home)["plugin"][0]["key"].as_str(), Some(author.public().as_str()));
    // A later version is checked against the same key.
    publish(2, Some(stranger.sign(&other_version(2))));
    refused(&home, &["update", "--yes"], "is not signed with the key");
    publish(2, Some(author.sign(&other_version(1))));
    refused(&home, &["update", "--yes"], "is not signed with the key");
    assert_eq!(serving(&home), Some(digest(&other_version(1))));
    publish(2, Some(author.sign(&other_version(2))));
    done(&home, &["update", "--yes"]);
    assert_eq!(serving(&home), Some(digest(&other_version(2))));
    // Wherever it comes from.
    let copy = home.path().join("copy.wasm");
    fs::write(&copy, other_version(3)).unwrap();
    refused(&home, &["install", copy.to_str().unwrap(), "--yes"], "add `--key` with the key");
    fs::write(home.path().join("copy.wasm.minisig"), stranger.sign(&other_version(3))).unwrap();
    done(&home, &["install", copy.to_str().unwrap(), "--yes", "--key", &stranger.public()]);
    assert_eq!(lock(&home)["plugin"][0]["key"].as_str(), Some(stranger.public().as_str()));
    refused(
        &home,
        &["install", copy.to_str().unwrap(), "--yes", "--key", "RWQ"],
        "expected a public key of minisign",
    );
}

#[test]
fn a_signature_that_nobody_can_check_is_shown() {
    let home = TestContext::new("");
    let published = home.path().join("published.wasm");
    fs::write(&published, other_version(1)).unwrap();
    fs::write(home.path().join("published.wasm.minisig"), "anything").unwrap();
    let said = done(&home, &["install", published.to_str().unwrap(), "--yes"]);
    assert!(said.contains("signed, and not checked: `--key` takes the public key of the author"), "{said}");
}
