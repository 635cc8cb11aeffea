//! The cluster before anything fails: what is applied runs on the nodes that are known, or on such as are taken for
//! granted where none is.

use crate::budget::{MOST_FAILING_PLACES, MOST_FAILING_REPLICAS, MOST_FAILURES};
use crate::bundle::Bundle;
use crate::cluster::facts::{ClusterFacts, PRESUMED};
use crate::cluster::fleet::{Migrated, Patience};
use crate::cluster::rehearse::{Cluster, Outcome, set_out};
use crate::cluster::state::State;
use crate::cluster::store::{Key, put, text};
use crate::cluster::world::{Machine, claim_names};
use crate::k8s::object::ObjectName;
use crate::k8s::version::Version;
use crate::source::At;
use crate::stateful_set::StatefulSet;
use crate::value::{Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A cluster at rest, to which something is about to happen.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// How it is.
    pub state: State,
    /// Whether everything that was applied came to rest.
    pub settled: bool,
    /// The namespace of objects that name none.
    pub home: String,
    /// How long it bears silent nodes.
    pub patience: Patience,
    /// What was taken for granted.
    pub presumed: Vec<Presumption>,
}

/// Something that nobody said of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presumption {
    /// Its nodes: so many, in so many zones.
    Nodes {
        /// How many.
        nodes: usize,
        /// In how many zones.
        zones: usize,
    },
    /// That volumes of a class are in one zone.
    Zonal(String),
    /// What is on which node: the scheduler may have decided otherwise.
    Places,
}

/// Where nobody says how many nodes there are, there is one for each replica, and at least one for each zone.
const LEAST_NODES: usize = 3;
/// And no more than this.
const MOST_NODES: usize = 20;

/// Drivers whose disks are in one zone, whenever they are made.
const ZONAL: [&str; 7] = [
    "pd.csi.storage.gke.io",
    "ebs.csi.aws.com",
    "disk.csi.azure.com",
    "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd",
    "kubernetes.io/aws-ebs",
    "kubernetes.io/azure-disk",
];

const ZONE: &str = "topology.kubernetes.io/zone";

/// How much there is to look at while something fails.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many pods are played.
    pub pods: usize,
    /// On how many nodes.
    pub nodes: usize,
}

impl Size {
    /// That of bundles on a cluster of which this much is known.
    #[must_use]
    pub fn of(bundles: &[Bundle], facts: &ClusterFacts) -> Self {
        let workloads =
            bundles.iter().flat_map(|bundle| ["StatefulSet", "Deployment"].map(|kind| bundle.of_kind(kind)));
        let pods = workloads
            .flatten()
            .map(|workload| StatefulSet(&workload.node).replicas().clamp(1, MOST_FAILING_REPLICAS))
            .map(|replicas| usize::try_from(replicas).unwrap_or_default())
            .sum();
        Self { pods, nodes: facts.nodes.as_ref().map_or(MOST_NODES, Vec::len) }
    }

    /// Each pod has a place on each node.
    #[must_use]
    pub fn places(self) -> usize {
        self.pods.max(1).saturating_mul(self.nodes.max(1))
    }

    /// How many failures are played one after the other.
    #[must_use]
    pub fn failures(self) -> usize {
        (MOST_FAILURES * MOST_FAILING_PLACES / 10 / self.places()).clamp(1, MOST_FAILURES)
    }
}

impl Stage {
    /// Applies bundles one after another on a cluster of which this much is known. Gives what came of each, too.
    #[must_use]
    pub fn new(bundles: &[Bundle], facts: &ClusterFacts, version: Version, home: &str) -> (Self, Vec<Outcome>) {
        let (facts, presumed) = presume(bundles, facts);
        let patience = Patience::default();
        let (cluster, steps) = set_out(bundles, &facts, version, home, |cluster| {
            cluster.expect_failures(patience, Migrated::InUse);
            cluster.world.most_replicas = cluster.world.most_replicas.min(MOST_FAILING_REPLICAS);
            for (pod, node) in facts.residents.places() {
                if let Some(fleet) = &mut cluster.world.fleet {
                    fleet.choose(&pod.namespace, &pod.name, &node);
                }
            }
        });
        let state = steps.last().map(|step| step.state.clone()).unwrap_or_default();
        let settled = steps.iter().all(|step| step.settled);
        (Self { cluster, state, settled, home: home.to_owned(), patience, presumed }, steps)
    }

    /// The nodes.
    #[must_use]
    pub fn machines(&self) -> &[Machine] {
        self.cluster.world.nodes.as_deref().unwrap_or_default()
    }

    /// The zone that labels name.
    pub(super) fn zone(labels: &Node) -> Option<&str> {
        [ZONE, "failure-domain.beta.kubernetes.io/zone"].iter().find_map(|label| labels.get(label)?.as_str())
    }

