//! Scenario records (docs/internals/scenarios.md): reads one, simulates it, and gives it back with the model's own
//! results and states.

use crate::bundle::{Bundle, Resource};
use crate::cluster::controller::garbage::Cascade;
use crate::cluster::facts::ClusterFacts;
use crate::cluster::rehearse::{Apply, Cluster, Outcome};
use crate::cluster::store::put;
use crate::cluster::world::{Machine, Provisioners};
use crate::diagnostic::Diagnostics;
use crate::json::to_node;
use crate::k8s::annotation::DEFAULT_CLASS;
use crate::k8s::version::Version;
use crate::report::record;
use crate::source::{At, SourceId, Sources};
use crate::value::Node;
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
    let mut answered = record.clone();
    let steps = answered["steps"].as_array_mut().ok_or("a scenario needs steps")?;
    for (number, step) in steps.iter_mut().enumerate() {
        let text = step["apply"].as_str().ok_or_else(|| format!("step {} applies nothing", number + 1))?;
        let bundle = bundle(&mut sources, text).ok_or_else(|| format!("step {} is no YAML", number + 1))?;
        let delete: Vec<(String, String)> = step["delete"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|what| what.as_str()?.split_once('/'))
            .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
            .collect();
        let outcome = cluster.run(&Apply { bundle: &bundle, delete: &delete, cascade: cascade(step) });
        for (key, value) in recorded(&outcome, &cluster, home, delete.len()).as_object().into_iter().flatten() {
            step[key] = value.clone();
        }
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
    hide_hashes(&mut state["events"], cluster);
    let mut step = json!({"results": results, "state": state});
    if !outcome.settled {
        step["unsettled"] = json!(true);
    }
    step
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
