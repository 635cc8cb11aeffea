//! What a pod costs beside its containers, and which nodes can run it, by its class of runtimes:
//! plugin/pkg/admission/runtimeclass.

use crate::cluster::denial::Refused;
use crate::cluster::store::{Key, put, text};
use crate::cluster::world::World;
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::collections::BTreeMap;

const KIND: &str = "RuntimeClass";
const OVERHEAD: [&str; 2] = ["spec", "overhead"];

/// Writes into a new pod what its class says: `setOverhead`, `setScheduling`.
pub(super) fn mutate(world: &mut World, pod: &mut Node) -> Result<(), Refused> {
    let name = text(pod, &["spec", "runtimeClassName"]);
    if name.is_empty() {
        return Ok(());
    }
    let key = Key::new(KIND, "", name);
    if world.is_missing(&key) {
        return Err(format!("pod rejected: RuntimeClass \"{name}\" not found"));
    }
    let Some(class) = world.store.get(&key) else { return Ok(()) };
    if let Some(fixed) = class.find(&["overhead", "podFixed"]) {
        if is_stated(pod) && amounts(pod.find(&OVERHEAD)) != amounts(Some(fixed)) {
            return Err(MISMATCH.to_owned());
        }
        put(pod, &OVERHEAD, fixed.clone());
    }
    for (label, wanted) in class.find(&["scheduling", "nodeSelector"]).into_iter().flat_map(Node::entries) {
        let path = ["spec", "nodeSelector", label.name.as_str()];
        let (key, value) = (&label.name, wanted.as_str().unwrap_or_default());
        if let Some(own) = pod.find(&path).and_then(Node::as_str).filter(|own| *own != value) {
            return Err(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {own}"
            ));
        }
        put(pod, &path, wanted.clone());
    }
    if let Some(more) = class.find(&["scheduling", "tolerations"]).and_then(Node::as_list) {
        let own = pod.find(&["spec", "tolerations"]).into_iter().flat_map(Node::items);
        let all: Vec<Node> = own.chain(more).cloned().collect();
        let at = pod.at;
        put(pod, &["spec", "tolerations"], Node::list(all, at));
    }
    Ok(())
}

const MISMATCH: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

/// Only a class may say what a pod costs beside its containers: `validateOverhead`.
pub(super) fn validate(world: &World, pod: &Node) -> Result<(), Refused> {
    let name = text(pod, &["spec", "runtimeClassName"]);
    let class = world.store.get(&Key::new(KIND, "", name));
    if class.is_none() && !name.is_empty() {
        // A class that is taken to be there may say anything.
        return Ok(());
    }
    match class.and_then(|class| class.find(&["overhead", "podFixed"])) {
        Some(fixed) if amounts(Some(fixed)) != amounts(pod.find(&OVERHEAD)) => Err(MISMATCH.to_owned()),
        None if is_stated(pod) => {
            Err("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_stated(pod: &Node) -> bool {
    pod.find(&OVERHEAD).is_some_and(|overhead| overhead.entries().next().is_some())
}

fn amounts(stated: Option<&Node>) -> BTreeMap<&str, Option<Quantity>> {
    stated.into_iter().flat_map(Node::entries).map(|(key, amount)| (key.name.as_str(), Quantity::of(amount))).collect()
}
