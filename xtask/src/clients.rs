//! Clients that others have written, by which the fakes are judged: from PyPI and npm, into `target/clients`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;
use crate::shell::{command, workspace};

/// Proxies that tests run: Debian's package, and where the system has the program.
const PROXIES: [(&str, &str); 2] = [("nginx", "/usr/sbin/nginx"), ("caddy", "/usr/bin/caddy")];

/// Installs the clients of `tests/clients`, where they are not there in these versions. Without Python or Node.js it says so, and the tests
/// that need them are skipped; in CI that is an error.
pub fn install() -> Result<()> {
    let (source, target) = (workspace().join("tests/clients"), workspace().join("target/clients"));
    let wanted = fs::read_to_string(source.join("requirements.txt"))?
        + &fs::read_to_string(source.join("package.json"))?
        + &PROXIES.map(|(name, _)| name).join(" ");
    let stamp = target.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    for (program, arguments) in [("python3", &["-m", "pip", "--version"][..]), ("npm", &["--version"])] {
        if !Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success()) {
            if std::env::var_os("CI").is_some() {
                bail!("{program} {} fails: the tests with real clients need it", arguments.join(" "));
            }
            println!("SKIPPED: the tests with real clients, because {program} {} fails", arguments.join(" "));
            return Ok(());
        }
    }
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let node = target.join("node");
    fs::create_dir_all(&node)?;
    shell::pip_install(&source.join("requirements.txt"), &target.join("python"), &[])?;
    fs::copy(source.join("package.json"), node.join("package.json"))?;
    shell::run(
        command("npm").args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&node),
    )?;
    for (name, system) in PROXIES {
        unpack_proxy(name, system, &target)?;
    }
    install_chromium()?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Installs Debian's Chromium with its driver, where there is none: the tests of the pages drive it. Without windows it takes a third less time.
fn install_chromium() -> Result<()> {
    if ["chromedriver", "chromium-headless-shell"].iter().all(|it| Path::new("/usr/bin").join(it).exists()) {
        return Ok(());
    }
    let apt = |arguments: &[&str]| {
        Command::new("apt-get").args(arguments).status().is_ok_and(|status| status.success())
    };
    let packages = ["chromium-headless-shell", "chromium-driver", "fonts-dejavu-core"];
    let install = [&["install", "--yes", "--no-install-recommends"][..], &packages].concat();
    if apt(&install) || (apt(&["update"]) && apt(&install)) {
        return Ok(());
    }
    if std::env::var_os("CI").is_some() {
        bail!("`apt-get {}` fails: the tests of the pages need it", install.join(" "));
    }
    println!(
        "SKIPPED: the tests of the pages, because there is no Chromium; as root: apt-get {}",
        install.join(" ")
    );
    Ok(())
}

/// Unpacks a proxy of Debian beside the clients, where the system has none: the tests of proxies run it from there.
fn unpack_proxy(name: &str, system: &str, target: &Path) -> Result<()> {
    if Path::new(system).exists() {
        return Ok(());
    }
    let folder = target.join(name);
    fs::create_dir_all(&folder)?;
    let apt = |arguments: &[&str]| {
        let status = Command::new("apt-get").args(arguments).current_dir(&folder).status();
        status.is_ok_and(|status| status.success())
    };
    // A fresh machine has no list of packages yet.
    let is_there = apt(&["download", name]) || (apt(&["update"]) && apt(&["download", name]));
    if !is_there {
        if std::env::var_os("CI").is_some() {
            bail!("`apt-get download {name}` fails: the tests of proxies need it");
        }
        println!("SKIPPED: the tests with a real {name}, because there is none");
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            shell::run(command("dpkg-deb").arg("--extract").arg(&package).arg(&folder))?;
        }
    }
    Ok(())
}
