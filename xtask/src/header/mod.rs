//! `cargo xtask header`: the header of the C interface says what the library has.

mod c;
mod rust;
mod words;

use std::collections::BTreeMap;
use std::fs;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::root;
use crate::source::rust_files;

pub(crate) const HELP: &str = "\
Usage: cargo xtask header --check

Compares crates/etcd-capi/include/etcd-api.h with the functions, structures and numbers of the library:
names, types, order and values. The header is written by hand, for its readers.
";

/// What two languages say about one interface: each name, with all that a caller relies on.
type Interface = BTreeMap<String, String>;

/// Compares them.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    match parser.next()? {
        Some(Long("check")) => {}
        Some(arg) => return Err(arg.unexpected().into()),
        None => return Err(Failure::Usage("header is given --check".to_owned())),
    }
    match parser.next()? {
        Some(arg) => Err(arg.unexpected().into()),
        None => check(),
    }
}

/// Compares them, and says how much there was to compare.
pub(crate) fn check() -> Outcome {
    let home = root().join("crates/etcd-capi");
    let header = fs::read_to_string(home.join("include/etcd-api.h"))?;
    let declared = c::interface(&header).map_err(Failure::new)?;
    let mut built = Interface::new();
    for path in rust_files(&home.join("src"))? {
        let text = fs::read_to_string(&path)?;
        built.extend(rust::interface(&text).map_err(Failure::new)?);
    }
    match differences(&declared, &built).as_slice() {
        [] => {
            println!("the header and the library agree on {} things", declared.len());
            Ok(())
        }
        differences => {
            let list = differences.join("\n  ");
            Err(Failure::new(format!("the header is not of this library:\n  {list}")))
        }
    }
}

/// The functions that the header declares.
pub(crate) fn functions() -> Outcome<Vec<String>> {
    let header = fs::read_to_string(root().join("crates/etcd-capi/include/etcd-api.h"))?;
    let declared = c::interface(&header).map_err(Failure::new)?;
    let functions = declared.into_iter().filter(|(_, said)| said.ends_with(')'));
    Ok(functions.map(|(name, _)| name).collect())
}

fn differences(declared: &Interface, built: &Interface) -> Vec<String> {
    let mut names: Vec<_> = declared.keys().chain(built.keys()).collect();
    names.sort();
    names.dedup();
    let said = |interface: &Interface, name| {
        interface.get(name).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    let differing = names.into_iter().filter(|name| declared.get(*name) != built.get(*name));
    differing
        .map(|name| {
            format!("{name}: header: {}; library: {}", said(declared, name), said(built, name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
#ifndef A_H\n#define A_H\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\
typedef enum {\n    ETCD_ERROR_OK = 0, /* fine */\n    ETCD_ERROR_NOT_FOUND = 3\n} etcd_error_code;\n\
typedef struct {\n    char *host;\n    size_t length;\n} etcd_server;\n\
typedef void *etcd_session;\n\
/* Reads. */\nchar *etcd_get(etcd_session session, const char *key,\n               uint64_t *index);\n\
void etcd_close(etcd_session session);\n\
#ifdef __cplusplus\n}\n#endif\n#endif\n";
    const LIBRARY: &str = "\
#[repr(C)]\n#[derive(Debug)]\npub enum Code { Ok = 0, NotFound = 3 }\n\
#[repr(C)]\npub struct EtcdServer { host: *mut c_char, length: usize }\n\
#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn etcd_get(session: Handle, key: *const c_char, index: *mut u64) \
-> *mut c_char { x }\n\
#[unsafe(no_mangle)]\npub extern \"C\" fn etcd_close(session: Handle) { y(); }\n\
extern \"C\" fn ours() {}\n";

    fn compared(header: &str, library: &str) -> Vec<String> {
        let built = rust::interface(library).expect("readable");
        differences(&c::interface(header).expect("readable"), &built)
    }

    #[test]
    fn the_same_in_both_is_no_difference() {
        assert_eq!(compared(HEADER, LIBRARY), Vec::<String>::new());
        assert_eq!(c::interface(HEADER).expect("readable").len(), 4);
    }

    #[test]
    fn each_change_is_a_difference() {
        for (was, is) in [
            ("NOT_FOUND = 3", "NOT_FOUND = 4"),
            ("NOT_FOUND = 3", "NOT_HERE = 3"),
            ("    char *host;\n    size_t length;", "    size_t length;\n    char *host;"),
            ("const char *key", "char *key"),
            ("uint64_t *index", "uint64_t index"),
            ("uint64_t *index", "uint64_t *at"),
            ("char *etcd_get", "void *etcd_get"),
            ("void etcd_close(etcd_session session);\n", ""),
        ] {
            assert!(HEADER.contains(was), "{was}");
            let found = compared(&HEADER.replace(was, is), LIBRARY);
            assert_eq!(found.len(), 1, "{was} as {is}: {found:?}");
        }
        let more = format!("{LIBRARY}\n#[unsafe(no_mangle)]\npub extern \"C\" fn etcd_more() {{}}");
        assert_eq!(compared(HEADER, &more).len(), 1);
    }
}
