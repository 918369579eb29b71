//! What cargo says of what it built, a line of JSON for each.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Program;
use crate::failure::{Failure, Outcome};

/// The program of tests that a line is about, if it is about one.
pub(super) fn program(line: &str) -> Outcome<Option<Program>> {
    let message: Value = serde_json::from_str(line)
        .map_err(|error| Failure::new(format!("cargo wrote {line:?}: {error}")))?;
    let is_test = message.pointer("/profile/test") == Some(&Value::Bool(true));
    let Some(executable) = message["executable"].as_str().filter(|_| is_test) else {
        return Ok(None);
    };
    let (Some(target), Some(manifest)) =
        (message["target"]["name"].as_str(), message["manifest_path"].as_str())
    else {
        return Err(Failure::new(format!("cargo built a program and did not say of what: {line}")));
    };
    let dir = Path::new(manifest).parent().unwrap_or_else(|| Path::new("/")).to_owned();
    let package = dir.file_name().unwrap_or_default().to_string_lossy();
    let kinds = message["target"]["kind"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(Some(Program {
        name: format!("{package}/{target}"),
        is_integration: kinds.iter().any(|kind| kind == "test"),
        path: PathBuf::from(executable),
        dir,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(kind: &str, is_test: bool, executable: &str) -> String {
        format!(
            "{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/w/crates/etcd-client/Cargo.toml\",\
             \"target\":{{\"kind\":[\"{kind}\"],\"name\":\"strangers\"}},\
             \"profile\":{{\"test\":{is_test}}},\"executable\":{executable}}}"
        )
    }

    #[test]
    fn programs_of_tests_are_told_from_the_rest() {
        let found = |kind, is_test, path| program(&artifact(kind, is_test, path)).unwrap();
        let test = found("test", true, "\"/t/strangers-1\"").unwrap();
        assert_eq!((test.name.as_str(), test.is_integration), ("etcd-client/strangers", true));
        assert_eq!(test.path, Path::new("/t/strangers-1"));
        assert_eq!(test.dir, Path::new("/w/crates/etcd-client"));
        assert!(!found("lib", true, "\"/t/strangers-1\"").unwrap().is_integration);
        assert_eq!(found("bin", false, "\"/t/strangers\""), None);
        assert_eq!(found("lib", true, "null"), None);
        assert_eq!(program("{\"reason\":\"build-finished\",\"success\":true}").ok(), Some(None));
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        let Err(Failure::Failed(why)) = program("warning: x") else { panic!("it is no JSON") };
        assert!(why.starts_with("cargo wrote \"warning: x\": "), "{why}");
    }
}
