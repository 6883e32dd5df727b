//! Container images, as files: the layout of the Open Container Initiative, which registries take, and archives for `docker load`. No container engine
//! is needed, and the bytes are the same each time.

use std::fs;
use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dist::arch::Arch;
use crate::dist::release::Release;
use crate::dist::tree::{Tree, gzip};

/// The name under which the image is known.
pub const NAME: &str = "ghcr.io/playrelay/playrelay";
/// Where programs look for the certificates of authorities.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// Letters in a line of a certificate's text (RFC 7468).
const PEM_LINE: usize = 64;

/// The files of an image.
pub fn root_file_system(release: &Release, program: &[u8]) -> Tree {
    let mut tree = Tree::default();
    tree.file("playrelay", 0o755, program);
    tree.file(CERTIFICATES, 0o644, certificates());
    tree.file("usr/share/doc/playrelay/LICENSE", 0o644, release.licence.as_bytes());
    tree.file("usr/share/doc/playrelay/THIRD-PARTY.txt", 0o644, release.notices.as_bytes());
    // Whoever runs the container may be any user; the files in it are for that user alone.
    tree.folder("config", 0o777);
    tree.folder("tmp", 0o1777);
    tree
}

/// The certificates of the authorities that Mozilla trusts, from a crate, so that they do not depend on the machine that builds.
fn certificates() -> String {
    let pem = |der: &[u8]| {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> =
            (0..text.len()).step_by(PEM_LINE).map(|at| &text[at..text.len().min(at + PEM_LINE)]).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| pem(certificate)).collect()
}

/// The files of a layout, by their digest.
#[derive(Default)]
struct Blobs(Vec<(String, Vec<u8>)>);

impl Blobs {
    /// Adds a file, and gives how others refer to it.
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor =
            json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() });
        self.0.push((digest, bytes));
        descriptor
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds an image of one architecture. Gives its manifest's descriptor, and the digests of its configuration and its layer.
fn add_image(
    blobs: &mut Blobs,
    release: &Release,
    arch: Arch,
    program: &[u8],
) -> Result<(Value, String, String)> {
    let layer = root_file_system(release, program).tar(release.seconds)?;
    let layer_digest = digest(&layer);
    let layer = blobs.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layer)?);
    let config = json!({
        "created": release.time,
        "architecture": arch.name(),
        "os": "linux",
        "config": {
            "Entrypoint": ["/playrelay"],
            "Cmd": ["serve"],
            "WorkingDir": "/config",
            "Env": ["PLAYRELAY__SERVER__DATA_DIR=/config", "PUID=1000", "PGID=1000"],
            "ExposedPorts": { "8787/tcp": {} },
            "Volumes": { "/config": {} },
            "StopSignal": "SIGTERM",
            // No part of the format of the initiative, and read by Docker. Times are in nanoseconds.
            "Healthcheck": {
                "Test": ["CMD", "/playrelay", "health"],
                "Interval": 30_000_000_000_u64, "Timeout": 5_000_000_000_u64, "StartPeriod": 30_000_000_000_u64,
            },
            "Labels": labels(release),
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        "history": [{ "created": release.time, "created_by": "cargo xtask dist" }],
    });
    let config = blobs.add("application/vnd.oci.image.config.v1+json", serde_json::to_vec(&config)?);
    let of = |descriptor: &Value| {
        descriptor["digest"].as_str().unwrap_or_default().trim_start_matches("sha256:").to_owned()
    };
    let (config_digest, layer_digest) = (of(&config), of(&layer));
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer], "annotations": labels(release),
    });
    let mut manifest =
        blobs.add("application/vnd.oci.image.manifest.v1+json", serde_json::to_vec(&manifest)?);
    manifest["platform"] = json!({ "architecture": arch.name(), "os": "linux" });
    Ok((manifest, config_digest, layer_digest))
}

fn labels(release: &Release) -> Value {
    json!({
        "org.opencontainers.image.title": "Playrelay",
        "org.opencontainers.image.description": "Scrobbles what people watch on Plex, Jellyfin and Emby to their trackers.",
        "org.opencontainers.image.source": "https://github.com/playrelay/playrelay",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.version": release.version,
        "org.opencontainers.image.revision": release.commit.as_deref().unwrap_or("unknown"),
        "org.opencontainers.image.created": release.time,
    })
}

/// Writes the image of all architectures as a layout into a folder.
pub fn write_layout(release: &Release, programs: &[(Arch, Vec<u8>)], folder: &Path) -> Result<()> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for (arch, program) in programs {
        manifests.push(add_image(&mut blobs, release, *arch, program)?.0);
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
        "annotations": labels(release),
    });
    let mut index = blobs.add("application/vnd.oci.image.index.v1+json", serde_json::to_vec(&index)?);
    index["annotations"] = json!({ "org.opencontainers.image.ref.name": release.version });
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("blobs/sha256"))?;
    for (digest, bytes) in &blobs.0 {
        fs::write(folder.join("blobs/sha256").join(digest), bytes)?;
    }
    fs::write(folder.join("oci-layout"), LAYOUT)?;
    let top = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [index] });
    fs::write(folder.join("index.json"), serde_json::to_vec(&top)?)?;
    Ok(())
}

/// The version of the layout.
const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// The image of one architecture as an archive for `docker load` and `podman load`.
pub fn archive(release: &Release, arch: Arch, program: &[u8]) -> Result<Vec<u8>> {
    let mut blobs = Blobs::default();
    let (mut manifest, config, layer) = add_image(&mut blobs, release, arch, program)?;
    let tag = format!("{NAME}:{}", release.version);
    manifest["annotations"] =
        json!({ "io.containerd.image.name": tag, "org.opencontainers.image.ref.name": release.version });
    let mut tree = Tree::default();
    for (digest, bytes) in blobs.0 {
        tree.file(&format!("blobs/sha256/{digest}"), 0o644, bytes);
    }
    tree.file("oci-layout", 0o644, LAYOUT);
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest] });
    tree.file("index.json", 0o644, serde_json::to_vec(&index)?);
    // What Docker read before it read layouts.
    let manifest = json!([{
        "Config": format!("blobs/sha256/{config}"), "RepoTags": [tag], "Layers": [format!("blobs/sha256/{layer}")],
    }]);
    tree.file("manifest.json", 0o644, serde_json::to_vec(&manifest)?);
    tree.tar(release.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            version: "1.2.3".to_owned(),
            commit: None,
            seconds: 1,
            time: "1970-01-01T00:00:01Z".to_owned(),
            licence: "MIT".to_owned(),
            notices: "none".to_owned(),
        }
    }

    #[test]
    fn an_archive_names_what_it_has() {
        let bytes = archive(&release(), Arch::Arm64, b"program").unwrap();
        assert_eq!(bytes, archive(&release(), Arch::Arm64, b"program").unwrap(), "the same each time");
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        for path in [&manifest[0]["Config"], &manifest[0]["Layers"][0]] {
            let path = path.as_str().unwrap();
            assert_eq!(
                path.rsplit('/').next().unwrap(),
                digest(&files[path]),
                "a file is named by its digest"
            );
        }
        let config: Value = serde_json::from_slice(&files[manifest[0]["Config"].as_str().unwrap()]).unwrap();
        assert_eq!(config["architecture"], "arm64");
    }

    #[test]
    fn the_certificates_are_text() {
        let text = certificates();
        assert!(text.matches("-----BEGIN CERTIFICATE-----\n").count() > 50);
        assert!(text.lines().all(|line| line.len() <= PEM_LINE));
    }
}
