//! A cluster at rest, in the words of conformance/SCENARIOS.md: sets, pods, claims, volumes, endpoints, and what a step changed.

use super::binder::{self, CLAIM, VOLUME};
use super::controller::statefulset::{REVISION_LABEL, parent_and_ordinal};
use super::dns;
pub use super::dns::Endpoint as EndpointState;
use super::store::{self, Key, is_ending, text, uid};
use super::world::{Event, Move, World, claim_names, condition, is_ready, phase};
use crate::value::{Node, Text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// The StatefulSets.
    pub statefulsets: Vec<SetState>,
    /// The pods.
    pub pods: Vec<PodState>,
    /// The claims.
    pub claims: Vec<ClaimState>,
    /// The volumes.
    pub volumes: Vec<VolumeState>,
    /// Per Service that selects pods, whom it publishes.
    pub endpoints: BTreeMap<String, Arc<[EndpointState]>>,
    /// What came, went and was replaced in the step.
    pub changes: Changes,
    /// Per set, pods that came (`+web-0`) and went (`-web-0`), in order.
    pub order: BTreeMap<String, Vec<String>>,
    /// Warnings that are new in the step, on objects still in that trouble.
    pub events: Vec<EventState>,
}

/// A StatefulSet and its status.
#[derive(Clone, Debug, Serialize)]
pub struct SetState {
    /// Its name.
    pub name: String,
    /// How often its spec has changed, and one.
    pub generation: i64,
    /// The generation its controller has seen.
    pub observed: Option<i64>,
    /// The replicas asked for.
    pub spec: Option<i64>,
    /// The pods there are.
    pub replicas: i64,
    /// Those that are ready.
    pub ready: i64,
    /// Those that have been ready long enough.
    pub available: i64,
    /// Those of the current revision.
    pub current: i64,
    /// Those of the revision to come.
    pub updated: i64,
    /// The number of the current revision.
    #[serde(rename = "currentRevision")]
    pub current_revision: Option<i64>,
    /// The number of the revision to come.
    #[serde(rename = "updateRevision")]
    pub update_revision: Option<i64>,
}

/// Why something is as it is, in the words of who decided so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// In one word.
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
}

/// A pod.
#[derive(Clone, Debug, Serialize)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// The name it has for itself.
    pub hostname: Option<String>,
    /// The Service below which it has a name.
    pub subdomain: Option<String>,
    /// `Pending`, `Running`, …
    pub phase: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has a place.
    pub scheduled: bool,
    /// The number of its revision.
    pub revision: Option<i64>,
    /// Its containers' images.
    pub images: Vec<String>,
    /// The claims it mounts.
    pub claims: Vec<String>,
    /// Who owns it.
    pub owner: Vec<String>,
    /// Why it has no place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub terminating: bool,
}

/// A claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimState {
    /// Its name.
    pub name: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// The volume it has or wants.
    pub volume: Option<String>,
    /// Its class; `None` if none was stated or given.
    pub class: Option<String>,
    /// How much it asks for.
    pub requested: String,
    /// How much it has.
    pub capacity: Option<String>,
    /// How it may be mounted.
    #[serde(rename = "accessModes")]
    pub access_modes: Vec<String>,
    /// Device or file system.
    #[serde(rename = "volumeMode")]
    pub volume_mode: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who owns it.
    pub owner: Vec<String>,
    /// Why it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub terminating: bool,
}

/// The claim a volume is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partner {
    /// The claim's namespace.
    pub namespace: Option<String>,
    /// The claim's name.
    pub name: Option<String>,
    /// `live` if it is the claim that has this name now, `stale` if it was another one, `None` if none was tied yet.
    pub uid: Option<&'static str>,
}

/// A volume.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeState {
    /// Its name.
    pub name: String,
    /// `Available`, `Bound`, `Released`, `Failed`.
    pub phase: String,
    /// Its class; empty for none.
    pub class: String,
    /// How much it holds.
    pub capacity: String,
    /// What becomes of it without its claim.
    pub reclaim: String,
    /// The claim it is for.
    #[serde(rename = "claimRef")]
    pub claim_ref: Option<Partner>,
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub terminating: bool,
}

/// What a step changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Among pods.
    pub pods: Change,
    /// Among claims.
    pub claims: Change,
    /// Among volumes.
    pub volumes: Change,
}

/// What changed among objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// New ones.
    pub created: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Same name, another object.
    pub replaced: Vec<String>,
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventState {
    /// What it is about.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Who is there, by kind and name, and which object it is.
pub type Identities = BTreeMap<&'static str, BTreeMap<String, Text>>;

/// How a cluster is described: which namespace needs no mention, what was there before, what has been told already.
pub struct View<'a> {
    /// The cluster.
    pub world: &'a World,
    /// The namespace that goes without saying.
    pub home: &'a str,
    /// Volumes that are shown though they are of no claim here.
    pub volumes: &'a BTreeSet<Text>,
}

