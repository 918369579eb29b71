//! Rules on modules: what the files of a room mention.

use super::Findings;
use super::table::{PLANNED, PRIVATE, ROOMS, Room};
use super::workspace::{Package, SourceFile, Workspace};

/// Holds every file against the rules of its rooms.
pub(super) fn check(workspace: &Workspace, findings: &mut Findings) {
    let before = findings.violations.len();
    let mut files = 0;
    for room in ROOMS {
        let Some(package) = workspace.packages.get(room.package) else {
            if !is_planned(room.package, "") {
                findings.missing.push(format!("package {}", room.package));
            }
            continue;
        };
        for file in members(room, package) {
            files += 1;
            findings.violations.extend(violations(workspace, room, package, file));
        }
    }
    if findings.violations.len() == before {
        findings.facts.push(format!(
            "{} rooms mention nothing that they may not know ({files} readings of files)",
            ROOMS.len()
        ));
    }
    check_names(workspace, findings);
}

/// Whether each package of the table has more than an empty root, planned ones aside.
pub(super) fn all_built(workspace: &Workspace) -> bool {
    let built = |package: &Package| package.files.iter().any(|file| !file.module.is_empty());
    let mut rooms = ROOMS.iter().filter(|room| !is_planned(room.package, ""));
    rooms.all(|room| workspace.packages.get(room.package).is_some_and(built))
}

/// The violations of one room's rules in one file, a line each.
pub(super) fn violations(
    workspace: &Workspace,
    room: &Room,
    package: &Package,
    file: &SourceFile,
) -> Vec<String> {
    let mut found = Vec::new();
    for mention in &file.reading.mentions {
        let defined = workspace.definition(package, &mention.path);
        let broken = room.may_not_know.iter().find(|forbidden| {
            if **forbidden == PRIVATE {
                // Reached by its own name; through a re-export the same item is public.
                return is_private(package, &mention.path);
            }
            leads_to(&mention.path, forbidden) || leads_to(&defined, forbidden)
        });
        if let Some(forbidden) = broken {
            let (path, line) = (file.path.display(), mention.line);
            let (room, mentioned) = (room.name(), mention.path.join("::"));
            found.push(format!("{path}:{line}: {room} may not know {forbidden}: {mentioned}"));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The files of a room.
fn members<'a>(room: &'a Room, package: &'a Package) -> impl Iterator<Item = &'a SourceFile> {
    package.files.iter().filter(|file| room.modules.iter().any(|module| file.is_in(module)))
}

fn leads_to(path: &[String], forbidden: &str) -> bool {
    let mut path = path.iter();
    forbidden.split("::").all(|segment| path.next().is_some_and(|found| found == segment))
}

fn is_private(package: &Package, path: &[String]) -> bool {
    match path {
        [root, module, ..] => root == "crate" && package.private_modules.contains(module),
        _ => false,
    }
}

/// Each of our own modules that a rule names has to be there, except for planned ones.
fn check_names(workspace: &Workspace, findings: &mut Findings) {
    let mut missing: Vec<_> = named_modules()
        .filter(|(package, module)| !is_planned(package, module))
        .filter(|(package, module)| !exists(workspace, package, module))
        .map(|(package, module)| format!("{package}::{module}, which a rule names"))
        .collect();
    missing.sort();
    missing.dedup();
    findings.missing.append(&mut missing);
    for (package, module) in PLANNED {
        if exists(workspace, package, module) {
            findings.violations.push(format!(
                "{package}::{module} is built: take it off PLANNED in xtask/src/layers/table.rs"
            ));
        }
    }
}

/// Our own modules in the table: as rooms, and as what a room may not know.
fn named_modules() -> impl Iterator<Item = (String, String)> {
    ROOMS.iter().flat_map(|room| {
        let own = room.modules.iter().map(|module| (room.package.to_owned(), (*module).to_owned()));
        let others = room.may_not_know.iter().filter_map(|path| {
            let (krate, module) = path.split_once("::")?;
            match krate {
                _ if *path == PRIVATE => None,
                "crate" => Some((room.package.to_owned(), module.to_owned())),
                _ if krate.starts_with("etcd_") => {
                    Some((krate.replace('_', "-"), module.to_owned()))
                }
                _ => None,
            }
        });
        own.chain(others).filter(|(_, module)| !module.is_empty())
    })
}

fn is_planned(package: &str, module: &str) -> bool {
    PLANNED.contains(&(package, module)) || PLANNED.contains(&(package, ""))
}

fn exists(workspace: &Workspace, package: &str, module: &str) -> bool {
    workspace.packages.get(package).is_some_and(|package| package.has_module(module))
}
