//! Files that only their owner may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts a file in another's place, whole or not at all (mode 0600), whatever others may do in its folder. `ending` tells the file that
/// is written first from those of others.
///
/// # Errors
///
/// The file cannot be written; the one before stays whole.
pub fn replace(path: &Path, ending: &str, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{ending}"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_for_its_owner() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("watching.json");
        fs::write(&path, "old").expect("our folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("our file");
        fs::write(folder.path().join("watching.json.new"), "left over").expect("our folder");
        replace(&path, "new", b"fresh").expect("it can be written");
        assert_eq!(fs::read(&path).expect("our file"), b"fresh");
        assert_eq!(fs::metadata(&path).expect("our file").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("our folder").count(), 1);
    }
}
