//! Whether the program runs in a container, whose address others may not reach.

use std::path::Path;

/// The files that Docker and Podman make, and the variable of Kubernetes.
const FILES: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
const VARIABLE: &str = "KUBERNETES_SERVICE_HOST";

/// Whether this is a container.
pub fn is_container() -> bool {
    FILES.iter().any(|file| Path::new(file).exists()) || std::env::var_os(VARIABLE).is_some()
}
