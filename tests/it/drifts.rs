//! Live objects that somebody changed by hand, recorded from a real control plane: who did it is found, and the next
//! apply does what it did there, in either way of applying.

use serde_json::{Value, json};
use statewright::api::change::as_sent;
use statewright::api::custom::Customs;
use statewright::api::live::drift::{Drift, Origin, Sort, drift};
use statewright::api::live::next::next;
use statewright::api::way;
use statewright::diagnostic::Diagnostics;
use statewright::json;
use statewright::k8s::version::Version;
use statewright::k8s::way::Way;
use statewright::source::Sources;
use statewright::value::Node;
use statewright::yaml::{parts, read_part};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const RECORDED: Version = Version::minor(36);

const NOTE: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How many of the recorded outcomes must agree.
const LEAST: f64 = 0.98;

fn jsonl(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The objects of a text of several documents.
fn objects(text: &str) -> Vec<Node> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("objects.yaml", text);
    let read = |part| read_part(id, text, part, &mut found).flatten();
    parts(text).into_iter().filter_map(read).filter(|node| !node.is_null()).collect()
}

fn name_of(object: &Node) -> String {
    let text = |path: &[&str]| object.find(path).and_then(Node::as_str).unwrap_or_default();
    format!("{}/{}", text(&["kind"]), text(&["metadata", "name"]))
}

/// One field that differs, as the recorder writes it.
type Differing = (String, String, Value, Value);

/// What the recorder leaves out.
fn shown(object: &Node) -> Value {
    let mut shown = json::from_node(&as_sent(object, RECORDED));
    if let Some(map) = shown.as_object_mut() {
        map.shift_remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["managedFields", "resourceVersion", "generation"] {
                metadata.shift_remove(field);
            }
        }
    }
    shown
}

fn differing(object: &str, path: &str, old: &Value, new: &Value, found: &mut Vec<Differing>) {
    if old == new {
        return;
    }
    let mut note = || found.push((object.to_owned(), path.to_owned(), old.clone(), new.clone()));
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let inner = match (key.contains(['.', '/']), path.is_empty()) {
                    (true, _) => format!("{path}[\"{key}\"]"),
                    (false, true) => key.clone(),
                    (false, false) => format!("{path}.{key}"),
                };
                let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differing(object, &inner, &value(before), &value(after), found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let keyed = |key: &str| {
                let all = before.iter().chain(after);
                all.clone().all(|item| !item[key].is_null() && item.is_object())
                    && [before, after].iter().all(|list| {
                        list.iter().map(|item| item[key].to_string()).collect::<BTreeSet<_>>().len() == list.len()
                    })
            };
            let Some(key) = ["name", "containerPort", "port", "mountPath"].into_iter().find(|key| keyed(key)) else {
                return note();
            };
            let label = |item: &Value| item[key].as_str().map_or_else(|| item[key].to_string(), str::to_owned);
            let by = |list: &[Value]| -> BTreeMap<String, Value> {
                list.iter().map(|item| (label(item), item.clone())).collect()
            };
            let (before, after) = (by(before), by(after));
            for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                let value = |list: &BTreeMap<String, Value>| list.get(name).cloned().unwrap_or(Value::Null);
                differing(object, &format!("{path}[{key}={name}]"), &value(&before), &value(&after), found);
            }
        }
        _ => note(),
    }
}

/// What an apply did, as far as it was recorded.
#[derive(Debug, Default, PartialEq)]
struct Done {
    is_refused: bool,
    conflicts: BTreeSet<(String, String)>,
    changed: BTreeSet<(String, String)>,
    values: Vec<Differing>,
    template: bool,
}

fn recorded(outcome: &Value) -> Done {
    let list = |key: &str| outcome[key].as_array().cloned().unwrap_or_default();
    let mut done = Done {
        is_refused: outcome["exit"] != 0,
        template: outcome["template_changed"].as_bool().unwrap_or_default(),
        ..Done::default()
    };
    for conflict in list("conflicts") {
        let by = format!("{}/{}", text(&conflict, "manager"), text(&conflict, "subresource"));
        done.conflicts.insert((by, text(&conflict, "field").to_owned()));
    }
    for change in list("changed") {
        // A controller writes that a moment after the apply.
        if change["order"] == true || text(&change, "path").contains("deployment.kubernetes.io/revision") {
            continue;
        }
        let (object, path) = (text(&change, "object").to_owned(), text(&change, "path").to_owned());
        done.changed.insert((object.clone(), path.clone()));
        done.values.push((object, path, change["old"].clone(), change["new"].clone()));
    }
    done
}

