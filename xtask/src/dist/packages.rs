//! Packages for Debian and Fedora.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::dist::arch::Arch;
use crate::dist::release::{Release, program_path};
use crate::dist::toolbox::Toolbox;
use crate::dist::tree::gzip;
use crate::shell;
use crate::shell::{command, workspace};

/// The kinds of packages.
const PACKAGERS: [&str; 2] = ["deb", "rpm"];

/// Writes a package of each kind for each architecture into a folder. The program of this machine has been built: it prints its completions.
pub fn build(toolbox: &Toolbox, release: &Release, archs: &[Arch], folder: &Path) -> Result<()> {
    let parts = workspace().join("target/package");
    fs::create_dir_all(&parts)?;
    fs::write(parts.join("copyright"), copyright(release))?;
    fs::write(parts.join("THIRD-PARTY.txt.gz"), gzip(release.notices.as_bytes())?)?;
    fs::write(parts.join("CHANGELOG.md.gz"), gzip(&fs::read(workspace().join("CHANGELOG.md"))?)?)?;
    fs::write(parts.join("changelog.gz"), gzip(debian_changelog(release)?.as_bytes())?)?;
    let completions = shell::output(command(program_path(Arch::here())).args(["completions", "bash"]))?;
    fs::write(parts.join("playrelay.bash"), completions)?;
    for arch in archs {
        for packager in PACKAGERS {
            let mut nfpm = toolbox.nfpm();
            nfpm.args(["package", "--config", "packaging/nfpm.yaml", "--packager", packager, "--target"])
                .arg(folder);
            nfpm.env("ARCH", arch.name())
                .env("VERSION", &release.version)
                .env("PROGRAM", program_path(*arch))
                .env("FOLDER", &parts)
                .env("SOURCE_DATE_EPOCH", release.seconds.to_string());
            shell::run(&mut nfpm)?;
        }
    }
    Ok(())
}

/// The entry of a version in the form that Debian has for it. What has changed stands in our own changelog.
fn debian_changelog(release: &Release) -> Result<String> {
    let seconds = format!("@{}", release.seconds);
    let date = shell::output(command("date").args(["--utc", "--rfc-email", "--date", &seconds]))?;
    Ok(format!(
        "playrelay ({}) unstable; urgency=medium\n\n  * CHANGELOG.md.gz says what has changed.\n\n -- Playrelay \
         <playrelay@users.noreply.github.com>  {}\n",
        release.version,
        date.trim()
    ))
}

/// Our licence, in the form that Debian has for it.
fn copyright(release: &Release) -> String {
    let text: String = release
        .licence
        .trim_end()
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Playrelay\n\
         Source: https://github.com/playrelay/playrelay\n\
         Comment: THIRD-PARTY.txt has the licences of what others have written and is built in.\n\n\
         Files: *\nCopyright: the authors of Playrelay\nLicense: Expat\n\nLicense: Expat\n{text}"
    )
}
