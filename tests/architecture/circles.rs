//! Import circles: files that reach each other through their imports, so that none of them can be read, tested or moved alone.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Mention, mentions, test_modules};
use super::rules::module_of;

/// The files of `src`, and which of them each imports. Tests count for nothing: they may look at everything.
#[derive(Debug)]
pub struct Imports<'s> {
    /// Files by the path of their module.
    files: BTreeMap<Vec<&'s str>, &'s str>,
    /// Imported files by file.
    edges: BTreeMap<&'s str, BTreeSet<&'s str>>,
}

impl<'s> Imports<'s> {
    /// Of source files and their text, with paths relative to `src`.
    pub fn of(sources: &'s [(String, String)]) -> Self {
        let all: BTreeMap<Vec<&str>, (&str, &str)> = outside_tests(sources)
            .into_iter()
            .filter(|(file, _)| *file != "main.rs")
            .map(|(file, source)| (module_of(file), (file, source)))
            .collect();
        let files: BTreeMap<Vec<&str>, &str> = all
            .iter()
            .map(|(module, (file, _))| (module.clone(), *file))
            .collect();
        let imports_of = |(module, file): (&Vec<&'s str>, &&'s str)| {
            let source = all.get(module).map_or("", |(_, source)| source);
            let mentions = mentions(source, module);
            let imported = mentions
                .iter()
                .filter(|mention| !mention.in_tests)
                .filter_map(|mention| resolve(&files, module, mention))
                .filter(|imported| imported != file)
                .collect();
            (*file, imported)
        };
        let edges = files.iter().map(imports_of).collect();
        Self { edges, files }
    }

    /// All circles, each with its files in order; the largest first.
    pub fn circles(&self) -> Vec<Vec<&'s str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> = self
            .edges
            .keys()
            .map(|file| (*file, self.reached_from(file)))
            .collect();
        let mut placed = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, ahead) in &reached {
            let circle: Vec<&str> = ahead
                .iter()
                .copied()
                .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
                .collect();
            // A file reaches itself through a circle alone.
            if circle.contains(file) && placed.insert(circle.clone()) {
                circles.push(circle);
            }
        }
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    /// What a file imports, directly or through others.
    fn reached_from(&self, file: &str) -> BTreeSet<&'s str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.edges.get(file).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.edges.get(next).into_iter().flatten());
            }
        }
        reached
    }

    /// True when the files lie in more than one folder. A module whose children have a folder belongs into that one.
    pub fn is_wide(&self, circle: &[&str]) -> bool {
        let folders: BTreeSet<Vec<&str>> = circle.iter().map(|file| self.folder_of(file)).collect();
        folders.len() > 1
    }

    fn folder_of<'f>(&self, file: &'f str) -> Vec<&'f str> {
        let mut module = module_of(file);
        let has_children = self
            .files
            .keys()
            .any(|other| other.len() == module.len() + 1 && other.starts_with(&module));
        if !has_children {
            module.pop();
        }
        module
    }

    /// Files below a folder that import through its `mod.rs` what another file defines.
    pub fn through_facade(&self, folder: &[&str]) -> Vec<&'s str> {
        let Some(facade) = self.files.get(folder) else {
            return Vec::new();
        };
        let inside = self.files.iter().filter(|(module, _)| module.starts_with(folder));
        inside
            .filter(|(_, file)| {
                self.edges
                    .get(*file)
                    .is_some_and(|imported| imported.contains(facade))
            })
            .map(|(_, file)| *file)
            .collect()
    }
}

/// The source files, with their text, that are not compiled for tests alone.
pub fn outside_tests(sources: &[(String, String)]) -> Vec<(&str, &str)> {
    let rust = || sources.iter().filter(|(file, _)| file.ends_with(".rs"));
    let mut tests = BTreeSet::new();
    for (file, source) in rust() {
        for name in test_modules(source) {
            tests.insert([module_of(file).as_slice(), &[name.as_str()]].concat().join("::"));
        }
    }
    let is_test = |file: &str| {
        let module = module_of(file);
        (1..=module.len()).any(|length| tests.contains(&module[..length].join("::")))
    };
    rust()
        .filter(|(file, _)| !is_test(file))
        .map(|(file, source)| (file.as_str(), source.as_str()))
        .collect()
}

/// The file that a path leads to: the innermost module of it that is a file.
fn resolve<'m, 's>(
    files: &BTreeMap<Vec<&'m str>, &'s str>,
    module: &[&'m str],
    mention: &'m Mention,
) -> Option<&'s str> {
    let mut path: Vec<&str> = mention.segments.iter().map(String::as_str).collect();
    if !mention.internal {
        // `inner::Thing` beside `mod inner;`.
        path.splice(0..0, module.iter().copied());
        files.get(path.get(..=module.len())?)?;
    }
    (1..=path.len())
        .rev()
        .find_map(|length| files.get(&path[..length]).copied())
}

/// What is wrong with the wide circles that there are, given those that are tolerated: a line each.
///
/// A tolerated circle is a list of files. It may only shrink: a file that is in no wide circle any more must leave the list, and no other
/// may come in.
pub fn violations(imports: &Imports<'_>, tolerated: &[&[&str]]) -> Vec<String> {
    let wide: Vec<Vec<&str>> = imports
        .circles()
        .into_iter()
        .filter(|circle| imports.is_wide(circle))
        .collect();
    let mut wrong = Vec::new();
    for circle in &wide {
        if !tolerated
            .iter()
            .any(|list| circle.iter().all(|file| list.contains(file)))
        {
            wrong.push(format!("import circle across folders: {}", circle.join(", ")));
        }
    }
    for file in tolerated.iter().copied().flatten() {
        if !wide.iter().any(|circle| circle.contains(file)) {
            wrong.push(format!(
                "{file} is in no wide import circle any more: take it off the list"
            ));
        }
    }
    wrong
}
