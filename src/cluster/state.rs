//! A cluster at rest, as values: sets, pods, claims, volumes, endpoints, and what a step changed. Knows no format; how
//! recordings write it is in `record`.

use super::agenda::possible_sets;
use super::binder::{self, CLAIM, VOLUME};
use super::controller::kubelet::DISRUPTED;
use super::controller::statefulset::{REVISION_LABEL, parent_and_ordinal};
use super::controller::{deployment, disruption};
use super::dns;
pub use super::dns::Endpoint as EndpointState;
use super::fleet::Fleet;
use super::store::{self, Key, Owner, is_ending, text, uid};
use super::world::{Cause, Event, PodMove, World, condition, is_ready, named_claims, own_claims, phase};
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::Quantity;
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All of it.
#[derive(Clone, Debug, Default)]
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
    pub endpoints: BTreeMap<ObjectName, Arc<[EndpointState]>>,
    /// What came, went and was replaced in the step.
    pub changes: Changes,
    /// Per set, its pods that came and went, in order.
    pub order: BTreeMap<ObjectName, Vec<PodMove>>,
    /// Warnings that are new in the step, on objects still in that trouble; where nodes may fail, also what befell them.
    pub events: Vec<EventState>,
    /// Its nodes and what depends on them, where they may fail.
    pub fleet: Option<FleetState>,
}

/// Nodes that may fail, and what depends on them.
#[derive(Clone, Debug, Default)]
pub struct FleetState {
    /// The nodes.
    pub nodes: Vec<NodeState>,
    /// Which volumes are attached to which nodes.
    pub attachments: Vec<(Text, Text)>,
    /// The Deployments.
    pub deployments: Vec<DeploymentState>,
    /// What budgets allow.
    pub budgets: Vec<BudgetState>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// `node-1`.
    pub name: Text,
    /// Whether the control plane takes it to be ready; if not, nobody hears of it.
    pub ready: bool,
    /// The keys and effects of its taints, in order.
    pub taints: Vec<(Text, Text)>,
    /// How many volumes it says are in use.
    pub in_use: usize,
    /// Whether it has failed.
    pub down: bool,
}

/// A Deployment and its status.
#[derive(Clone, Debug)]
pub struct DeploymentState {
    /// `web`, and where.
    pub name: ObjectName,
    /// The replicas asked for.
    pub spec: i64,
    /// Those that are ready.
    pub ready: i64,
    /// Those of the newest template.
    pub updated: i64,
}

/// A budget and its status.
#[derive(Clone, Debug)]
pub struct BudgetState {
    /// `web`, and where.
    pub name: ObjectName,
    /// How many pods are well.
    pub healthy: i64,
    /// How many must be.
    pub needed: i64,
    /// How many may go now.
    pub allowed: i64,
    /// How many there should be.
    pub expected: i64,
}

/// A StatefulSet and its status.
#[derive(Clone, Debug)]
pub struct SetState {
    /// `web`, and where.
    pub name: ObjectName,
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
    pub current_revision: Option<i64>,
    /// The number of the revision to come.
    pub update_revision: Option<i64>,
}

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What is behind it, as far as anything is decided by that.
    pub cause: Cause,
    /// The API's own word for it: `FailedBinding`.
    pub reason: Option<Text>,
    /// In a sentence of who decided so.
    pub message: Option<String>,
    /// The same in short, where the sentence goes on about what was tried.
    pub short: Option<String>,
}

impl Why {
    /// Whether it is only that facts are wanting to say more.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.cause, Cause::NotKnown(_))
    }
}

macro_rules! phases {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $phase:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $phase,)*
        }

        impl $name {
            /// As the API writes it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$phase => stringify!($phase),)*
                }
            }

            fn of(object: &Node) -> Self {
                match phase(object) {
                    $(stringify!($phase) => Self::$phase,)*
                    _ => Self::Pending,
                }
            }
        }
    };
}

phases! {
    /// How far a pod is.
    PodPhase {
        /// It has not started.
        Pending
        /// It runs.
        Running
        /// It has ended well.
        Succeeded
        /// It has ended badly.
        Failed
    }
}

