//! Client ids that a distributor has built into the program, so that users need no app of their own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use playrelay_plugin_host::account::Settings;
use playrelay_plugin_host::manifest::Manifest;
use playrelay_util::secret::Secret;

/// The file that was there at build time.
const TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/clients.toml"));

static BUILT_IN: LazyLock<Clients> = LazyLock::new(|| {
    Clients::parse(TEXT).unwrap_or_else(|error| {
        tracing::error!("the client ids that are built in cannot be read: {error}");
        Clients::default()
    })
});

/// Settings of bundled plugins, by the plugin's id and the key of the setting.
#[derive(Debug, Default)]
pub struct Clients(BTreeMap<String, BTreeMap<String, Secret>>);

impl Clients {
    /// Those of this program.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a file of them.
    ///
    /// # Errors
    ///
    /// The text is no TOML, or has other values than sections of texts.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let sections: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text)?;
        let secret = |values: BTreeMap<String, String>| {
            values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect()
        };
        Ok(Self(sections.into_iter().map(|(plugin, values)| (plugin, secret(values))).collect()))
    }

    /// Those of a bundled plugin; absent where there are none.
    pub fn of(&self, plugin: &str) -> Option<&BTreeMap<String, Secret>> {
        self.0.get(plugin)
    }
}

/// Fills the settings of an account that the user left open. The ids of one app belong together: where the user has set one of them, all
/// are the user's.
pub(super) fn fill(settings: &mut Settings, manifest: &Manifest, built_in: &BTreeMap<String, Secret>) {
    if built_in.keys().any(|key| settings.user_set.contains(key)) {
        return;
    }
    for (key, value) in built_in {
        match manifest.settings.get(key) {
            Some(setting) if setting.secret => drop(settings.secret.insert(key.clone(), value.clone())),
            Some(_) => drop(settings.plain.insert(key.clone(), value.expose().to_owned())),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[plugin]\nid = \"a\"\nname = \"A\"\nversion = \"0.1.0\"\napi = \"0.1\"\ndescription = \"A.\"\nlicense = \"MIT\"\n\
        [provides.sink]\nactions = [\"watched\"]\n[settings.client_id]\nlabel = \"Id\"\n[settings.client_secret]\nlabel = \"Secret\"\nsecret = true\n";

    #[test]
    fn the_file_of_this_program_can_be_read() {
        assert!(Clients::parse(TEXT).is_ok());
        assert!(Clients::parse("[a]\nclient_id = 1").is_err());
    }

    #[test]
    fn ids_that_are_built_in_fill_what_the_user_left_open() {
        let manifest = Manifest::parse(MANIFEST.as_bytes()).unwrap();
        let clients = Clients::parse("[a]\nclient_id = \"theirs\"\nclient_secret = \"hidden\"").unwrap();
        let mut settings = Settings::default();
        fill(&mut settings, &manifest, clients.of("a").unwrap());
        assert_eq!(settings.plain["client_id"], "theirs");
        assert_eq!(settings.secret["client_secret"].expose(), "hidden");
        // A user's id goes with the user's secret.
        let mut settings = Settings::default();
        settings.plain.insert("client_id".to_owned(), "mine".to_owned());
        settings.user_set.insert("client_id".to_owned());
        fill(&mut settings, &manifest, clients.of("a").unwrap());
        assert_eq!(settings.plain["client_id"], "mine");
        assert!(settings.secret.is_empty());
        assert!(clients.of("b").is_none());
    }
}
