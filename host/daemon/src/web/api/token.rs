//! `admin.token`: the secret that always opens the API, made at the first start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use playrelay_store::vault;
use playrelay_util::private_file;
use playrelay_util::secret::Secret;

/// The file's name in the data folder.
const FILE: &str = "admin.token";
/// Letters that a token must have. One that was made here has 40.
const SHORTEST: usize = 20;

/// Where the token lies in a data folder.
pub fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// The token; absent where none was made yet.
///
/// # Errors
///
/// Fails where the file cannot be read, or holds no token.
pub fn read(data: &Path) -> io::Result<Option<Secret>> {
    let text = match fs::read_to_string(path(data)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if text.trim().len() < SHORTEST {
        let reason = format!(
            "it holds no token of {SHORTEST} letters or more; remove it, and the next start makes one"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(Some(Secret::new(text.trim().to_owned())))
}

/// Reads the token, or makes one. Afterwards only the owner may read the file (mode 0600).
///
/// # Errors
///
/// Fails as [`read`] does, or where the file cannot be written.
pub fn read_or_make(data: &Path) -> io::Result<Secret> {
    if let Some(token) = read(data)? {
        fs::set_permissions(path(data), fs::Permissions::from_mode(0o600))?;
        return Ok(token);
    }
    let token = vault::random_token().map_err(io::Error::other)?;
    let text = token.expose().to_owned() + "\n";
    private_file::replace(&path(data), &format!("tmp-{}", std::process::id()), text.as_bytes())?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_for_its_owner() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let data = folder.path();
        assert!(read(data).expect("a folder").is_none());
        let made = read_or_make(data).expect("it can be made");
        assert_eq!(made.expose().len(), 40);
        fs::set_permissions(path(data), fs::Permissions::from_mode(0o644)).expect("our file");
        assert_eq!(read_or_make(data).expect("it is there").expose(), made.expose());
        let mode = fs::metadata(path(data)).expect("our file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(path(data), "short\n").expect("our file");
        assert!(read_or_make(data).expect_err("too short").to_string().contains("no token"));
    }
}