fn played(line: &Value, side: &str) -> Done {
    let (way, manager) = match side {
        "client" => (Way::Client, "kubectl"),
        "server" => (Way::Server, text(line, "server_manager")),
        _ => (Way::ServerForced, text(line, "server_manager")),
    };
    let customs = Customs::none();
    let live = objects(text(line, "live"));
    let mut done = Done::default();
    for manifest in objects(text(line, "new")) {
        let name = name_of(&manifest);
        let Some(stored) = live.iter().find(|object| name_of(object) == name) else {
            let answer = way::create(way, &manifest, &customs, RECORDED);
            done.is_refused |= answer.stage.is_some();
            if answer.stage.is_none() {
                done.changed.insert((name.clone(), String::new()));
                done.values.push((name, String::new(), Value::Null, json!("created")));
            }
            continue;
        };
        let next = next(way, manager, stored, &manifest, &customs, RECORDED);
        done.is_refused |= next.answer.stage.is_some();
        if way == Way::Server {
            done.conflicts.extend(
                next.conflicts
                    .iter()
                    .map(|conflict| (format!("{}/{}", conflict.manager, conflict.subresource), conflict.field.clone())),
            );
        }
        if let Some(object) = next.answer.object.filter(|_| next.answer.stage.is_none()) {
            let mut found = Vec::new();
            differing(&name, "", &shown(stored), &shown(&object), &mut found);
            let template = |object: &Node| as_sent(object, RECORDED).find(&["spec", "template"]).cloned();
            done.template |= template(stored) != template(&object);
            done.changed.extend(found.iter().map(|(object, path, ..)| (object.clone(), path.clone())));
            done.values.extend(found);
        }
    }
    done
}

/// Values that every copy of a recording has others of.
fn is_drawn(path: &str) -> bool {
    ["nodePort", "clusterIP", "uid", "restartedAt"].iter().any(|field| path.contains(field))
}

fn note_of(value: &Value) -> Option<Value> {
    let mut note: Value = serde_json::from_str(value.as_str()?).ok()?;
    note["metadata"]["namespace"] = Value::Null;
    Some(note)
}

/// Whether two values are the same but for what is drawn, and the namespace in a note.
fn is_alike(id: &str, path: &str, theirs: &Value, ours: &Value) -> bool {
    let bare = |value: &Value| -> Value {
        let text = value.to_string();
        let text =
            ["client", "server", "forced"].iter().fold(text, |text, side| text.replace(&format!("{id}-{side}"), id));
        serde_json::from_str(&text).unwrap()
    };
    let (theirs, ours) = (bare(theirs), bare(ours));
    if theirs == ours || is_drawn(path) {
        return true;
    }
    if path.ends_with(&format!("[\"{NOTE}\"]")) {
        return note_of(&theirs).is_some() && note_of(&theirs) == note_of(&ours);
    }
    if path == "metadata.annotations"
        && let (Value::Object(theirs), Value::Object(ours)) = (&theirs, &ours)
    {
        return theirs.len() == ours.len()
            && theirs.iter().all(|(key, value)| {
                ours.get(key).is_some_and(|own| own == value || key == NOTE && note_of(own) == note_of(value))
            });
    }
    false
}

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    std::env::var_os("STATEWRIGHT_CONFORMANCE").map_or(own, PathBuf::from)
}

/// What the next apply does: refused or not, conflicts, changed fields with their values, restart.
#[test]
fn the_next_apply_over_drift_does_what_it_did() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drifts-drawn.jsonl");
    let id = std::env::var("STATEWRIGHT_CONFORMANCE_ID").ok();
    let (mut all, mut wrong) = (0_u32, Vec::new());
    for line in [folder().join("drifts.jsonl"), own].iter().flat_map(|file| jsonl(file)) {
        if id.as_ref().is_some_and(|id| *id != text(&line, "id")) {
            continue;
        }
        for side in ["client", "server", "forced"] {
            let (theirs, ours) = (recorded(&line["outcomes"][side]), played(&line, side));
            all += 1;
            let mut why = Vec::new();
            if theirs.is_refused != ours.is_refused {
                why.push(format!("refused {} here {}", theirs.is_refused, ours.is_refused));
            }
            if theirs.conflicts != ours.conflicts {
                why.push(format!("conflicts {:?} here {:?}", theirs.conflicts, ours.conflicts));
            }
            if theirs.template != ours.template {
                why.push(format!("restart {} here {}", theirs.template, ours.template));
            }
            if theirs.changed != ours.changed {
                why.push(format!("changed {:?} here {:?}", theirs.changed, ours.changed));
            }
            for (object, path, old, new) in &theirs.values {
                let found = ours.values.iter().find(|own| own.0 == *object && own.1 == *path);
                if let Some((_, _, own_old, own_new)) = found
                    && !(is_alike(text(&line, "id"), path, old, own_old)
                        && is_alike(text(&line, "id"), path, new, own_new))
                {
                    why.push(format!("{object} {path}: {old} to {new}, here {own_old} to {own_new}"));
                }
            }
            if !why.is_empty() {
                wrong.push(format!(
                    "{} {side} {}\n    {}",
                    text(&line, "id"),
                    text(&line, "title"),
                    why.join("\n    ")
                ));
            }
        }
    }
    println!("{}\n{all} outcomes, {} otherwise", wrong.join("\n"), wrong.len());
    assert!(all > 0, "no recordings");
    let share = 1.0 - f64::from(u32::try_from(wrong.len()).unwrap()) / f64::from(all);
    assert!(id.is_some() || share >= LEAST, "{share:.4} agree, {LEAST} must");
}

