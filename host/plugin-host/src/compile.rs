//! Compiled code, and the private folder that it is kept in.
//!
//! Loading compiled code runs what it reads, so the folder is ours alone (0700), every file in it carries a MAC under
//! a key that never leaves it, and a plugin directory is never asked for any. Compiling takes up to 370 MB of memory
//! for a large guest: a child process does it, under limits, and gives the memory back.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use playrelay_util::lock::lock;
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::artifact::{ArtifactError, Digest};
use crate::component_source::ComponentSource;

/// The hidden command that compiles.
pub const COMMAND: &str = "plugin-compile";
/// Its option for code that counts instructions.
pub const METERED: &str = "--metered";
/// Bytes of the key.
const KEY_BYTES: usize = blake3::KEY_LEN;
/// Memory that the compiler may write to. Bytes.
const MAX_COMPILER_BYTES: u64 = 2 << 30;
/// CPU time that the compiler may take. Seconds.
const CPU: u64 = 120;

/// Components whose failures are remembered.
const MAX_FAILURES: usize = 256;

/// When a component is compiled whose code is not in the cache. One that was found to fit the contract is loaded when it is first called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compilation {
    /// While the caller waits: a bundled plugin when it is first called, since this program was built with it; a file at once, since nobody has
    /// looked at its exports yet.
    OnDemand,
    /// In the background, while everything else runs: a daemon takes webhooks meanwhile.
    Background,
}

/// The reason why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The cache cannot be used.
    #[error("the cache of compiled plugins at {path} cannot be used: {error}")]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The bytes of the component are not there any more.
    #[error(transparent)]
    Bytes(#[from] ArtifactError),
    /// The compiler refused the component, or was stopped.
    #[error("it cannot be compiled: {0}")]
    Compiler(String),
}

/// The cache.
pub struct Compiler {
    folder: PathBuf,
    program: PathBuf,
    key: [u8; KEY_BYTES],
    is_metered: bool,
    /// Why components could not be compiled, since this program was started.
    failures: Mutex<BTreeMap<Digest, String>>,
}

impl Compiler {
    /// Opens the cache, creating what is missing. `program` is this program: its hidden command compiles.
    ///
    /// # Errors
    ///
    /// The folder of the cache cannot be made or read.
    pub fn open(folder: PathBuf, program: PathBuf) -> Result<Self, CompileError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| CompileError::Cache { path, error }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let path = folder.join("key");
        remove_left_over(&folder).map_err(failed(&folder))?;
        let key = match fs::read(&path) {
            Ok(key) => match key.try_into() {
                Ok(key) => key,
                // It is only a cache: what cannot be used is made anew.
                Err(_) => {
                    tracing::warn!(path = %path.display(), "the key of the compiled plugins is damaged; they are compiled anew");
                    new_key(&path).map_err(failed(&path))?
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => new_key(&path).map_err(failed(&path))?,
            Err(error) => return Err(failed(&path)(error)),
        };
        Ok(Self { folder, program, key, is_metered: false, failures: Mutex::default() })
    }

    /// The same for [`wasm::metered`](crate::wasm::metered).
    pub fn metered(self) -> Self {
        Self { is_metered: true, ..self }
    }

    /// The component of a digest, from the cache where it is there. Else it is compiled from its bytes.
    ///
    /// # Errors
    ///
    /// The bytes are not there, or the compiler failed, or took too much time or memory. Nothing is cached then.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        digest: &Digest,
        source: &ComponentSource,
    ) -> Result<Component, CompileError> {
        let name = file_name(engine, digest);
        let path = self.folder.join(&name);
        if let Some(component) = self.load_cached(engine, &path, &name) {
            return Ok(component);
        }
        let failed = |error| CompileError::Cache { path: path.clone(), error };
        let mut code = PrivateFile::create(&path).map_err(failed)?;
        let mut mac = self.mac(&name);
        let compiled = self.compile(digest, source, &mut code, &mut mac);
        if let Err(CompileError::Compiler(reason)) = &compiled {
            self.note_failure(digest, reason);
        }
        compiled?;
        write_private(&mac_path(&path), mac.finalize().as_bytes()).map_err(failed)?;
        code.finish().map_err(failed)?;
        self.load_cached(engine, &path, &name)
            .ok_or_else(|| CompileError::Compiler("the compiled code does not fit this engine".to_owned()))
    }

    /// Whether the code of a component is in the cache.
    pub fn is_cached(&self, engine: &Engine, digest: &Digest) -> bool {
        let path = self.folder.join(file_name(engine, digest));
        path.is_file() && mac_path(&path).is_file()
    }

    /// Whether a component whose code is in the cache was found to fit the contract.
    pub(crate) fn is_validated(&self, engine: &Engine, digest: &Digest) -> bool {
        self.is_cached(engine, digest) && self.validated_path(engine, digest).is_file()
    }

    /// Notes that a component fits the contract: it need not be looked at before each start.
    pub(crate) fn note_validated(&self, engine: &Engine, digest: &Digest) -> Result<(), CompileError> {
        let path = self.validated_path(engine, digest);
        write_private(&path, &[]).map_err(|error| CompileError::Cache { path, error })
    }

