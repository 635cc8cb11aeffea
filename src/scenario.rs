//! Scenario records (docs/internals/scenarios.md): reads one, simulates it, and gives it back with the model's own
//! results and states.

use crate::bundle::{Bundle, Resource};
use crate::cluster::controller::garbage::Cascade;
use crate::cluster::facts::ClusterFacts;
use crate::cluster::fleet::{Migrated, Patience};
use crate::cluster::incident::Incident;
use crate::cluster::rehearse::{Apply, Cluster, Outcome};
use crate::cluster::store::put;
use crate::cluster::world::{Machine, Provisioners};
use crate::diagnostic::Diagnostics;
use crate::json::to_node;
use crate::k8s::annotation::DEFAULT_CLASS;
use crate::k8s::version::Version;
use crate::report::record;
use crate::source::{At, SourceId, Sources};
use crate::value::{Node, Text};
use crate::yaml::{parts, read_part};
use serde_json::{Value, json};

/// Who makes volumes where scenarios are played.
const PROVISIONER: &str = "lab.fake/provisioner";

/// Plays a record and gives it back with what the model says.
///
/// # Errors
/// What is wrong with the record.
pub fn simulate(record: &Value) -> Result<Value, String> {
    let mut sources = Sources::default();
    let id = sources.add("scenario", "");
    let home = record["namespace"].as_str().ok_or("a scenario needs a namespace")?;
    let version = match record["kubernetes"].as_str() {
        Some(version) => version.parse()?,
        None => Version::default(),
    };
    let mut cluster = Cluster::new(&facts(record, id), version, home);
    cluster.world.knows_all = true;
    cluster.world.provisioners = Provisioners::Only(vec![PROVISIONER.into()]);
    let patience = patience(&record["lab"]);
    let fails = !record["lab"].is_null();
    if fails {
        cluster.expect_failures(patience, Migrated::Unseen);
    }
    let mut answered = record.clone();
    let steps = answered["steps"].as_array_mut().ok_or("a scenario needs steps")?;
    for (number, step) in steps.iter_mut().enumerate() {
        if fails {
            choose(&mut cluster, step, home);
        }
        if step["apply"].is_null() && fails {
            let incident = incident(&cluster, step).ok_or_else(|| format!("step {} does nothing", number + 1))?;
            let outcome = cluster.meet(&incident, seconds(step, patience));
            answer(step, &recorded(&outcome, &cluster, home, 0));
            continue;
        }
        let text = step["apply"].as_str().ok_or_else(|| format!("step {} applies nothing", number + 1))?;
        let bundle = bundle(&mut sources, text).ok_or_else(|| format!("step {} is no YAML", number + 1))?;
        let delete: Vec<(String, String)> = step["delete"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|what| what.as_str()?.split_once('/'))
            .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
            .collect();
        let seconds = if fails { seconds(step, patience) } else { 0 };
        let cascade = cascade(step);
        let outcome = cluster.run(&Apply { bundle: &bundle, delete: &delete, cascade, prunes: !fails, seconds });
        answer(step, &recorded(&outcome, &cluster, home, delete.len()));
    }
    Ok(answered)
}

/// What becomes of the things owned by what vanished in a step.
#[must_use]
pub fn cascade(step: &Value) -> Cascade {
    if step["cascade"] == "orphan" { Cascade::Orphan } else { Cascade::Background }
}

/// What came of a step, as records write it: results and state.
#[must_use]
pub fn recorded(outcome: &Outcome, cluster: &Cluster, home: &str, deleted: usize) -> Value {
    let mut results = record::results(outcome, home);
    for result in results.as_array_mut().into_iter().flatten().take(deleted) {
        // Records do not tell whether there was anything to delete.
        result["result"] = json!("deleted");
    }
    let mut state = record::state(&outcome.state, home);
    if outcome.state.fleet.is_some() {
        let made: Vec<Text> = cluster.world.store.keys("ReplicaSet").into_iter().map(|key| key.name).collect();
        hide_made_names(&mut results, &made);
        hide_made_names(&mut state, &made);
    }
    hide_hashes(&mut state["events"], cluster);
    let mut step = json!({"results": results, "state": state});
    if !outcome.settled {
        step["unsettled"] = json!(true);
    }
    step
}

/// Gives a step what came of it.
fn answer(step: &mut Value, recorded: &Value) {
    for (key, value) in recorded.as_object().into_iter().flatten() {
        step[key] = value.clone();
    }
}

/// How long the control plane of a recording bears silent nodes.
fn patience(lab: &Value) -> Patience {
    let default = |field: &str| lab[field].as_u64();
    Patience {
        grace: default("grace").unwrap_or(6),
        tolerate: default("tolerate").and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(6),
    }
}

