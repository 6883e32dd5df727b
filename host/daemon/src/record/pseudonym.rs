//! Other values in place of those that tell something: of the same form, so that a plugin that reads them goes the same way.

use std::fs;
use std::io;
use std::path::Path;

use playrelay_util::private_file;
use sha2::{Digest, Sha256};

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Characters of a pseudonym that has no form of its own.
const NAME_CHARACTERS: usize = 8;

/// Makes pseudonyms. Without it nobody can tell whose one is, nor try names.
pub struct PseudonymKey([u8; KEY_BYTES]);

impl PseudonymKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A new one.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes))
    }

    /// The key of a file, which is made where it is missing or no key.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                if let Ok(bytes) = bytes.try_into() {
                    return Ok(Self(bytes));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let key = Self::random()?;
        private_file::replace(path, "new", &key.0)?;
        Ok(key)
    }

    /// The pseudonym of a text, the same each time: digits for digits, hexadecimal digits for an id, an address for an address.
    pub fn pseudonym(&self, text: &str) -> String {
        let digest = self.digest(text);
        let name =
            || digest.iter().take(NAME_CHARACTERS / 2).map(|byte| format!("{byte:02x}")).collect::<String>();
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = text.len() >= NAME_CHARACTERS
            && text.bytes().any(|byte| byte.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match text {
            "" | "true" | "false" => text.to_owned(),
            // A single digit is nobody's.
            _ if is_digits && text.len() == 1 => text.to_owned(),
            _ if is_digits => self.same_form(text, 10),
            _ if is_id => self.same_form(text, 16),
            _ if text.starts_with("https://") => format!("https://redacted-{}.example", name()),
            _ if text.starts_with("http://") => format!("http://redacted-{}.example", name()),
            _ => format!("redacted-{}", name()),
        }
    }

    /// Other digits of this base in the place of digits. A number does not begin with a zero.
    fn same_form(&self, text: &str, base: u32) -> String {
        let mut replaced = String::with_capacity(text.len());
        for (block, characters) in text.as_bytes().chunks(KEY_BYTES).enumerate() {
            let digest = self.digest(&format!("{text}\0{block}"));
            for (place, (character, byte)) in characters.iter().zip(digest).enumerate() {
                let is_first = base == 10 && block == 0 && place == 0;
                let digit = if is_first { u32::from(byte) % 9 + 1 } else { u32::from(byte) % base };
                let digit = char::from_digit(digit, base).unwrap_or('0');
                replaced.push(match character {
                    b'-' => '-',
                    b'A'..=b'F' => digit.to_ascii_uppercase(),
                    _ => digit,
                });
            }
        }
        replaced
    }

    fn digest(&self, text: &str) -> [u8; 32] {
        // The key in front of what has one length: nothing can be put behind it.
        Sha256::new().chain_update(self.0).chain_update(Sha256::digest(text)).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_has_the_form_of_its_value() {
        let key = PseudonymKey::new([1; KEY_BYTES]);
        let number = key.pseudonym("1234567");
        assert!(number.len() == 7 && number.bytes().all(|byte| byte.is_ascii_digit()) && number != "1234567");
        let id = key.pseudonym("50e1109a-03fd-4E13");
        assert!(id.len() == 18 && id.as_bytes()[8] == b'-' && id != "50e1109a-03fd-4E13", "{id}");
        assert!(key.pseudonym("mia").starts_with("redacted-"));
        assert!(key.pseudonym("https://home.example/x?y").ends_with(".example"));
        assert_eq!(key.pseudonym("7"), "7");
        assert_eq!(key.pseudonym("mia"), key.pseudonym("mia"));
        assert_ne!(key.pseudonym("mia"), PseudonymKey::new([2; KEY_BYTES]).pseudonym("mia"));
    }

    #[test]
    fn the_key_of_a_record_stays_and_is_for_its_owner() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("key");
        let first = PseudonymKey::of_file(&path).unwrap();
        assert_eq!(PseudonymKey::of_file(&path).unwrap().0, first.0);
        fs::write(&path, "damaged").unwrap();
        assert_ne!(PseudonymKey::of_file(&path).unwrap().0, first.0);
    }
}