impl View<'_> {
    /// Who is there.
    #[must_use]
    pub fn identities(&self) -> Identities {
        ["Pod", CLAIM, VOLUME]
            .into_iter()
            .map(|kind| (kind, self.world.store.of_kind(kind).map(|(key, node)| (self.label(key), uid(node))).collect()))
            .collect()
    }

    /// All of it. `before` and `moves` are what was there before the step and who came and went in it; `told` are the warnings that
    /// earlier steps had.
    #[must_use]
    pub fn state(&self, before: &Identities, moves: &[Move], told: &mut BTreeSet<EventState>) -> State {
        let store = &self.world.store;
        State {
            statefulsets: store.of_kind("StatefulSet").map(|(key, node)| self.set(key, node)).collect(),
            pods: store.of_kind("Pod").map(|(key, node)| self.pod(key, node)).collect(),
            claims: store.of_kind(CLAIM).map(|(key, node)| self.claim(key, node)).collect(),
            volumes: store
                .of_kind(VOLUME)
                .filter(|(key, node)| self.is_shown(key, node))
                .map(|(key, node)| self.volume(key, node))
                .collect(),
            endpoints: self.endpoints(),
            changes: self.changes(before),
            order: self.order(moves),
            events: self.events(told),
        }
    }

    /// The name under which an object is shown.
    #[must_use]
    pub fn label(&self, key: &Key) -> String {
        if key.namespace.is_empty() || key.namespace == self.home {
            key.name.to_string()
        } else {
            format!("{}/{}", key.namespace, key.name)
        }
    }

    fn is_shown(&self, key: &Key, volume: &Node) -> bool {
        self.volumes.contains(&key.name) || binder::claim_ref(volume).is_some_and(|reference| !text(reference, &["namespace"]).is_empty())
    }

    fn revision(&self, namespace: &str, name: &str) -> Option<i64> {
        self.world.store.get(&Key::new("ControllerRevision", namespace, name))?.get("revision")?.as_int()
    }

    fn set(&self, key: &Key, set: &Node) -> SetState {
        let number = |path: &[&str]| set.find(path).and_then(Node::as_int);
        let counted = |field: &str| number(&["status", field]).unwrap_or_default();
        let revision = |field: &str| self.revision(&key.namespace, text(set, &["status", field]));
        SetState {
            name: self.label(key),
            generation: number(&["metadata", "generation"]).unwrap_or(1),
            observed: number(&["status", "observedGeneration"]),
            spec: number(&["spec", "replicas"]).or(Some(1)),
            replicas: counted("replicas"),
            ready: counted("readyReplicas"),
            available: counted("availableReplicas"),
            current: counted("currentReplicas"),
            updated: counted("updatedReplicas"),
            current_revision: revision("currentRevision"),
            update_revision: revision("updateRevision"),
        }
    }

    fn pod(&self, key: &Key, pod: &Node) -> PodState {
        let placed = condition(pod, "PodScheduled");
        let scheduled = placed.is_some_and(|condition| text(condition, &["status"]) == "True");
        let said = |field: &str| placed.and_then(|condition| optional(condition, &[field]));
        let mut claims: Vec<String> = claim_names(pod).map(str::to_owned).collect();
        claims.sort();
        let containers = pod.find(&["spec", "containers"]).into_iter().flat_map(Node::items);
        PodState {
            name: self.label(key),
            hostname: optional(pod, &["spec", "hostname"]),
            subdomain: optional(pod, &["spec", "subdomain"]),
            phase: phase(pod).to_owned(),
            ready: is_ready(pod),
            scheduled,
            revision: self.revision(&key.namespace, text(pod, &["metadata", "labels", REVISION_LABEL])),
            images: containers.map(|container| text(container, &["image"]).to_owned()).collect(),
            claims,
            owner: owners(pod),
            why: (!scheduled).then(|| Why { reason: said("reason"), message: said("message") }),
            terminating: is_ending(pod),
        }
    }

    fn claim(&self, key: &Key, claim: &Node) -> ClaimState {
        let said = self.world.last_said(&uid(claim)).filter(|_| phase(claim) == "Pending");
        let amount = |path: &[&str]| claim.find(path).map(|_| amount(claim, path));
        ClaimState {
            name: self.label(key),
            phase: phase(claim).to_owned(),
            volume: optional(claim, &["spec", "volumeName"]),
            class: claim.find(&["spec", "storageClassName"]).and_then(Node::as_str).map(str::to_owned),
            requested: amount(&["spec", "resources", "requests", "storage"]).unwrap_or_default(),
            capacity: amount(&["status", "capacity", "storage"]),
            access_modes: strings(claim.find(&["spec", "accessModes"])),
            volume_mode: optional(claim, &["spec", "volumeMode"]),
            labels: claim
                .find(&["metadata", "labels"])
                .into_iter()
                .flat_map(Node::entries)
                .map(|(key, value)| (key.name.to_string(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            owner: owners(claim),
            why: said.map(|event| Why { reason: Some(event.reason.to_string()), message: Some(event.message.to_string()) }),
            terminating: is_ending(claim),
        }
    }

    fn volume(&self, key: &Key, volume: &Node) -> VolumeState {
        VolumeState {
            name: self.label(key),
            phase: phase(volume).to_owned(),
            class: text(volume, &["spec", "storageClassName"]).to_owned(),
            capacity: amount(volume, &["spec", "capacity", "storage"]),
            reclaim: text(volume, &["spec", "persistentVolumeReclaimPolicy"]).to_owned(),
            claim_ref: binder::claim_ref(volume).map(|reference| self.partner(reference)),
            terminating: is_ending(volume),
        }
    }

    fn partner(&self, reference: &Node) -> Partner {
        let key = Key::new(CLAIM, text(reference, &["namespace"]), text(reference, &["name"]));
        let live = self.world.store.get(&key).map(uid);
        let tied = text(reference, &["uid"]);
        let which = if live.as_deref() == Some(tied) { "live" } else { "stale" };
        Partner {
            namespace: optional(reference, &["namespace"]),
            name: optional(reference, &["name"]),
            uid: (!tied.is_empty()).then_some(which),
        }
    }

    fn endpoints(&self) -> BTreeMap<String, Arc<[EndpointState]>> {
        dns::endpoints(self.world).into_iter().map(|(key, list)| (self.label(&key), list)).collect()
    }

    fn changes(&self, before: &Identities) -> Changes {
        let now = self.identities();
        let none = BTreeMap::new();
        let of = |kind: &str| {
            let (was, is) = (before.get(kind).unwrap_or(&none), now.get(kind).unwrap_or(&none));
            let names = |test: &dyn Fn(&str) -> bool, all: &BTreeMap<String, Text>| all.keys().filter(|name| test(name)).cloned().collect();
            Change {
                created: names(&|name| !was.contains_key(name), is),
                removed: names(&|name| !is.contains_key(name), was),
                replaced: names(&|name| was.get(name).is_some_and(|old| is[name] != *old), is),
            }
        };
        Changes { pods: of("Pod"), claims: of(CLAIM), volumes: of(VOLUME) }
    }

    fn order(&self, moves: &[Move]) -> BTreeMap<String, Vec<String>> {
        let mut sets: BTreeMap<Key, Vec<&Move>> = BTreeMap::new();
        for one in moves {
            let base = one.pod.rsplit_once('-').map_or(one.pod.as_str(), |(base, _)| base);
            sets.entry(Key::new("StatefulSet", one.namespace.clone(), base)).or_default().push(one);
        }
        let shown = |one: &&Move| format!("{}{}", if one.came { '+' } else { '-' }, one.pod);
        sets.into_iter()
            .map(|(key, mut moves)| {
                let ordered = self.world.store.get(&key).is_some_and(|set| text(set, &["spec", "podManagementPolicy"]) != "Parallel");
                if !ordered {
                    sort_runs(&mut moves);
                }
                (self.label(&key), moves.iter().map(shown).collect())
            })
            .collect()
    }

    /// Warnings about what is still there and still in that trouble.
    fn events(&self, told: &mut BTreeSet<EventState>) -> Vec<EventState> {
        let mut fresh = Vec::new();
        for event in self.world.journal.events().filter(|event| event.warning && self.is_still_true(event)) {
            let new = EventState {
                kind: event.about.kind.to_string(),
                name: self.label(&event.about),
                reason: event.reason.to_string(),
                message: event.message.to_string(),
            };
            if told.insert(new.clone()) {
                fresh.push(new);
            }
        }
        fresh.sort();
        fresh
    }

    fn is_still_true(&self, event: &Event) -> bool {
        let Some(node) = self.world.store.get(&event.about) else { return false };
        let in_trouble = match event.about.kind.as_str() {
            CLAIM => phase(node) != "Bound",
            VOLUME => phase(node) == "Failed",
            _ => true,
        };
        uid(node) == event.uid && in_trouble
    }
}

/// Neighbouring moves of one direction in a fixed order: what is done at once has none.
fn sort_runs(moves: &mut [&Move]) {
    let ordinal = |one: &Move| parent_and_ordinal(&one.pod).map_or(0, |(_, ordinal)| ordinal);
    for run in moves.chunk_by_mut(|a, b| a.came == b.came) {
        run.sort_by_key(|one| if one.came { ordinal(one) } else { -ordinal(one) });
    }
}

fn optional(node: &Node, path: &[&str]) -> Option<String> {
    node.find(path).and_then(Node::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn strings(list: Option<&Node>) -> Vec<String> {
    list.into_iter().flat_map(Node::items).filter_map(Node::as_str).map(str::to_owned).collect()
}

fn owners(node: &Node) -> Vec<String> {
    store::owners(node).iter().map(|owner| format!("{}/{}", owner.kind, owner.name)).collect()
}

/// An amount as the server writes it.
fn amount(node: &Node, path: &[&str]) -> String {
    let Some(node) = node.find(path) else { return String::new() };
    let written = node.as_int().map(|number| number.to_string()).or_else(|| node.as_str().map(str::to_owned)).unwrap_or_default();
    written.parse::<crate::k8s::quantity::Quantity>().map_or(written, |quantity| quantity.to_string())
}
