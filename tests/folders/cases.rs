//! Case folders: `tests/cases/<feature>/<case>/` holds what a user wrote, and what must come out: `stdout.txt`,
//! `stderr.txt`, `deploy/`.
//! `args` says how statewright is called; `compile` unless said otherwise. `UPDATE=1 cargo test -- CASE` rewrites what
//! must come out.

use crate::Case;
use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What comes out, by path.
type Output = BTreeMap<String, Vec<u8>>;

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    list.sort();
    list
}

/// Whether a file of a case is what must come out. Everything else is what the user wrote.
fn is_output(name: &str) -> bool {
    matches!(name, "stdout.txt" | "stderr.txt") || name.split('/').any(|step| step == "deploy")
}

fn files(folder: &Path) -> Output {
    let mut files = Output::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Runs a case in a copy of its folder that lacks what must come out.
fn run(case: &Path) -> (Output, i32) {
    let scratch = Scratch::new("case");
    copy(case, scratch.path());
    for name in files(scratch.path()).keys().filter(|name| is_output(name)) {
        fs::remove_file(scratch.path().join(name)).unwrap();
    }
    let arguments = fs::read_to_string(case.join("args")).unwrap_or_else(|_| "compile".to_owned());
    let run = statewright(scratch.path(), &arguments.split_whitespace().collect::<Vec<_>>());
    let mut output = files(scratch.path());
    output.retain(|name, _| is_output(name));
    for (name, text) in [("stdout.txt", &run.stdout), ("stderr.txt", &run.stderr)] {
        if !text.is_empty() {
            output.insert(name.to_owned(), text.clone().into_bytes());
        }
    }
    (output, run.code)
}

fn rewrite(case: &Path, output: &Output) {
    for name in files(case).keys().filter(|name| is_output(name)) {
        fs::remove_file(case.join(name)).unwrap();
    }
    for (name, bytes) in output {
        let path = case.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A test for each folder.
pub(crate) fn all() -> Vec<Case> {
    let features = folders(&root().join("tests/cases"));
    features
        .iter()
        .flat_map(|feature| folders(feature))
        .map(|folder| Case::new(name(&folder), move || holds(&folder)))
        .collect()
}

fn name(folder: &Path) -> String {
    folder.strip_prefix(root().join("tests")).unwrap().to_str().unwrap().replace('\\', "/")
}

fn holds(case: &Path) {
    let mut wrong = String::new();
    let (output, code) = run(case);
    let errors = output
        .values()
        .map(|text| String::from_utf8_lossy(text))
        .any(|text| text.contains("error[") || text.contains("\"level\": \"error\""));
    if (code == 1) != errors {
        let _ = writeln!(wrong, "exit code {code}, though there are {}errors", if errors { "" } else { "no " });
    }
    if std::env::var_os("UPDATE").is_some() {
        rewrite(case, &output);
    }
    let mut expected = files(case);
    expected.retain(|name, _| is_output(name));
    for path in expected.keys().filter(|path| !output.contains_key(*path)) {
        let _ = writeln!(wrong, "{path}: no run produces it");
    }
    for (path, bytes) in &output {
        let before = expected.get(path).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        let now = String::from_utf8_lossy(bytes);
        if before != now {
            let diff = similar::TextDiff::from_lines(&*before, &*now);
            let _ = writeln!(wrong, "{path}:\n{}", diff.unified_diff());
        }
    }
    let name = name(case);
    assert!(wrong.is_empty(), "{name}: `UPDATE=1 cargo test -- {name}` rewrites what must come out\n{wrong}");
}