phases! {
    /// How far a claim is.
    ClaimPhase {
        /// It has no volume yet.
        Pending
        /// It has one.
        Bound
        /// Its volume is gone, or another's.
        Lost
    }
}

phases! {
    /// How far a volume is.
    VolumePhase {
        /// Nobody has looked at it yet.
        Pending
        /// A claim may take it.
        Available
        /// A claim has it.
        Bound
        /// Its claim is gone.
        Released
        /// It could not be reclaimed.
        Failed
    }
}

/// A pod.
#[derive(Clone, Debug)]
pub struct PodState {
    /// `web-0`, and where.
    pub name: ObjectName,
    /// The name it has for itself.
    pub hostname: Option<Text>,
    /// The Service below which it has a name.
    pub subdomain: Option<Text>,
    /// How far it is.
    pub phase: PodPhase,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has a place.
    pub scheduled: bool,
    /// The number of its revision.
    pub revision: Option<i64>,
    /// Its containers' images.
    pub images: Vec<Text>,
    /// The claims of its namespace that it mounts, in order.
    pub claims: Vec<Text>,
    /// The claims of its namespace that were made for it alone, and go with it.
    pub own_claims: Vec<Text>,
    /// Who owns it.
    pub owner: Vec<Owner>,
    /// Why it has no place.
    pub why: Option<Why>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The node it is on.
    pub node: Option<Text>,
    /// Why it goes, where the reason is none of its own.
    pub disruption: Option<Text>,
}

impl PodState {
    /// The set that manages it.
    #[must_use]
    pub fn set(&self) -> Option<ObjectName> {
        let set = self.owner.iter().find(|owner| owner.controller && owner.kind == "StatefulSet")?;
        Some(self.name.sibling(set.name.clone()))
    }

    /// The claims that it mounts.
    pub fn claim_names(&self) -> impl Iterator<Item = ObjectName> {
        self.claims.iter().map(|claim| self.name.sibling(claim.clone()))
    }
}

/// A claim.
#[derive(Clone, Debug)]
pub struct ClaimState {
    /// `data-web-0`, and where.
    pub name: ObjectName,
    /// How far it is.
    pub phase: ClaimPhase,
    /// The volume it has or wants.
    pub volume: Option<Text>,
    /// Its class; `None` if none was stated or given.
    pub class: Option<Text>,
    /// How much it asks for.
    pub requested: Option<Quantity>,
    /// How much it has.
    pub capacity: Option<Quantity>,
    /// How it may be mounted.
    pub access_modes: Vec<Text>,
    /// Device or file system.
    pub volume_mode: Option<Text>,
    /// Its labels.
    pub labels: BTreeMap<Text, Text>,
    /// Who owns it.
    pub owner: Vec<Owner>,
    /// Why it is pending.
    pub why: Option<Why>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// The claim a volume is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The claim's namespace.
    pub namespace: Option<Text>,
    /// The claim's name.
    pub name: Option<Text>,
    /// Which claim of that name; `None` if none was tied yet.
    pub tie: Option<Tie>,
}

/// Which claim of a name a volume is tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The one that has this name now.
    Live,
    /// One that is gone.
    Stale,
}

/// A volume.
#[derive(Clone, Debug)]
pub struct VolumeState {
    /// `pvc-data-web-0`.
    pub name: Text,
    /// How far it is.
    pub phase: VolumePhase,
    /// Its class; empty for none.
    pub class: Text,
    /// How much it holds.
    pub capacity: Option<Quantity>,
    /// What is done with it once its claim is gone.
    pub reclaim: Text,
    /// The claim it is for.
    pub claim_ref: Option<Partner>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// What a step changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Among pods.
    pub pods: Difference,
    /// Among claims.
    pub claims: Difference,
    /// Among volumes.
    pub volumes: Difference,
}

/// What changed among objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// New ones.
    pub created: Vec<ObjectName>,
    /// Those that are gone.
    pub removed: Vec<ObjectName>,
    /// Same name, another object.
    pub replaced: Vec<ObjectName>,
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventState {
    /// The kind of what it is about.
    pub kind: Text,
    /// `data-web-0`, and where.
    pub name: ObjectName,
    /// In one word.
    pub reason: Text,
    /// In a sentence.
    pub message: String,
}

