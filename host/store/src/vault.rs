//! Secrets at rest: sealed with XChaCha20-Poly1305 under a key that lies in a file of its own (mode 0600), or comes
//! from the environment. Each is bound to its name, so one cannot be put in another's place.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use playrelay_util::secret::Secret;
use zeroize::Zeroizing;

use crate::{SharedStore, StoreError};

/// The environment variable that may hold the key: 64 hexadecimal digits.
pub const KEY_VARIABLE: &str = "PLAYRELAY_SECRET_KEY";
/// The one that may name a file with the key: a secret of a container, a credential of systemd.
pub const KEY_FILE_VARIABLE: &str = "PLAYRELAY_SECRET_KEY_FILE";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why secrets cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key is not there or is none.
    #[error("the key of the credentials ({place}) cannot be used: {reason}")]
    Key {
        /// The file or variable.
        place: String,
        /// The reason, one sentence for people.
        reason: String,
    },
    /// The key does not open what was sealed.
    #[error(
        "the stored secrets of {0:?} cannot be opened with this key; restore the key file, or log in again with \
         `playrelay connect`"
    )]
    WrongKey(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Named sets of secrets.
pub struct Vault {
    /// Absent while the key is gone and something is stored that only it opens.
    cipher: OnceLock<XChaCha20Poly1305>,
    file: PathBuf,
    store: SharedStore,
}

impl Vault {
    /// Opens the vault with the key from the environment, or from `file`, which is made where it is missing and nothing is kept yet.
    /// Where something is kept, a missing key makes no new one: the old one may come back, and until then nothing can be opened.
    ///
    /// # Errors
    ///
    /// The key is missing although secrets are stored, or cannot be read or written. Nothing is changed then.
    pub async fn open(store: SharedStore, file: &Path) -> Result<Self, VaultError> {
        let key = match key_from_outside()? {
            Some(key) => Some(key),
            None if !file.exists() && store.has_secrets().await? => {
                tracing::error!(
                    "the key of the stored logins and tokens, {}, is gone: restore it, or log in again with `playrelay connect`, which \
                     makes a new key",
                    file.display()
                );
                None
            }
            None => Some(key_file(file).map_err(|error| unusable(file, &error))?),
        };
        let vault = Self { cipher: OnceLock::new(), file: file.to_owned(), store };
        if let Some(key) = key {
            vault.use_key(&key)?;
        }
        Ok(vault)
    }

    fn use_key(&self, key: &[u8]) -> Result<&XChaCha20Poly1305, VaultError> {
        let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|error| unusable(&self.file, &error))?;
        Ok(self.cipher.get_or_init(|| cipher))
    }

    /// The secrets under a name.
    ///
    /// # Errors
    ///
    /// The key does not fit, or the store failed.
    pub async fn get(&self, name: &str) -> Result<Option<BTreeMap<String, Secret>>, VaultError> {
        let Some(sealed) = self.store.secret(name).await? else { return Ok(None) };
        self.decrypt(name, &sealed).map(Some)
    }

    fn decrypt(&self, name: &str, sealed: &[u8]) -> Result<BTreeMap<String, Secret>, VaultError> {
        let wrong = || VaultError::WrongKey(name.to_owned());
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| wrong())?;
        let cipher = self.cipher.get().ok_or_else(wrong)?;
        let plain = cipher
            .decrypt(&nonce, Payload { msg: text, aad: name.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| wrong())?;
        let fields: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| wrong())?;
        Ok(fields.into_iter().map(|(key, value)| (key, Secret::new(value))).collect())
    }

    /// A part of what is kept under a name, and what else is kept there. Where nothing is kept it is made up: random text in this form.
    /// A secret that cannot be opened stays as it is: its key may only be missing on this machine.
    ///
    /// # Errors
    ///
    /// The key does not fit, or the store failed. Nothing is stored then.
    pub async fn get_or_create(
        &self,
        name: &str,
        part: &str,
        form: impl FnOnce(Secret) -> Secret,
    ) -> Result<(Secret, BTreeMap<String, Secret>), VaultError> {
        let found = |mut kept: BTreeMap<String, Secret>| Some((kept.remove(part)?, kept));
        if let Some(kept) = self.get(name).await?.and_then(found) {
            return Ok(kept);
        }
        if self.cipher.get().is_none() {
            return Err(VaultError::WrongKey(name.to_owned()));
        }
        let made = form(random_token()?);
        let sealed = self.encrypt(name, &BTreeMap::from([(part.to_owned(), made.clone())]))?;
        if self.store.insert_secret(name, sealed).await? {
            return Ok((made, BTreeMap::new()));
        }
        // Another process was faster: its secret counts.
        let lost = || VaultError::WrongKey(name.to_owned());
        self.get(name).await?.and_then(found).ok_or_else(lost)
    }

    /// Keeps secrets under a name, in place of those that were there. Durable when it returns. Somebody wants it so: where the key is
    /// gone, a new one is made.
    ///
    /// # Errors
    ///
    /// The store failed; the secrets before stay.
    pub async fn put(&self, name: &str, secrets: &BTreeMap<String, Secret>) -> Result<(), VaultError> {
        Ok(self.store.put_secret(name, self.encrypt(name, secrets)?).await?)
    }

    /// Keeps secrets under a name in the place of others. False where these are not there any more: somebody else has put in others, or removed
    /// them.
    ///
    /// # Errors
    ///
    /// The key does not fit, or the store failed; the secrets before stay.
    pub async fn replace(
        &self,
        name: &str,
        before: &BTreeMap<String, Secret>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<bool, VaultError> {
        match self.store.secret(name).await? {
            Some(sealed) if self.decrypt(name, &sealed)? == *before => {
                Ok(self.store.replace_secret(name, sealed, self.encrypt(name, secrets)?).await?)
            }
            Some(_) | None => Ok(false),
        }
    }

    fn encrypt(&self, name: &str, secrets: &BTreeMap<String, Secret>) -> Result<Vec<u8>, VaultError> {
        let failed = |reason: String| VaultError::Key { place: "cipher".to_owned(), reason };
        let fields: BTreeMap<_, _> = secrets.iter().map(|(key, secret)| (key, secret.expose())).collect();
        let plain = Zeroizing::new(serde_json::to_vec(&fields).map_err(|error| failed(error.to_string()))?);
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| failed(error.to_string()))?;
        let cipher = match self.cipher.get() {
            Some(cipher) => cipher,
            None => self.use_key(&key_file(&self.file).map_err(|error| unusable(&self.file, &error))?)?,
        };
        let text = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: name.as_bytes() })
            .map_err(|error| failed(error.to_string()))?;
        Ok([&nonce[..], &text].concat())
    }

    /// Forgets the secrets under a name.
    ///
    /// # Errors
    ///
    /// The store failed; the secrets stay.
    pub async fn remove(&self, name: &str) -> Result<(), VaultError> {
        Ok(self.store.delete_secret(name).await?)
    }
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> VaultError {
    VaultError::Key { place: file.display().to_string(), reason: error.to_string() }
}

