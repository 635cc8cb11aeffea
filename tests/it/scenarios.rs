//! Plays recorded scenarios on the model cluster and compares, part by part, with what a real one did.

use serde_json::{Value, json};
use statewright::scenario;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many steps of the project's own recordings must agree in all parts. Only ever raised.
const LEAST: f64 = 1.0;
/// The same of a larger set.
const LEAST_OF_MANY: f64 = 0.99;

/// What control planes of two versions did; each scenario names its version.
const FILES: [(&str, [&str; 2]); 2] = [
    ("1.36", ["scenarios.jsonl", "scenarios-more.jsonl"]),
    ("1.37", ["scenarios-1.37.jsonl", "scenarios-more-1.37.jsonl"]),
];

/// Parts that come out otherwise from run to run: by scenario and step. What one pass of the controller deletes and
/// what the next makes are told by two watches.
const RACES: [(&str, usize, &str); 3] = [("m003", 2, "order"), ("m008", 3, "order"), ("m010", 2, "order")];

/// Pods that might as well have changed places, by scenario and step: of several that could go, chance picks one.
const CHANCES: [(&str, usize, [&str; 2]); 1] = [("x028", 2, ["koala-1", "koala-2"])];

/// What other scenarios had on the same nodes at the time is in the scheduler's words.
const NEIGHBOURS: [(&str, usize, &str); 1] = [("x028", 2, "pods why")];

/// A part's name, and what is compared of it.
pub(crate) type Part = (&'static str, fn(&Value) -> Value);

/// The parts of a step, each with what is compared of it.
pub(crate) const PARTS: &[Part] = &[
    ("results", results),
    ("pods", |step| {
        list(
            &step["state"]["pods"],
            &[
                "name",
                "hostname",
                "subdomain",
                "phase",
                "ready",
                "scheduled",
                "revision",
                "images",
                "claims",
                "owner",
                "terminating",
            ],
        )
    }),
    ("pods why", |step| list(&step["state"]["pods"], &["name", "why"])),
    ("claims", |step| {
        list(
            &step["state"]["claims"],
            &[
                "name",
                "phase",
                "volume",
                "class",
                "requested",
                "capacity",
                "accessModes",
                "volumeMode",
                "labels",
                "owner",
                "terminating",
            ],
        )
    }),
    ("claims why", |step| list(&step["state"]["claims"], &["name", "why"])),
    ("volumes", |step| step["state"]["volumes"].clone()),
    ("changes", |step| step["state"]["changes"].clone()),
    ("order", |step| step["state"]["order"].clone()),
    ("sets", |step| step["state"]["statefulsets"].clone()),
    ("endpoints", |step| step["state"]["endpoints"].clone()),
    ("events", |step| step["state"]["events"].clone()),
];

#[test]
fn the_model_does_what_the_cluster_did() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let given = std::env::var_os("STATEWRIGHT_CONFORMANCE").map(PathBuf::from);
    let only = std::env::var("STATEWRIGHT_CONFORMANCE_ID").ok();
    let least = if given.is_some() { LEAST_OF_MANY } else { LEAST };
    let folder = given.unwrap_or(own);
    for (version, names) in FILES {
        let mut count = (0, 0);
        for name in names {
            let (good, all) = file(&folder.join(name), only.as_deref());
            println!("{good} of {all} steps of {name} agree in all parts\n");
            assert!(all > 0 || only.is_some(), "no scenarios in {}", folder.join(name).display());
            count = (count.0 + good, count.1 + all);
        }
        assert!(
            only.is_some() || share(count) >= least,
            "{version}: {} of {} steps agree, {least} must",
            count.0,
            count.1
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
fn share((good, all): (usize, usize)) -> f64 {
    good as f64 / all as f64
}

/// Plays the scenarios of a file, prints what differs, and gives how many steps agree, and how many there are.
fn file(path: &Path, only: Option<&str>) -> (usize, usize) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut agreed, mut topics) = ((0, 0), BTreeMap::<String, (usize, usize)>::new());
    for line in text.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| recorded[key].as_str().unwrap_or_default();
        let id = word("id");
        if only.is_some_and(|only| only != id) {
            continue;
        }
        let played = scenario::simulate(&recorded).unwrap();
        for (number, (was, is)) in
            recorded["steps"].as_array().unwrap().iter().zip(played["steps"].as_array().unwrap()).enumerate()
        {
            let mut good = true;
            for (part, view) in PARTS {
                if [&RACES[..], &NEIGHBOURS].concat().contains(&(id, number + 1, part)) {
                    continue;
                }
                let chance = CHANCES.iter().find(|(other, step, _)| (*other, *step) == (id, number + 1));
                let (was, is) =
                    (view(was), chance.map_or_else(|| view(is), |(.., [one, other])| view(&swapped(is, one, other))));
                let count = parts.entry(part).or_default();
                count.1 += 1;
                if was == is {
                    count.0 += 1;
                    continue;
                }
                good = false;
                println!(
                    "{id}@{} step {} {part} [{}: {}]",
                    word("kubernetes"),
                    number + 1,
                    word("topic"),
                    word("title")
                );
                println!("    {}", difference(&was, &is, ""));
            }
            for count in [&mut agreed, topics.entry(word("topic").to_owned()).or_default()] {
                count.1 += 1;
                count.0 += usize::from(good);
            }
        }
        if only.is_some() {
            println!("{}", serde_json::to_string_pretty(&played["steps"]).unwrap());
        }
    }
    for (topic, (good, all)) in topics.iter().filter(|(_, (good, all))| good < all) {
        println!("{good:4} of {all:4} steps   {topic}");
    }
    for (part, _) in PARTS {
        let (good, all) = parts.get(part).copied().unwrap_or_default();
        println!("{good:4} of {all:4}   {part}");
    }
    agreed
}

