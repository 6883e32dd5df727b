//! The files of an upload, alone or in a zip. Their names are never paths: nothing is unpacked to a disk.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use crate::imports::error::{ImportError, MAX_INFLATED_BYTES};

/// An upload may have so many bytes.
pub const MAX_UPLOAD_BYTES: u64 = 200 << 20;
/// Files of a zip that are looked at.
const MAX_FILES: usize = 10_000;
/// What a zip begins with.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// The files of an upload.
pub(super) struct Archive {
    names: Vec<String>,
    files: Files,
    /// Bytes that may still be read.
    left: u64,
}

enum Files {
    Zip(Box<ZipArchive<BufReader<File>>>),
    One(BufReader<File>),
}

impl Archive {
    /// Opens an upload. `name` is that of a file that is no zip.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, ImportError> {
        let mut file = BufReader::new(File::open(path)?);
        let mut start = [0; ZIP.len()];
        let is_zip = file.read_exact(&mut start).is_ok() && start == ZIP;
        file.rewind()?;
        let (names, files) = match is_zip {
            true => {
                let zip = ZipArchive::new(file).map_err(broken)?;
                let names = (0..zip.len().min(MAX_FILES)).map(|index| {
                    zip.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned()
                });
                (names.collect(), Files::Zip(Box::new(zip)))
            }
            false => (vec![name.to_owned()], Files::One(file)),
        };
        Ok(Self { names, files, left: MAX_INFLATED_BYTES })
    }

    /// The names of the files, as the zip has them.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads a file: its name, without folders, and its bytes.
    pub(super) fn read(&mut self, index: usize) -> Result<(String, Vec<u8>), ImportError> {
        let name = self.names.get(index).map(String::as_str).unwrap_or_default();
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let bytes = match &mut self.files {
            Files::Zip(zip) => read_up_to(zip.by_index(index).map_err(broken)?, self.left),
            Files::One(file) => read_up_to(file, self.left),
        }?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Ok((name, bytes))
    }
}

/// Reads to the end, and fails where that is further away than it may be: what a zip says of its sizes is not believed.
fn read_up_to(file: impl Read, most: u64) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes)? as u64;
    if read > most { Err(ImportError::TooLarge) } else { Ok(bytes) }
}

fn broken(error: zip::result::ZipError) -> ImportError {
    ImportError::Zip(error.to_string())
}
