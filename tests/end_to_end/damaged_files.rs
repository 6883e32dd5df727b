//! What goes wrong, or is done on purpose, with the files of a home: damaged, swapped, lost, readable by others, no room.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, WEBHOOK_TOKEN, fixture, sources_to_trakt_config};
use playrelay_tests::{harness, jellyfin_webhook as jellyfin};

use crate::plugin_directory::{JELLYFIN, call_jellyfin, compiled_code};

/// How long something may take that is not to be held up.
const SHORT_DEADLINE: Duration = Duration::from_secs(15);

/// Security 8: what is approved is what was inspected.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_names_what_it_is_for() {
    let home = TestContext::new("");
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let sound = std::fs::read(fixture("sound.wasm")).unwrap();
    let other = [sound.as_slice(), &[0, 2, 1, b'x']].concat();
    std::fs::write(folder.join("a.wasm"), &sound).unwrap();
    // The one that was inspected is swapped.
    let wanted = home.json(&["plugin", "inspect", folder.join("a.wasm").to_str().unwrap()]);
    let wanted = wanted["digest"].as_str().unwrap();
    std::fs::write(folder.join("a.wasm"), [other.as_slice(), &[0, 2, 1, b'y']].concat()).unwrap();
    let (succeeded, said) = home.run_with_fakes(&["plugin", "approve", "sound", "--digest", wanted]).await;
    assert!(!succeeded && said.contains("inspected"), "{said}");
    std::fs::write(folder.join("a.wasm"), &sound).unwrap();
    let (succeeded, said) =
        home.run_with_fakes(&["plugin", "approve", "sound", "--digest", &wanted[..16]]).await;
    assert!(succeeded, "{said}");
    // Another version is shown beside the one that was approved, and takes its place.
    std::fs::write(folder.join("a.wasm"), &other).unwrap();
    let (_, said) = home.run_with_fakes(&["plugin", "approve", "sound"]).await;
    assert!(said.contains("approved before") && said.contains("+ ") && said.contains("sha256"), "{said}");
    let (succeeded, _) = home.run_with_fakes(&["plugin", "revoke", "sound"]).await;
    assert!(succeeded && !home.run_with_fakes(&["plugin", "revoke", "sound"]).await.0);
    let list = home.json(&["plugin", "list"]);
    assert!(!list.to_string().contains("\"active\",\"provides\":[\"check\",\"enrich\""), "{list:#}");
}

/// Security 12 and 16: what is no file, or no plugin, holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn odd_files_in_the_plugin_directory_hold_nobody_up() {
    let home = TestContext::new("");
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe.wasm")).status().unwrap().success());
    for number in 0..400 {
        std::fs::write(folder.join(format!("junk-{number:03}.wasm")), "no plugin").unwrap();
    }
    let began = Instant::now();
    let listed =
        tokio::time::timeout(Duration::from_secs(60), home.run_with_fakes(&["plugin", "list", "--json"]))
            .await;
    let (succeeded, said) = listed.unwrap_or_else(|_| panic!("it hangs: {}", home.log()));
    assert!(succeeded, "{said}");
    println!("listed after {:?}", began.elapsed());
    home.start();
}

/// Security 17: what cannot store is not ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_nothing_is_not_ready() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    let daemon = home.start();
    let ready = async || daemon.api(reqwest::Method::GET, "/readyz").send().await.unwrap().status();
    assert_eq!(ready().await, 200);
    let holder = harness::lock_database(&home.data().join("playrelay.db"));
    let token = format!("{WEBHOOK_TOKEN}-jellyfin");
    let refused = daemon.send("/webhook/jellyfin", Some(&token), "text/plain", b"{}".to_vec()).await;
    assert_eq!((refused.status(), ready().await), (503.try_into().unwrap(), 503.try_into().unwrap()));
    drop(holder);
    assert_eq!(ready().await, 200);
}

/// Security 20: a key that is gone is missed, and its return mends everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_not_replaced_in_silence() {
    let home = TestContext::new("[sources.attic]\nplugin = \"jellyfin\"\n");
    let (_, address) = home.run_with_fakes(&["webhooks"]).await;
    let path = address.split("/webhook/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (key, aside) = (home.data().join("secret.key"), home.path().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    assert!(home.run(&["check"]).status.success());
    assert!(!key.exists(), "no new key is made");
    let daemon = home.start();
    let send = async |daemon: &Daemon<'_>| {
        daemon.send(&format!("/webhook/{path}"), None, "application/json", b"{}".to_vec()).await
    };
    assert_eq!(send(&daemon).await.status(), 503, "the sender should come again");
    assert!(home.log().contains("is gone: restore it"), "{}", home.log());
    drop(daemon);
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(send(&home.start()).await.status(), 200);
}

