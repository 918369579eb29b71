//! The sources of our crates, read file by file.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::mentions::{self, FileReading};
use crate::failure::Outcome;
use crate::source::rust_files;

/// One source file and the module it is.
pub(super) struct SourceFile {
    /// Below the repository's root.
    pub(super) path: PathBuf,
    /// Below the crate's root, which is empty.
    pub(super) module: Vec<String>,
    pub(super) reading: FileReading,
}

/// One package of the workspace.
pub(super) struct Package {
    pub(super) files: Vec<SourceFile>,
    /// Names that `lib.rs` re-exports, with what they stand for.
    reexports: HashMap<String, mentions::Path>,
    /// Modules that `lib.rs` keeps to the crate.
    pub(super) private_modules: HashSet<String>,
}

/// The packages by name.
pub(super) struct Workspace {
    pub(super) packages: HashMap<String, Package>,
}

impl Workspace {
    /// Reads `crates/*` and `xtask` below a root.
    pub(super) fn read(root: &Path) -> Outcome<Self> {
        let mut dirs = vec![root.join("xtask")];
        for entry in fs::read_dir(root.join("crates"))? {
            dirs.push(entry?.path());
        }
        let mut packages = HashMap::new();
        for dir in dirs.iter().filter(|dir| dir.join("Cargo.toml").is_file()) {
            let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
            packages.insert(name, Package::read(root, dir)?);
        }
        Ok(Self { packages })
    }

    /// Where a path truly leads: a name that a root re-exports is followed to its module.
    pub(super) fn definition(&self, package: &Package, path: &[String]) -> mentions::Path {
        let [first, second, rest @ ..] = path else { return path.to_vec() };
        let owner = match first.as_str() {
            "crate" => Some(package),
            name => self.packages.get(&name.replace('_', "-")),
        };
        let Some(target) = owner.and_then(|owner| owner.reexports.get(second)) else {
            return path.to_vec();
        };
        // The owner calls itself `crate`; here it may go by its name.
        let (head, tail) = match target.split_first() {
            Some((head, tail)) if head == "crate" => (first, tail),
            Some((head, tail)) => (head, tail),
            None => return path.to_vec(),
        };
        [std::slice::from_ref(head), tail, rest].concat()
    }
}

impl Package {
    /// Whether any file is this module or below it; `""` is the whole package.
    pub(super) fn has_module(&self, module: &str) -> bool {
        self.files.iter().any(|file| file.is_in(module))
    }

    fn read(root: &Path, dir: &Path) -> Outcome<Self> {
        let src = dir.join("src");
        let mut files = Vec::new();
        for path in rust_files(&src)? {
            let module = module_of(path.strip_prefix(&src).unwrap_or(&path));
            let reading = mentions::read(&fs::read_to_string(&path)?, &module);
            let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
            files.push(SourceFile { path, module, reading });
        }
        drop_test_files(&mut files);
        let lib = files.iter().find(|file| file.path.ends_with("src/lib.rs"));
        let reexports = lib.map(|lib| lib.reading.reexports.iter().cloned().collect());
        let private_modules = lib.map(|lib| lib.reading.private_modules.clone());
        Ok(Self {
            reexports: reexports.unwrap_or_default(),
            private_modules: private_modules.unwrap_or_default(),
            files,
        })
    }
}

impl SourceFile {
    /// Whether the file is the module `a::b`, or below it.
    pub(super) fn is_in(&self, module: &str) -> bool {
        let module: Vec<_> = module.split("::").filter(|segment| !segment.is_empty()).collect();
        self.module.len() >= module.len() && self.module.iter().zip(&module).all(|(a, b)| a == b)
    }
}

/// The module that a file below `src` is.
fn module_of(file: &Path) -> Vec<String> {
    let without_extension = file.with_extension("");
    let mut module: Vec<_> =
        without_extension.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("lib" | "main" | "mod")) {
        module.pop();
    }
    module
}

fn drop_test_files(files: &mut Vec<SourceFile>) {
    let tests: Vec<_> = files
        .iter()
        .flat_map(|file| file.reading.test_modules.iter().map(|name| (file.module.clone(), name)))
        .map(|(module, name)| [module, vec![name.clone()]].concat())
        .collect();
    files.retain(|file| !tests.iter().any(|test| file.module.starts_with(test)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_modules_that_rust_says() {
        let cases = [
            ("lib.rs", ""),
            ("main.rs", ""),
            ("tree.rs", "tree"),
            ("tree/mod.rs", "tree"),
            ("tree/walk.rs", "tree::walk"),
        ];
        for (file, module) in cases {
            assert_eq!(module_of(Path::new(file)).join("::"), module, "{file}");
        }
    }

    #[test]
    fn reexports_are_followed_to_their_module() {
        let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
        let package = |reexports: &[(&str, &str)]| Package {
            files: Vec::new(),
            reexports: reexports.iter().map(|(name, to)| ((*name).to_owned(), path(to))).collect(),
            private_modules: HashSet::new(),
        };
        let packages = [
            ("etcd-transport", package(&[("Channel", "crate::channel::Channel")])),
            ("etcd-client", package(&[("Ttl", "etcd_proto::ids::Ttl")])),
        ];
        let packages = packages.map(|(name, package)| (name.to_owned(), package)).into();
        let workspace = Workspace { packages };
        for (mentioned, defined) in [
            ("etcd_transport::Channel::call", "etcd_transport::channel::Channel::call"),
            ("etcd_transport::set::Set", "etcd_transport::set::Set"),
            ("crate::Ttl", "etcd_proto::ids::Ttl"),
            ("tokio::spawn", "tokio::spawn"),
            ("crate", "crate"),
        ] {
            let client = &workspace.packages["etcd-client"];
            let found = workspace.definition(client, &path(mentioned));
            assert_eq!(found.join("::"), defined, "{mentioned}");
        }
    }

    #[test]
    fn a_room_holds_what_is_below_it() {
        let file = SourceFile {
            path: PathBuf::new(),
            module: vec!["tree".to_owned(), "walk".to_owned()],
            reading: FileReading::default(),
        };
        for (module, inside) in
            [("", true), ("tree", true), ("tree::walk", true), ("tre", false), ("tree::w", false)]
        {
            assert_eq!(file.is_in(module), inside, "{module}");
        }
    }
}
