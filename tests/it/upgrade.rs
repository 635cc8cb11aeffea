//! What differs between two versions of Kubernetes is told, and nothing else is: held against what servers of each
//! version said to the same manifests.

use crate::commands::statewright;
use crate::conformance::{self, Case, Set};
use crate::scratch::Scratch;
use statewright::api::admission::Answer;
use statewright::expect::upgrade::{Difference, between};
use statewright::k8s::version::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is told of a step from one version to another, in the words of the recordings.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    refused: Set,
    allowed: Set,
    honoured: BTreeSet<String>,
    ignored: BTreeSet<String>,
    gone: bool,
    came: bool,
}

/// What the recordings of both versions differ in.
fn recorded(older: &Case, newer: &Case) -> Told {
    let lacks = |case: &Case| case.verdict.stage == "no-match";
    let mut told = Told { gone: !lacks(older) && lacks(newer), came: lacks(older) && !lacks(newer), ..Told::default() };
    if lacks(older) || lacks(newer) {
        return told;
    }
    let less = |one: &Case, other: &Case| one.verdict.set.difference(&other.verdict.set).cloned().collect();
    told.refused = less(newer, older);
    told.allowed = less(older, newer);
    if let (Some(before), Some(after)) = (&older.verdict.dropped, &newer.verdict.dropped) {
        told.honoured = before.difference(after).cloned().collect();
        told.ignored = after.difference(before).cloned().collect();
    }
    told
}

fn told(older: &Answer, newer: &Answer) -> Told {
    let mut told = Told::default();
    for difference in between(older, newer) {
        match difference {
            Difference::Refused(refusal) => drop(told.refused.insert((refusal.field, refusal.kind.to_owned()))),
            Difference::Allowed(refusal) => drop(told.allowed.insert((refusal.field, refusal.kind.to_owned()))),
            Difference::Honoured(dropped) => drop(told.honoured.insert(dropped.field)),
            Difference::Ignored(dropped) => drop(told.ignored.insert(dropped.field)),
            Difference::Gone => told.gone = true,
            Difference::Came => told.came = true,
            Difference::Filled { .. } | Difference::Warned(_) | Difference::Silent(_) => {}
        }
    }
    told
}

/// Without what the server does not name, as where a value of the wrong type stands, or numbers at random.
fn named(set: &Set, kind: &str) -> Set {
    let mut set = conformance::comparable(set, kind);
    set.retain(|(field, _)| !field.is_empty());
    set
}

/// The cases of one question, each with what the model answers.
type Asked<'c> = Vec<(&'c Case, Answer)>;

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    std::env::var_os("STATEWRIGHT_CONFORMANCE").map_or(own, PathBuf::from)
}

#[test]
fn what_differs_between_two_versions_is_told_and_nothing_else() {
    let cases = conformance::read(&folder());
    let answers = statewright::parallel::map(&cases, |case| conformance::answer(case).map(|(answer, _)| answer));
    let mut questions: BTreeMap<(&str, &str), Asked<'_>> = BTreeMap::new();
    for (case, answer) in cases.iter().zip(answers) {
        // Whether two keys are the same is a matter of YAML, not of versions.
        let Some(answer) = answer.filter(|_| !["put", "new-fields-1.37.jsonl"].contains(&case.file.as_str())) else {
            continue;
        };
        questions.entry((&case.file, &case.id)).or_default().push((case, answer));
    }
    let (mut pairs, mut differing, mut wrong) = (0, 0, Vec::new());
    for ((file, id), mut asked) in questions {
        asked.sort_by_key(|(case, _)| case.version);
        for (index, (older, before)) in asked.iter().enumerate() {
            // The next version, the newest, and the one that was recorded first: what differs between two of them
            // differs on the way.
            let next = asked[index + 1..].iter().enumerate();
            let is_asked = |(place, (newer, _)): &(usize, &(&Case, Answer))| {
                *place == 0 || newer.version == Version::NEWEST || newer.version == Version::minor(36)
            };
            for (_, (newer, after)) in next.filter(is_asked) {
                let plain = |told: Told| Told {
                    refused: named(&told.refused, &older.kind),
                    allowed: named(&told.allowed, &older.kind),
                    ..told
                };
                let (expected, mut said) = (plain(recorded(older, newer)), plain(told(before, after)));
                if older.verdict.dropped.is_none() || newer.verdict.dropped.is_none() {
                    // Nobody wrote down what the server left out.
                    said = Told { honoured: BTreeSet::new(), ignored: BTreeSet::new(), ..said };
                }
                pairs += 1;
                differing += usize::from(expected != Told::default());
                if expected != said {
                    wrong.push(format!(
                        "{file} {id}, {} to {}: {said:?}, recorded: {expected:?}",
                        older.version, newer.version
                    ));
                }
            }
        }
    }
    println!("{pairs} steps between versions, {differing} of them with differences: {} told otherwise", wrong.len());
    assert!(differing > 500, "only {differing} steps differ: the recordings are not there");
    let shown: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {pairs} are told otherwise:\n{}", wrong.len(), shown.join("\n"));
}

const SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'example.com/web:1.0', ports: [{containerPort: 80000}]}]}
";

#[test]
fn each_difference_is_told_with_its_version_at_its_line() {
    let scratch = Scratch::new("upgrade");
    scratch.write("set.yaml", SET);
    let run = statewright(scratch.path(), &["upgrade", "--from", "1.30", "set.yaml"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for part in [
        "from Kubernetes 1.34 on, the API server refuses StatefulSet/web: spec.template.spec.containers[0].ports[0].containerPort",
        "set.yaml:10:",
        "1.34.0 and 1.34.1 replace all pods",
        "Kubernetes 1.30 to 1.37: 1 of 1 object",
    ] {
        assert!(run.stderr.contains(part), "{part} is not said:\n{}", run.stderr);
    }
    // What refuses the set says nothing of its fields; once it is mended, they are compared.
    scratch.write("set.yaml", SET.replace("80000", "8000"));
    let run = statewright(scratch.path(), &["upgrade", "--from", "1.30", "set.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let said =
        "from Kubernetes 1.37 on, `spec.updateStrategy.rollingUpdate.maxUnavailable` of StatefulSet/web has effect";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let run = statewright(scratch.path(), &["upgrade", "--from", "1.34", "--to", "1.36", "set.yaml"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, "Kubernetes 1.34 to 1.36: 1 object as before\n"));
}

#[test]
fn environments_say_which_version_runs() {
    let scratch = Scratch::new("upgrade-specs");
    scratch.write(
        "statewright.yaml",
        "apiVersion: statewright/v1
kind: App
name: web
image: example.com/web:1.0
probes: {ready: {tcp: 80}}
update: {maxUnavailable: 2}
environments:
  dev: {kubernetes: '1.37'}
  prod: {kubernetes: '1.35'}
",
    );
    let run = statewright(scratch.path(), &["upgrade", "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let names: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["upgrade-honours-field"], "{}{}", run.stdout, run.stderr);
    let run = statewright(scratch.path(), &["upgrade", "--env", "dev"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.starts_with("nothing to compare"), "{}", run.stderr);
    for (arguments, said) in [
        (&["upgrade", "--env", "test"][..], "unknown-environment"),
        (&["upgrade", "--from", "1.36", "--to", "1.33"], "1.36 is newer than 1.33"),
        (&["upgrade", "--from", "1.12"], "1.12"),
        (&["upgrade", "nothing.yaml"], "name it, as in `--from 1.33`"),
        (&["upgrade", "nothing.yaml", "--from", "1.33"], "nothing.yaml"),
    ] {
        let run = statewright(scratch.path(), arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}
