//! What a review takes for granted of a cluster that nobody has described: what is committed runs there.

use super::set::Set;
use crate::bundle::Bundle;
use crate::cluster::facts::{ClusterFacts, PRESUMED};
use crate::k8s::annotation::DEFAULT_CLASS;
use crate::source::At;
use crate::value::{Map, Node};
use std::collections::BTreeMap;

/// The facts, and a storage class for each that claims name and nobody describes. Where the classes of the cluster are
/// known, they are all.
#[must_use]
pub(crate) fn classes(facts: &ClusterFacts, bundles: &[&Bundle]) -> ClusterFacts {
    let mut facts = facts.clone();
    if facts.classes.is_some() {
        return facts;
    }
    let in_bundles = |kind: &'static str| bundles.iter().flat_map(move |bundle| bundle.of_kind(kind));
    let mut named: BTreeMap<Option<String>, At> = BTreeMap::new();
    let templates = in_bundles("StatefulSet")
        .flat_map(|set| Set(set).templates().map(|(_, template)| template).collect::<Vec<_>>());
    for claim in templates.chain(in_bundles("PersistentVolumeClaim").map(|claim| &claim.node)) {
        let class = claim.find(&["spec", "storageClassName"]).and_then(Node::as_str).map(str::to_owned);
        named.entry(class).or_insert(claim.at);
    }
    let described = |name: &str| in_bundles("StorageClass").any(|class| class.id.name == name);
    let nothing_said = in_bundles("StorageClass").next().is_none() && in_bundles("PersistentVolume").next().is_none();
    let taken = named.into_iter().filter(|(name, _)| match name {
        Some(name) => !name.is_empty() && !described(name),
        None => nothing_said,
    });
    let classes: Vec<Node> = taken.map(|(name, at)| class(name.as_deref(), at)).collect();
    if !classes.is_empty() {
        facts.classes = Some(classes);
    }
    facts
}

/// A class that makes volumes and lets them grow; the default one, if it has no name.
fn class(name: Option<&str>, at: At) -> Node {
    let text = |text: &str| Node::text(text, at);
    let mut metadata = Map::default();
    metadata.put("name", text(name.unwrap_or("default")));
    if name.is_none() {
        let mut annotations = Map::default();
        annotations.put(DEFAULT_CLASS, text("true"));
        metadata.put("annotations", Node::map(annotations, at));
    }
    let mut class = Map::default();
    class.put("apiVersion", text("storage.k8s.io/v1"));
    class.put("kind", text("StorageClass"));
    class.put("metadata", Node::map(metadata, at));
    class.put("provisioner", text(PRESUMED));
    class.put("reclaimPolicy", text("Delete"));
    class.put("volumeBindingMode", text("Immediate"));
    class.put("allowVolumeExpansion", Node::bool(true, at));
    Node::map(class, at)
}
