//! Asks the model of server-side apply what a real API server was asked, and compares the answers: verdicts, what became
//! of the object, and who was in the way.

use crate::commands::statewright;
use crate::conformance::{DRAWN, differences};
use crate::scratch::Scratch;
use serde_json::Value;
use statewright::api::admission::{Answer, Stage, with_duplicates};
use statewright::api::change;
use statewright::api::custom::Customs;
use statewright::api::server_side::{self, Applier};
use statewright::api::way;
use statewright::diagnostic::{Diagnostics, Refusal};
use statewright::json;
use statewright::k8s::shape::shape_of;
use statewright::k8s::version::Version;
use statewright::k8s::way::Way;
use statewright::k8s::wire::written;
use statewright::source::Sources;
use statewright::value::{Data, Map, Node};
use statewright::yaml::{parts, read_part};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const RECORDED: Version = Version::minor(36);

/// How much of the recorded answers must agree.
const LEAST: f64 = 0.995;

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    std::env::var_os("STATEWRIGHT_CONFORMANCE").map_or(own, PathBuf::from)
}

fn jsonl(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The manifest of a text, and the keys that it holds twice.
fn manifest(text: &str) -> Option<(Node, Vec<Refusal>)> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("manifest.yaml", text);
    let node = read_part(id, text, *parts(text).first()?, &mut found).flatten()?;
    let twice = found.iter().filter_map(|finding| finding.refusal.clone()).collect();
    found.iter().all(|finding| finding.refusal.is_some()).then_some((node, twice))
}

/// What the server says to a server-side apply, forced, of the manifest after the one before.
fn ask(line: &Value) -> Option<Answer> {
    let customs = Customs::none();
    let create = |key: &str| {
        let (node, twice) = manifest(&text(line, key))?;
        Some((with_duplicates(way::create(Way::ServerForced, &node, &customs, RECORDED), twice), node))
    };
    if text(line, "op") != "update" {
        return create("new").map(|(answer, _)| answer);
    }
    let (answer, old) = create("old")?;
    let mut stored = answer.object?;
    if text(line, "live") == "bound" {
        bind(&mut stored);
    }
    let (new, twice) = manifest(&text(line, "new"))?;
    let (applied, _) = way::apply(Way::ServerForced, Some(&old), &stored, &new, &customs, RECORDED);
    Some(with_duplicates(applied.answer, twice))
}

/// As the recorder binds a claim or a volume.
fn bind(stored: &mut Node) {
    let at = stored.at;
    let text = |value: &str| Node::text(value, at);
    if stored.get("kind").and_then(Node::as_str) == Some("PersistentVolumeClaim") {
        let capacity = stored.find(&["spec", "resources", "requests"]).cloned();
        if let Some(spec) = stored.get_mut("spec").and_then(Node::as_map_mut)
            && spec.get("volumeName").is_none()
        {
            spec.put("volumeName", text("pv-bound"));
        }
        let status = Node::of(at, [("phase", Some(text("Bound"))), ("capacity", capacity)]);
        stored.as_map_mut().unwrap().put("status", status);
    } else {
        let known = stored.find(&["spec", "claimRef"]).cloned();
        let mut claim = known.and_then(|known| known.as_map().cloned()).unwrap_or_else(Map::new);
        for (key, value) in [("kind", "PersistentVolumeClaim"), ("apiVersion", "v1"), ("uid", "bound-uid")] {
            claim.put(key, text(value));
        }
        for (key, value) in [("namespace", "default"), ("name", "bound-claim")] {
            if !claim.has(key) {
                claim.put(key, text(value));
            }
        }
        stored.get_mut("spec").and_then(Node::as_map_mut).unwrap().put("claimRef", Node::map(claim, at));
        stored.as_map_mut().unwrap().put("status", Node::of(at, [("phase", Some(text("Bound")))]));
    }
}

type Set = BTreeSet<(String, String)>;

fn bare(field: &str) -> String {
    let volumes = "spec.template.spec.volumes[";
    match field.strip_prefix(volumes).and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => format!("{volumes}*]{rest}"),
        None => field.to_owned(),
    }
}

