//! Nodes that fail, in recordings: plays them on the model cluster and compares with what a real one did. Twice: with
//! pods on the nodes where they were, and with pods wherever the model puts them, nodes then being told apart only as
//! failed or not.

use crate::commands::statewright;
use crate::scratch::Scratch;
use serde_json::{Value, json};
use statewright::scenario;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The share of steps of the project's own recordings that must agree. Only ever raised.
const LEAST: f64 = 1.0;
/// The same of a larger set.
const LEAST_OF_MANY: f64 = 0.97;

/// Recordings, and whether a larger set has them too.
const FILES: [(&str, bool); 2] = [("failures.jsonl", true), ("failures-drawn.jsonl", false)];

/// Where chance decides, by scenario and step.
const CHANCES: &[(&str, usize)] = &[
    // Which of two nodes that fall silent in the same moment is tainted first.
    ("d01", 2),
    ("d01", 3),
    ("d01", 4),
    // Whether a node gets its taint in the instant before the last one is seen to be down: that one is not taken back.
    ("d11", 2),
    ("d11", 3),
    ("d11", 4),
    // How many of four pods of a Deployment were on the node that is drained.
    ("d15", 2),
    // Whether a pod comes to a node that is back before it is seen to be: then it is said not to be ready for a moment.
    ("d23", 4),
];

/// Where it matters which pods were on which nodes, by scenario and step: nodes are named there, and the scheduler chose.
const PLACES: &[(&str, usize)] = &[("d10", 3), ("d10", 4), ("d30", 2)];

/// Whether pods are where they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Seeing,
    Blind,
}

#[test]
fn the_model_fares_as_the_cluster_did_when_nodes_fail() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let given = std::env::var_os("STATEWRIGHT_CONFORMANCE").map(PathBuf::from);
    for (name, is_in_larger) in FILES {
        let larger = given.as_ref().filter(|_| is_in_larger);
        let (folder, least) = larger.map_or((&own, LEAST), |folder| (folder, LEAST_OF_MANY));
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.trim().is_empty(), "no recordings in {}", path.display());
        for sight in [Sight::Seeing, Sight::Blind] {
            let (good, all) = play(&text, sight);
            println!("{name} {sight:?}: {good} of {all} steps agree");
            assert!(share(good, all) >= least, "{name} {sight:?}: {good} of {all} steps agree, {least} must");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
fn share(good: usize, all: usize) -> f64 {
    good as f64 / all as f64
}

/// Plays all recordings of a text, prints what differs, and gives how many steps agree, and how many there are.
fn play(text: &str, sight: Sight) -> (usize, usize) {
    let (mut good, mut all) = (0, 0);
    for line in text.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let mut asked = recorded.clone();
        if sight == Sight::Blind {
            for step in asked["steps"].as_array_mut().unwrap() {
                let step = step.as_object_mut().unwrap();
                ["state", "results", "timeline"].iter().for_each(|answer| drop(step.remove(*answer)));
            }
        }
        let played = scenario::simulate(&asked).unwrap();
        let steps = recorded["steps"].as_array().unwrap().iter().zip(played["steps"].as_array().unwrap());
        for (number, (was, is)) in steps.enumerate() {
            let id = recorded["id"].as_str().unwrap();
            let place = (id, number + 1);
            if CHANCES.contains(&place) || sight == Sight::Blind && PLACES.contains(&place) {
                continue;
            }
            all += 1;
            let (was, is) = (view(was, sight), view(is, sight));
            if was == is {
                good += 1;
                continue;
            }
            println!("{id} step {} {sight:?} [{}]", number + 1, recorded["title"]);
            println!("    {}", difference(&was, &is, ""));
        }
    }
    (good, all)
}

/// What is compared of a step.
fn view(step: &Value, sight: Sight) -> Value {
    let mut state = step["state"].clone();
    let nodes = state["nodes"].as_array().cloned().unwrap_or_default();
    let down: BTreeSet<String> =
        nodes.iter().filter(|node| node["down"] == true).map(|node| text(&node["name"])).collect();
    let place = |node: &Value| match node.as_str() {
        None => Value::Null,
        Some(node) => json!(if down.contains(node) { "down" } else { "up" }),
    };
    for pod in state["pods"].as_array_mut().unwrap() {
        let is_nameless = nameless(pod);
        if is_nameless || sight == Sight::Blind {
            pod["node"] = place(&pod["node"]);
        }
    }
    sort(&mut state["pods"]);
    let is_of_set = |name: &Value| !text(name).starts_with("dep-");
    for kind in ["pods", "claims", "volumes"] {
        for change in ["created", "removed", "replaced"] {
            // Pods without names of their own are not told apart.
            if let Some(list) = state["changes"][kind][change].as_array_mut() {
                list.retain(is_of_set);
            }
        }
    }
    if let Some(order) = state["order"].as_object_mut() {
        order.retain(|set, _| !set.starts_with("dep"));
    }
    // How often the scheduler tries is a matter of time.
    let is_certain = |event: &Value| {
        event["reason"] != "FailedScheduling"
            && is_of_set(&event["name"])
            && (sight == Sight::Seeing || event["kind"] != "Node" && event["reason"] == "NodeNotReady")
    };
    state["events"].as_array_mut().unwrap().retain(is_certain);
    let mut results = step["results"].clone();
    if sight == Sight::Blind {
        blind(&mut state, place);
        for result in results.as_array_mut().unwrap() {
            if result["kind"] == "Node" {
                result.as_object_mut().unwrap().remove("name");
            }
        }
    }
    json!({ "results": results, "state": state })
}