    /// Pods and the volumes that they mount.
    pub(super) fn mounted(&self) -> Vec<(ObjectName, Text)> {
        let pods = self.state.pods.iter();
        pods.flat_map(|pod| self.volumes(&pod.name).into_iter().map(|(_, volume)| (pod.name.clone(), volume))).collect()
    }

    /// The claims that a pod mounts, and their volumes.
    pub(super) fn volumes(&self, pod: &ObjectName) -> Vec<(Text, Text)> {
        let store = &self.cluster.world.store;
        let Some(node) = store.get(&Key::of("Pod", pod)) else { return Vec::new() };
        let claims = claim_names(node).filter_map(|claim| {
            let key = Key::new("PersistentVolumeClaim", pod.namespace.clone(), claim.as_ref());
            let volume = text(store.get(&key)?, &["spec", "volumeName"]);
            (!volume.is_empty()).then(|| (Text::new(claim), Text::from(volume)))
        });
        claims.collect()
    }
}

/// The facts, with nodes where none is known, and with volumes of clouds in one zone each.
fn presume(bundles: &[Bundle], facts: &ClusterFacts) -> (ClusterFacts, Vec<Presumption>) {
    let (mut facts, mut presumed) = (facts.clone(), Vec::new());
    for class in facts.classes.iter_mut().flatten() {
        let provisioner = text(class, &["provisioner"]);
        let is_unknown = provisioner == PRESUMED;
        if is_unknown || ZONAL.contains(&provisioner) {
            let at = class.at;
            if is_unknown {
                presumed.push(Presumption::Zonal(text(class, &["metadata", "name"]).to_owned()));
            }
            put(class, &["volumeBindingMode"], Node::text("WaitForFirstConsumer", at));
        }
    }
    if facts.nodes.is_none() {
        let nodes = machines(bundles);
        let zones: BTreeSet<&str> = nodes.iter().filter_map(|node| Stage::zone(&node.labels)).collect();
        presumed.push(Presumption::Nodes { nodes: nodes.len(), zones: zones.len() });
        facts.nodes = Some(nodes);
    } else if facts.residents.places().next().is_none() {
        presumed.push(Presumption::Places);
    }
    (facts, presumed)
}

/// Nodes for manifests that nobody said anything of: those that they name, in the zones that they name, with the labels
/// that pods ask for.
fn machines(bundles: &[Bundle]) -> Vec<Machine> {
    let Some(bundle) = bundles.last() else { return Vec::new() };
    let at = bundle.resources.first().map_or_else(no_place, |resource| resource.node.at);
    let (mut hosts, mut zones, mut labels) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for volume in bundle.of_kind("PersistentVolume") {
        let terms = volume.node.find(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]);
        for expression in terms
            .into_iter()
            .flat_map(Node::items)
            .flat_map(|term| term.get("matchExpressions").into_iter().flat_map(Node::items))
        {
            let values = expression.get("values").into_iter().flat_map(Node::items).filter_map(Node::as_str);
            match text(expression, &["key"]) {
                "kubernetes.io/hostname" => hosts.extend(values),
                key if key.ends_with("/zone") => zones.extend(values),
                key => labels.extend(values.take(1).map(|value| (key, value))),
            }
        }
    }
    let mut replicas = 0;
    for workload in ["StatefulSet", "Deployment"].iter().flat_map(|kind| bundle.of_kind(kind)) {
        replicas = replicas.max(usize::try_from(StatefulSet(&workload.node).replicas()).unwrap_or_default());
        let selector = workload.node.find(&["spec", "template", "spec", "nodeSelector"]);
        labels.extend(
            selector.into_iter().flat_map(Node::entries).filter_map(|(key, value)| Some((&*key.name, value.as_str()?))),
        );
    }
    let mut zones: Vec<String> = zones.into_iter().map(str::to_owned).collect();
    for letter in ["a", "b", "c"] {
        if zones.len() < LEAST_NODES {
            zones.push(format!("zone-{letter}"));
        }
    }
    let count = replicas.clamp(zones.len(), MOST_NODES.max(zones.len()));
    let mut names: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
    for number in 1..=count {
        if names.len() < count {
            names.push(format!("node-{number}"));
        }
    }
    let node = |(place, name): (usize, String)| {
        let mut own = Map::new();
        for (key, value) in &labels {
            own.put(*key, Node::text(*value, at));
        }
        own.put("kubernetes.io/hostname", Node::text(name.as_str(), at));
        let zone = &zones[place % zones.len()];
        for label in crate::cluster::facts::ZONES {
            own.put(label, Node::text(zone.as_str(), at));
        }
        Machine { name: name.into(), labels: Node::map(own, at), cpu: None, memory: None, taints: None, closed: false }
    };
    names.into_iter().enumerate().map(node).collect()
}

fn no_place() -> At {
    At::top(crate::source::Sources::default().add("nodes", ""))
}
