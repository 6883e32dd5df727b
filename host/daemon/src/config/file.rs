//! The file of the configuration, as pages and programs change it: read with its digest, judged before it is written, and replaced as a
//! whole.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use playrelay_plugin_host::artifact::Digest;

use crate::config::{Config, ConfigError, parse_text};

/// The text of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText {
    /// The file.
    pub path: PathBuf,
    /// The text; empty where there is no file.
    pub text: String,
    /// The digest of the text; absent where there is no file, or an empty one.
    pub digest: Option<Digest>,
}

impl ConfigText {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read, or is no text. A missing one is empty.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        Ok(Self::new(path, text))
    }

    /// A text that stands, or would stand, in a file.
    pub fn new(path: &Path, text: String) -> Self {
        let digest = (!text.is_empty()).then(|| Digest::of(text.as_bytes()));
        Self { path: path.to_owned(), text, digest }
    }

    /// What the text would mean, with the variables of this process.
    ///
    /// # Errors
    ///
    /// Gives all mistakes at once, each with its place.
    pub fn judge(&self) -> Result<Config, Vec<ConfigError>> {
        parse_text(&self.path, &self.text)
    }

    /// Writes the text into its file: beside it, and then in its place. Where the place cannot be taken, as with a file that is mounted
    /// by itself, it is written in place. Nobody but the owner may read a new file; an old one keeps its mode.
    ///
    /// # Errors
    ///
    /// Fails where neither can be done. The file is as it was, unless the disk fails in the middle of the second way.
    pub fn write(&self) -> io::Result<()> {
        match self.replace() {
            Ok(()) => Ok(()),
            // The reason of the first way says nothing where the second one works.
            Err(error) if self.path.exists() => self.overwrite().map_err(|second| {
                let is_same = second.kind() == error.kind();
                if is_same { error } else { second }
            }),
            Err(error) => Err(error),
        }
    }

    fn replace(&self) -> io::Result<()> {
        // A link is followed: what it leads to is replaced.
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mode = fs::metadata(&target).map_or(0o600, |facts| facts.permissions().mode() & 0o777);
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let new = folder.join(format!(".{name}.{}.new", std::process::id()));
        let written = (|| {
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(self.text.as_bytes())?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.sync_all()?;
            fs::rename(&new, &target)?;
            fs::File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // It may not be there at all; the error that counts is the first.
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn overwrite(&self) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).truncate(false).open(&self.path)?;
        file.write_all(self.text.as_bytes())?;
        file.set_len(self.text.len() as u64)?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("playrelay.toml");
        ConfigText::new(&path, "a = 1\n".to_owned()).write().unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        ConfigText::new(&path, "a = 22\n".to_owned()).write().unwrap();
        assert_eq!((mode(), fs::read_to_string(&path).unwrap()), (0o640, "a = 22\n".to_owned()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let read = ConfigText::read(&path).unwrap();
        assert_eq!(read.digest, Some(Digest::of(b"a = 22\n")));
        assert_eq!(ConfigText::read(&folder.path().join("none")).unwrap().digest, None);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::TempDir::new().unwrap();
        let (path, real) = (folder.path().join("playrelay.toml"), folder.path().join("real.toml"));
        fs::write(&real, "a = 1\n").unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        ConfigText::new(&path, "a = 2\n".to_owned()).write().unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "a = 2\n");
    }

    #[test]
    fn a_shorter_text_in_place_leaves_nothing_behind() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("playrelay.toml");
        fs::write(&path, "a long text\n").unwrap();
        ConfigText::new(&path, "short\n".to_owned()).overwrite().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short\n");
    }
}