/// What a step that applies nothing does.
fn incident(cluster: &Cluster, step: &Value) -> Option<Incident> {
    let list = |value: &Value| -> Vec<Text> {
        let one = value.as_str().into_iter();
        one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str)).map(Text::from).collect()
    };
    let nodes = |action: &str| -> Vec<Text> {
        let asked = list(&step[action]["node"]);
        let was = list(&step[action]["is"]);
        let mut was = was.into_iter();
        let named = asked.into_iter().map(|name| {
            let was = was.next();
            match name.strip_prefix('@') {
                Some(pod) => cluster.node_of(pod).or(was).unwrap_or_default(),
                // The node that failed.
                None if name == "node-X" => cluster.failed_first().cloned().or(was).unwrap_or_default(),
                None => name,
            }
        });
        named.collect()
    };
    let objects = |action: &str| -> Vec<(Text, Text)> {
        let split = |name: Text| name.split_once('/').map(|(kind, name)| (Text::from(kind), Text::from(name)));
        list(&step[action]).into_iter().filter_map(split).collect()
    };
    let action = ACTIONS.iter().find(|action| !step[**action].is_null())?;
    Some(match *action {
        "fail" => Incident::Fail(nodes(action)),
        "recover" => Incident::Recover(nodes(action)),
        "taint-out-of-service" => Incident::OutOfService(nodes(action)),
        "untaint" => Incident::InService(nodes(action)),
        "uncordon" => Incident::Uncordon(nodes(action)),
        "delete-node" => Incident::DeleteNode(nodes(action)),
        "drain" => {
            Incident::Drain { nodes: nodes(action), seconds: step[*action]["timeout"].as_u64().unwrap_or(DRAIN) }
        }
        "delete-pod" => Incident::Delete(list(&step[*action]).into_iter().map(|pod| ("Pod".into(), pod)).collect()),
        "force-delete" => Incident::ForceDelete(list(&step[*action])),
        "delete" => Incident::Delete(objects(action)),
        _ => Incident::Wait,
    })
}

/// What steps can do beside applying a bundle, in the order in which they are looked for.
const ACTIONS: [&str; 11] = [
    "fail",
    "recover",
    "taint-out-of-service",
    "untaint",
    "delete-pod",
    "force-delete",
    "drain",
    "uncordon",
    "delete-node",
    "delete",
    "wait",
];

/// How many seconds a drain is tried.
const DRAIN: u64 = 12;

/// How long a step lasts: as long as it took, or as it takes at least.
fn seconds(step: &Value, patience: Patience) -> u64 {
    let has = |action: &str| !step[action].is_null();
    let usual = || {
        if has("fail") {
            patience.grace + u64::try_from(patience.tolerate).unwrap_or_default() + 12
        } else if has("recover") {
            6
        } else if has("taint-out-of-service") {
            28
        } else if has("delete-node") {
            72
        } else {
            5
        }
    };
    let wait = step["wait"].as_u64().unwrap_or_default();
    step["seconds"].as_u64().or_else(|| step["least"].as_u64()).unwrap_or_else(usual).max(wait)
}

/// Of several nodes that would have done, the one that a pod went to, as the recording says.
fn choose(cluster: &mut Cluster, step: &Value, home: &str) {
    let Some(fleet) = &mut cluster.world.fleet else { return };
    for pod in step["state"]["pods"].as_array().into_iter().flatten() {
        if let (Some(name), Some(node)) = (pod["name"].as_str(), pod["node"].as_str()) {
            fleet.choose(home, name, node);
        }
    }
}

/// Records show `web-<hash>` for a pod of a Deployment.
fn hide_made_names(value: &mut Value, made: &[Text]) {
    match value {
        Value::String(text) => {
            for set in made {
                let Some((deployment, _)) = set.rsplit_once('-') else { continue };
                while let Some(start) = text.find(&format!("{set}-")) {
                    let end = (start + set.len() + 6).min(text.len());
                    text.replace_range(start..end, &format!("{deployment}-<hash>"));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide_made_names(item, made)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide_made_names(field, made)),
        _ => {}
    }
}

/// Records show `web-<hash>` for the name of a revision.
fn hide_hashes(events: &mut Value, cluster: &Cluster) {
    for event in events.as_array_mut().into_iter().flatten() {
        for revision in cluster.world.store.keys("ControllerRevision") {
            let Some((set, _)) = revision.name.rsplit_once('-') else { continue };
            if let Some(message) = event["message"]
                .as_str()
                .map(|message| message.replace(revision.name.as_str(), &format!("{set}-<hash>")))
            {
                event["message"] = json!(message);
            }
        }
    }
}

fn facts(record: &Value, id: SourceId) -> ClusterFacts {
    let at = At::top(id);
    let nodes = record["nodes"].as_array().into_iter().flatten().map(|node| machine(node, at)).collect();
    let class = &record["default_storage_class"];
    let classes = if class.is_null() { Vec::new() } else { vec![default_class(class, at)] };
    ClusterFacts { nodes: Some(nodes), classes: Some(classes), ..ClusterFacts::default() }
}

/// Each node has 64 processors and 512 GiB.
fn machine(node: &Value, at: At) -> Machine {
    Machine {
        name: node["name"].as_str().unwrap_or_default().into(),
        labels: to_node(&node["labels"], at),
        cpu: Some(64_000),
        memory: Some(512 << 30),
        taints: None,
        closed: false,
    }
}

fn default_class(class: &Value, at: At) -> Node {
    let mut manifest = to_node(class, at);
    put(&mut manifest, &["apiVersion"], Node::text("storage.k8s.io/v1", at));
    put(&mut manifest, &["kind"], Node::text("StorageClass", at));
    put(&mut manifest, &["metadata", "name"], to_node(&class["name"], at));
    put(&mut manifest, &["metadata", "annotations", DEFAULT_CLASS], Node::text("true", at));
    manifest
}

/// The manifests of a text, in its order.
#[must_use]
pub fn bundle(sources: &mut Sources, text: &str) -> Option<Bundle> {
    let id = sources.add("bundle", text);
    let mut found = Diagnostics::default();
    let mut bundle = Bundle::default();
    for part in parts(text) {
        let node = read_part(id, text, part, &mut found)?;
        bundle.resources.extend(node.and_then(|node| Resource::new(node).ok()));
    }
    Some(bundle)
}
