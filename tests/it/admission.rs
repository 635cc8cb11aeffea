//! Bundles with quotas, limits, policies and classes in their way: what a real cluster made of each, and what the model makes of it.

use serde_json::Value;
use statewright::cluster::facts::ClusterFacts;
use statewright::cluster::kubectl::Change;
use statewright::cluster::rehearse::{Rehearsal, rehearse};
use statewright::cluster::world::Gap;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::scenario::bundle;
use statewright::source::Sources;
use statewright::yaml::read_one;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What may live elsewhere, because the facts do not say that it does not: what is then said to be presumed.
const PRESUMED: [(&str, [&str; 2]); 3] = [("adm24", ["PriorityClass", "high"]), ("adm26", ["RuntimeClass", "gvisor"]), ("adm34", ["", ""])];

/// What asks somebody outside, who cannot be asked here.
const OUTSIDE: [&str; 1] = ["adm32"];

#[test]
fn what_stands_in_the_way_stops_what_it_stopped() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let folder = std::env::var_os("STATEWRIGHT_CONFORMANCE").map_or(own, PathBuf::from);
    let facts = std::fs::read_to_string(folder.join("admission-cluster.yaml")).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(folder.join("admission.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["id"].as_str().unwrap();
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let source = sources.add("cluster.yaml", facts.as_str());
        let facts = read_one(&sources, source, &mut found).map(|document| ClusterFacts::read(&document, &mut found)).unwrap();
        let bundles = [bundle(&mut sources, line["bundle"].as_str().unwrap()).unwrap()];
        let played = rehearse(&bundles, &facts, Version::minor(36), "default");
        if let Some((_, [kind, name])) = PRESUMED.iter().find(|(presumed, _)| *presumed == id) {
            let gap = Gap::Exists { kind: (*kind).into(), name: (*name).into() };
            assert!(name.is_empty() || played.not_known.contains(&gap), "{id}: {:?}", played.not_known);
            continue;
        }
        if OUTSIDE.contains(&id) {
            assert!(played.not_known.iter().any(|gap| matches!(gap, Gap::Decides { .. })), "{id}: {:?}", played.not_known);
            continue;
        }
        count += 1;
        let (real, ours) = (without_values(&recorded(&line["real"])), without_values(&shown(&played)));
        if real != ours {
            wrong.push(format!("{id} {}:\n    real: {real}\n    ours: {ours}", line["title"]));
        }
    }
    println!("{count} bundles, {} otherwise than the cluster", wrong.len());
    assert!(count > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is compared: pods, those that are ready, claims, whether anything was refused and what was warned of at once, and why pods were not made.
fn recorded(real: &Value) -> String {
    let claims: Vec<String> = real["claims"].as_array().unwrap().iter().map(|claim| format!("{claim}")).collect();
    let said = real["apply errors"].as_str().unwrap();
    let warnings: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("Warning: ")).collect();
    let refused: BTreeSet<&str> = said.lines().filter(|line| !line.starts_with("Warning: ")).map(reason).collect();
    let events = real["warnings"].as_array().unwrap().iter().filter_map(Value::as_str);
    let failed: BTreeSet<&str> = events.filter_map(|event| event.strip_prefix("StatefulSet: FailedCreate: ")).collect();
    format!("{} pods, {} ready, {claims:?}, refused {refused:?}, warned {warnings:?}, failed {failed:?}", real["pods"], real["ready"])
}

/// The server quotes a part of what is wrong, and the model the whole field.
fn without_values(said: &str) -> String {
    let (head, tail) = said.split_once("Invalid value: ").unwrap_or((said, ""));
    let rest = tail.split_once(": ").map_or("", |(_, rest)| rest);
    format!("{head}{rest}")
}

/// What kubectl prints of a refusal, without what it says of itself.
fn reason(line: &str) -> &str {
    let line = line.split_once("\": ").filter(|_| line.contains("error when creating")).map_or(line, |(_, rest)| rest);
    line.strip_prefix("The statefulsets \"web\" is invalid: : ").unwrap_or(line)
}

fn shown(played: &Rehearsal) -> String {
    let step = &played.steps[0];
    let (pods, claims) = (&step.state.pods, &step.state.claims);
    let claims: Vec<String> = claims
        .iter()
        .map(|claim| {
            let capacity = claim.capacity.as_ref().map(ToString::to_string);
            serde_json::json!([claim.name.name.as_str(), claim.phase.word(), capacity]).to_string()
        })
        .collect();
    let warnings: BTreeSet<&str> = step.acts.iter().flat_map(|act| &act.warnings).map(String::as_str).collect();
    let refused: BTreeSet<&str> = step
        .acts
        .iter()
        .filter_map(|act| match &act.change {
            Change::Rejected(rejection) if rejection.code == 422 => Some(rejection.causes[0].as_str()),
            Change::Rejected(rejection) => Some(rejection.message.as_str()),
            _ => None,
        })
        .collect();
    let failed: BTreeSet<&str> =
        step.state.events.iter().filter(|event| event.reason == "FailedCreate").map(|event| event.message.as_str()).collect();
    let ready = pods.iter().filter(|pod| pod.ready).count();
    format!("{} pods, {ready} ready, {claims:?}, refused {refused:?}, warned {warnings:?}, failed {failed:?}", pods.len())
}

/// The pods of Pod Security's own tests: those that pass and those that fail, by standard and version. `STATEWRIGHT_POD_SECURITY` names more.
#[test]
fn the_pod_security_standards_hold() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/pod-security.jsonl");
    let path = std::env::var_os("STATEWRIGHT_POD_SECURITY").map_or(own, PathBuf::from);
    let (mut count, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| line[key].as_str().unwrap();
        let labels = format!(
            "{{pod-security.kubernetes.io/enforce: {}, pod-security.kubernetes.io/enforce-version: {}}}",
            word("level"),
            word("version")
        );
        let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {labels}}}\n---\n{}", word("pod"));
        let mut sources = Sources::default();
        let played = rehearse(&[bundle(&mut sources, &text).unwrap()], &ClusterFacts::default(), Version::NEWEST, "default");
        let pod = played.steps[0].acts.last().unwrap();
        let passes = match &pod.change {
            Change::Rejected(rejection) if rejection.message.contains("violates PodSecurity") => "fail",
            // No user of its own, and a bare /proc: the rules of pods refuse that before any standard does.
            Change::Rejected(rejection) if rejection.message.contains("procMount: Invalid value") => "fail",
            Change::Created => "pass",
            _ => "otherwise",
        };
        count += 1;
        if passes != word("verdict") {
            wrong.push(format!("{}: {:?}", word("name"), pod.change));
        }
    }
    println!("{count} pods, {} otherwise than the standards", wrong.len());
    assert!(count > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}