/// Random text for a URL: 160 bits in hexadecimal.
///
/// # Errors
///
/// The system gives no random numbers.
pub fn random_token() -> Result<Secret, VaultError> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|error| VaultError::Key {
        place: "the system's randomness".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Secret::new(encode(&bytes)))
}

fn key_file(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    match fs::read_to_string(file) {
        Ok(text) => decode(&text).ok_or_else(|| invalid("expected 64 hexadecimal digits")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            // Whole or not at all, and the first of two processes that get here at once: a link fails where one is.
            let temporary = file.with_extension(format!("tmp-{}", std::process::id()));
            let mut options = fs::OpenOptions::new();
            let mut created = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            created.write_all(encode(&key).as_bytes())?;
            created.sync_all()?;
            let linked = fs::hard_link(&temporary, file);
            fs::remove_file(&temporary)?;
            if let Some(folder) = file.parent() {
                fs::File::open(folder)?.sync_all()?;
            }
            match linked {
                Ok(()) => Ok(key),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => key_file(file),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// The key that a variable holds, or the file that a variable names. Absent where neither is set.
fn key_from_outside() -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let failed = |place: String, reason: String| VaultError::Key { place, reason };
    let (place, text) = match (std::env::var(KEY_VARIABLE), std::env::var(KEY_FILE_VARIABLE)) {
        (Ok(_), Ok(_)) => {
            let reason = format!("{KEY_FILE_VARIABLE} is set as well; expected one of the two");
            return Err(failed(KEY_VARIABLE.to_owned(), reason));
        }
        (Ok(text), Err(_)) => (KEY_VARIABLE.to_owned(), Zeroizing::new(text)),
        (Err(_), Ok(path)) => {
            let place = format!("{KEY_FILE_VARIABLE}={path}");
            let text = fs::read_to_string(&path).map_err(|error| failed(place.clone(), error.to_string()))?;
            (place, Zeroizing::new(text))
        }
        (Err(_), Err(_)) => return Ok(None),
    };
    let key = decode(&text);
    key.map(Some).ok_or_else(|| failed(place, format!("expected {} hexadecimal digits", KEY_BYTES * 2)))
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    let bytes = (0..KEY_BYTES).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok());
    bytes.collect::<Option<Vec<_>>>().map(Zeroizing::new)
}

/// Where the key lies in a data folder.
pub fn key_path(data: &Path) -> PathBuf {
    data.join("secret.key")
}
