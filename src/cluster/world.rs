//! What the controllers see of a cluster: its objects, its nodes, who makes volumes; and the journal of what they did.
//! Decides nothing.

use super::agenda::Agenda;
use super::controller::load::Loads;
use super::denial::Denial;
use super::fleet::Fleet;
pub use super::machine::Machine;
use super::mark::Mark;
use super::object::CLAIM;
pub use super::object::{
    OwnClaim, claim_names, condition, is_over, is_ready, named_claims, node_name, own_claims, phase,
};
use super::store::{Key, Store, text, uid};
use crate::k8s::object::ObjectName;
use crate::k8s::version::Version;
use crate::secret::known::Known;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Who looks at what is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The server's plugins.
    Plugins,
    /// Nobody: it has been there for long, and nothing stands in its way any more.
    Nobody,
}

/// Which provisioners are there to make volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioners {
    /// Any that a class names is taken to work.
    Assumed,
    /// These and no other.
    Only(Vec<Text>),
}

impl Provisioners {
    /// Whether somebody makes volumes under that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Assumed => true,
            Self::Only(names) => names.iter().any(|known| known == name),
        }
    }
}

/// A pod that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodMove {
    /// Whether it came.
    pub came: bool,
    /// The pod.
    pub pod: ObjectName,
}

/// What is behind what a controller says of a claim or a pod, where something is decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Facts are wanting to say what would happen.
    NotKnown(Gap),
    /// The class that is to make its volume is not there.
    NoClass,
    /// A pod's claims are still to be bound.
    ClaimsPending,
    /// A claim that a pod mounts is missing, lost or being deleted.
    ClaimsGone,
    /// On some node no free volume fits, and none is made.
    NoVolume,
    /// Anything else: what is said says it.
    Other,
}

/// Something that the facts do not tell, and what is assumed instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// The nodes: every pod schedules, every volume attaches.
    Nodes,
    /// Whether there is a default class.
    DefaultClass,
    /// Whether a class makes volumes.
    Class(Text),
    /// Whether a class that claims name exists: it does, and provisions.
    ClassExists(Text),
    /// Whether a provisioner is there: it is.
    Provisioner(Text),
    /// Whether an object that pods name exists: it does.
    Exists {
        /// Its kind.
        kind: Text,
        /// `web`.
        name: Text,
    },
    /// What workloads of that kind run: their pods are not simulated.
    Runs {
        /// The kind.
        kind: &'static str,
        /// Their names.
        names: Vec<Text>,
    },
    /// So many of the pods that manifests state themselves: they are not simulated.
    Pods(usize),
    /// What a webhook or a policy decides, for it asks what is not known here: nothing is refused by it.
    Decides {
        /// The kind.
        kind: Text,
        /// Its name.
        name: Text,
    },
    /// The replicas of a set beyond the first ones.
    Replicas {
        /// The set.
        set: Text,
        /// How many are simulated.
        simulated: i64,
    },
}

impl Gap {
    /// Takes secret values out of it.
    pub fn hide(&mut self, known: &Known) {
        let hide = |text: &mut Text| *text = known.hide(text).into();
        match self {
            Self::Nodes | Self::DefaultClass | Self::Pods(_) => {}
            Self::Class(name)
            | Self::ClassExists(name)
            | Self::Provisioner(name)
            | Self::Exists { name, .. }
            | Self::Decides { name, .. }
            | Self::Replicas { set: name, .. } => hide(name),
            Self::Runs { names, .. } => names.iter_mut().for_each(hide),
        }
    }
}

/// Why a pod has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// What is behind it.
    pub cause: Cause,
    /// The scheduler's sentence without what it says of preemption.
    pub short: String,
}

/// What a controller said about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object.
    pub about: Key,
    /// The very object, not a later one of its name.
    pub uid: Text,
    /// Whether it is a warning.
    pub warning: bool,
    /// `FailedBinding`.
    pub reason: Text,
    /// In the controller's words.
    pub message: Text,
    /// What is behind it.
    pub cause: Cause,
}

