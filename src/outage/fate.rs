//! What becomes of pods, workloads and budgets by itself when something fails.

use super::aim::{Mishap, Part};
use super::reach::Disk;
use super::stage::Stage;
use crate::cluster::incident::Incident;
use crate::cluster::rehearse::Cluster;
use crate::cluster::state::{BudgetState, PodState, State};
use crate::cluster::store::Key;
use crate::k8s::object::ObjectName;
use crate::value::{Data, Text};
use std::collections::BTreeMap;

/// A pod that is hit.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The pod.
    pub pod: ObjectName,
    /// Who manages it: `StatefulSet` and its name, if anybody.
    pub manager: Option<(Text, ObjectName)>,
    /// The node it was on.
    pub node: Option<Text>,
    /// What becomes of it.
    pub fate: Fate,
    /// Its volumes, and where they can be used then.
    pub disks: Vec<Disk>,
}

/// What becomes of a pod that is hit, by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is back at once, on that node, with its claims.
    Returns(Text),
    /// Another takes its place; it has no name of its own.
    Replaced,
    /// Another is to take its place, and cannot, and why.
    NotReplaced(Stuck),
    /// It is being deleted, and stays so: there is at most one pod of an identity, and nobody knows that it has ended.
    Terminating,
    /// It is not ready, and nobody deletes it: it bears such a node for ever, or for longer than most, or all nodes are
    /// lost and nobody is evicted.
    Unready,
    /// Nobody makes another.
    Alone,
    /// It cannot be placed again, and why.
    Unplaced(String),
    /// What it has on its disk is gone.
    DiskGone,
}

/// Why a pod does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// No node suits it, in the scheduler's words.
    Place(String),
    /// Its volume is still attached to the node that is lost.
    Attached,
}

/// The worst of a fate, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// It serves on, or again, with its data, and nobody has to do anything.
    Survives,
    /// It does not serve until the node is back or somebody acts; its data is kept.
    Waits,
    /// Its data is on what failed.
    Loses,
}

impl Word {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Survives => "survives",
            Self::Waits => "waits",
            Self::Loses => "loses",
        }
    }
}

/// A workload that is hit.
#[derive(Clone, Debug)]
pub struct Company {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: ObjectName,
    /// The replicas that it asks for.
    pub wanted: i64,
    /// Those that were ready.
    pub before: i64,
    /// Those that stay ready when it happens.
    pub left: i64,
    /// Those that are ready when all has been done that happens by itself.
    pub after: i64,
}

impl Company {
    /// How many are more than half.
    #[must_use]
    pub const fn majority(&self) -> i64 {
        self.wanted / 2 + 1
    }

    /// Whether more than half stay.
    #[must_use]
    pub const fn has_majority(&self) -> bool {
        self.left >= self.majority()
    }
}

impl Hit {
    /// The worst of its fate.
    #[must_use]
    pub fn word(&self, part: Part) -> Word {
        let on_node = matches!(part, Part::Node | Part::Zone) && self.disks.iter().any(|disk| disk.form.is_on_node());
        match &self.fate {
            Fate::DiskGone => Word::Loses,
            _ if on_node => Word::Loses,
            Fate::Returns(_) | Fate::Replaced => Word::Survives,
            _ => Word::Waits,
        }
    }
}

/// A cluster after a mishap: when it is noticed, and when all is done that happens by itself.
pub(super) struct Aftermath {
    pub noticed: State,
    pub cluster: Cluster,
    pub state: State,
}

/// Only who is hit and what becomes of it.
#[must_use]
pub(super) fn words(stage: &Stage, mishap: &Mishap) -> BTreeMap<ObjectName, Word> {
    let after = befall(stage, mishap);
    let word = |pod: &ObjectName| {
        let hit = Hit {
            pod: pod.clone(),
            manager: None,
            node: None,
            fate: fate(stage, mishap, &after, pod),
            disks: stage.disks(pod, &mishap.nodes),
        };
        (pod.clone(), hit.word(mishap.part))
    };
    mishap.pods.iter().map(word).collect()
}

pub(super) fn befall(stage: &Stage, mishap: &Mishap) -> Aftermath {
    let mut cluster = stage.cluster.clone();
    match mishap.part {
        Part::Node | Part::Zone => {
            let noticed = cluster.meet(&Incident::Fail(mishap.nodes.clone()), stage.patience.grace + 2).state;
            // Nodes of a zone are given up one after the other.
            let tainted = 10 * u64::try_from(mishap.nodes.len()).unwrap_or_default();
            let evicted = u64::try_from(stage.patience.tolerate).unwrap_or_default() + tainted + 60;
            let state = cluster.meet(&Incident::Wait, evicted).state;
            Aftermath { noticed, cluster, state }
        }
        Part::Disk => {
            for pod in &mishap.pods {
                // Its containers fail: how, only the app knows.
                let path = ["metadata", "annotations", "lab/not-ready"];
                cluster.world.store.set(&Key::of("Pod", pod), &path, Some(Data::Text("true".into())));
            }
            let state = cluster.meet(&Incident::Wait, 1).state;
            Aftermath { noticed: state.clone(), cluster, state }
        }
        Part::Pod => {
            let mut noticed = stage.state.clone();
            for pod in &mut noticed.pods {
                pod.ready &= !mishap.pods.contains(&pod.name);
            }
            let gone = mishap.pods.iter().map(|pod| ("Pod".into(), full_name(stage, pod))).collect();
            let state = cluster.meet(&Incident::Delete(gone), 30).state;
            Aftermath { noticed, cluster, state }
        }
    }
}

/// A pod as incidents name it: with its namespace, where that is another.
pub(super) fn full_name(stage: &Stage, pod: &ObjectName) -> Text {
    pod.seen_from(&stage.home).to_string().into()
}

