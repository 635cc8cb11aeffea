//! The real programs that run statewright: where they are on this machine. Knows none of them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Says, whatever the test runner hides, that something was not tried.
pub(crate) fn left_out(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}: {why}");
}

/// The program whose path an environment variable holds.
pub(crate) fn named(variable: &str, what: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        left_out(what, &format!("{variable} names no program"));
        return None;
    };
    assert!(path.is_file(), "{variable}: there is no file {}", path.display());
    Some(path)
}

/// Whether a program is there, and answers when it is asked who it is.
pub(crate) fn is_there(name: &str, question: &[&str], what: &str) -> bool {
    let answers = Command::new(name).args(question).output().is_ok_and(|output| output.status.success());
    if !answers {
        left_out(what, &format!("`{name}` is not on PATH"));
    }
    answers
}

/// Whether there is a kubectl.
pub(crate) fn is_kubectl_there(what: &str) -> bool {
    is_there("kubectl", &["version", "--client"], what)
}

/// PATH with the folder of the statewright under test in front.
pub(crate) fn path_with_statewright() -> String {
    let folder = PathBuf::from(env!("CARGO_BIN_EXE_statewright")).parent().unwrap().to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&rest))).unwrap().into_string().unwrap()
}

/// All that a run said, in one text.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