/// Security 21 and 22: files are for their owner whatever the folder is, and a folder has one daemon.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_private_and_the_folder_is_locked() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::without_data_dir(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    std::fs::create_dir_all(home.data()).unwrap();
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = home.start();
    let film = jellyfin::movie(&"7".repeat(32), "Inception", 2010, 7_200_000, &[("imdb", "tt1375666")]);
    let user = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
    daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &film, Some(0), user, "TV")).await;
    let shown = home.data().join("state/currently_watching.json");
    let end = Instant::now() + SHORT_DEADLINE;
    while !shown.exists() {
        assert!(Instant::now() < end, "nothing is shown: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for file in ["state/currently_watching.json", "admin.token", "secret.key", "playrelay.db"] {
        let mode = std::fs::metadata(home.data().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
    }
    let lock = home.data().join("lock");
    if lock.exists() {
        std::fs::remove_file(lock).unwrap();
    }
    let (succeeded, said) = home.run_with_fakes(&["serve"]).await;
    assert!(!succeeded && said.contains("another Playrelay"), "{said}");
    // What others may read is said.
    std::fs::set_permissions(home.data().join("secret.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = home.run_with_fakes(&["check"]).await;
    assert!(said.contains("chmod 600"), "{said}");
}

/// Security 24: compiled code is bound to the plugin that it was compiled from.
#[test]
fn compiled_code_of_another_plugin_is_not_run() {
    let home = TestContext::new(JELLYFIN);
    let mut codes = compiled_code(&home);
    codes.sort();
    // Each has the code of the next one, and the last one that of the first.
    let with_mac = |path: &Path| [path.to_owned(), path.with_extension("mac")];
    let bytes: Vec<_> =
        codes.iter().map(|path| with_mac(path).map(|file| std::fs::read(file).unwrap())).collect();
    for (path, others) in codes.iter().zip(bytes.iter().cycle().skip(1)) {
        for (file, other) in with_mac(path).iter().zip(others) {
            std::fs::write(file, other).unwrap();
        }
    }
    assert!(call_jellyfin(&home).contains("was changed by somebody"));
    // A key that is damaged costs the cache, and nothing else.
    std::fs::write(home.data().join("cache/key"), "short").unwrap();
    assert!(call_jellyfin(&home).contains("the key of the compiled plugins is damaged"));
}

/// Security 25: want of room is no fault of a plugin: nothing starts with half of them, and nothing half-written stays.
#[tokio::test(flavor = "multi_thread")]
async fn without_room_nothing_starts_by_half() {
    let home = TestContext::without_data_dir(JELLYFIN);
    // There is a data folder, so that the cache is there.
    assert!(home.run(&["webhooks"]).status.success());
    call_jellyfin(&home);
    std::fs::remove_dir_all(home.data().join("cache")).unwrap();
    // Files may have 1 MiB at most: compiled plugins are larger.
    let message = home.path().join("message.json");
    let arguments = ["replay", message.to_str().unwrap()];
    let (_, said) = home.say_within("trap '' XFSZ; ulimit -f 1024", &arguments).await;
    assert!(said.contains("the cache of compiled plugins") && said.contains("File too large"), "{said}");
    assert!(said.contains("failed (host)"), "no plugin is to blame: {said}");
    let cached = std::fs::read_dir(home.data().join("cache")).unwrap().flatten();
    let names: Vec<_> = cached.map(|file| file.file_name()).collect();
    assert_eq!(names, ["key"]);
    // Too few descriptors are told as what they are.
    let (succeeded, said) = home.say_within("ulimit -n 16", &["serve"]).await;
    assert!(!succeeded && said.contains("open files"), "{said}");
    // What somebody left who was killed while writing goes.
    let cache = home.data().join("cache");
    std::fs::create_dir_all(&cache).unwrap();
    let left_over = cache.join("0123.tmp-4711");
    std::fs::write(&left_over, "half a file").unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    std::fs::File::options().write(true).open(&left_over).unwrap().set_modified(long_ago).unwrap();
    let _daemon = home.start();
    assert!(!left_over.exists());
}