/// Verdicts, and of refusals the set of fields and types: the wording ends in prints of Go values.
fn results(step: &Value) -> Value {
    let of = |act: &Value| {
        let mut causes: Vec<String> = act["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cause| format!("{} {}", cause["field"], cause["type"]))
            .collect();
        causes.sort();
        json!([act["kind"], act["name"], act["namespace"], act["result"], causes, act["warnings"]])
    };
    step["results"].as_array().into_iter().flatten().map(of).collect()
}

/// The same with two pods in each other's place: lists by name in order again.
fn swapped(value: &Value, one: &str, other: &str) -> Value {
    match value {
        Value::String(text) => {
            let parts: Vec<String> = text.split(one).map(|part| part.replace(other, one)).collect();
            Value::String(parts.join(other))
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| swapped(item, one, other)).collect();
            let name = |item: &Value| item["name"].as_str().or_else(|| item["pod"].as_str()).map(str::to_owned);
            // What was done keeps its order.
            if items.iter().all(|item| name(item).is_some() && item["result"].is_null()) {
                items.sort_by_key(name);
            }
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), swapped(value, one, other))).collect(),
        _ => value.clone(),
    }
}

fn list(items: &Value, fields: &[&str]) -> Value {
    items
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| fields.iter().map(|field| item[field].clone()).collect::<Value>())
        .collect()
}

/// The first place where two values differ.
pub(crate) fn difference(was: &Value, is: &Value, at: &str) -> String {
    match (was, is) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let index = (0..a.len()).find(|index| a[*index] != b[*index]).unwrap_or_default();
            difference(&a[index], &b[index], &format!("{at}[{index}]"))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            let key = a.keys().find(|key| a[*key] != b[*key]).cloned().unwrap_or_default();
            difference(&a[&key], &b[&key], &format!("{at}.{key}"))
        }
        _ => format!("{at}: was {was}\n    {at}:  is {is}"),
    }
}
