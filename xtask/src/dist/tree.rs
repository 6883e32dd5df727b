//! Trees of files with the same bytes each time: sorted, with one time, and owned by root.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// Files and folders by path, without a slash at the front.
#[derive(Default)]
pub struct Tree(BTreeMap<String, Node>);

struct Node {
    mode: u32,
    /// Absent for a folder.
    bytes: Option<Vec<u8>>,
}

impl Tree {
    /// Adds a folder. Those above a file are added with it.
    pub fn folder(&mut self, path: &str, mode: u32) {
        self.0.insert(path.to_owned(), Node { mode, bytes: None });
    }

    /// Adds a file, and the folders above it.
    pub fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        for (at, _) in path.match_indices('/') {
            self.0.entry(path[..at].to_owned()).or_insert(Node { mode: 0o755, bytes: None });
        }
        self.0.insert(path.to_owned(), Node { mode, bytes: Some(bytes.into()) });
    }

    /// The tree as an archive. `seconds` is the time of each file, since 1970.
    pub fn tar(&self, seconds: u64) -> Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        for (path, node) in &self.0 {
            let mut header = Header::new_ustar();
            header.set_mode(node.mode);
            header.set_mtime(seconds);
            header.set_uid(0);
            header.set_gid(0);
            let bytes = node.bytes.as_deref().unwrap_or_default();
            header.set_size(bytes.len() as u64);
            let is_folder = node.bytes.is_none();
            header.set_entry_type(if is_folder { EntryType::Directory } else { EntryType::Regular });
            let path = if is_folder { format!("{path}/") } else { path.clone() };
            archive.append_data(&mut header, path, bytes)?;
        }
        Ok(archive.into_inner()?)
    }
}

/// The bytes, compressed, without a time.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_the_same_bytes_each_time() {
        let tree = |reversed: bool| {
            let mut tree = Tree::default();
            let mut files = [("etc/a", "1"), ("b", "2")];
            if reversed {
                files.reverse();
            }
            for (path, text) in files {
                tree.file(path, 0o644, text);
            }
            tree.folder("tmp", 0o1777);
            gzip(&tree.tar(1).unwrap()).unwrap()
        };
        assert_eq!(tree(false), tree(true));
    }

    #[test]
    fn folders_stand_before_their_files() {
        let mut tree = Tree::default();
        tree.file("etc/ssl/a.pem", 0o644, "x");
        let bytes = tree.tar(0).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let paths: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(paths, ["etc/", "etc/ssl/", "etc/ssl/a.pem"]);
    }
}
