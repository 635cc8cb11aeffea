//! Each row of what can be changed, with what a review says of it first. A folder holds `old.yaml` and `new.yaml`; the
//! end of its name is the verdict that it must get, `expected.txt` is what is said. `cluster.yaml` is what else the
//! cluster holds, `arguments` what it is asked with.

use crate::Case;
use crate::commands::{root, statewright};
use crate::golden::golden;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// A test for each folder.
pub(crate) fn all() -> Vec<Case> {
    let folders = fs::read_dir(root().join("tests/changes")).unwrap();
    let mut names: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 80, "there were more cases than {}", names.len());
    names.into_iter().map(|name| Case::new(format!("changes/{name}"), move || holds(&name))).collect()
}

fn holds(name: &str) {
    let folder = root().join("tests/changes").join(name);
    let (_, wanted) = name.rsplit_once('.').unwrap_or_else(|| panic!("{name} names no verdict"));
    // What stands there beside them, in some.
    let cluster = if folder.join("cluster.yaml").exists() { &["--cluster", "cluster.yaml"][..] } else { &[] };
    let more = fs::read_to_string(folder.join("arguments")).unwrap_or_default();
    let arguments: Vec<&str> = cluster.iter().copied().chain(more.split_whitespace()).collect();
    let run = |more: &[&str]| statewright(&folder, &[&["diff", "old.yaml", "new.yaml"], &arguments[..], more].concat());
    let (person, program) = (run(&[]), run(&["--format", "json"]));
    assert_eq!((person.code, &*person.stderr), (program.code, &*program.stderr), "{name}");
    let report: Value =
        serde_json::from_str(&program.stdout).unwrap_or_else(|error| panic!("{name}: {error}\n{}", program.stdout));
    let verdict = report["verdicts"][0]["verdict"].as_str().unwrap_or("none");
    let code = match wanted {
        "data-at-risk" => 3,
        "none" if report["verdicts"].as_array().unwrap().is_empty() => 0,
        _ => 1,
    };
    let first = person.stdout.lines().next().unwrap_or_default();
    assert_eq!((verdict, person.code), (wanted, code), "{name}: {first}");
    golden(&format!("changes/{name}/expected.txt"), &said(first, person.code, &report));
}

/// What is said, without the texts of the manifests.
fn said(first: &str, code: i32, report: &Value) -> String {
    let mut out = format!("{first}\nexit {code}\n");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for verdict in report["verdicts"].as_array().into_iter().flatten() {
        for note in verdict["notes"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "note: {}", text(note));
        }
        for risk in verdict["risks"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "risk: {}\n      {}", text(&risk["change"]), text(&risk["what"]));
        }
    }
    for change in report["changes"].as_array().into_iter().flatten() {
        let object = &change["object"];
        let effect = if change["effect"] == "" { String::new() } else { format!(": {}", text(&change["effect"])) };
        let _ = writeln!(
            out,
            "{} {} {}, {}{effect}",
            text(&change["change"]),
            text(&object["kind"]),
            text(&object["name"]),
            text(&change["verdict"])
        );
        for field in change["fields"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "  {}", text(&field["path"]));
        }
    }
    out
}