/// The pod of that name.
pub(super) fn find<'s>(state: &'s State, pod: &ObjectName) -> Option<&'s PodState> {
    state.pods.iter().find(|other| other.name == *pod)
}

/// Who manages a pod: a set, or the Deployment of its ReplicaSet.
pub(super) fn manager(stage: &Stage, pod: &ObjectName) -> Option<(Text, ObjectName)> {
    let owner = find(&stage.state, pod)?.owner.iter().find(|owner| owner.controller)?;
    if owner.kind != "ReplicaSet" {
        return Some((owner.kind.clone(), pod.sibling(owner.name.clone())));
    }
    let set = stage.cluster.world.store.get(&Key::new("ReplicaSet", pod.namespace.clone(), owner.name.clone()))?;
    let above = crate::cluster::store::owners(set).into_iter().find(|owner| owner.controller);
    let name = above.as_ref().map_or_else(|| owner.name.clone(), |above| above.name.clone());
    Some((above.map_or_else(|| "ReplicaSet".into(), |above| above.kind), pod.sibling(name)))
}

pub(super) fn fate(stage: &Stage, mishap: &Mishap, after: &Aftermath, pod: &ObjectName) -> Fate {
    if mishap.part == Part::Disk {
        return Fate::DiskGone;
    }
    let owner = find(&stage.state, pod).and_then(|pod| pod.owner.iter().find(|owner| owner.controller)).cloned();
    let is_nameless = owner.as_ref().is_some_and(|owner| owner.kind == "ReplicaSet");
    if let (true, Some(owner)) = (is_nameless, &owner) {
        let is_new = |other: &&PodState| other.owner.contains(owner) && find(&stage.state, &other.name).is_none();
        let stuck = after.state.pods.iter().filter(is_new).find(|other| !other.ready);
        return match stuck {
            None if after.state.pods.iter().any(|other| is_new(&other)) => Fate::Replaced,
            None => Fate::Unready,
            Some(pod) => Fate::NotReplaced(stuck_of(pod)),
        };
    }
    match find(&after.state, pod) {
        None => Fate::Alone,
        Some(_) if owner.is_none() => Fate::Alone,
        Some(now) if now.terminating => Fate::Terminating,
        Some(now) if now.ready => Fate::Returns(now.node.clone().unwrap_or_default()),
        Some(now) if !now.scheduled => Fate::Unplaced(why(now)),
        Some(_) => Fate::Unready,
    }
}

/// Why a pod does not start.
pub(super) fn stuck_of(pod: &PodState) -> Stuck {
    if pod.scheduled { Stuck::Attached } else { Stuck::Place(why(pod)) }
}

/// The scheduler's words, the short ones.
pub(super) fn why(pod: &PodState) -> String {
    let said = pod.why.as_ref();
    said.and_then(|why| why.short.clone().or_else(|| why.message.clone())).unwrap_or_default()
}

pub(super) fn companies(stage: &Stage, hits: &[Hit], after: &Aftermath) -> Vec<Company> {
    let is_hit = |kind: &str, name: &ObjectName| {
        hits.iter().any(|hit| hit.manager.as_ref().is_some_and(|(of, manager)| of == kind && manager == name))
    };
    let ready = |state: &State, kind: &str, name: &ObjectName| {
        let own = state.pods.iter().filter(|pod| {
            pod.ready
                && !pod.terminating
                && manager_of(stage, after, pod).is_some_and(|(of, by)| of == kind && by == *name)
        });
        i64::try_from(own.count()).unwrap_or_default()
    };
    let sets = stage.state.statefulsets.iter().map(|set| ("StatefulSet", &set.name, set.spec.unwrap_or(1)));
    let fleet = stage.state.fleet.iter().flat_map(|fleet| &fleet.deployments);
    let all = sets.chain(fleet.map(|one| ("Deployment", &one.name, one.spec)));
    all.filter(|(kind, name, _)| is_hit(kind, name))
        .map(|(kind, name, wanted)| Company {
            kind,
            name: name.clone(),
            wanted: wanted.min(stage.cluster.world.most_replicas),
            before: ready(&stage.state, kind, name),
            left: ready(&after.noticed, kind, name),
            after: ready(&after.state, kind, name),
        })
        .collect()
}

/// The same of a pod that may have come since.
fn manager_of(stage: &Stage, after: &Aftermath, pod: &PodState) -> Option<(Text, ObjectName)> {
    let owner = pod.owner.iter().find(|owner| owner.controller)?;
    if owner.kind != "ReplicaSet" {
        return Some((owner.kind.clone(), pod.name.sibling(owner.name.clone())));
    }
    let key = Key::new("ReplicaSet", pod.name.namespace.clone(), owner.name.clone());
    let worlds = [&stage.cluster.world, &after.cluster.world];
    let set = worlds.iter().find_map(|world| world.store.get(&key))?;
    let above = crate::cluster::store::owners(set).into_iter().find(|owner| owner.controller)?;
    Some((above.kind, pod.name.sibling(above.name)))
}

pub(super) fn budgets(stage: &Stage, hits: &[Hit], after: &Aftermath) -> Vec<BudgetState> {
    let before = |name: &ObjectName| {
        stage.state.fleet.iter().flat_map(|fleet| &fleet.budgets).find(|budget| budget.name == *name)
    };
    let all = after.state.fleet.iter().flat_map(|fleet| &fleet.budgets);
    let spaces: Vec<&Text> = hits.iter().map(|hit| &hit.pod.namespace).collect();
    all.filter(|budget| spaces.contains(&&budget.name.namespace))
        .filter(|budget| {
            before(&budget.name).is_none_or(|was| was.healthy != budget.healthy || was.allowed != budget.allowed)
        })
        .cloned()
        .collect()
}
