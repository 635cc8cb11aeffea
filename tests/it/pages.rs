//! The manual pages of the codes are tests: each bad example raises its code and no other, each good one raises none.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use statewright::diagnostic::Code;

/// The examples of a page under one heading word: the blocks fenced as "yaml `word`".
fn examples<'a>(page: &'a str, word: &str) -> Vec<&'a str> {
    let fence = format!("```yaml {word}\n");
    page.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```\n").next()).collect()
}

/// What `diff` finds in an example against what was committed before: in its findings for other tools.
fn changed(committed: &str, example: &str, live: Option<&str>) -> Vec<Raised> {
    let scratch = Scratch::new("page-change");
    let run = if committed.contains("statewright/v1") {
        scratch.write("statewright.yaml", committed);
        let compiled = statewright(scratch.path(), &["compile"]);
        assert_eq!(compiled.code, 0, "{}\n{committed}", compiled.stderr);
        scratch.write("statewright.yaml", example);
        match live {
            Some(live) => {
                scratch.write("live.yaml", live);
                statewright(scratch.path(), &["diff", "--live", "live.yaml", "--format", "json"])
            }
            None => statewright(scratch.path(), &["diff", "--format", "json"]),
        }
    } else {
        scratch.write("old.yaml", committed);
        scratch.write("new.yaml", example);
        statewright(scratch.path(), &["diff", "old.yaml", "new.yaml", "--format", "json"])
    };
    findings(&run)
}

/// A finding, as far as a page is concerned.
struct Raised {
    id: String,
    name: String,
    level: String,
}

/// What `check` finds in an example, by the rules of the Kubernetes version that its first line names; or `upgrade`,
/// from the version that it names to the next, or to the newest.
fn raised(example: &str) -> Vec<Raised> {
    let scratch = Scratch::new("page");
    let name = match example.lines().find(|line| line.starts_with("kind:")).map(str::trim_end) {
        Some("kind: Workspace") => "statewright-workspace.yaml",
        Some("kind: App") => "statewright.yaml",
        _ if example.contains("statewright/v1") => "statewright.yaml",
        _ => "manifest.yaml",
    };
    scratch.write(name, example);
    if name == "statewright-workspace.yaml" {
        scratch.write(
            "web/statewright.yaml",
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\n",
        );
    }
    let first = example.lines().next().unwrap_or_default();
    if let Some(versions) = first.strip_prefix("# upgrade: ") {
        let mut arguments = vec!["upgrade", name, "--format", "json"];
        arguments.extend(
            ["--from", "--to"].into_iter().zip(versions.split(' ')).flat_map(|(flag, version)| [flag, version]),
        );
        return findings(&statewright(scratch.path(), &arguments));
    }
    let mut arguments = vec!["check", if name == "manifest.yaml" { name } else { "." }, "--format", "json"];
    if let Some(version) = first.strip_prefix("# kubernetes: ") {
        arguments.extend(["--kubernetes", version]);
    }
    findings(&statewright(scratch.path(), &arguments))
}

fn findings(run: &Run) -> Vec<Raised> {
    let report: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| Raised { id: text(finding, "code"), name: text(finding, "name"), level: text(finding, "level") })
        .collect()
}

/// What may be found beside the code itself. What the server warns of is advised against too, and what is refused may
/// be advised against for other reasons.
fn may_stand_beside(code: &Code, raised: &Raised) -> bool {
    if code.id.starts_with("SW04") {
        raised.name == "api-warning"
    } else {
        raised.id.starts_with("SW04") && raised.level != "error"
    }
}

fn wrong(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for word in ["bad", "good"] {
        for example in examples(code.page, word) {
            let committed = examples(code.page, "committed");
            let live = examples(code.page, "live").first().copied();
            let raised =
                committed.first().map_or_else(|| raised(example), |committed| changed(committed, example, live));
            let others: Vec<&str> = raised
                .iter()
                .filter(|raised| {
                    raised.name != code.name
                        && !(may_stand_beside(code, raised) && (word == "bad" || !code.id.starts_with("SW04")))
                })
                // What cannot be allowed is still there.
                .filter(|raised| code.name != "allow-impossible" || raised.name != "refused")
                .map(|raised| raised.name.as_str())
                .collect();
            if raised.iter().any(|raised| raised.name == code.name) != (word == "bad") || !others.is_empty() {
                wrong.push(format!(
                    "{} {}: besides {others:?}, this {word} example is not so:\n{example}",
                    code.id, code.name
                ));
            }
        }
    }
    if (code.id.starts_with("SW04") || code.id.starts_with("SW05"))
        && ["bad", "good"].iter().any(|word| examples(code.page, word).is_empty())
    {
        wrong.push(format!("{} {}: an example is missing", code.id, code.name));
    }
    wrong
}

#[test]
fn the_examples_of_each_page_do_what_they_say() {
    let wrong: Vec<String> = statewright::codes().into_iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