/// The reason given where facts are wanting to say what would happen.
const NOT_KNOWN: &str = "NotKnown";

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Pods that came and went.
    pub moves: Vec<PodMove>,
    /// Why pods have no place, by their uid.
    pub unplaced: BTreeMap<Text, Unplaced>,
    /// What was said of each object, by its uid; the same thing is kept once, at its last place.
    events: BTreeMap<Text, Vec<Event>>,
    /// Objects that were taken to be there, though nobody has said so.
    pub presumed: BTreeSet<Key>,
    /// Why the pods or claims of a set are not let in, by the set: the last that was said.
    pub denied: BTreeMap<Key, Denial>,
    /// Policies that ask what is not known here: their kinds and names.
    pub undecided: BTreeSet<(&'static str, Text)>,
    /// How many claims of a name there have been.
    claims: BTreeMap<(Text, Text), u32>,
    /// What the volume made for a claim is called, by the claim's uid.
    volumes: BTreeMap<Text, Text>,
    /// The names that they have.
    names: BTreeSet<Text>,
}

/// A cluster as its controllers see it.
#[derive(Clone, Debug)]
pub struct World {
    /// Its objects.
    pub store: Store,
    /// Its machines; `None` where nobody said, and any pod then finds a place.
    pub nodes: Option<Vec<Machine>>,
    /// Whether all its storage classes are among the objects; if not, one that is missing here may be there all the
    /// same.
    pub knows_classes: bool,
    /// Whether all its namespaces are among the objects.
    pub knows_namespaces: bool,
    /// Whether all that pods refer to is among the objects; if not, what is missing here is taken to be there, and
    /// noted.
    pub knows_all: bool,
    /// What lives there, and is shown only where it concerns what is applied.
    pub residents: BTreeSet<Key>,
    /// Who looks at what is applied.
    pub guard: Guard,
    /// Who makes volumes.
    pub provisioners: Provisioners,
    /// Whose rules.
    pub version: Version,
    /// What happened.
    pub journal: Journal,
    /// What the controllers still have to look at.
    pub agenda: Agenda,
    /// How full the nodes are.
    pub loads: Loads,
    /// The template of each set, as it is stored and as the server sends it.
    pub templates: BTreeMap<Key, (Node, Node)>,
    /// At which count of comings and goings owners were last looked for.
    pub collected: u64,
    /// At which count of changes nothing was left to do but for the sets.
    pub at_rest: u64,
    /// How much more the controllers may look at before they give up.
    pub patience: u64,
    /// More replicas of a set than this are not played.
    pub most_replicas: i64,
    /// Its nodes as things that fail; `None` where none does.
    pub fleet: Option<Box<Fleet>>,
}

/// A new object takes as much patience as looking at so many: it also takes memory.
const OF_NEW: usize = 50;

impl Journal {
    /// All that was said, object by object.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values().flatten()
    }
}

impl World {
    /// Puts all that has changed on the controllers' agenda.
    pub fn call_on_changes(&mut self) {
        for touch in self.store.take_touched() {
            self.agenda.call(&touch, &self.store);
        }
    }

    /// Lets the controllers look again, though no object has changed.
    pub fn wake(&mut self) {
        self.at_rest = u64::MAX;
    }

