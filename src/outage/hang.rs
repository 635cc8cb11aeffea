//! What does not get on while something is down: scaling, rollouts, drains of other nodes. Each is tried on a copy of the
//! cluster.

use super::aim::{Mishap, Part};
use super::fate::{Aftermath, Company, find};
use super::stage::Stage;
use crate::cluster::denial::Verdict;
use crate::cluster::incident::Incident;
use crate::cluster::kubectl::Act;
use crate::cluster::rehearse::Cluster;
use crate::cluster::state::State;
use crate::cluster::store::Key;
use crate::k8s::object::ObjectName;
use crate::value::{Data, Text};

/// What does not get on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hang {
    /// Fewer replicas of a set: none goes, or some do and then it stops, for this pod.
    ScaleDown(ObjectName, ObjectName),
    /// More replicas: none comes.
    ScaleUp(ObjectName, ObjectName),
    /// A new template: so many of so many pods get it, and then it waits for this one.
    Rollout {
        /// The set.
        set: ObjectName,
        /// The pods that get it.
        updated: i64,
        /// All of them.
        of: i64,
        /// The pod that it waits for.
        pod: ObjectName,
    },
    /// A drain of another node is refused: the node, a pod there, and the budget's words.
    Drain {
        /// The node.
        node: Text,
        /// A pod there.
        pod: ObjectName,
        /// Which budget, and in the server's words why.
        cause: String,
    },
}

/// So many sets are tried, and no more.
const MOST_SETS: usize = 8;
/// How many seconds a trial takes.
const TRIAL: u64 = 30;

pub(super) fn hangs(stage: &Stage, mishap: &Mishap, after: &Aftermath, companies: &[Company]) -> Vec<Hang> {
    let mut hangs = Vec::new();
    for set in companies.iter().filter(|one| one.kind == "StatefulSet").take(MOST_SETS) {
        let waits_for = first_unready(&after.state, &set.name);
        let Some(pod) = waits_for else { continue };
        let replicas = |count: i64| {
            try_out(after, |cluster| {
                let key = Key::of("StatefulSet", &set.name);
                cluster.world.store.set(&key, &["spec", "replicas"], Some(Data::Int(count)));
            })
        };
        if set.wanted > 1 {
            let state = replicas(set.wanted - 1);
            if count(&state, &set.name) > set.wanted - 1 {
                hangs.push(Hang::ScaleDown(set.name.clone(), pod.clone()));
            }
        }
        let is_played = set.wanted < stage.cluster.world.most_replicas;
        if is_played && count(&replicas(set.wanted + 1), &set.name) <= set.wanted {
            hangs.push(Hang::ScaleUp(set.name.clone(), pod.clone()));
        }
        let state = try_out(after, |cluster| {
            let path = ["spec", "template", "metadata", "annotations", "statewright/trial"];
            let key = Key::of("StatefulSet", &set.name);
            cluster.world.store.set(&key, &path, Some(Data::Text("1".into())));
        });
        let updated = state.statefulsets.iter().find(|one| one.name == set.name).map_or(0, |one| one.updated);
        if updated < set.wanted {
            hangs.push(Hang::Rollout { set: set.name.clone(), updated, of: set.wanted, pod: pod.clone() });
        }
    }
    hangs.extend(drains(stage, mishap, after));
    hangs
}

/// The first pod of a set that does not serve.
fn first_unready(state: &State, set: &ObjectName) -> Option<ObjectName> {
    let own = state.pods.iter().filter(|pod| pod.set().as_ref() == Some(set) && (!pod.ready || pod.terminating));
    own.map(|pod| pod.name.clone()).min_by_key(|pod| (pod.name.len(), pod.name.clone()))
}

fn count(state: &State, set: &ObjectName) -> i64 {
    let own = state.pods.iter().filter(|pod| pod.set().as_ref() == Some(set));
    i64::try_from(own.count()).unwrap_or_default()
}

fn try_out(after: &Aftermath, change: impl FnOnce(&mut Cluster)) -> State {
    let mut cluster = after.cluster.clone();
    change(&mut cluster);
    cluster.meet(&Incident::Wait, TRIAL).state
}

/// The other nodes whose pods may not go now, and might before.
fn drains(stage: &Stage, mishap: &Mishap, after: &Aftermath) -> Option<Hang> {
    let has_room =
        |state: &State| state.fleet.iter().flat_map(|fleet| &fleet.budgets).filter(|budget| budget.allowed > 0).count();
    if mishap.part == Part::Pod || has_room(&after.state) == has_room(&stage.state) {
        return None;
    }
    let others = stage.machines().iter().filter(|machine| !mishap.nodes.contains(&machine.name));
    for machine in others {
        let has_pods = after.state.pods.iter().any(|pod| pod.node.as_ref() == Some(&machine.name) && pod.ready);
        if !has_pods {
            continue;
        }
        let drain = |cluster: &Cluster| {
            let mut cluster = cluster.clone();
            let outcome = cluster.meet(&Incident::Drain { nodes: vec![machine.name.clone()], seconds: 0 }, 1);
            outcome.acts.into_iter().find_map(|done| match done.act {
                Act::NotEvicted(Verdict::NoRoom { cause, .. }) => Some((done.key.object(), cause)),
                _ => None,
            })
        };
        if let Some((pod, cause)) = drain(&after.cluster)
            && drain(&stage.cluster).is_none()
            && find(&stage.state, &pod).is_some()
        {
            return Some(Hang::Drain { node: machine.name.clone(), pod, cause });
        }
    }
    None
}
