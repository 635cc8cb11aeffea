//! Workloads whose controllers are not played, Deployments and the like: only whether their pods would be let in.
//! Nothing of it stays in the cluster.

use crate::budget::TRIED;
use crate::cluster::denial::Denial;
use crate::cluster::object::{Owner, owner_references};
use crate::cluster::plugin;
use crate::cluster::selector;
use crate::cluster::store::{self, Key, put, uid};
use crate::cluster::world::World;
use crate::stateful_set::StatefulSet;
use crate::value::{Map, Node};

/// What a workload asks for: how many pods, and what they are made from.
struct Asked<'w> {
    pods: i64,
    template: &'w Node,
}

/// A workload whose pods are not all let in.
pub(crate) struct Barred {
    /// What the server says of the first that is not.
    pub(crate) denial: Denial,
    /// How many were let in.
    pub(crate) here: usize,
    /// How many it asks for.
    pub(crate) asked: usize,
}

/// Whether a workload is of a kind whose controller is not played.
#[must_use]
pub(crate) fn is_one(key: &Key) -> bool {
    matches!(key.kind.as_str(), "Deployment" | "ReplicaSet" | "ReplicationController" | "DaemonSet" | "Job" | "CronJob")
}

/// A cluster as it is, in which pods are tried; and how many were not, for there are too many.
pub(crate) struct Trial {
    world: World,
    /// How many pods nobody asked about.
    pub(crate) untried: usize,
}

impl Trial {
    /// Begins with what is there.
    pub(crate) fn new(world: &World) -> Self {
        let mut world = world.clone();
        world.patience = world.patience.min(TRIED);
        Self { world, untried: 0 }
    }

    /// Asks whether the pods of a workload would be let in beside all that is there, and lets them in. None where all
    /// are, or where some run already.
    pub(crate) fn barred(&mut self, key: &Key) -> Option<Barred> {
        let Self { world: trial, untried } = self;
        let workload = trial.store.get(key)?.clone();
        let selector = workload.find(&["spec", "selector"]);
        let is_own = |pod: &Node| {
            let labels = pod.find(&["metadata", "labels"]);
            match selector {
                Some(labels_alone) if key.kind == "ReplicationController" => selector::has_all(labels_alone, labels),
                selector => selector.is_some() && selector::matches(selector, labels),
            }
        };
        let asked = asked(trial, key, &workload)?;
        let count = |number: i64| usize::try_from(number).unwrap_or_default();
        let mut looked = 0;
        let runs = trial
            .store
            .of_kind("Pod")
            .inspect(|_| looked += 1)
            .any(|(pod, node)| pod.namespace == key.namespace && is_own(node));
        trial.spend(looked);
        if runs {
            return None;
        }
        let Asked { pods, template } = asked;
        for number in 0..pods {
            if trial.patience == 0 || number >= trial.most_replicas {
                *untried += count(pods - number);
                return None;
            }
            let name = format!("{}-{number}", key.name);
            let place = Key::new("Pod", key.namespace.clone(), name.as_str());
            let mut pod = pod(key, &workload, template, &name);
            if let Err(denial) = plugin::admit(trial, &place, &mut pod) {
                return Some(Barred { denial, here: count(number), asked: count(pods) });
            }
            trial.create(&place, pod);
        }
        None
    }
}

/// What a kind of workload asks for.
fn asked<'w>(world: &World, key: &Key, workload: &'w Node) -> Option<Asked<'w>> {
    let number = |path: &[&str]| workload.find(path).and_then(Node::as_int);
    let is_suspended = workload.find(&["spec", "suspend"]).and_then(Node::as_bool) == Some(true);
    let template = workload.find(&["spec", "template"]);
    Some(match key.kind.as_str() {
        "Deployment" | "ReplicaSet" | "ReplicationController" => {
            Asked { pods: StatefulSet(workload).replicas(), template: template? }
        }
        // One for each node that it fits, which the scheduler says; at least one where nobody knows the nodes.
        "DaemonSet" => {
            Asked { pods: i64::from(world.nodes.as_ref().is_none_or(|nodes| !nodes.is_empty())), template: template? }
        }
        "Job" if !is_suspended => {
            let parallel = number(&["spec", "parallelism"]).unwrap_or(1);
            Asked {
                pods: number(&["spec", "completions"]).map_or(parallel, |all| all.min(parallel)),
                template: template?,
            }
        }
        "CronJob" if !is_suspended => {
            Asked { pods: 1, template: workload.find(&["spec", "jobTemplate", "spec", "template"])? }
        }
        _ => return None,
    })
}

/// A pod of a workload: `GetPodFromTemplate`, pkg/controller.
fn pod(key: &Key, workload: &Node, template: &Node, name: &str) -> Node {
    let at = workload.at;
    let mut pod = Node::map(Map::new(), at);
    put(&mut pod, &["apiVersion"], Node::text("v1", at));
    put(&mut pod, &["kind"], Node::text("Pod", at));
    for part in ["metadata", "spec"] {
        if let Some(node) = template.get(part) {
            put(&mut pod, &[part], node.clone());
        }
    }
    store::take(&mut pod, &["metadata", "creationTimestamp"]);
    put(&mut pod, &["metadata", "name"], Node::text(name, at));
    put(&mut pod, &["metadata", "namespace"], Node::text(key.namespace.clone(), at));
    let owner = Owner { kind: key.kind.clone(), name: key.name.clone(), uid: uid(workload), controller: true };
    if let Some(owner) = owner_references(&[owner], at) {
        put(&mut pod, &["metadata", "ownerReferences"], Node::new(owner, at));
    }
    pod
}
