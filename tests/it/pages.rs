//! The manual pages of the codes are tests: each bad example raises its code and no other, each good one raises none.

use crate::commands::statewright;
use crate::scratch::Scratch;
use statewright::diagnostic::Code;
use std::collections::BTreeSet;

/// The examples of a page under one heading word: the blocks fenced as "yaml `word`".
fn examples<'a>(page: &'a str, word: &str) -> Vec<&'a str> {
    let fence = format!("```yaml {word}\n");
    page.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```\n").next()).collect()
}

/// What `check` finds in an example: the names of the codes.
fn raised(example: &str) -> BTreeSet<String> {
    let scratch = Scratch::new("page");
    let name = match example.lines().find(|line| line.starts_with("kind:")).map(str::trim_end) {
        Some("kind: Workspace") => "statewright-workspace.yaml",
        Some("kind: App") => "statewright.yaml",
        _ if example.contains("statewright/v1") => "statewright.yaml",
        _ => "manifest.yaml",
    };
    scratch.write(name, example);
    if name == "statewright-workspace.yaml" {
        scratch.write("web/statewright.yaml", "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\n");
    }
    let argument = if name == "manifest.yaml" { name } else { "." };
    let run = statewright(scratch.path(), &["check", argument, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["name"].as_str().unwrap().to_owned()).collect()
}

fn wrong(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for example in examples(code.page, "bad") {
        let mut raised = raised(example);
        if code.name == "allow-impossible" {
            // What cannot be allowed is still there.
            raised.remove("refused");
        }
        if raised != BTreeSet::from([code.name.to_owned()]) {
            wrong.push(format!("{} {}: its bad example raises {raised:?}", code.id, code.name));
        }
    }
    for example in examples(code.page, "good") {
        let raised = raised(example);
        if !raised.is_empty() {
            wrong.push(format!("{} {}: its good example raises {raised:?}", code.id, code.name));
        }
    }
    wrong
}

#[test]
fn the_examples_of_each_page_do_what_they_say() {
    let wrong: Vec<String> = statewright::codes().into_iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
