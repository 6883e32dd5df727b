//! File systems on which SQLite is not safe: they do not lock files as it needs.

use std::path::Path;

use rustix::fs::statfs;

/// Magic numbers of `statfs(2)` (linux/magic.h), with the name that people know.
const UNSAFE_FILE_SYSTEMS: [(u64, &str); 6] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
];

/// The file system below a folder, where a database is not safe on it. Absent where it is safe, or nobody can say.
pub fn unsafe_for_database(folder: &Path) -> Option<&'static str> {
    let facts = statfs(folder).ok()?;
    // The kernel's numbers have 32 bits; the field is signed, and wider, on some machines.
    name_of((facts.f_type as u64) & 0xFFFF_FFFF)
}

fn name_of(number: u64) -> Option<&'static str> {
    UNSAFE_FILE_SYSTEMS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// What is wrong with such a folder, and what helps.
pub fn complaint(folder: &Path, file_system: &str) -> (String, &'static str) {
    let text = format!(
        "the data folder {} lies on {file_system}, which does not lock files as a database needs: it may be damaged",
        folder.display()
    );
    (
        text,
        "set `data_dir` in [server] to a folder on a disk of this machine (on Unraid: /mnt/cache/appdata/…, not /mnt/user/…)",
    )
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
        assert_eq!(unsafe_for_database(Path::new("/nowhere/at/all")), None);
    }
}
