//! Pages of `docs/` that must agree with the program.
//!
//! `UPDATE_DOCS=1` writes the generated pages anew.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use playrelay::config::keys::KEYS;
use playrelay_engine::code::Code;
use playrelay_tests::harness::TestContext;

use crate::architecture::{files, workspace};

/// The help of a command, and the names of its subcommands.
fn help(context: &TestContext, command: &[&str]) -> (String, Vec<String>) {
    let mut arguments = command.to_vec();
    arguments.push("--help");
    let output = context.run(&arguments);
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let commands = text.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let commands = commands.lines().take_while(|line| !line.is_empty());
    // A name is indented by two spaces; the rest of a long description by more.
    let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    (text.clone(), names.map(str::to_owned).collect())
}

fn add(context: &TestContext, command: &[&str], page: &mut String) {
    let (text, commands) = help(context, command);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    page.push_str(&format!("## playrelay {}\n\n```text\n{}\n```\n\n", command.join(" "), lines.join("\n")));
    for name in &commands {
        let mut below = command.to_vec();
        below.push(name);
        add(context, &below, page);
    }
}

#[test]
fn the_page_of_commands_is_what_help_prints() {
    let context = TestContext::without_data_dir("");
    let mut page = "# Commands\n\nGenerated from `--help`: `UPDATE_DOCS=1 cargo xtask test --test end_to_end -- docs`.\n\n".to_owned();
    let (text, commands) = help(&context, &[]);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    page.push_str(&format!("```text\n{}\n```\n\n", lines.join("\n")));
    for name in &commands {
        add(&context, &[name], &mut page);
    }
    is_kept_as("docs/cli.md", page.trim_end());
}

#[test]
fn the_page_of_codes_lists_all_of_them() {
    let mut page = "# Codes\n\nThe code of an event's verdict, and of each step of its timeline, is one of these words; a plugin that ignores a message has \
                    codes of its own. A code does not change once it is released. Generated from `host/engine/src/code.rs`: \
                    `UPDATE_DOCS=1 cargo xtask test --test end_to_end -- docs`.\n\n| code | meaning |\n|---|---|\n"
        .to_owned();
    for (code, meaning) in Code::ALL {
        page.push_str(&format!("| `{code}` | {meaning} |\n"));
    }
    is_kept_as("docs/codes.md", &page);
}

/// Whether a generated page is the one in the repository; writes it there with `UPDATE_DOCS`.
pub fn is_kept_as(path: &str, page: &str) {
    let page = page.trim_end().to_owned() + "\n";
    let file = workspace().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).find(|(kept, generated)| kept != generated);
    assert!(kept == page, "{path} is not what the code says: {differs:?}; write it with UPDATE_DOCS=1");
}

/// Keys in every section of a table, as `section.key`; those of plugins left out.
fn keys(file: &toml::Table) -> Vec<String> {
    let of_plugins = ["url", "token", "api_key", "read_token"];
    let mut keys = Vec::new();
    for (section, value) in file {
        let tables: Vec<&toml::Table> = match value {
            toml::Value::Array(routes) => routes.iter().filter_map(toml::Value::as_table).collect(),
            toml::Value::Table(table) if table.values().all(toml::Value::is_table) => {
                table.values().filter_map(toml::Value::as_table).collect()
            }
            other => other.as_table().into_iter().collect(),
        };
        for (key, value) in tables.into_iter().flatten() {
            match value {
                toml::Value::Table(inner) => {
                    keys.extend(inner.keys().map(|inner| format!("{section}.{key}.{inner}")));
                }
                _ if section != "store" && of_plugins.contains(&key.as_str()) => {}
                _ => keys.push(format!("{section}.{key}")),
            }
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn the_page_of_keys_is_that_of_the_code() {
    let mut table = "\n| section | key | default | |\n|---|---|---|---|\n".to_owned();
    let mut last = "";
    for key in KEYS {
        let section = if key.section == last { String::new() } else { format!("`{}`", key.section) };
        last = key.section;
        let is_value = format!("key = {}", key.default).parse::<toml::Table>().is_ok();
        let default = if is_value { format!("`{}`", key.default) } else { key.default.to_owned() };
        table.push_str(&format!("| {section} | `{}` | {default} | {} |\n", key.name, key.meaning));
    }
    // The text around the table is written by hand.
    let page = fs::read_to_string(workspace().join("docs/configuration.md")).unwrap();
    let (before, rest) = page.split_once("\n## Keys\n").unwrap();
    let after = rest.split_once("\n\nA filter").unwrap().1;
    is_kept_as(
        "docs/configuration.md",
        &format!("{before}\n## Keys\n{}\n\nA filter{after}", table.trim_end()),
    );

    let every: toml::Table = include_str!("golden/every-key.toml").parse().unwrap();
    let mut listed: Vec<String> = KEYS
        .iter()
        .map(|key| format!("{}.{}", key.section.trim_matches(['[', ']']).trim_end_matches(".NAME"), key.name))
        .collect();
    listed.sort();
    assert_eq!(listed, keys(&every), "config/keys.rs and golden/every-key.toml differ");
}

#[test]
fn the_example_is_a_sound_configuration() {
    let context = TestContext::without_data_dir("");
    let text = fs::read_to_string(workspace().join("playrelay.example.toml")).unwrap();
    let path = context.path().join("playrelay.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let output = context.run(&["check"]);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

/// The pages for people: those of the root, and all below `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .map(|name| workspace().join(name))
        .to_vec();
    files(&workspace().join("docs"), &mut found);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found
}

/// The names under which a page's headings can be linked to, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept =
            words.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

/// Every link of a page to a file of this repository leads to one, and to a heading where it names one.
#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let has_heading =
                || anchors(&fs::read_to_string(&target).unwrap()).iter().any(|it| it == heading);
            if !target.exists() || !heading.is_empty() && !has_heading() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

/// The site has every page of `docs/`.
#[test]
fn the_contents_of_the_site_are_complete() {
    let folder = workspace().join("docs");
    let contents = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let missing: Vec<String> = pages()
        .into_iter()
        .filter_map(|path| Some(path.strip_prefix(&folder).ok()?.display().to_string()))
        .filter(|page| page != "SUMMARY.md" && !contents.contains(&format!("({page})")))
        .collect();
    assert_eq!(missing, [""; 0], "docs/SUMMARY.md leaves them out");
}

/// Every source file has one job: it rarely passes 450 lines, and says in its head why if it does.
#[test]
fn long_files_say_why() {
    let mut found = Vec::new();
    for folder in ["host", "plugins", "tests", "xtask"] {
        files(&workspace().join(folder), &mut found);
    }
    let is_source = |path: &PathBuf| {
        path.extension().is_some_and(|it| it == "rs") && !path.iter().any(|part| part == "target")
    };
    let sources: Vec<PathBuf> = found.into_iter().filter(is_source).collect();
    assert!(sources.len() > 200, "only {} sources were found", sources.len());
    let is_long = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let mut head = text.lines().take_while(|line| line.starts_with("//!"));
        text.lines().count() > 450 && !head.any(|line| line.contains("Long because"))
    };
    let long: Vec<PathBuf> = sources.into_iter().filter(is_long).collect();
    assert!(long.is_empty(), "{long:#?}");
}