#[test]
fn the_model_says_what_the_server_said_to_server_side_applies() {
    let folder = folder();
    let (mut all, mut wrong) = (0_u32, Vec::new());
    let (mut apart, mut apart_right) = (0, 0);
    for file in ["creates.jsonl", "updates.jsonl", "other-workloads.jsonl", "server-side-answers.jsonl"] {
        for line in jsonl(&folder.join(file)) {
            let recorded = if line["ssa"].is_object() { &line["ssa"] } else { &line };
            if ["parse", "no-match", "old", "identity"].contains(&text(&line, "stage").as_str()) {
                continue;
            }
            // Where the old manifest cannot be applied so, nothing was asked.
            let Some(answer) = ask(&line) else { continue };
            all += 1;
            apart += usize::from(line["ssa"].is_object());
            let accepted = text(recorded, "verdict") == "accepted";
            let errors = recorded["errors"].as_array().cloned().unwrap_or_default();
            let theirs: Set = errors.iter().map(|error| (bare(&text(error, "field")), text(error, "type"))).collect();
            let ours: Set =
                answer.refusals.iter().map(|refusal| (bare(&refusal.field), refusal.kind.to_owned())).collect();
            let validated = text(recorded, "stage") == "validate" && answer.stage == Some(Stage::Validate);
            if accepted != answer.stage.is_none() || validated && theirs != ours {
                wrong.push(format!(
                    "{file} {} {}: {} {:?}\n    server {:?} {theirs:?}\n    model {:?} {:?}",
                    text(&line, "id"),
                    text(&line, "kind"),
                    if line["ssa"].is_object() { "apart" } else { "alike" },
                    text(&line, "change"),
                    text(recorded, "stage"),
                    answer.stage,
                    answer.refusals,
                ));
            } else {
                apart_right += usize::from(line["ssa"].is_object());
            }
        }
    }
    println!("{}", wrong.join("\n"));
    println!(
        "{all} server-side applies, {} otherwise than the server; of {apart} that come out otherwise than kubectl \
         apply, {apart_right} agree",
        wrong.len()
    );
    assert!(all > 0, "no recordings in {}", folder.display());
    let share = 1.0 - f64::from(u32::try_from(wrong.len()).unwrap()) / f64::from(all);
    assert!(share >= LEAST, "{share:.4} agree, {LEAST} must");
}

/// Whether a value is anywhere in an object.
fn holds(object: &Value, value: &Value) -> bool {
    object == value
        || match object {
            Value::Object(map) => map.values().any(|inner| holds(inner, value)),
            Value::Array(items) => items.iter().any(|inner| holds(inner, value)),
            _ => false,
        }
}

fn as_sent(object: &Node) -> Node {
    let word = |key| object.get(key).and_then(Node::as_str).unwrap_or_default();
    shape_of(word("apiVersion"), word("kind"), RECORDED).map_or_else(|| object.clone(), |shape| written(object, shape))
}

