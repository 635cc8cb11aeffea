//! By what the controllers look objects up, beside their names: owners, claims, nodes, classes. Knows which fields say
//! so, decides nothing.

use super::object::{
    self, CLAIM, Key, VOLUME, claim_names, controller_uid, is_ending, is_over, node_name, owner_uids, phase, text, uid,
};
use super::selector;
use crate::k8s::annotation;
use crate::k8s::quantity::Quantity;
use crate::stateful_set::parent_and_ordinal;
use crate::value::{Node, Text};

/// Something that objects have in common and are looked up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Deleted, and waiting for something before it goes.
    Ending,
    /// The object of this uid is among the owners.
    OwnedBy(Text),
    /// The object of this uid manages it.
    ManagedBy(Text),
    /// Nothing manages it, and a set of this namespace and name might; for what no name tells of, the name is empty.
    Loose(Text, Text),
    /// A pod that mounts the claim of this namespace and name.
    Mounts(Text, Text),
    /// A pod that still looks for a node, by its uid: older ones come first.
    Unscheduled(Text),
    /// A pod on this node.
    On(Text),
    /// A pod on a node that keeps others away.
    AntiAffine,
    /// A volume for the claim of this namespace and name.
    Reserved(Text, Text),
    /// A volume that anyone may have now, and how much it holds.
    Free(Box<(ClassAndModes, Quantity)>),
    /// A claim that says which volume it wants or has.
    Wants(Text),
    /// The class of claims that state none.
    Default,
}

/// Free volumes are looked through class by class, and by the ways in which they may be mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassAndModes {
    /// The class; empty for none.
    pub class: Text,
    /// The ways in which they may be mounted, in order.
    pub modes: Vec<Text>,
}

/// The marks of an object.
#[must_use]
pub(crate) fn marks(key: &Key, node: &Node) -> Vec<Mark> {
    let mut marks: Vec<Mark> = owner_uids(node).map(|uid| Mark::OwnedBy(uid.clone())).collect();
    if is_ending(node) {
        marks.push(Mark::Ending);
    }
    match key.kind.as_str() {
        "Pod" => {
            let parent = || parent_and_ordinal(&key.name).map_or("", |(parent, _)| parent);
            marks.push(managed(key, node, parent));
            of_pod(key, node, &mut marks);
        }
        "ControllerRevision" => marks.push(managed(key, node, || "")),
        CLAIM => {
            let volume = text(node, &["spec", "volumeName"]);
            marks.extend((!volume.is_empty()).then(|| Mark::Wants(volume.into())));
        }
        VOLUME => match object::claim_ref(node) {
            Some(reference) => {
                marks.push(Mark::Reserved(text(reference, &["namespace"]).into(), text(reference, &["name"]).into()));
            }
            None if phase(node) == "Available" => {
                marks.push(Mark::Free(Box::new((class_and_modes(node), object::capacity(node)))));
            }
            None => {}
        },
        "StorageClass" => marks
            .extend(DEFAULT.iter().any(|name| object::annotation(node, name) == Some("true")).then_some(Mark::Default)),
        _ => {}
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// What marks a class as the default one.
const DEFAULT: [&str; 2] = [annotation::DEFAULT_CLASS, annotation::DEFAULT_CLASS_BETA];

/// Whether a change of this field can change an object's marks.
#[must_use]
pub(crate) fn depend_on(path: &[&str]) -> bool {
    !matches!(path, ["status", field, ..] if *field != "phase")
}

fn managed<'n>(key: &Key, node: &'n Node, parent: impl FnOnce() -> &'n str) -> Mark {
    match controller_uid(node) {
        Some(uid) => Mark::ManagedBy(uid.clone()),
        None => Mark::Loose(key.namespace.clone(), parent().into()),
    }
}

fn of_pod(key: &Key, pod: &Node, marks: &mut Vec<Mark>) {
    marks.extend(claim_names(pod).map(|claim| Mark::Mounts(key.namespace.clone(), claim.as_ref().into())));
    let node = node_name(pod);
    if !node.is_empty() {
        marks.push(Mark::On(node.into()));
        if !is_over(pod) && selector::keeps_away(pod) {
            marks.push(Mark::AntiAffine);
        }
    } else if !is_ending(pod) && !is_over(pod) {
        marks.push(Mark::Unscheduled(uid(pod)));
    }
}

fn class_and_modes(volume: &Node) -> ClassAndModes {
    ClassAndModes {
        class: object::class_of(volume).into(),
        modes: object::access_modes(volume).into_iter().map(Text::from).collect(),
    }
}
