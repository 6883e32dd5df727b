//! Plugins from an OCI registry: Debian's `docker-registry`, which speaks as those of forges do.

use std::fs;

use playrelay_plugin_host::artifact::Digest;
use playrelay_tests::docker_registry::DockerRegistry;
use playrelay_tests::harness::TestContext;
use playrelay_tests::signers::CosignKey;
use serde_json::{Value, json};

use crate::plugin_directory::other_version;
use crate::plugin_install::{done, lock, refused, serving};

/// A registry; absent where Debian's package is not installed. In CI it is.
async fn registry() -> Option<DockerRegistry> {
    let registry = DockerRegistry::start().await;
    if registry.is_none() {
        eprintln!("SKIPPED: docker-registry is not installed");
    }
    registry
}

fn digest(version: u8) -> Option<String> {
    Some(Digest::of(&other_version(version)).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_resolved_and_followed() {
    let Some(registry) = registry().await else { return };
    let home = TestContext::new("");
    let place = registry.place(":1.0");
    refused(&home, &["install", &place, "--yes"], "the registry has nothing there");
    let first = registry.push("1.0", &other_version(1)).await;
    let said = done(&home, &["install", &format!("oci://{place}"), "--yes"]);
    let resolved = registry.place(&format!("@{first}"));
    assert!(said.contains(&resolved) && said.contains("not signed"), "{said}");
    let row = lock(&home)["plugin"][0].clone();
    assert_eq!((row["source"].as_str(), row["resolved"].as_str()), (Some(&*place), Some(&*resolved)));
    assert_eq!(serving(&home), digest(1));
    // The tag moves.
    registry.push("1.0", &other_version(2)).await;
    assert!(done(&home, &["update", "--check"]).contains("the permissions are the same"));
    assert_eq!(serving(&home), digest(1));
    done(&home, &["update", "--yes"]);
    assert_eq!(serving(&home), digest(2));
    assert!(done(&home, &["update", "--yes"]).starts_with("sound is up to date"));
    // Back to the first one, by its digest, which cannot change.
    done(&home, &["install", &resolved, "--yes"]);
    assert_eq!(serving(&home), digest(1));
    refused(&home, &["update", "sound"], "is bound to its digest");
    // A digest of the component may be asked for as well.
    let other = digest(1).unwrap();
    refused(&home, &["install", &place, "--yes", "--digest", &other], "it is another file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_starts_without_the_registry() {
    let Some(registry) = registry().await else { return };
    let home = TestContext::new("");
    registry.push("1.0", &other_version(1)).await;
    let place = registry.place(":1.0");
    done(&home, &["install", &place, "--yes"]);
    drop(registry);
    let daemon = home.start();
    let is_active = |list: &Value| {
        let rows = list["items"].as_array().unwrap();
        rows.iter().any(|row| row["id"] == "sound" && row["status"] == "active")
    };
    daemon.get_until("/api/v1/plugins", "active", is_active).await;
    refused(&home, &["update", "sound"], "cannot be fetched");
    assert_eq!(serving(&home), digest(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_signed_by_its_author() {
    let Some(registry) = registry().await else { return };
    let home = TestContext::new("");
    let place = registry.place(":1.0");
    let (author, stranger) = (CosignKey::default(), CosignKey::default());
    let key = home.path().join("cosign.pub");
    fs::write(&key, author.public()).unwrap();
    let install = ["install", &place, "--yes", "--key", key.to_str().unwrap()];
    let first = registry.push("1.0", &other_version(1)).await;
    refused(&home, &install, "it has no signature of cosign");
    registry.sign(&first, &stranger).await;
    refused(&home, &install, "no signature of cosign fits the key and the image");
    let unchecked = done(&home, &["install", &place, "--yes"]);
    assert!(unchecked.contains("signed, and not checked"), "{unchecked}");
    registry.sign(&first, &author).await;
    let said = done(&home, &install);
    assert!(said.contains("signed with P-256 sha256:"), "{said}");
    // The next version is checked against the key.
    let second = registry.push("1.0", &other_version(2)).await;
    refused(&home, &["update", "--yes"], "it has no signature of cosign");
    registry.sign(&second, &author).await;
    done(&home, &["update", "--yes"]);
    assert_eq!(serving(&home), digest(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused() {
    let Some(registry) = registry().await else { return };
    let home = TestContext::new("");
    let image = ("application/vnd.oci.image.layer.v1.tar+gzip", b"layer".to_vec(), json!({}));
    registry.push_as("image", std::slice::from_ref(&image)).await;
    let component = ("application/wasm", other_version(1), json!({}));
    registry.push_as("two", &[image, component]).await;
    registry.push("text", b"no component").await;
    registry.push("large", &vec![0; (32 << 20) + 1]).await;
    for (tag, words) in [
        ("image", "its layer is of the type \"application/vnd.oci.image.layer.v1.tar+gzip\""),
        ("two", "it has 2 layers"),
        ("text", "is no plugin: it is not WebAssembly"),
        ("large", "is larger than 33554432 bytes"),
        ("never", "the registry has nothing there"),
    ] {
        refused(&home, &["install", &registry.place(&format!(":{tag}")), "--yes"], words);
    }
    assert!(!home.data().join("plugins").exists(), "nothing is written");
}