#[test]
fn both_ways_of_applying_come_out_as_they_were_recorded() {
    let folder = folder();
    let customs = Customs::none();
    let mut wrong = Vec::new();
    let lines = jsonl(&folder.join("server-side-apply.jsonl"));
    for line in &lines {
        let (new, _) = manifest(&text(line, "new")).unwrap();
        let old = line["old"].as_str().and_then(manifest).map(|(node, _)| node);
        for (way, side) in [(Way::Client, "client"), (Way::ServerForced, "server")] {
            let recorded = &line[side];
            let before = old.as_ref().map(|old| way::create(way, old, &customs, RECORDED).object.unwrap());
            let before = before.map(|mut stored| {
                if line["between"].is_string() {
                    let annotations = stored.find_mut(&["metadata", "annotations"]).and_then(Node::as_map_mut);
                    annotations.unwrap().iter_mut().for_each(|(_, value)| value.data = Data::Text("hand".into()));
                }
                stored
            });
            let answer = match &before {
                None if way == Way::Client && statewright::cluster::kubectl::too_large(&new).is_some() => {
                    Answer::refused(Stage::Validate, Vec::new())
                }
                None if way == Way::Client => {
                    let resource = statewright::bundle::Resource::new(new.clone()).unwrap();
                    let request = statewright::cluster::kubectl::Request {
                        resource: &resource,
                        last_applied: None,
                        default_class: None,
                        customs: &customs,
                        version: RECORDED,
                        way,
                    };
                    let store = statewright::cluster::store::Store::default();
                    match statewright::cluster::kubectl::request(&store, request).1 {
                        statewright::cluster::kubectl::Write::Create(object) => {
                            Answer { object: Some(object), ..Answer::default() }
                        }
                        _ => Answer::refused(Stage::Validate, Vec::new()),
                    }
                }
                None => way::create(way, &new, &customs, RECORDED),
                Some(stored) => way::apply(way, old.as_ref(), stored, &new, &customs, RECORDED).0.answer,
            };
            let accepted = recorded["exit"] == 0;
            let after = answer.object.as_ref().or(before.as_ref()).map(as_sent);
            let result = text(recorded, "result");
            let result = serde_json::from_str(&result).unwrap_or(Value::String(result));
            let is_there = after.as_ref().is_some_and(|object| holds(&json::from_node(object), &result));
            let changed = |path: &[&str]| {
                let before = before.as_ref().map(as_sent);
                let part = |object: &Option<Node>| object.as_ref().and_then(|object| object.find(path).cloned());
                part(&before) != part(&after)
            };
            let is_changed = recorded["spec changed"].as_bool().is_none_or(|said| said == changed(&["spec"]))
                && recorded["template changed"].as_bool().is_none_or(|said| said == changed(&["spec", "template"]));
            let nothing = ["", "None"].contains(&text(recorded, "result").as_str());
            if accepted != answer.stage.is_none() || !is_there && !nothing || !is_changed {
                wrong.push(format!(
                    "{} {side}: {}\n  server: {}\n  model: {:?} {:?} there {is_there} changed as said {is_changed}",
                    text(line, "id"),
                    text(line, "title"),
                    text(recorded, "said"),
                    answer.stage,
                    answer.refusals
                ));
            }
        }
    }
    println!("{} recorded both ways, {} otherwise\n{}", lines.len(), wrong.len(), wrong.join("\n"));
    assert!(!lines.is_empty(), "no recordings in {}", folder.display());
    assert!(wrong.is_empty());
}

/// The objects of a text of several documents.
fn objects(text: &str) -> Vec<Node> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("objects.yaml", text);
    let read = |part| read_part(id, text, part, &mut found).flatten();
    parts(text).into_iter().filter_map(read).filter(|node| !node.is_null()).collect()
}

fn name_of(object: &Node) -> (&str, &str) {
    let text = |path: &[&str]| object.find(path).and_then(Node::as_str).unwrap_or_default();
    (text(&["kind"]), text(&["metadata", "name"]))
}

/// Objects that others changed since they were applied: who is in the way of the next apply, and whether pods are
/// replaced by it.
#[test]
fn fields_of_other_managers_conflict_as_they_were_recorded_to() {
    let folder = folder();
    let customs = Customs::none();
    let (mut all, mut wrong) = (0, Vec::new());
    for line in jsonl(&folder.join("drifts.jsonl")) {
        let live = objects(&text(&line, "live"));
        let manager = text(&line, "server_manager");
        for (side, force) in [("server", false), ("forced", true)] {
            let recorded = &line["outcomes"][side];
            let mut theirs: Set = BTreeSet::new();
            for conflict in recorded["conflicts"].as_array().into_iter().flatten() {
                theirs.insert((
                    format!("{}/{}", text(conflict, "manager"), text(conflict, "subresource")),
                    text(conflict, "field"),
                ));
            }
            let (mut ours, mut refused, mut replaced): (Set, _, _) = (BTreeSet::new(), Vec::new(), false);
            for manifest in objects(&text(&line, "new")) {
                let Some(stored) = live.iter().find(|object| name_of(object) == name_of(&manifest)) else { continue };
                let applier = Applier { name: &manager, force };
                let outcome = server_side::apply(None, stored, &manifest, applier, &customs, RECORDED);
                if !force {
                    ours.extend(outcome.conflicts.iter().map(|conflict| {
                        (format!("{}/{}", conflict.manager, conflict.subresource), conflict.field.clone())
                    }));
                }
                let answer = outcome.applied.answer;
                refused.extend(answer.refusals);
                if let Some(object) = answer.object {
                    let template = |object: &Node| as_sent(object).find(&["spec", "template"]).cloned();
                    replaced |= template(&object) != template(stored);
                }
            }
            all += 1;
            let alike = theirs == ours
                && (recorded["exit"] == 0) == refused.is_empty()
                && recorded["template_changed"].as_bool().is_none_or(|said| said == replaced);
            if !alike {
                wrong.push(format!(
                    "{} {side} {}: {}\n  server {} {theirs:?} {}\n  model {ours:?} {refused:?} template {replaced}",
                    text(&line, "id"),
                    text(&line, "kind"),
                    text(&line, "title"),
                    text(recorded, "said").chars().take(300).collect::<String>(),
                    recorded["template_changed"],
                ));
            }
        }
    }
    println!("{all} applies over objects that others changed, {} otherwise\n{}", wrong.len(), wrong.join("\n"));
    assert!(all > 0, "no recordings in {}", folder.display());
    assert!(wrong.is_empty());
}

