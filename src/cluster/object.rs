//! What stored objects say, each by itself: names, owners, phases, classes, amounts. Every room of the cluster reads
//! them here; knows no other object.

use crate::k8s::object::ObjectName;
use crate::k8s::quantity::{Quantity, StatedAmount};
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The kind of claims.
pub(crate) const CLAIM: &str = "PersistentVolumeClaim";
/// The kind of volumes.
pub(crate) const VOLUME: &str = "PersistentVolume";

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// What an object is called in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// `Pod`.
    pub kind: Text,
    /// Empty for kinds that live in none.
    pub namespace: Text,
    /// `web-0`.
    pub name: Text,
}

impl Key {
    /// The key of an object of that kind.
    pub fn of(kind: impl Into<Text>, name: &ObjectName) -> Self {
        Self { kind: kind.into(), namespace: name.namespace.clone(), name: name.name.clone() }
    }

    /// What the object is called among those of its kind.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        ObjectName { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// The key of that kind, namespace and name.
    pub fn new(kind: impl Into<Text>, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By kind, namespace and name. Most that are compared have kind and namespace in common, and equal short texts are
/// seen to be so at once.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let part = |one: &Text, other: &Text| if one == other { Ordering::Equal } else { one.cmp(other) };
        part(&self.kind, &other.kind)
            .then_with(|| part(&self.namespace, &other.namespace))
            .then_with(|| self.name.cmp(&other.name))
    }
}

/// Who an object belongs to, as its `metadata.ownerReferences` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `StatefulSet`.
    pub kind: Text,
    /// `web`.
    pub name: Text,
    /// Its uid: an owner of the same name made later is another one.
    pub uid: Text,
    /// Whether it manages the object.
    pub controller: bool,
}

/// Sets a field, making the maps on the way to it.
pub fn put(node: &mut Node, path: &[&str], value: Node) {
    let Some((last, way)) = path.split_last() else { return };
    let mut node = node;
    for step in way {
        if node.get(step).is_none_or(|inner| inner.as_map().is_none()) {
            let at = node.at;
            let Some(map) = node.as_map_mut() else { return };
            map.put(*step, Node::map(Map::new(), at));
        }
        let Some(inner) = node.get_mut(step) else { return };
        node = inner;
    }
    if let Some(map) = node.as_map_mut() {
        map.put(*last, value);
    }
}

/// Takes a field away.
pub fn take(node: &mut Node, path: &[&str]) {
    let Some((last, way)) = path.split_last() else { return };
    let mut node = node;
    for step in way {
        let Some(inner) = node.get_mut(step) else { return };
        node = inner;
    }
    if let Some(map) = node.as_map_mut() {
        map.remove(last);
    }
}

/// A field's text; empty where there is none.
#[must_use]
pub fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.find(path).and_then(Node::as_str).unwrap_or_default()
}

/// The object's uid.
#[must_use]
pub fn uid(node: &Node) -> Text {
    match node.find(&["metadata", "uid"]).map(|node| &node.data) {
        Some(Data::Text(uid)) => uid.clone(),
        _ => Text::default(),
    }
}

/// The value of an annotation.
#[must_use]
pub fn annotation<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.find(&["metadata", "annotations", key]).and_then(Node::as_str)
}

/// Whether it has been deleted and only waits for something before it goes.
#[must_use]
pub fn is_ending(node: &Node) -> bool {
    node.find(&["metadata", "deletionTimestamp"]).is_some_and(|stamp| !stamp.is_null())
}

/// Who it belongs to.
#[must_use]
pub fn owners(node: &Node) -> Vec<Owner> {
    let reference = |owner: &Node| Owner {
        kind: text(owner, &["kind"]).into(),
        name: text(owner, &["name"]).into(),
        uid: text(owner, &["uid"]).into(),
        controller: owner.get("controller").and_then(Node::as_bool).unwrap_or_default(),
    };
    node.find(&["metadata", "ownerReferences"]).into_iter().flat_map(Node::items).map(reference).collect()
}

/// The uids of those it belongs to.
pub fn owner_uids(node: &Node) -> impl Iterator<Item = &Text> {
    node.find(&["metadata", "ownerReferences"]).into_iter().flat_map(Node::items).map(reference_uid)
}

/// The uid of the owner that manages it.
#[must_use]
pub fn controller_uid(node: &Node) -> Option<&Text> {
    let mut references = node.find(&["metadata", "ownerReferences"]).into_iter().flat_map(Node::items);
    references.find(|owner| owner.get("controller").and_then(Node::as_bool).unwrap_or_default()).map(reference_uid)
}

fn reference_uid(owner: &Node) -> &Text {
    static NONE: Text = Text::new_static("");
    match owner.get("uid").map(|node| &node.data) {
        Some(Data::Text(uid)) => uid,
        _ => &NONE,
    }
}

