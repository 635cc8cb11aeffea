//! How full nodes are: what the pods on each ask for, counted as pods come and go. Knows no limit.
//!
//! Follows `pkg/scheduler/framework/plugins/noderesources/fit.go: fitsRequest`.

use crate::cluster::object::{Key, controller_uid, is_over, node_name, text};
use crate::k8s::quantity::Quantity;
use crate::value::{Node, Text};
use std::collections::BTreeMap;

/// What pods ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Processors, in thousandths.
    pub cpu: i128,
    /// Memory, in bytes.
    pub memory: i128,
}

/// A pod that is counted on a node.
#[derive(Clone, Debug)]
struct Counted {
    node: Text,
    owner: Option<Text>,
    demand: Demand,
}

/// What is on all nodes.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    counted: BTreeMap<Key, Counted>,
    nodes: BTreeMap<Text, (Demand, usize)>,
    alike: BTreeMap<(Text, Option<Text>), usize>,
}

impl Loads {
    /// Takes note of a pod as it is now; `None` when it is gone.
    pub fn note(&mut self, key: &Key, pod: Option<&Node>) {
        if let Some(old) = self.counted.remove(key) {
            let (load, pods) = self.nodes.entry(old.node.clone()).or_default();
            *load = Demand { cpu: load.cpu - old.demand.cpu, memory: load.memory - old.demand.memory };
            *pods -= 1;
            *self.alike.entry((old.node, old.owner)).or_default() -= 1;
        }
        if let Some(pod) = pod.filter(|pod| !node_name(pod).is_empty()) {
            self.count(key, pod, node_name(pod).into());
        }
    }

    /// Counts a pod on the node that was chosen for it, though it waits for its volumes before it goes there.
    /// `assume`, pkg/scheduler.
    pub fn assume(&mut self, key: &Key, pod: &Node, node: &Text) {
        self.note(key, None);
        self.count(key, pod, node.clone());
    }

    fn count(&mut self, key: &Key, pod: &Node, node: Text) {
        // What has ended uses nothing, and is still there.
        let demand = if is_over(pod) { Demand::default() } else { demand(pod) };
        let owner = controller_uid(pod).cloned();
        let (load, pods) = self.nodes.entry(node.clone()).or_default();
        *load = Demand { cpu: load.cpu + demand.cpu, memory: load.memory + demand.memory };
        *pods += 1;
        *self.alike.entry((node.clone(), owner.clone())).or_default() += 1;
        self.counted.insert(key.clone(), Counted { node, owner, demand });
    }

    /// What is asked of a node, by how many pods.
    #[must_use]
    pub fn on(&self, node: &Text) -> (Demand, usize) {
        self.nodes.get(node).copied().unwrap_or_default()
    }

    /// What a pod is counted for on a node.
    #[must_use]
    pub fn of(&self, pod: &Key, node: &Text) -> Demand {
        self.counted.get(pod).filter(|counted| counted.node == *node).map(|counted| counted.demand).unwrap_or_default()
    }

    /// How many pods of the same owner as this one are on a node.
    #[must_use]
    pub fn alike(&self, node: &Text, pod: &Node) -> usize {
        self.alike.get(&(node.clone(), controller_uid(pod).cloned())).copied().unwrap_or_default()
    }
}

/// What a pod asks for: what it says for all of it, or else all its containers at once, or the greediest of those that
/// run before them; and what its class of runtimes costs. `PodRequests`, k8s.io/component-helpers/resource.
/// `fitsRequest`, pkg/scheduler/framework/plugins/noderesources.
#[must_use]
pub(crate) fn demand(pod: &Node) -> Demand {
    Demand {
        cpu: of(pod, "cpu", |amount| i128::from(amount.milli())),
        memory: of(pod, "memory", |amount| i128::from(amount.value())),
    }
}

fn of(pod: &Node, resource: &str, count: impl Fn(&Quantity) -> i128) -> i128 {
    let of = |container: &Node| {
        let stated = ["requests", "limits"].iter().find_map(|kind| container.find(&["resources", kind, resource]));
        stated.and_then(Quantity::of).map_or(0, |amount| count(&amount))
    };
    let stated = |path: &[&str]| pod.find(path).and_then(Quantity::of).map(|amount| count(&amount));
    let all = |kind: &str| pod.find(&["spec", kind]).and_then(Node::as_list).unwrap_or_default();
    let stays = |container: &&Node| text(container, &["restartPolicy"]) == "Always";
    let beside: i128 = all("initContainers").iter().filter(stays).map(of).sum();
    let before = all("initContainers").iter().filter(|container| !stays(container)).map(of).max().unwrap_or_default();
    let main: i128 = all("containers").iter().map(of).sum();
    let whole = stated(&["spec", "resources", "requests", resource]).unwrap_or_else(|| (main + beside).max(before));
    whole + stated(&["spec", "overhead", resource]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn pod(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        crate::yaml::read_one(&sources, id, &mut Diagnostics::default()).unwrap()
    }

    #[test]
    fn pods_come_and_go() {
        let (mut loads, node) = (Loads::default(), Text::from("n"));
        let running =
            pod("{spec: {nodeName: n, containers: [{resources: {requests: {cpu: 100m, memory: 1Ki}}}, {resources: \
                {limits: {cpu: 1}}}]}}");
        let (one, two) = (Key::new("Pod", "a", "web-0"), Key::new("Pod", "a", "web-1"));
        loads.note(&one, Some(&running));
        loads.note(&two, Some(&running));
        assert_eq!(loads.on(&node), (Demand { cpu: 2200, memory: 2048 }, 2));
        assert_eq!(loads.alike(&node, &running), 2);
        loads.note(&one, None);
        let over =
            pod("{spec: {nodeName: n, containers: [{resources: {requests: {cpu: 100m}}}]}, status: {phase: Failed}}");
        loads.note(&two, Some(&over));
        assert_eq!(loads.on(&node), (Demand::default(), 1));
    }
}
