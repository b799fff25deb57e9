//! No file of a crate takes names from a file that takes names from it, straight or by way of others.
//!
//! Read are `use` declarations and paths of the code that is no test. A name that a module only hands on (`pub use`) is
//! taken from the file that defines it. Not read is what stands in the arguments of macros, and what `use …::*` brings.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::{self, Visit};

/// A path from the root of a crate: of a module, or of a name in one.
type Names = Vec<String>;

/// What a file takes and hands on.
#[derive(Default)]
struct Taken {
    /// Where it stands while it is read; deeper than the file within a module that the file holds.
    here: Names,
    /// Imported names, with what they are elsewhere.
    imported: BTreeMap<String, Names>,
    /// Names that it hands on, likewise.
    handed_on: BTreeMap<String, Names>,
    /// Paths in its code, as they are written, with where they stand.
    written: Vec<(Names, Names)>,
}

impl Taken {
    fn of(module: &[String], file: &Path) -> Self {
        let code = std::fs::read_to_string(file).expect("a file of code");
        let code = syn::parse_file(&code).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut taken = Self { here: module.to_vec(), ..Self::default() };
        taken.visit_file(&code);
        taken
    }

    fn import(&mut self, tree: &syn::UseTree, before: &mut Names, handed_on: bool) {
        let (name, called) = match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before, handed_on);
                before.pop();
                return;
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, before, handed_on));
                return;
            }
            syn::UseTree::Glob(_) => return,
            syn::UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            syn::UseTree::Rename(name) => (name.ident.to_string(), name.rename.to_string()),
        };
        let mut path = before.clone();
        path.extend(Some(name).filter(|name| name != "self"));
        let called = if called == "self" { path.last().cloned().unwrap_or_default() } else { called };
        let Some(path) = from_root(&self.here, &path) else { return };
        if handed_on { &mut self.handed_on } else { &mut self.imported }.insert(called, path);
    }
}

impl<'c> Visit<'c> for Taken {
    fn visit_item(&mut self, item: &'c syn::Item) {
        if !is_of_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'c syn::ItemMod) {
        self.here.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.here.pop();
    }

    fn visit_item_use(&mut self, import: &'c syn::ItemUse) {
        let handed_on = !matches!(import.vis, syn::Visibility::Inherited);
        self.import(&import.tree, &mut Names::new(), handed_on);
    }

    fn visit_path(&mut self, path: &'c syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.written.push((self.here.clone(), names));
        }
        visit::visit_path(self, path);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is there for tests alone.
fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    let is_cfg = |attribute: &&syn::Attribute| attribute.path().is_ident("cfg");
    let tokens = |attribute: &syn::Attribute| attribute.meta.require_list().map(|list| list.tokens.to_string());
    attributes.iter().filter(is_cfg).filter_map(|attribute| tokens(attribute).ok()).any(|condition| {
        let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word == "test") && !condition.contains("not")
    })
}

/// A path that begins with `crate`, `self` or `super`, from the root.
fn from_root(here: &[String], path: &[String]) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some(here.iter().chain(rest).cloned().collect()),
        "super" => {
            let above = here.split_last()?.1;
            if rest.first().is_some_and(|next| next == "super") {
                return from_root(above, rest);
            }
            Some(above.iter().chain(rest).cloned().collect())
        }
        // A module below, or another crate.
        _ => Some(here.iter().chain(path).cloned().collect()),
    }
}

/// The files of a crate, by their modules.
struct House(BTreeMap<Names, Taken>);

impl House {
    fn of(source: &Path) -> Self {
        let mut house = Self(BTreeMap::new());
        house.add(source, &[]);
        house
    }

