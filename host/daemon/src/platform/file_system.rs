//! The file system of the data folder: whether SQLite is safe there, and how much room is left.

use std::path::Path;

use rustix::fs::{statfs, statvfs};

/// Magic numbers of `statfs(2)` (linux/magic.h), with the name that people know.
const UNSAFE_FILE_SYSTEMS: [(u64, &str); 6] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
];

fn name_of(number: u64) -> Option<&'static str> {
    UNSAFE_FILE_SYSTEMS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// How much room a folder's disk has for us. Bytes; absent where nobody can say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let facts = statvfs(folder).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// What is wrong with a folder for a database, and what helps. Absent where it is safe, or nobody can say.
pub fn complaint(folder: &Path) -> Option<(String, &'static str)> {
    let facts = statfs(folder).ok()?;
    // The kernel's numbers have 32 bits; the field is signed, and wider, on some machines.
    let file_system = name_of((facts.f_type as u64) & 0xFFFF_FFFF)?;
    let text = format!(
        "the data folder {} lies on {file_system}, which does not lock files as a database needs: it may be damaged",
        folder.display()
    );
    let remedy = "set `data_dir` in [server] to a folder on a disk of this machine (on Unraid: /mnt/cache/appdata/…, not /mnt/user/…)";
    Some((text, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_the_network_are_named() {
        assert_eq!(name_of(0x6969), Some("NFS"));
        assert_eq!(name_of(0x6573_5546), Some("FUSE"));
        let ext4 = 0xEF53;
        assert_eq!(name_of(ext4), None);
        assert_eq!(complaint(Path::new("/nowhere/at/all")), None);
    }
}
