//! The user as whom a container runs. A container that starts as root gives the data folder to the user that `PUID` and `PGID` name, and goes on
//! as that user: the convention of images in this field.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rustix::fs::{AtFlags, CWD, chownat};
use rustix::process::{getegid, geteuid};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// The variable with the number of the user.
pub const USER_VARIABLE: &str = "PUID";
/// The variable with the number of the group.
pub const GROUP_VARIABLE: &str = "PGID";
/// The highest number that is a user; the one above means "no change" to the kernel.
const MAX_ID: u32 = u32::MAX - 1;
/// Folders within folders; the data folder has two.
const MAX_DEPTH: usize = 16;

/// Why the program does not go on as another user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// A variable has no number.
    #[error(
        "{variable}={value:?} names no user or group; expected a number from 1 to {MAX_ID}, such as 1000"
    )]
    Number {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The data folder is the root of the file system.
    #[error(
        "the data folder is {0}, which is not given to another user; set `data_dir` in [server] to a folder of its own"
    )]
    Root(PathBuf),
    /// A file cannot be given to the user.
    #[error(
        "{path} cannot be given to user {user}: {error}; let the container have the capability CHOWN, or start it as that user (`user: \
         \"{user}:{group}\"`) and give it the folder"
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user.
        user: u32,
        /// The group.
        group: u32,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The user cannot be changed.
    #[error(
        "the program cannot go on as user {user} and group {group}: {error}; let the container have the capabilities SETUID and SETGID, or \
         start it as that user (`user: \"{user}:{group}\"`)"
    )]
    Change {
        /// The user.
        user: u32,
        /// The group.
        group: u32,
        /// The error of the operating system.
        error: io::Error,
    },
}

/// What became of the variables.
#[derive(Debug, PartialEq, Eq)]
pub enum RunAs {
    /// Neither is set, or they name the user that it is.
    Unchanged,
    /// The program goes on as this user and group.
    Changed(u32, u32),
    /// They are ignored: only root can become somebody else. The user and the group that it is.
    Ignored(u32, u32),
}

/// Goes on as the user that the variables name, where this is root. To be called before there is a second thread: each thread has a user of its own.
///
/// # Errors
///
/// A variable has no number, the data folder cannot be given to the user, or the user cannot be changed.
pub fn run_as_named_user(data: &Path) -> Result<RunAs, UserError> {
    let (is, is_group) = (geteuid().as_raw(), getegid().as_raw());
    let user = named(USER_VARIABLE)?;
    let group = named(GROUP_VARIABLE)?;
    let (Some(user), group) = (user.or(group), group.or(user)) else { return Ok(RunAs::Unchanged) };
    let group = group.unwrap_or(user);
    if (is, is_group) == (user, group) {
        return Ok(RunAs::Unchanged);
    }
    if is != 0 {
        return Ok(RunAs::Ignored(is, is_group));
    }
    if data.canonicalize().is_ok_and(|folder| folder.parent().is_none()) {
        return Err(UserError::Root(data.to_owned()));
    }
    match give(data, user, group, MAX_DEPTH) {
        Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
        Err((path, error)) => return Err(UserError::Owner { path, user, group, error }),
        Ok(()) => {}
    }
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(group));
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| UserError::Change { user, group, error: error.into() })?;
    Ok(RunAs::Changed(user, group))
}

/// The number that a variable names; absent where it is not set, or empty.
fn named(variable: &'static str) -> Result<Option<u32>, UserError> {
    let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = value.to_string_lossy().into_owned();
    match value.trim().parse() {
        // Root is what is to be left.
        Ok(number @ 1..=MAX_ID) => Ok(Some(number)),
        _ => Err(UserError::Number { variable, value }),
    }
}

/// Gives a folder and all that lies in it to a user, where it has another owner. Links are not followed, and a file with several names may be somebody
/// else's.
fn give(path: &Path, user: u32, group: u32, depth: usize) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (path.to_owned(), error);
    let facts = fs::symlink_metadata(path).map_err(failed)?;
    let is_plain = facts.is_dir() || facts.is_file() && facts.nlink() == 1;
    if is_plain && (facts.uid(), facts.gid()) != (user, group) {
        let owner = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
        chownat(CWD, path, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| failed(error.into()))?;
    }
    if !facts.is_dir() || depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        match give(&entry, user, group, depth - 1) {
            // A file of a moment.
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            given => given?,
        }
    }
    Ok(())
}