    fn add(&mut self, folder: &Path, above: &[String]) {
        for entry in std::fs::read_dir(folder).expect("a folder of code") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if name == "tests" {
                continue;
            }
            let module: Names = match name.as_str() {
                "lib" | "mod" => above.to_vec(),
                _ => above.iter().cloned().chain([name]).collect(),
            };
            if path.is_dir() {
                self.add(&path, &module);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let taken = Taken::of(&module, &path);
                self.0.insert(module, taken);
            }
        }
    }

    /// The module that defines a name; none for what is no name of the crate.
    fn home(&self, path: &[String]) -> Option<&Names> {
        let len = (0..=path.len()).rev().find(|&len| self.0.contains_key(&path[..len]))?;
        let (module, taken) = self.0.get_key_value(&path[..len])?;
        let Some((name, rest)) = path[len..].split_first() else { return Some(module) };
        match taken.handed_on.get(name) {
            // What is handed on of another crate begins like a module below, which there is not.
            Some(elsewhere) if elsewhere[..] != path[..=len] => {
                self.home(&elsewhere.iter().chain(rest).cloned().collect::<Names>())
            }
            _ => Some(module),
        }
    }

    /// The names that a file takes from each other file.
    fn arrows(&self, module: &Names, taken: &Taken) -> BTreeMap<&Names, BTreeSet<String>> {
        let mut arrows: BTreeMap<&Names, BTreeSet<String>> = BTreeMap::new();
        let mut add = |path: &[String]| {
            // A module that is imported is told by the paths that begin with it.
            let Some(home) = self.home(path).filter(|home| *home != module && home[..] != *path) else { return };
            arrows.entry(home).or_default().extend(path.last().cloned());
        };
        taken.imported.values().for_each(|path| add(path));
        for (here, path) in &taken.written {
            let imported = taken.imported.get(&path[0]).filter(|path| self.0.contains_key(*path));
            match imported {
                Some(start) => add(&start.iter().chain(&path[1..]).cloned().collect::<Names>()),
                None => add(&from_root(here, path).unwrap_or_default()),
            }
        }
        arrows
    }

    /// Files that take names from each other in a circle, each with what it takes from whom in it.
    fn circles(&self) -> Vec<String> {
        let modules: Vec<&Names> = self.0.keys().collect();
        let number = |module: &Names| modules.binary_search(&module).expect("a module");
        let all: Vec<_> = self.0.iter().map(|(module, taken)| self.arrows(module, taken)).collect();
        let places = all.iter().enumerate().flat_map(|(from, to)| to.keys().map(move |to| (from, number(to))));
        let graph = DiGraph::<(), (), usize>::from_edges(places);
        let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
        let circles = circles.map(|circle| circle.into_iter().map(NodeIndex::index).collect::<Vec<_>>());
        let told = |from: usize, circle: &[usize]| {
            let inside = all[from].iter().filter(|(to, _)| circle.contains(&number(to)));
            let told =
                inside.map(|(to, names)| format!("{} -> {}: {names:?}", modules[from].join("::"), to.join("::")));
            told.collect::<Vec<_>>()
        };
        circles.flat_map(|circle| circle.iter().flat_map(|&from| told(from, &circle)).collect::<Vec<_>>()).collect()
    }
}

#[test]
fn no_file_takes_names_in_a_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of all crates");
    let mut num_files = 0;
    for entry in std::fs::read_dir(crates).expect("crates") {
        let source = entry.expect("an entry").path().join("src");
        let house = House::of(&source);
        num_files += house.0.len();
        let circles = house.circles();
        assert!(circles.is_empty(), "{}:\n{}", source.display(), circles.join("\n"));
    }
    assert!(num_files > 300, "only {num_files} files were read");
}

#[test]
fn a_circle_is_found_whatever_way_it_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, code: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, code).expect("written");
    };
    write("lib.rs", "mod a; mod b; mod c; pub use b::Two;");
    write("a.rs", "use crate::Two; pub struct One; #[cfg(test)] mod tests { use crate::c::Three; }");
    write("b/mod.rs", "mod deep; use std::fmt; pub struct Two; fn f() { deep::four() }");
    write("b/deep.rs", "use crate::c; pub fn four() -> fmt::Result { c::three() }");
    write("c.rs", "pub struct Three; pub fn three() {}");
    assert_eq!(House::of(folder.path()).circles(), [""; 0]);
    write("c.rs", "pub struct Three(super::a::One); pub fn three() {}");
    let circles = House::of(folder.path()).circles();
    let told = ["a -> b: {\"Two\"}", "b -> b::deep: {\"four\"}", "b::deep -> c: {\"three\"}", "c -> a: {\"One\"}"];
    assert_eq!(circles.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(told));
}