/// Forgets which node is which, and which of several disks a claim took.
fn blind(state: &mut Value, place: impl Fn(&Value) -> Value) {
    for node in state["nodes"].as_array_mut().unwrap() {
        let node = node.as_object_mut().unwrap();
        node.remove("name");
        node.remove("in use");
    }
    sort(&mut state["nodes"]);
    for attachment in state["attachments"].as_array_mut().unwrap() {
        attachment["node"] = place(&attachment["node"]);
    }
    sort(&mut state["attachments"]);
    let is_chosen = |volume: &Value| !text(volume).starts_with("pvc-");
    for claim in state["claims"].as_array_mut().unwrap() {
        if is_chosen(&claim["volume"]) {
            claim["volume"] = Value::Null;
        }
    }
    for volume in state["volumes"].as_array_mut().unwrap() {
        if is_chosen(&volume["name"]) {
            volume["name"] = Value::Null;
        }
    }
    sort(&mut state["volumes"]);
}

/// Whether a pod has no name of its own; then it has none any more.
fn nameless(pod: &mut Value) -> bool {
    let mut is_nameless = false;
    for owner in pod["owner"].as_array_mut().unwrap() {
        if let Some((set, _)) = text(owner).strip_prefix("ReplicaSet/").and_then(|name| name.rsplit_once('-')) {
            *owner = json!(format!("ReplicaSet/{set}"));
            is_nameless = true;
        }
    }
    if is_nameless {
        pod["name"] = Value::Null;
    }
    is_nameless
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sort(list: &mut Value) {
    list.as_array_mut().unwrap().sort_by_key(Value::to_string);
}

/// The first place where two values differ.
fn difference(was: &Value, is: &Value, at: &str) -> String {
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

/// kubectl drains no node with a pod that nobody makes again, unless it is told to: the control plane said so.
#[test]
fn a_drain_is_forced_where_a_pod_has_no_controller() {
    let scratch = Scratch::new("drain-alone");
    scratch.write("cluster.yaml", "nodes: [{name: n1}, {name: n2}]\n");
    let container = "spec: {nodeName: n1, containers: [{name: c, image: \"x/y:1\"}]}";
    let alone = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: alone, labels: {{a: b}}}}\n{container}\n");
    let set = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: r}\nspec:\n  selector: {matchLabels: {c: d}}\n  \
               template:\n    metadata: {labels: {c: d}}\n    spec: {containers: [{name: c, image: \"x/y:1\"}]}\n";
    scratch.write("app.yaml", format!("{alone}---\n{set}"));
    let asked = |file: &str, node: &str| {
        statewright(scratch.path(), &["rehearse", "--fail", &format!("node={node}"), "--cluster", "cluster.yaml", file])
            .stdout
    };
    let said = asked("app.yaml", "n1");
    assert!(
        said.contains("kubectl drain --ignore-daemonsets --delete-emptydir-data --force --timeout=10m n1"),
        "{said}"
    );
    assert!(said.contains("alone has no controller: once evicted, nobody makes it again"), "{said}");
    // Nor is there a successor to look at when it is deleted by force.
    let arguments = ["rehearse", "--fail", "node=n1", "--cluster", "cluster.yaml", "-o", "json", "app.yaml"];
    let told = statewright(scratch.path(), &arguments).stdout;
    assert!(
        told.contains("`force deleted`; nobody makes it again") && !told.contains("get pod/alone -o wide"),
        "{told}"
    );
    // Where every pod there has one, nothing is forced.
    scratch.write("set.yaml", set);
    let said = ["n1", "n2"].map(|node| asked("set.yaml", node)).concat();
    assert!(said.contains("kubectl drain") && !said.contains("--force --timeout"), "{said}");
}
