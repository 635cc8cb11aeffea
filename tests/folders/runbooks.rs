//! The steps for each kind of change that cannot just be applied, word for word. `scripts/prove-runbooks` runs the same
//! pairs of manifests against a real control plane, so that what is proven there is what is held here.

use crate::Case;
use crate::commands::{root, statewright};
use crate::golden::golden;
use crate::scratch::Scratch;
use std::fmt::Write as _;
use std::fs;

/// A test for each folder.
pub(crate) fn all() -> Vec<Case> {
    let folders = fs::read_dir(root().join("tests/runbooks")).unwrap();
    let mut names: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 30, "only {} cases", names.len());
    names.into_iter().map(|name| Case::new(format!("runbooks/{name}"), move || holds(&name))).collect()
}

fn holds(name: &str) {
    let folder = root().join("tests/runbooks").join(name);
    let scratch = Scratch::new("runbook");
    for side in ["old", "new"] {
        split(&scratch, side, &fs::read_to_string(folder.join(format!("{side}.yaml"))).unwrap());
    }
    let run = statewright(scratch.path(), &["diff", "old", "new", "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{name}: {}", run.stderr));
    let text = written(&report);
    assert!(text.contains("\n  1. "), "{name}: there are no steps\n{}", run.stdout);
    golden(&format!("runbooks/{name}/runbook.txt"), &text);
}

/// One file for each manifest, named as ours are.
fn split(scratch: &Scratch, side: &str, text: &str) {
    for part in text.split("---\n") {
        let field = |start: &str| part.lines().find_map(|line| line.strip_prefix(start)).unwrap().trim().to_owned();
        scratch.write(&format!("{side}/{}-{}.yaml", field("kind: "), field("  name: ")), part);
    }
}

fn written(report: &serde_json::Value) -> String {
    let mut text = String::new();
    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    for runbook in list(&report["verdicts"][0]["runbooks"]) {
        let _ = writeln!(text, "to {}:", runbook["title"].as_str().unwrap());
        for (number, step) in list(&runbook["steps"]).iter().enumerate() {
            let part = |name: &str| step[name].as_str().unwrap();
            let first =
                if part("before").is_empty() { String::new() } else { format!("first: {}\n     ", part("before")) };
            let _ = writeln!(text, "  {}. {first}{}\n     → {}", number + 1, part("command"), part("expect"));
            if !part("check").is_empty() {
                let _ = writeln!(text, "     see: {}", part("check"));
            }
        }
    }
    text
}