/// What is seen to come out alike without asking the server is alike.
#[test]
fn what_is_seen_to_be_alike_is_alike() {
    let (customs, folder) = (Customs::none(), folder());
    let (mut all, mut seen, mut wrong) = (0, 0, Vec::new());
    for file in ["updates.jsonl", "upgrades.jsonl", "other-workloads.jsonl", "server-side-answers.jsonl"] {
        for line in jsonl(&folder.join(file)).iter().filter(|line| line["old"].is_string()) {
            let both = [text(line, "old"), text(line, "new")].map(|text| manifest(&text));
            let [Some((old, _)), Some((new, _))] = both else { continue };
            let asked = change::ask(Way::Client, &old, &new, &customs, RECORDED);
            let Some(before) = &asked.before else { continue };
            all += 1;
            if !change::is_alike(&old, &new, before, &customs, RECORDED) {
                continue;
            }
            seen += 1;
            let there = change::ask(Way::ServerForced, &old, &new, &customs, RECORDED);
            let sent = |asked: &change::Asked| asked.stored.as_ref().map(as_sent);
            if asked.refusals.is_empty() != there.refusals.is_empty() || sent(&asked) != sent(&there) {
                wrong.push(format!("{file} {}: {:?}, {:?}", text(line, "id"), asked.refusals, there.refusals));
            }
        }
    }
    println!("{seen} of {all} changes are seen to come out alike, {} are not\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen > 0 && wrong.is_empty());
}

/// A spec of which one variable is named twice, in a workspace that says so much.
fn workspace(name: &str, apply: &str, environment: &str, cluster: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.write(
        "statewright-workspace.yaml",
        format!(
            "apiVersion: statewright/v1\nkind: Workspace\n{apply}environments: {{prod: {{cluster: eu{environment}}}}}\n\
             clusters: {{eu: {{kubernetes: \"1.36\"{cluster}}}}}\n"
        ),
    );
    scratch.write(
        "web/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nports: {http: 80}\nprobes: \
         {ready: {http: /}}\nobjects:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: other}\n  spec: {ports: \
         [{name: a, port: 1}, {name: b, port: 1, protocol: TCP}]}\n",
    );
    scratch
}

#[track_caller]
fn check(scratch: &Scratch, arguments: &[&str]) -> String {
    let run = statewright(scratch.path(), &[&["check"][..], arguments].concat());
    format!("{}{}", run.stdout, run.stderr)
}

/// The command line wins over the environment, that over its cluster, that over the workspace.
#[test]
fn the_nearest_word_on_how_manifests_are_applied_counts() {
    const BY_SERVER: &str = "duplicate entries for key [port=1,protocol=\"TCP\"]";
    let cases = [
        ("", "", "", false),
        ("apply: server\n", "", "", true),
        ("apply: server\n", "", ", apply: client", false),
        ("", "", ", apply: server-forced", true),
        ("apply: server\n", ", apply: client", ", apply: server", false),
        ("", ", apply: server", ", apply: client", true),
    ];
    for (number, (apply, environment, cluster, by_server)) in cases.into_iter().enumerate() {
        let scratch = workspace(&format!("applied-{number}"), apply, environment, cluster);
        let said = check(&scratch, &[]);
        assert_eq!(said.contains(BY_SERVER), by_server, "{apply}{environment}{cluster}: {said}");
        assert!(!check(&scratch, &["--apply", "client"]).contains(BY_SERVER));
        assert!(check(&scratch, &["--apply", "server"]).contains(BY_SERVER));
    }
    let said = check(&workspace("applied-wrong", "apply: argo\n", "", ""), &[]);
    assert!(said.contains("client") && said.contains("server-forced"), "{said}");
}

/// What a real API server said to an apply over an object that others changed before, without force and with it: drawn
/// by chance. `STATEWRIGHT_SERVER_SIDE=FILE` asks others than the project's own.
#[test]
fn drawn_changes_come_out_as_on_a_real_server() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/server-side-drawn.jsonl");
    let file = std::env::var_os("STATEWRIGHT_SERVER_SIDE").map_or(own, PathBuf::from);
    let id = std::env::var("STATEWRIGHT_CONFORMANCE_ID").ok();
    let customs = Customs::none();
    let (mut all, mut conflicts, mut objects_compared, mut wrong) = (0, 0, 0, Vec::new());
    for line in jsonl(&file).iter().filter(|line| id.as_ref().is_none_or(|id| text(line, "id") == *id)) {
        let (Some(stored), Some((new, twice))) = (objects(&text(line, "live")).pop(), manifest(&text(line, "new")))
        else {
            panic!("{} cannot be read", text(line, "id"));
        };
        let name = text(line, "server_manager");
        for (side, force) in [("server", false), ("forced", true)] {
            let recorded = &line[side];
            let outcome = server_side::apply(None, &stored, &new, Applier { name: &name, force }, &customs, RECORDED);
            let answer = with_duplicates(outcome.applied.answer, twice.clone());
            all += 1;
            let causes = recorded["causes"].as_array().cloned().unwrap_or_default();
            let mut theirs: Set = causes
                .iter()
                .map(|cause| match text(cause, "reason").as_str() {
                    "FieldManagerConflict" => (text(cause, "field"), text(cause, "message")),
                    kind => (bare(&text(cause, "field")), kind.to_owned()),
                })
                .collect();
            let code = recorded["code"].as_i64().unwrap_or_default();
            let our_code = match (answer.stage, answer.refusals.first().map(|refusal| refusal.kind)) {
                (None, _) => 200,
                (_, Some(server_side::CONFLICT)) => 409,
                (Some(Stage::Validate), _) => 422,
                _ => 500,
            };
            let mut ours: Set = answer
                .refusals
                .iter()
                .map(|refusal| match refusal.kind {
                    server_side::CONFLICT => (format!(".{}", refusal.field), refusal.detail.clone()),
                    kind => (bare(&refusal.field), kind.to_owned()),
                })
                .collect();
            if our_code == 500 && code >= 400 && ![409, 422].contains(&code) {
                (ours, theirs) = (Set::new(), Set::new());
            }
            conflicts += usize::from(our_code == 409);
            let mut paths = Vec::new();
            if let (Some(object), true) = (&answer.object, recorded["object"].is_object()) {
                objects_compared += 1;
                // What depends on how often a server has changed it before.
                let counted = ["generation", "deprecated.daemonset.template.generation"];
                let drawn: Vec<&str> = DRAWN.into_iter().chain(counted).collect();
                let ours = json::from_node(&as_sent(object));
                differences(&recorded["object"], &ours, &drawn, &mut String::new(), &mut paths);
            }
            let is_code = our_code == code || our_code == 500 && (code == 400 || code >= 500);
            if !is_code || ours != theirs || !paths.is_empty() {
                wrong.push(format!(
                    "{} {side} {} {}: server {code} {theirs:?} {}\n  model {our_code} {ours:?} {:?} {paths:?}",
                    text(line, "id"),
                    text(line, "kind"),
                    line["between"],
                    text(recorded, "message").chars().take(300).collect::<String>(),
                    answer.refusals.iter().map(|refusal| &refusal.detail).take(3).collect::<Vec<_>>(),
                ));
            }
        }
    }
    println!(
        "{all} drawn applies, {conflicts} with conflicts, {objects_compared} objects compared, {} otherwise\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(all > 0, "no recordings in {}", file.display());
    assert!(wrong.is_empty());
}
