//! A project: a folder with a manifest, and code in a language that is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use playrelay_plugin_host::artifact::Artifact;
use playrelay_plugin_host::manifest::{Manifest, ManifestError};
use playrelay_plugin_host::permissions::PermissionReport;

use crate::KitError;
use crate::language::Language;

/// The manifest.
pub const MANIFEST: &str = "plugin.toml";
/// The folder of all that is made, and that belongs to no version control.
pub const BUILD: &str = "build";
/// The folder of the tests.
const TESTS: &str = "tests";
/// What the build of JavaScript and of Python writes, below [`BUILD`].
const CODE: &str = "code.wasm";
/// The target of plugins in Rust.
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    /// The id in its manifest.
    pub id: String,
}

impl Project {
    /// Opens a folder with a `plugin.toml`.
    ///
    /// # Errors
    ///
    /// The folder has none, or the host refuses it.
    pub fn open(folder: &Path) -> Result<Self, KitError> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(KitError::NoProject(folder.to_owned()));
        }
        let manifest = Manifest::parse(&fs::read(&path).map_err(KitError::file(&path))?)
            .map_err(|error: ManifestError| KitError::Plugin { path, error: error.into() })?;
        Ok(Self { folder: folder.to_owned(), id: manifest.plugin.id })
    }

    /// The folder of its tests.
    pub fn tests(&self) -> PathBuf {
        self.folder.join(TESTS)
    }

    /// Where its component is, once it is built.
    pub fn component(&self) -> PathBuf {
        self.folder.join(BUILD).join(format!("{}.wasm", self.id))
    }

    /// The folder of compiled code for its tests.
    pub fn cache(&self) -> PathBuf {
        self.folder.join(BUILD).join("cache")
    }

    /// Builds it with the tools of its language, and packs the result with its manifest. `say` is told each command before it runs.
    ///
    /// # Errors
    ///
    /// The language is unknown, a tool fails, or what comes out is no plugin.
    pub fn build(&self, say: &mut dyn FnMut(&str)) -> Result<PermissionReport, KitError> {
        let build = self.folder.join(BUILD);
        fs::create_dir_all(&build).map_err(KitError::file(&build))?;
        let code = match Language::of(&self.folder)? {
            Language::Rust => self.build_rust(say)?,
            Language::JavaScript => self.build_javascript(say)?,
            Language::Python => self.build_python(say)?,
        };
        pack(&code, &self.folder.join(MANIFEST), &self.component())
    }

    fn build_rust(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf, KitError> {
        // Whoever names a folder for all that cargo builds has it there.
        let named = std::env::var_os("CARGO_TARGET_DIR").map(|folder| self.folder.join(folder));
        let target = named.unwrap_or_else(|| self.folder.join("build/cargo"));
        let folder = target.display().to_string();
        let arguments = ["build", "--release", "--lib", "--target", WASM_TARGET, "--target-dir", &folder];
        self.run("cargo", &arguments, say)?;
        let path = self.folder.join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(KitError::file(&path))?;
        let name = text.parse::<toml::Table>().ok().and_then(|it| {
            let name = it.get("package")?.get("name")?.as_str()?;
            Some(name.replace('-', "_"))
        });
        let name =
            name.ok_or_else(|| KitError::Case { path, reason: "it has no [package] name".to_owned() })?;
        Ok(target.join(format!("{WASM_TARGET}/release/{name}.wasm")))
    }

    fn build_javascript(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf, KitError> {
        if !self.folder.join("node_modules/.package-lock.json").exists() {
            self.run("npm", &["install", "--no-audit", "--no-fund", "--loglevel=error"], say)?;
        }
        self.run("npm", &["run", "--silent", "build"], say)?;
        Ok(self.folder.join(BUILD).join(CODE))
    }

    fn build_python(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf, KitError> {
        let tool = "build/python/bin/componentize-py";
        if !self.folder.join(tool).exists() {
            let install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--target",
                "build/python",
                "--requirement",
                "requirements.txt",
            ];
            self.run("python3", &install, say)?;
        }
        // Without WASI: a plugin has no files and no sockets.
        let code = format!("{BUILD}/{CODE}");
        let arguments = [
            tool,
            "--wit-path",
            "wit",
            "--world",
            "plugin",
            "componentize",
            "--stub-wasi",
            "--python-path",
            "src",
            "plugin",
            "--output",
            &code,
        ];
        self.run("python3", &arguments, say)?;
        Ok(self.folder.join(code))
    }

    /// Runs a program in the folder of the project. What it says goes where ours does.
    fn run(&self, program: &str, arguments: &[&str], say: &mut dyn FnMut(&str)) -> Result<(), KitError> {
        let command = format!("{program} {}", arguments.join(" "));
        say(&command);
        let mut child = Command::new(program);
        child.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        // A guest is not built with the flags of the machine's own compiler.
        child.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        child.env("PYTHONPATH", "build/python");
        let status = child.status().map_err(|error| KitError::Build {
            command: command.clone(),
            reason: format!(": {error}; install {program}"),
        })?;
        match status.success() {
            true => Ok(()),
            false => Err(KitError::Build { command, reason: String::new() }),
        }
    }
}

/// Wraps code as a component, appends a manifest, has the host judge the result, and writes it.
///
/// # Errors
///
/// A file cannot be used, the code cannot be a component, or the host refuses what comes out. Nothing is written then.
pub fn pack(code: &Path, manifest: &Path, out: &Path) -> Result<PermissionReport, KitError> {
    let read = |path: &Path| fs::read(path).map_err(KitError::file(path));
    let packed = playrelay_plugin_pack::pack(&read(code)?, &read(manifest)?)
        .map_err(|error| KitError::Pack { path: code.to_owned(), error })?;
    let artifact =
        Artifact::read(&packed).map_err(|error| KitError::Plugin { path: manifest.to_owned(), error })?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(KitError::file(folder))?;
    }
    fs::write(out, &packed).map_err(KitError::file(out))?;
    Ok(PermissionReport::of(&artifact))
}
