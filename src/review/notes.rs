//! How a change is carried out: what a strategy, a budget or a missing volume makes of it. Off the rehearsal, as
//! values.

use super::change::Change;
use super::names::Names;
use super::risk::Rehearsed;
use super::set::Set;
use crate::bundle::{Bundle, ResourceId};
use crate::cluster::state::{ClaimPhase, PodState};
use crate::k8s::object::ObjectName;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What a reviewer should know of how a change is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Pods of a set are replaced one at a time.
    OneAtATime {
        /// The set.
        set: ObjectName,
        /// For how many seconds each must be ready before the next.
        seconds: i64,
    },
    /// A budget does not slow the rollout down.
    Budget(ResourceId),
    /// Pods of a set stay as they are while its partition is so high.
    Partition {
        /// The partition.
        at: i64,
        /// The pods.
        pods: Names,
    },
    /// The others are applied although some are refused: so many.
    OthersApplied(usize),
    /// A pod does not start.
    Waiting(Waiting),
    /// The pods of a set that does not change are not let in any more.
    PodsRefused(Barred),
    /// So many of the pods that manifests state themselves were not rehearsed.
    PodsLeftOut(usize),
    /// Each of these objects is stored as it was: what an import is proven by.
    Alike {
        /// The Kubernetes version whose API server stores them.
        version: Version,
        /// The objects.
        objects: Vec<ResourceId>,
    },
    /// A field is taken from another manager.
    Taken(Taken),
    /// These would come out otherwise if they were applied in the other way.
    OtherWay {
        /// In which way they are applied.
        way: Way,
        /// What the other way would do.
        otherwise: Otherwise,
        /// The objects.
        objects: Vec<ResourceId>,
    },
    /// Only so many replicas of these sets were rehearsed.
    Beyond {
        /// How many.
        simulated: i64,
        /// The sets.
        sets: Names,
    },
}

/// A set whose pods are not let in, and what the API server says of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// The set.
    pub set: ObjectName,
    /// What the API server says.
    pub why: String,
}

/// Fields that an apply takes from another manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The object.
    pub object: ResourceId,
    /// The manager, as the server names it.
    pub manager: String,
    /// The fields, as the server writes them.
    pub fields: Names,
}

/// What the other way of applying would do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Otherwise {
    /// The API server would refuse it.
    Refused {
        /// The field.
        field: String,
        /// The sort of refusal.
        kind: &'static str,
        /// The server's detail.
        detail: String,
    },
    /// The API server would take it.
    Taken,
    /// Something else would be stored.
    Stored,
}

/// A pod that does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The pod.
    pub pod: ObjectName,
    /// The claim that it waits for, if that is what it waits for.
    pub claim: Option<ObjectName>,
    /// Why, in the words of the scheduler or the binder.
    pub why: String,
}

/// What is to be known of these changes.
#[must_use]
pub fn notes(changes: &[Change], step: Rehearsed<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for change in changes.iter().filter(|change| change.id.kind == "StatefulSet" && change.refusals.is_empty()) {
        if let Some(set) = step.fresh.get(&change.id).map(Set) {
            rollout(set, change, step, &mut notes);
        }
    }
    let refused = changes.iter().filter(|change| !change.refusals.is_empty()).count();
    if refused > 0 && refused < changes.len() {
        notes.push(Note::OthersApplied(changes.len() - refused));
    }
    notes.extend(waiting(step).into_iter().map(Note::Waiting));
    notes
}

/// What was not rehearsed: replicas of sets, and pods.
#[must_use]
pub fn beyond(bundle: &Bundle, simulated: i64, home: &str) -> Option<Note> {
    let larger = bundle.of_kind("StatefulSet").filter(|set| Set(set).replicas() > simulated);
    let sets: Names = larger.map(|set| set.id.object(home).seen_from(home).to_string()).collect();
    (!sets.is_empty()).then_some(Note::Beyond { simulated, sets })
}

fn rollout(set: Set<'_>, change: &Change, step: Rehearsed<'_>, notes: &mut Vec<Note>) {
    let id = set.0.id.object(step.home);
    let replaced = step.known.replaced_of.get(&id).copied().unwrap_or_default();
    if replaced > 1 {
        notes.push(Note::OneAtATime { set: id.clone(), seconds: set.says().int(&["spec", "minReadySeconds"], 0) });
    }
    if replaced > 0 {
        notes.extend(budget(set, step).map(Note::Budget));
    }
    if !change.touches("spec.template") || set.says().is_on_delete() {
        return;
    }
    let held = step.known.held_of.get(&id).map(Vec::as_slice).unwrap_or_default();
    if set.says().partition() > 0 && !held.is_empty() {
        let pods = held.iter().map(|pod| pod.seen_from(step.home).to_string()).collect();
        notes.push(Note::Partition { at: set.says().partition(), pods });
    }
}

/// A budget over the pods of a set: people expect it to slow a rollout down.
fn budget(set: Set<'_>, step: Rehearsed<'_>) -> Option<ResourceId> {
    let labels = set.0.node.find(&["spec", "template", "metadata", "labels"])?;
    let covers = |selector: &Node| {
        let mut wanted = selector.get("matchLabels")?.entries().peekable();
        wanted.peek()?;
        Some(wanted.all(|(key, value)| labels.get(&key.name) == Some(value)))
    };
    let budget = step.fresh.of_kind("PodDisruptionBudget").find(|budget| {
        budget.id.namespace == set.0.id.namespace
            && budget.node.find(&["spec", "selector"]).and_then(covers) == Some(true)
    })?;
    Some(budget.id.clone())
}

/// Pods that came and do not start.
#[must_use]
pub fn waiting(step: Rehearsed<'_>) -> Vec<Waiting> {
    let mut list = Vec::new();
    let state = &step.after.state;
    let claims_after: BTreeMap<&ObjectName, usize> =
        state.claims.iter().enumerate().map(|(place, claim)| (&claim.name, place)).collect();
    let is_new = |pod: &&PodState| {
        !pod.ready && (step.known.ready_before.contains(&pod.name) || step.known.created.contains(&pod.name))
    };
    for pod in state.pods.iter().filter(is_new) {
        let places: BTreeSet<usize> = pod.claim_names().filter_map(|claim| claims_after.get(&claim).copied()).collect();
        let claims =
            places.into_iter().map(|place| &state.claims[place]).filter(|claim| claim.phase != ClaimPhase::Bound);
        let mut whys = claims
            .filter_map(|claim| Some((claim.why.as_ref()?, Some(&claim.name))))
            .chain(pod.why.iter().map(|why| (why, None)));
        let Some((why, claim)) = whys.find(|(why, _)| !why.is_open()) else { continue };
        let Some(why) = why.message.clone().or_else(|| why.reason.as_ref().map(ToString::to_string)) else { continue };
        list.push(Waiting { pod: pod.name.clone(), claim: claim.cloned(), why });
    }
    list
}