    fn validated_path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        self.folder.join(file_name(engine, digest)).with_extension("validated")
    }

    /// Why a component could not be compiled when it was last tried; absent where it was not tried, or could be.
    pub fn failure(&self, digest: &Digest) -> Option<String> {
        lock(&self.failures).get(digest).cloned()
    }

    fn note_failure(&self, digest: &Digest, reason: &str) {
        let mut failures = lock(&self.failures);
        if failures.len() >= MAX_FAILURES {
            failures.clear();
        }
        failures.insert(digest.clone(), CompileError::Compiler(reason.to_owned()).to_string());
    }

    fn load_cached(&self, engine: &Engine, path: &Path, name: &str) -> Option<Component> {
        let code = fs::File::open(path).ok()?;
        let stored = fs::read(mac_path(path)).ok()?;
        // In pieces: the compiled code of all plugins is many megabytes, and is mapped into memory afterwards.
        let mac = self.mac(name).update_reader(code).ok()?.finalize();
        // The comparison takes the same time wherever they differ.
        if !blake3::Hash::from_slice(&stored).is_ok_and(|stored| stored == mac) {
            tracing::warn!(path = %path.display(), "compiled plugin code was changed by somebody; compiling it anew");
            return None;
        }
        crate::precompiled::load(engine, path)
            .inspect_err(
                |error| tracing::info!(%error, "cached plugin code is of another engine; compiling it anew"),
            )
            .ok()
    }

    /// Has a child compile a component. Its bytes go to the child as they are read, and the code into the file as it comes: both are many megabytes.
    fn compile(
        &self,
        digest: &Digest,
        source: &ComponentSource,
        file: &mut PrivateFile,
        mac: &mut blake3::Hasher,
    ) -> Result<(), CompileError> {
        let failed = |error: io::Error| CompileError::Compiler(error.to_string());
        let component = source.open()?;
        let mut child = Command::new(&self.program)
            .arg(COMMAND)
            .args(self.is_metered.then_some(METERED))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // The child reads all of its input before it writes, so writing first cannot block both.
        let mut read = Digest::context();
        let written = match child.stdin.take() {
            Some(mut stdin) => copy(component, &mut stdin, |piece| read.update(piece)),
            None => Ok(()),
        };
        // Where there is no room the child ends at its next write: nobody reads.
        let kept = match child.stdout.take() {
            Some(code) => copy(code, &mut file.file, |piece| {
                mac.update(piece);
            }),
            None => Ok(()),
        };
        let output = child.wait_with_output().map_err(failed)?;
        kept.map_err(|error| CompileError::Cache { path: file.path.clone(), error })?;
        if written.is_ok() && Digest::finish(read) != *digest {
            return Err(ArtifactError::Changed.into());
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = said.lines().last().filter(|line| !line.is_empty());
            return Err(CompileError::Compiler(
                reason.map_or_else(|| format!("the compiler ended with {}", output.status), str::to_owned),
            ));
        }
        written.map_err(failed)
    }

    /// Over the name, which says whose code it is and for which engine: one plugin's code is no other's. The code follows.
    fn mac(&self, name: &str) -> blake3::Hasher {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(name.as_bytes()).update(&[0]);
        mac
    }
}

/// The hidden command: it reads a component from standard input, and writes compiled code to standard output, for [`wasm::metered`](crate::wasm::metered)
/// where `is_metered` says so.
///
/// # Errors
///
/// The component cannot be compiled; the text says why.
pub fn run(is_metered: bool) -> Result<(), String> {
    let limit = |resource, most| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| error.to_string())
    };
    limit(Resource::Data, MAX_COMPILER_BYTES)?;
    limit(Resource::Cpu, CPU)?;
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component).map_err(|error| error.to_string())?;
    let engine = if is_metered { crate::wasm::metered() } else { crate::wasm::new() };
    let engine = engine.map_err(|error| format!("{error:#}"))?;
    let code =
        engine.precompile_component(&component).map_err(|error| format!("{error:#}").replace('\n', " "))?;
    io::stdout().lock().write_all(&code).map_err(|error| error.to_string())
}

fn file_name(engine: &Engine, digest: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    // Code with a MAC of another kind has another name.
    "blake3".hash(&mut hasher);
    format!("{digest}-{:016x}.cwasm", hasher.finish())
}

fn new_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    write_private(path, &key)?;
    Ok(key)
}

/// Removes what a program has left that was killed while it wrote, or whose disk was full.
fn remove_left_over(folder: &Path) -> io::Result<()> {
    const STALE_AGE: Duration = Duration::from_secs(60 * 60);
    for file in fs::read_dir(folder)?.flatten() {
        let is_temporary =
            file.path().extension().is_some_and(|end| end.to_string_lossy().starts_with("tmp-"));
        let age = file.metadata().and_then(|facts| facts.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_temporary && age.is_none_or(|age| age > STALE_AGE) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

fn mac_path(path: &Path) -> PathBuf {
    path.with_extension("mac")
}

/// Copies all that comes, and shows each piece.
fn copy(mut from: impl Read, to: &mut impl Write, mut show: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                show(&piece[..length]);
                to.write_all(&piece[..length])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file that only we can read. It takes its place whole or not at all.
struct PrivateFile {
    file: fs::File,
    temporary: PathBuf,
    path: PathBuf,
}

impl PrivateFile {
    fn create(path: &Path) -> io::Result<Self> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".tmp-{}", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        Ok(Self { file, temporary, path: path.to_owned() })
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // It is not there any more where it took its place. Half a file is of no use to anybody; that it cannot be removed is the lesser trouble.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = PrivateFile::create(path)?;
    file.file.write_all(bytes)?;
    file.finish()
}
