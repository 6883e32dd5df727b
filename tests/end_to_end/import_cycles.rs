//! No file imports, directly or through others, what imports it.
//!
//! A file depends on another one if it names an item that is defined there. A re-export is followed to the file of the item, so that a
//! `mod.rs` may collect what its children define; a child that uses an item of its `mod.rs` closes a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::architecture::{files, workspace};

/// The files of a crate by their modules: `web::api::token`.
struct Modules {
    texts: BTreeMap<String, String>,
    /// What a module re-exports from where: (module, name) to a path from the crate's root.
    reexports: BTreeMap<(String, String), String>,
}

impl Modules {
    fn read(source: &Path) -> Self {
        let mut paths = Vec::new();
        files(source, &mut paths);
        let mut texts = BTreeMap::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "rs")) {
            let relative = path.strip_prefix(source).unwrap().with_extension("");
            let mut parts: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
            // Programs of their own.
            if parts.first() == Some(&"bin") || parts == ["main"] && source.join("lib.rs").exists() {
                continue;
            }
            if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
                parts.pop();
            }
            texts.insert(parts.join("::"), code(&std::fs::read_to_string(path).unwrap()));
        }
        let mut modules = Self { texts, reexports: BTreeMap::new() };
        let mut reexports = BTreeMap::new();
        for (module, text) in &modules.texts {
            for (_, tree) in uses(text).into_iter().filter(|(is_public, _)| *is_public) {
                for path in leaves(tree) {
                    let path = modules.absolute(module, &path).unwrap_or(path);
                    let name = path.rsplit("::").next().unwrap_or_default().to_owned();
                    reexports.insert((module.clone(), name), path);
                }
            }
        }
        modules.reexports = reexports;
        modules
    }

    /// A path from the crate's root; `None` if it leads out of the crate.
    fn absolute(&self, module: &str, path: &str) -> Option<String> {
        let mut place: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let mut rest = path.split("::").peekable();
        match rest.peek().copied()? {
            "crate" => {
                place.clear();
                rest.next();
            }
            "self" => drop(rest.next()),
            "super" => {
                while rest.next_if_eq(&"super").is_some() {
                    place.pop();
                }
            }
            child => {
                let joined = place.iter().copied().chain([child]).collect::<Vec<_>>().join("::");
                self.texts.get(&joined)?;
            }
        }
        Some(place.into_iter().chain(rest).collect::<Vec<_>>().join("::"))
    }

    /// The file in which the item of a path is defined.
    fn home(&self, path: &str) -> String {
        let parts: Vec<&str> = path.split("::").collect();
        let depth = (0..=parts.len())
            .rev()
            .find(|depth| self.texts.contains_key(&parts[..*depth].join("::")))
            .unwrap_or_default();
        let module = parts[..depth].join("::");
        let item = parts.get(depth).map(|item| (module.clone(), (*item).to_owned()));
        match item.and_then(|item| self.reexports.get(&item)) {
            Some(next) if next != path => self.home(next),
            _ => module,
        }
    }

    /// The files whose items a file names.
    fn dependencies(&self, module: &str) -> BTreeSet<String> {
        let text = &self.texts[module];
        let mut paths: Vec<String> = Vec::new();
        for (is_public, tree) in uses(text) {
            // A re-export depends on nothing: who takes the item from here depends on the file that defines it.
            if !is_public {
                paths.extend(leaves(tree));
            }
        }
        let mut inline = text.clone();
        for (_, tree) in uses(text) {
            inline = inline.replace(tree, "");
        }
        paths.extend(inline_paths(&inline));
        let absolute = paths.iter().filter_map(|path| self.absolute(module, path));
        absolute.map(|path| self.home(&path)).filter(|home| home != module).collect()
    }
}

/// Rust without comments and without its unit tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n")
}

/// The trees of all `use` declarations, and whether each is a re-export.
fn uses(text: &str) -> Vec<(bool, &str)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("use ") {
        let before = text[..start].rsplit('\n').next().unwrap_or_default().trim();
        if before.is_empty() || before.starts_with("pub") {
            let tree = text[start + 4..].split(';').next().unwrap_or_default();
            found.push((!before.is_empty(), tree));
        }
    }
    found
}

/// The paths of a tree: `a::{b, c::{d, self}}` has `a::b`, `a::c::d` and `a::c`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, list)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![path.strip_suffix("::self").or(path.strip_suffix("::*")).unwrap_or(path).to_owned()];
    };
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (place, letter) in list.char_indices().chain([(list.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = list[start..place].trim();
                if !part.is_empty() {
                    found.extend(leaves(&format!("{head}{part}")));
                }
                start = place + 1;
            }
            _ => {}
        }
    }
    found
}

/// Paths with two or more parts that stand in code.
fn inline_paths(text: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let words = text.split(|letter: char| !is_part(letter)).map(|word| word.trim_matches(':'));
    words.filter(|word| word.contains("::")).map(str::to_owned).collect()
}

/// The files from which a way leads back to themselves, with that way.
fn cycles(modules: &Modules) -> Vec<String> {
    let arrows: BTreeMap<&String, BTreeSet<String>> =
        modules.texts.keys().map(|module| (module, modules.dependencies(module))).collect();
    let mut found = BTreeSet::new();
    for start in modules.texts.keys() {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let last = way[way.len() - 1];
            for next in arrows.get(last).into_iter().flatten() {
                if next == start {
                    let mut names: Vec<String> = way.iter().map(|it| (*it).clone()).collect();
                    let first =
                        names.iter().enumerate().min_by_key(|(_, name)| (*name).clone()).map_or(0, |it| it.0);
                    names.rotate_left(first);
                    found.insert(names.join(" → "));
                } else if seen.insert(next) {
                    let mut longer = way.clone();
                    longer.push(next);
                    ways.push(longer);
                }
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_file_imports_what_imports_it() {
    let mut complaints = Vec::new();
    for group in ["host", "plugins", "plugins/examples"] {
        for folder in std::fs::read_dir(workspace().join(group)).unwrap().flatten() {
            let source = folder.path().join("src");
            if !source.is_dir() {
                continue;
            }
            for cycle in cycles(&Modules::read(&source)) {
                complaints.push(format!("{group}/{}: {cycle}", folder.file_name().to_string_lossy()));
            }
        }
    }
    for source in ["xtask/src", "tests/src"] {
        let found = cycles(&Modules::read(&workspace().join(source)));
        complaints.extend(found.into_iter().map(|cycle| format!("{source}: {cycle}")));
    }
    complaints.sort();
    assert!(complaints.is_empty(), "files that import each other:\n{}", complaints.join("\n"));
}

#[test]
fn cycles_are_found_through_reexports_and_braces() {
    let texts = [
        ("", "mod a;\nmod b;\n"),
        ("a", "mod child;\nmod other;\npub use other::Thing;\npub struct Own;\n"),
        ("a::child", "use crate::a::Thing;\n"),
        ("a::other", "pub struct Thing;\nfn f() { crate::b::g(); }\n"),
        ("b", "use crate::{a::{child, Own}};\npub fn g() {}\n"),
    ];
    let texts: BTreeMap<String, String> =
        texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let reexports = BTreeMap::from([(("a".to_owned(), "Thing".to_owned()), "a::other::Thing".to_owned())]);
    let modules = Modules { texts, reexports };
    assert_eq!(modules.dependencies("a::child"), BTreeSet::from(["a::other".to_owned()]));
    assert_eq!(modules.dependencies("b"), BTreeSet::from(["a".to_owned(), "a::child".to_owned()]));
    assert_eq!(cycles(&modules), ["a::child → a::other → b"]);
}
