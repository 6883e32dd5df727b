//! The contract, as it goes into each project.

macro_rules! contract {
    ($($name:literal),* $(,)?) => {
        /// The files of the contract, by their names.
        pub(super) const FILES: &[(&str, &str)] =
            &[$((concat!($name, ".wit"), include_str!(concat!("../../../../wit/0.1/", $name, ".wit")))),*];
    };
}

contract!(
    "airing",
    "auth",
    "check",
    "clock",
    "device-key",
    "enrich",
    "events",
    "http",
    "identify",
    "kv",
    "log",
    "metadata",
    "notify",
    "numbering",
    "realtime",
    "reports",
    "server-history",
    "settings",
    "sink",
    "sink-batch",
    "types",
    "watchlist",
    "webhook",
    "webhook-registration",
    "worlds",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_files_are_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/0.1");
        let found: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
}