    /// Whether nobody on a node does anything: it has failed.
    #[must_use]
    pub fn is_silent(&self, node: &str) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.is_silent(node))
    }

    /// Notes that the controllers have looked at so many things.
    pub fn spend(&mut self, things: usize) {
        self.patience = self.patience.saturating_sub(things as u64);
    }

    /// Takes in a new object, and notes a pod that comes.
    pub fn create(&mut self, key: &Key, node: Node) {
        self.spend(OF_NEW);
        if key.kind == "Pod" {
            self.journal.moves.push(PodMove { came: true, pod: key.object() });
        }
        self.store.create(key, node);
        if key.kind == CLAIM
            && let Some(node) = self.store.get(key)
        {
            let made = self.journal.claims.entry((key.namespace.clone(), key.name.clone())).or_default();
            *made += 1;
            let again = if *made == 1 { String::new() } else { format!("#{made}") };
            let mut name: Text = format!("pvc-{}{again}", key.name).into();
            // A claim of that name in another namespace has a volume of its own.
            if !self.journal.names.insert(name.clone()) {
                name = format!("pvc-{}-{}{again}", key.namespace, key.name).into();
            }
            self.journal.volumes.insert(uid(node), name);
        }
    }

    /// Takes an object away, and notes a pod that goes.
    pub fn remove(&mut self, key: &Key) {
        if self.store.remove(key).is_some() && key.kind == "Pod" {
            self.journal.moves.push(PodMove { came: false, pod: key.object() });
        }
    }

    /// Notes that nobody here knows what a policy decides.
    pub fn leave_open(&mut self, kind: &'static str, policy: &str) {
        self.journal.undecided.insert((kind, policy.into()));
    }

    /// Whether an object that something refers to is not there. Where not all objects are known, it is taken to be
    /// there, and noted.
    pub fn is_missing(&mut self, key: &Key) -> bool {
        if self.store.get(key).is_some() {
            return false;
        }
        if !self.knows_all {
            self.journal.presumed.insert(key.clone());
        }
        self.knows_all
    }

    /// The name of the volume that is made for a claim.
    #[must_use]
    pub fn made_volume(&self, claim: &Node) -> Text {
        self.journal.volumes.get(&uid(claim)).cloned().unwrap_or_else(|| format!("pvc-{}", uid(claim)).into())
    }

    /// Notes what a controller says about an object.
    pub fn say(&mut self, about: &Key, warning: bool, reason: &str, message: impl Into<Text>) {
        self.say_because(Cause::Other, about, warning, reason, message);
    }

    /// Notes that facts are wanting to say what a controller would do with an object.
    pub fn note_gap(&mut self, about: &Key, gap: Gap) {
        self.say_because(Cause::NotKnown(gap), about, false, NOT_KNOWN, "");
    }

    /// Notes what a controller says about an object, and what is behind it.
    pub fn say_because(&mut self, cause: Cause, about: &Key, warning: bool, reason: &str, message: impl Into<Text>) {
        let uid = self.store.get(about).map(uid).unwrap_or_default();
        let event = Event { about: about.clone(), uid, warning, reason: reason.into(), message: message.into(), cause };
        let said = self.journal.events.entry(event.uid.clone()).or_default();
        if said.last() != Some(&event) {
            said.retain(|old| *old != event);
            said.push(event);
        }
    }

    /// What was last said about an object.
    #[must_use]
    pub fn last_said(&self, uid: &str) -> Option<&Event> {
        self.journal.events.get(uid)?.last()
    }

    /// The class of that name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Node> {
        self.store.get(&Key::new("StorageClass", "", name))
    }

    /// The class that claims without one are given: of several, the newest; of those made together, the first by name.
    #[must_use]
    pub fn default_class(&self) -> Option<Text> {
        self.store
            .marked(Mark::Default, "StorageClass")
            .max_by(|(a, one), (b, other)| born(one).cmp(born(other)).then_with(|| b.name.cmp(&a.name)))
            .map(|(key, _)| key.name.clone())
    }

    /// The pods of a namespace that use a claim.
    pub fn users(&self, claim: &Key) -> impl Iterator<Item = (&Key, &Node)> {
        self.store.marked(Mark::Mounts(claim.namespace.clone(), claim.name.clone()), "Pod")
    }
}

fn born(object: &Node) -> &str {
    text(object, &["metadata", "creationTimestamp"])
}
