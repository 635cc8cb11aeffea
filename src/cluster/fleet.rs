//! Nodes as things that fail and come back: since when each is silent, what it last said of its volumes, what is
//! attached to it, and the clock by which all of that is judged. Decides nothing.

use super::machine::Machine;
use super::object::Key;
use crate::k8s::object::ObjectName;
use crate::value::Text;
use std::collections::{BTreeMap, BTreeSet};

/// A taint that keeps new pods away.
pub(crate) const NO_SCHEDULE: &str = "NoSchedule";
/// A taint that sends away those that are there.
pub(crate) const NO_EXECUTE: &str = "NoExecute";
/// The taint of a node that says of itself that it is not ready.
pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of a node that says nothing any more.
pub(crate) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of a node that is cordoned.
pub(crate) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The taint that a person puts on a node that is known to be off.
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Milliseconds since the cluster began.
pub(crate) type Moment = u64;

/// How long a cluster waits before it gives a node up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For so many seconds a node may be silent before it is not ready: `--node-monitor-grace-period`.
    pub grace: u64,
    /// For so many seconds pods stay on such a node that say nothing else: `--default-not-ready-toleration-seconds`.
    pub tolerate: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { grace: 50, tolerate: 300 }
    }
}

/// Whether kubelets report volumes of the old in-tree kinds as in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// As CSI volumes, which they have become.
    InUse,
    /// Never: so do the kubelets that recordings are made with.
    Unseen,
}

/// The nodes of a cluster while some fail.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What time it is.
    pub(crate) now: Moment,
    /// How long silence is borne.
    pub(crate) patience: Patience,
    /// What kubelets say of old volumes.
    pub(crate) migrated: Migrated,
    /// Each node that has a Node object.
    pub(crate) rigs: BTreeMap<Text, Rig>,
    /// Nodes whose Node object was deleted, as they were.
    pub(crate) gone: BTreeMap<Text, Machine>,
    /// How each zone fares.
    pub(crate) zones: BTreeMap<Text, Zone>,
    /// When the nodes' health is next looked at for a reason other than silence.
    pub(crate) look_at: Option<Moment>,
    /// Which volumes are in use on a node, as it last said.
    pub(crate) in_use: BTreeMap<Text, BTreeSet<Text>>,
    /// Volumes and the nodes that they are attached to.
    pub(crate) attachments: BTreeMap<(Text, Text), Attachment>,
    /// Volumes and nodes of which it has been said that another node has them.
    pub(crate) contested: BTreeSet<(Text, Text)>,
    /// Pods that are to be evicted for a taint.
    pub(crate) timers: BTreeMap<Key, Timer>,
    /// The taints of a node for which its pods have been looked at, and those pods.
    pub(crate) weighed: BTreeMap<Text, Weighed>,
    /// When pods are next collected.
    pub(crate) collect_at: Moment,
    /// Since when pods are seen on nodes that have no Node object.
    pub(crate) orphaned: BTreeMap<Text, Moment>,
    /// How many pods of Deployments have been made.
    pub(crate) pods_made: usize,
    /// Where pods went in a recording, for those that might go to several nodes.
    pub(crate) choices: BTreeMap<Key, Text>,
    /// The node that failed last, the first of several.
    pub(crate) failed: Option<Text>,
    /// What was said in this step, of nodes and of what befalls their pods.
    pub(crate) said: Vec<Said>,
}

/// A node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rig {
    /// Since when its kubelet says nothing.
    pub silent_since: Option<Moment>,
    /// Whether the control plane takes it for dead.
    pub is_unknown: bool,
}

/// How many nodes of a zone are well, as far as anything depends on it.
/// `ZoneState`, pkg/controller/nodelifecycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nobody has looked.
    #[default]
    Initial,
    /// Most.
    Normal,
    /// More than half are not, and more than two.
    Partial,
    /// None.
    Full,
}

/// A zone, and the queue of its nodes that are to be tainted, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub condition: Condition,
    /// How many milliseconds lie between two taints; `None`: there are none.
    pub pace: Option<u64>,
    /// When the next node may be tainted.
    pub free_at: Moment,
    pub queue: Vec<Text>,
}

/// A volume on a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attachment {
    /// Since when no pod needs it there.
    pub idle_since: Option<Moment>,
}

/// An eviction to come, or one that was.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    pub created: Moment,
    pub at: Moment,
    pub is_done: bool,
}

/// A node as its pods were last looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weighed {
    /// What sends pods away.
    pub taints: Vec<Taint>,
    /// The pods that were there, and which.
    pub pods: BTreeSet<(Key, Text)>,
}

/// A taint that sends pods away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub key: Text,
    pub value: Text,
}

/// What was said of an object in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub kind: &'static str,
    pub name: ObjectName,
    pub reason: &'static str,
    pub message: String,
}

impl Fleet {
    /// Nodes that are all well.
    #[must_use]
    pub fn new(nodes: &[Machine], patience: Patience, migrated: Migrated) -> Self {
        Self {
            now: 0,
            patience,
            migrated,
            rigs: nodes.iter().map(|node| (node.name.clone(), Rig::default())).collect(),
            gone: BTreeMap::new(),
            zones: BTreeMap::new(),
            look_at: Some(0),
            in_use: BTreeMap::new(),
            attachments: BTreeMap::new(),
            contested: BTreeSet::new(),
            timers: BTreeMap::new(),
            weighed: BTreeMap::new(),
            collect_at: 20_000,
            orphaned: BTreeMap::new(),
            pods_made: 0,
            choices: BTreeMap::new(),
            failed: None,
            said: Vec::new(),
        }
    }

    /// Whether nobody on that node does anything: it has failed, or its Node object is gone.
    #[must_use]
    pub(crate) fn is_silent(&self, node: &str) -> bool {
        self.rigs.get(node).is_none_or(|rig| rig.silent_since.is_some())
    }

    /// Whether the control plane takes a node to be ready.
    /// `IsNodeReady`, pkg/util/node.
    #[must_use]
    pub(crate) fn is_ready(&self, node: &str) -> bool {
        self.rigs.get(node).is_some_and(|rig| !rig.is_unknown)
    }

    /// Says which node a pod goes to, where several would do.
    pub fn choose(&mut self, namespace: &str, pod: &str, node: &str) {
        self.choices.insert(Key::new("Pod", namespace, pod), node.into());
    }

    /// Notes what is said of an object, once a step.
    pub(crate) fn say(&mut self, kind: &'static str, name: ObjectName, reason: &'static str, message: String) {
        let said = Said { kind, name, reason, message };
        if !self.said.contains(&said) {
            self.said.push(said);
        }
    }
}
