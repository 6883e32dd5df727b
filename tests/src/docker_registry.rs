//! Debian's `docker-registry`, and what an author pushes to it, as `wkg` and `cosign` do.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::harness::{client, free_port};
use crate::signers::CosignKey;

/// The repository that everything is pushed to.
const REPOSITORY: &str = "someone/sound";

/// A registry that runs on this machine. It ends when it is dropped.
pub struct DockerRegistry {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts one; absent where the program is not installed.
    pub async fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let port = free_port();
        let config = json!({
            "version": 0.1,
            "log": { "level": "error" },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
            "http": { "addr": format!("127.0.0.1:{port}") },
        });
        let file = folder.path().join("config.yml");
        // JSON is YAML.
        fs::write(&file, config.to_string()).expect("our folder");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let registry = Self { process, port, _folder: folder };
        let end = Instant::now() + Duration::from_secs(20);
        while client().get(registry.url("/v2/")).send().await.is_err() {
            assert!(Instant::now() < end, "docker-registry does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(registry)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The place of a tag (`:1.0`) or a digest (`@sha256:…`), as a person writes it.
    pub fn place(&self, what: &str) -> String {
        format!("127.0.0.1:{}/{REPOSITORY}{what}", self.port)
    }

    /// Pushes a component as `wkg oci push` does. Returns the digest of its manifest.
    pub async fn push(&self, tag: &str, component: &[u8]) -> String {
        self.push_as(tag, &[("application/wasm", component.to_vec(), json!({}))]).await
    }

    /// Pushes layers: their type, their content, their annotations. Returns the digest of the manifest.
    pub async fn push_as(&self, tag: &str, layers: &[(&str, Vec<u8>, Value)]) -> String {
        let config = br#"{"architecture":"wasm","os":"wasip2"}"#.to_vec();
        let config = json!({ "mediaType": "application/vnd.wasm.config.v0+json", "size": config.len(),
            "digest": self.push_blob(config).await });
        let mut described = Vec::new();
        for (kind, content, annotations) in layers {
            described.push(json!({ "mediaType": kind, "size": content.len(), "annotations": annotations,
                "digest": self.push_blob(content.clone()).await }));
        }
        let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": described })
        .to_string();
        let url = self.url(&format!("/v2/{REPOSITORY}/manifests/{tag}"));
        let request = client().put(url).header(CONTENT_TYPE, "application/vnd.oci.image.manifest.v1+json");
        let answer = request.body(manifest.clone()).send().await.expect("the registry answers");
        assert_eq!(answer.status(), 201, "{answer:?}");
        digest(manifest.as_bytes())
    }

    /// Signs a manifest as `cosign sign --key` does.
    pub async fn sign(&self, manifest: &str, key: &CosignKey) {
        let payload = json!({ "critical": { "identity": { "docker-reference": self.place("") },
            "image": { "docker-manifest-digest": manifest }, "type": "cosign container image signature" },
            "optional": null })
        .to_string();
        let signature = STANDARD.encode(key.sign(payload.as_bytes()));
        let layer = (
            "application/vnd.dev.cosign.simplesigning.v1+json",
            payload.into_bytes(),
            json!({ "dev.cosignproject.cosign/signature": signature }),
        );
        self.push_as(&format!("{}.sig", manifest.replace(':', "-")), &[layer]).await;
    }

    async fn push_blob(&self, content: Vec<u8>) -> String {
        let begun = client().post(self.url(&format!("/v2/{REPOSITORY}/blobs/uploads/"))).send().await;
        let begun = begun.expect("the registry answers");
        let location = begun.headers()[LOCATION].to_str().expect("an address").to_owned();
        let digest = digest(&content);
        let answer = client()
            .put(location)
            .query(&[("digest", &digest)])
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(content)
            .send()
            .await
            .expect("the registry answers");
        assert_eq!(answer.status(), 201, "{answer:?}");
        digest
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}