/// Who a command is to the server.
fn manager_of(command: &str) -> Option<String> {
    if let Some((_, name)) = command.split_once("--field-manager=") {
        return Some(name.split([' ', '\n']).next().unwrap_or_default().to_owned());
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    let verb = words.iter().rev().find_map(|word| {
        let by = match *word {
            "scale" | "undo" => "kubectl",
            "set" | "patch" | "edit" | "label" | "annotate" | "replace" | "rollout" | "create" => word,
            "apply" => "client-side-apply",
            _ => return None,
        };
        Some(if by == "kubectl" { by.to_owned() } else { format!("kubectl-{by}") })
    });
    verb.filter(|_| command != "true")
}

/// What is found of a case: of its manifests, and of the claims that its sets made.
fn found(line: &Value) -> Vec<(String, Drift)> {
    let customs = Customs::none();
    let manifests = objects(text(&line["applied"], "manifest"));
    let mut found = Vec::new();
    for live in objects(text(line, "live")) {
        let name = name_of(&live);
        if let Some(manifest) = manifests.iter().find(|manifest| name_of(manifest) == name) {
            found.push((name, drift(&live, manifest, Origin::Applied, &customs, RECORDED)));
        } else if let Some(claim) = manifests.iter().find_map(|set| statewright::stateful_set::claim_of(set, &live)) {
            found.push((name, drift(&live, &claim, Origin::Template, &customs, RECORDED)));
        }
    }
    found
}

/// Each drift is found, with the manager that made it; where nothing drifted, nothing is.
#[test]
fn drift_is_found_with_who_made_it() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drifts-drawn.jsonl");
    let id = std::env::var("STATEWRIGHT_CONFORMANCE_ID").ok();
    let (mut all, mut nothing, mut wrong) = (0, 0, Vec::new());
    for line in [folder().join("drifts.jsonl"), own].iter().flat_map(|file| jsonl(file)) {
        if id.as_ref().is_some_and(|id| *id != text(&line, "id")) {
            continue;
        }
        let found = found(&line);
        let is_of = |by: &str| {
            let of = |drift: &Drift| {
                drift
                    .fields
                    .iter()
                    .filter_map(|field| field.by.as_ref())
                    .chain(&drift.made_by)
                    .any(|who| who.manager == by)
            };
            found.iter().any(|(_, drift)| of(drift))
        };
        let is_quiet = found.iter().all(|(_, drift)| drift.is_empty());
        let has_removed = || {
            let is_removed =
                |drift: &Drift| drift.is_unnoted || drift.fields.iter().any(|field| field.sort == Sort::Removed);
            found.iter().any(|(_, drift)| is_removed(drift))
        };
        // What is noted for nobody once it is done: a field that is taken away, a note that is.
        let live = text(&line, "live");
        let drifts = line["drift"].as_array().unwrap();
        let is_all = drifts.iter().filter(|drift| drift["exit"] == 0).all(|one| {
            let Some(by) = manager_of(text(one, "command")) else {
                nothing += 1;
                return drifts.len() > 1 || is_quiet;
            };
            all += 1;
            let is_by_nobody = |drift: &Drift| drift.fields.iter().any(|field| field.by.is_none());
            let is_noted = live.contains(&format!("manager: {by}\n"));
            let is_unsaid = drifts.len() > 1 || is_quiet || found.iter().any(|(_, drift)| is_by_nobody(drift));
            is_of(&by) || has_removed() || !is_noted && is_unsaid
        });
        if !is_all || id.is_some() {
            let mut told = Vec::new();
            for (name, drift) in &found {
                told.extend(drift.fields.iter().map(|field| {
                    format!("{name} {:?} {} stated {} by {:?}", field.sort, field.place, field.is_stated, field.by)
                }));
                told.push(format!(
                    "{name} unnoted {} ending {:?} made by {:?}",
                    drift.is_unnoted, drift.ending, drift.made_by
                ));
            }
            wrong.push(format!(
                "{} {} {drifts:?}\n    {}",
                text(&line, "id"),
                text(&line, "title"),
                told.join("\n    ")
            ));
        }
    }
    println!("{}\n{all} changes by hand, {nothing} times nothing, {} otherwise", wrong.join("\n"), wrong.len());
    assert!(all > 0 && nothing > 0 || id.is_some(), "no recordings");
    assert!(wrong.is_empty() || id.is_some());
}