/// Owner references as a field's value; `None` for none.
#[must_use]
pub fn owner_references(owners: &[Owner], at: At) -> Option<Data> {
    let reference = |owner: &Owner| {
        let mut map = Map::new();
        map.put("apiVersion", Node::text(if owner.kind == "Pod" { "v1" } else { "apps/v1" }, at));
        map.put("kind", Node::text(owner.kind.clone(), at));
        map.put("name", Node::text(owner.name.clone(), at));
        map.put("uid", Node::text(owner.uid.clone(), at));
        if owner.controller {
            map.put("controller", Node::bool(true, at));
            map.put("blockOwnerDeletion", Node::bool(true, at));
        }
        Node::map(map, at)
    };
    (!owners.is_empty()).then(|| Data::List(owners.iter().map(reference).collect()))
}

// ---- claims and volumes

/// The class a claim asks for; `None` where it asks for none, not even for no class.
#[must_use]
pub(crate) fn stated_class(claim: &Node) -> Option<&str> {
    annotation(claim, BETA_CLASS).or_else(|| claim.find(&["spec", "storageClassName"])?.as_str())
}

/// The class of a claim or volume; empty for none.
#[must_use]
pub(crate) fn class_of(object: &Node) -> &str {
    stated_class(object).unwrap_or_default()
}

/// How much a claim asks for.
#[must_use]
pub(crate) fn requested(claim: &Node) -> Quantity {
    Quantity::stored(claim.find(&REQUEST))
}

/// How much a claim asks for, as it says it.
#[must_use]
pub(crate) fn stated_request(claim: &Node) -> Option<StatedAmount> {
    claim.find(&REQUEST).and_then(StatedAmount::of)
}

const REQUEST: [&str; 4] = ["spec", "resources", "requests", "storage"];

/// How much a volume holds.
#[must_use]
pub(crate) fn capacity(volume: &Node) -> Quantity {
    Quantity::stored(volume.find(&["spec", "capacity", "storage"]))
}

/// Whether it is a raw device or a file system.
#[must_use]
pub(crate) fn volume_mode(object: &Node) -> &str {
    match text(object, &["spec", "volumeMode"]) {
        "" => "Filesystem",
        mode => mode,
    }
}

/// How it may be mounted.
#[must_use]
pub(crate) fn access_modes(object: &Node) -> BTreeSet<&str> {
    object.find(&["spec", "accessModes"]).into_iter().flat_map(Node::items).filter_map(Node::as_str).collect()
}

/// The claim that a volume is meant for or bound to.
#[must_use]
pub(crate) fn claim_ref(volume: &Node) -> Option<&Node> {
    volume.find(&["spec", "claimRef"]).filter(|reference| !reference.is_null())
}

// ---- pods

/// The claims that a pod names in its manifest.
pub fn named_claims(pod: &Node) -> impl Iterator<Item = &str> {
    volumes(pod).filter_map(|volume| volume.find(&["persistentVolumeClaim", "claimName"])?.as_str())
}

/// The claims that a pod mounts: those that it names, and those made for it.
pub fn claim_names(pod: &Node) -> impl Iterator<Item = Cow<'_, str>> {
    named_claims(pod).map(Cow::Borrowed).chain(own_claims(pod).map(|own| Cow::Owned(own.name)))
}

/// A claim that is made for one pod, and goes with it: a generic ephemeral volume.
#[derive(Clone, Debug)]
pub struct OwnClaim<'a> {
    /// The volume's name.
    pub volume: &'a str,
    /// The claim's name: `web-0-scratch`.
    pub name: String,
    /// What it is made from.
    pub template: &'a Node,
}

/// The claims that are made for a pod: `VolumeClaimName`, k8s.io/component-helpers/storage/ephemeral.
pub fn own_claims(pod: &Node) -> impl Iterator<Item = OwnClaim<'_>> {
    volumes(pod).filter_map(|volume| {
        let template = volume.find(&["ephemeral", "volumeClaimTemplate"])?;
        let (pod, volume) = (text(pod, &["metadata", "name"]), text(volume, &["name"]));
        Some(OwnClaim { volume, name: format!("{pod}-{volume}"), template })
    })
}

fn volumes(pod: &Node) -> impl Iterator<Item = &Node> {
    pod.find(&["spec", "volumes"]).into_iter().flat_map(Node::items)
}

/// The node a pod runs on; empty before it is placed.
#[must_use]
pub fn node_name(pod: &Node) -> &str {
    text(pod, &["spec", "nodeName"])
}

/// A pod's phase.
#[must_use]
pub fn phase(object: &Node) -> &str {
    text(object, &["status", "phase"])
}

/// One of a pod's conditions.
#[must_use]
pub fn condition<'a>(pod: &'a Node, kind: &str) -> Option<&'a Node> {
    pod.find(&["status", "conditions"])?.items().find(|condition| text(condition, &["type"]) == kind)
}

/// Whether a pod is ready.
#[must_use]
pub fn is_ready(pod: &Node) -> bool {
    condition(pod, "Ready").is_some_and(|condition| text(condition, &["status"]) == "True")
}

/// Whether a pod has ended and will not run again.
#[must_use]
pub fn is_over(pod: &Node) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}