/// Who is there, by kind and name, and which object it is.
pub type Identities = BTreeMap<&'static str, BTreeMap<ObjectName, Text>>;

/// How a cluster is described: what is shown of it.
pub struct Observer<'a> {
    /// The cluster.
    pub world: &'a World,
    /// Volumes that are shown though they are of no claim here.
    pub volumes: &'a BTreeSet<Text>,
    /// Claims that bundles have named.
    pub claims: &'a BTreeSet<Key>,
}

impl Observer<'_> {
    /// Who is there.
    #[must_use]
    pub fn identities(&self) -> Identities {
        ["Pod", CLAIM, VOLUME]
            .into_iter()
            .map(|kind| (kind, self.world.store.of_kind(kind).map(|(key, node)| (key.object(), uid(node))).collect()))
            .collect()
    }

    /// All of it. `before` and `moves` are what was there before the step and who came and went in it; `told` are the
    /// warnings that earlier steps had.
    #[must_use]
    pub fn state(&self, before: &Identities, moves: &[PodMove], told: &mut BTreeSet<EventState>) -> State {
        let store = &self.world.store;
        State {
            statefulsets: store.of_kind("StatefulSet").map(|(key, node)| self.set(key, node)).collect(),
            pods: store
                .of_kind("Pod")
                .filter(|(key, _)| !self.world.residents.contains(key))
                .map(|(key, node)| self.pod(key, node))
                .collect(),
            claims: store
                .of_kind(CLAIM)
                .filter(|(key, _)| self.concerns(key))
                .map(|(key, node)| self.claim(key, node))
                .collect(),
            volumes: store
                .of_kind(VOLUME)
                .filter(|(key, node)| self.is_shown(key, node))
                .map(|(key, node)| self.volume(key, node))
                .collect(),
            endpoints: self.endpoints(),
            changes: self.changes(before),
            order: self.order(moves),
            events: self.events(told),
            fleet: self.world.fleet.as_ref().map(|fleet| self.fleet(fleet)),
        }
    }

    fn fleet(&self, fleet: &Fleet) -> FleetState {
        let nodes = self.world.nodes.iter().flatten().map(|machine| {
            let mut taints: Vec<(Text, Text)> =
                machine.taints().map(|(key, _, effect)| (key.into(), effect.into())).collect();
            taints.sort();
            NodeState {
                name: machine.name.clone(),
                ready: fleet.is_ready(&machine.name),
                taints,
                in_use: fleet.in_use.get(&machine.name).map_or(0, BTreeSet::len),
                down: fleet.is_silent(&machine.name),
            }
        });
        let store = &self.world.store;
        let budgets = disruption::budgets(self.world).into_iter().map(|budget| BudgetState {
            name: budget.key.object(),
            healthy: budget.healthy,
            needed: budget.needed,
            allowed: budget.allowed,
            expected: budget.expected,
        });
        FleetState {
            nodes: nodes.collect(),
            attachments: fleet.attachments.keys().cloned().collect(),
            deployments: store
                .of_kind("Deployment")
                .map(|(key, node)| {
                    let (ready, updated) = deployment::counts(self.world, node);
                    let spec = node.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1);
                    DeploymentState { name: key.object(), spec, ready, updated }
                })
                .collect(),
            budgets: budgets.collect(),
        }
    }

    fn is_shown(&self, key: &Key, volume: &Node) -> bool {
        let is_for = |reference: &Node| {
            let claim = Key::new(CLAIM, text(reference, &["namespace"]), text(reference, &["name"]));
            !claim.namespace.is_empty()
                && (!self.world.residents.contains(key)
                    || self.world.store.get(&claim).is_some() && self.concerns(&claim))
        };
        self.volumes.contains(&key.name) || binder::claim_ref(volume).is_some_and(is_for)
    }

    /// Whether a claim concerns what is applied: it came with it, or it is for its sets or mounted by its pods.
    fn concerns(&self, claim: &Key) -> bool {
        let store = &self.world.store;
        !self.world.residents.contains(claim)
            || self.claims.contains(claim)
            || possible_sets(claim).any(|set| store.get(&set).is_some())
            || self.world.users(claim).any(|(pod, _)| !self.world.residents.contains(pod))
    }

    fn revision(&self, namespace: &str, name: &str) -> Option<i64> {
        self.world.store.get(&Key::new("ControllerRevision", namespace, name))?.get("revision")?.as_int()
    }

    fn set(&self, key: &Key, set: &Node) -> SetState {
        let number = |path: &[&str]| set.find(path).and_then(Node::as_int);
        let counted = |field: &str| number(&["status", field]).unwrap_or_default();
        let revision = |field: &str| self.revision(&key.namespace, text(set, &["status", field]));
        SetState {
            name: key.object(),
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
        let mut claims: Vec<Text> = named_claims(pod).map(Text::new).collect();
        claims.sort();
        let containers = pod.find(&["spec", "containers"]).into_iter().flat_map(Node::items);
        PodState {
            name: key.object(),
            hostname: optional(pod, &["spec", "hostname"]),
            subdomain: optional(pod, &["spec", "subdomain"]),
            phase: PodPhase::of(pod),
            ready: is_ready(pod),
            scheduled,
            revision: self.revision(&key.namespace, text(pod, &["metadata", "labels", REVISION_LABEL])),
            images: containers.map(|container| text(container, &["image"]).into()).collect(),
            claims,
            own_claims: own_claims(pod).map(|own| own.name.into()).collect(),
            owner: store::owners(pod),
            why: (!scheduled).then(|| self.unplaced(pod, said)),
            terminating: is_ending(pod),
            node: optional(pod, &["spec", "nodeName"]),
            disruption: condition(pod, DISRUPTED).and_then(|condition| optional(condition, &["reason"])),
        }
    }

    /// Why a pod has no place, in the words of the scheduler.
    fn unplaced(&self, pod: &Node, said: impl Fn(&str) -> Option<Text>) -> Why {
        let known = self.world.journal.unplaced.get(&uid(pod));
        Why {
            cause: known.map_or(Cause::Other, |known| known.cause.clone()),
            reason: said("reason"),
            message: said("message").map(String::from),
            short: known.map(|known| known.short.clone()),
        }
    }

    fn claim(&self, key: &Key, claim: &Node) -> ClaimState {
        let said = self.world.last_said(&uid(claim)).filter(|_| phase(claim) == "Pending");
        ClaimState {
            name: key.object(),
            phase: ClaimPhase::of(claim),
            volume: optional(claim, &["spec", "volumeName"]),
            class: claim.find(&["spec", "storageClassName"]).and_then(text_of),
            requested: claim.find(&["spec", "resources", "requests", "storage"]).and_then(Quantity::of),
            capacity: claim.find(&["status", "capacity", "storage"]).and_then(Quantity::of),
            access_modes: strings(claim.find(&["spec", "accessModes"])),
            volume_mode: optional(claim, &["spec", "volumeMode"]),
            labels: claim
                .find(&["metadata", "labels"])
                .into_iter()
                .flat_map(Node::entries)
                .map(|(key, value)| (key.name.clone(), text_of(value).unwrap_or_default()))
                .collect(),
            owner: store::owners(claim),
            why: said.map(|event| Why {
                cause: event.cause.clone(),
                reason: Some(event.reason.clone()),
                message: Some(event.message.to_string()),
                short: None,
            }),
            terminating: is_ending(claim),
        }
    }

    fn volume(&self, key: &Key, volume: &Node) -> VolumeState {
        VolumeState {
            name: key.name.clone(),
            phase: VolumePhase::of(volume),
            class: text(volume, &["spec", "storageClassName"]).into(),
            capacity: volume.find(&["spec", "capacity", "storage"]).and_then(Quantity::of),
            reclaim: text(volume, &["spec", "persistentVolumeReclaimPolicy"]).into(),
            claim_ref: binder::claim_ref(volume).map(|reference| self.partner(reference)),
            terminating: is_ending(volume),
        }
    }

    fn partner(&self, reference: &Node) -> Partner {
        let key = Key::new(CLAIM, text(reference, &["namespace"]), text(reference, &["name"]));
        let live = self.world.store.get(&key).map(uid);
        let tied = text(reference, &["uid"]);
        let which = if live.as_deref() == Some(tied) { Tie::Live } else { Tie::Stale };
        Partner {
            namespace: optional(reference, &["namespace"]),
            name: optional(reference, &["name"]),
            tie: (!tied.is_empty()).then_some(which),
        }
    }

    fn endpoints(&self) -> BTreeMap<ObjectName, Arc<[EndpointState]>> {
        dns::endpoints(self.world).into_iter().map(|(key, list)| (key.object(), list)).collect()
    }

    fn changes(&self, before: &Identities) -> Changes {
        let now = self.identities();
        let none = BTreeMap::new();
        let of = |kind: &str| {
            let (was, is) = (before.get(kind).unwrap_or(&none), now.get(kind).unwrap_or(&none));
            let names = |test: &dyn Fn(&ObjectName) -> bool, all: &BTreeMap<ObjectName, Text>| {
                all.keys().filter(|name| test(name)).cloned().collect()
            };
            Difference {
                created: names(&|name| !was.contains_key(name), is),
                removed: names(&|name| !is.contains_key(name), was),
                replaced: names(&|name| was.get(name).is_some_and(|old| is[name] != *old), is),
            }
        };
        Changes { pods: of("Pod"), claims: of(CLAIM), volumes: of(VOLUME) }
    }

    fn order(&self, moves: &[PodMove]) -> BTreeMap<ObjectName, Vec<PodMove>> {
        let mut sets: BTreeMap<ObjectName, Vec<PodMove>> = BTreeMap::new();
        for one in moves {
            sets.entry(set_of(&one.pod)).or_default().push(one.clone());
        }
        if self.world.fleet.is_some() {
            // Pods of Deployments have no order to speak of.
            sets.retain(|set, _| self.world.store.get(&Key::of("StatefulSet", set)).is_some());
        }
        for (set, moves) in &mut sets {
            let set = self.world.store.get(&Key::of("StatefulSet", set));
            if set.is_none_or(|set| text(set, &["spec", "podManagementPolicy"]) == "Parallel") {
                sort_runs(moves);
            }
        }
        sets
    }

    /// Warnings about what is still there and still in that trouble.
    fn events(&self, told: &mut BTreeSet<EventState>) -> Vec<EventState> {
        let mut fresh = Vec::new();
        for event in self.world.journal.events().filter(|event| event.warning && self.is_still_true(event)) {
            let new = EventState {
                kind: event.about.kind.clone(),
                name: event.about.object(),
                reason: event.reason.clone(),
                message: event.message.to_string(),
            };
            if told.insert(new.clone()) {
                fresh.push(new);
            }
        }
        fresh.extend(self.world.fleet.iter().flat_map(|fleet| &fleet.said).map(|said| EventState {
            kind: said.kind.into(),
            name: said.name.clone(),
            reason: said.reason.into(),
            message: said.message.clone(),
        }));
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

/// The set that a pod is of, by its name: a pod by itself is of nothing but its own name.
fn set_of(pod: &ObjectName) -> ObjectName {
    pod.sibling(pod.name.rsplit_once('-').map_or(pod.name.as_str(), |(set, _)| set))
}

/// Neighbouring moves of one direction in a fixed order: what is done at once has none.
fn sort_runs(moves: &mut [PodMove]) {
    let ordinal = |one: &PodMove| parent_and_ordinal(&one.pod.name).map_or(0, |(_, ordinal)| ordinal);
    for run in moves.chunk_by_mut(|a, b| a.came == b.came) {
        run.sort_by_key(|one| if one.came { ordinal(one) } else { -ordinal(one) });
    }
}

fn text_of(node: &Node) -> Option<Text> {
    if let Data::Text(text) = &node.data { Some(text.clone()) } else { None }
}

fn optional(node: &Node, path: &[&str]) -> Option<Text> {
    node.find(path).and_then(text_of).filter(|text| !text.is_empty())
}

fn strings(list: Option<&Node>) -> Vec<Text> {
    list.into_iter().flat_map(Node::items).filter_map(text_of).collect()
}
