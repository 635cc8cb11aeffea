//! What lives in a cluster before anything is applied to it, as the cluster prints it: claims with their sizes and
//! phases, volumes with their bindings, pods with their nodes. Moves nothing.

use super::controller::load::{Demand, demand};
use super::object::{CLAIM, Key, Owner, VOLUME, claim_ref, is_over, node_name, owners, put, take, text, uid};
use super::world::World;
use crate::bundle::inventory::{Inventory, Object, read_ahead};
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Claims, volumes and pods, by the namespace that they concern.
#[derive(Clone, Debug, Default)]
pub struct Residents {
    /// Those of each namespace; volumes are where their claim is, and free ones are nowhere.
    there: Inventory,
    /// What the pods of each namespace ask of each node.
    loads: BTreeMap<Text, BTreeMap<Text, Demand>>,
    /// Whether there are any claims: then a volume of a claim that is not among them has been left.
    knows_claims: bool,
}

impl Residents {
    /// Whether it is one of the kinds that live somewhere.
    #[must_use]
    pub fn has(kind: &str) -> bool {
        [CLAIM, VOLUME, "Pod"].contains(&kind)
    }

    /// Whether nothing lives there, as far as anybody said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.there.is_empty()
    }

    /// Takes in an object.
    pub fn add(&mut self, object: &Arc<Object>) {
        let (id, outline) = (object.id(), object.outline());
        self.knows_claims |= id.kind == CLAIM;
        if id.kind == "Pod" && !node_name(outline).is_empty() && !is_over(outline) {
            let loads = self.loads.entry(Text::new(&id.namespace)).or_default();
            let load = loads.entry(node_name(outline).into()).or_default();
            let more = demand(outline);
            *load = Demand { cpu: load.cpu + more.cpu, memory: load.memory + more.memory };
        }
        self.there.add(Arc::clone(object));
    }

    /// The pods that have a place, and which.
    pub fn places(&self) -> impl Iterator<Item = (ObjectName, Text)> {
        let placed = |pod: &&Arc<Object>| !node_name(pod.outline()).is_empty() && !is_over(pod.outline());
        let pods = self.there.of_kind("Pod").filter(placed);
        pods.map(|pod| (pod.id().object(""), node_name(pod.outline()).into()))
    }

    /// Takes in those of another.
    pub fn extend(&mut self, more: &Self) {
        more.there.all().for_each(|object| self.add(object));
    }

    /// Takes of the nodes what the pods of other namespaces take.
    pub(super) fn take_place(&self, world: &mut World, namespaces: &BTreeSet<Text>) {
        let mut taken: BTreeMap<&Text, Demand> = BTreeMap::new();
        let elsewhere = self.loads.iter().filter(|(namespace, _)| !namespaces.contains(*namespace));
        for (node, load) in elsewhere.flat_map(|(_, loads)| loads) {
            let all = taken.entry(node).or_default();
            *all = Demand { cpu: all.cpu + load.cpu, memory: all.memory + load.memory };
        }
        for node in world.nodes.iter_mut().flatten() {
            let Some(load) = taken.get(&node.name) else { continue };
            let less = |has: Option<i64>, taken: i128| {
                has.map(|has| i64::try_from(i128::from(has) - taken).unwrap_or_default().max(0))
            };
            node.cpu = less(node.cpu, load.cpu);
            node.memory = less(node.memory, load.memory);
        }
    }

    /// Lets those move in that matter to what is applied in some namespaces; of the others, only what they take of the
    /// nodes counts. Pods of the sets that are applied come with them.
    pub(super) fn move_in(&self, world: &mut World, namespaces: &BTreeSet<Text>, applied: &BTreeSet<Key>) {
        self.take_place(world, namespaces);
        let here = |kind: &'static str| {
            let places = namespaces.iter().map(Text::as_str).chain([""]);
            places.flat_map(move |namespace| self.there.of(kind, namespace))
        };
        read_ahead([CLAIM, "Pod", VOLUME].into_iter().flat_map(here));
        let mut born: BTreeMap<Text, Text> = BTreeMap::new();
        for object in [CLAIM, "Pod"].into_iter().flat_map(here).map(|object| &object.resource().node) {
            let (kind, namespace) = (text(object, &["kind"]), text(object, &["metadata", "namespace"]));
            let comes_again = |owner: &Owner| {
                owner.controller && applied.contains(&Key::new(owner.kind.clone(), namespace, owner.name.clone()))
            };
            let key = Key::new(kind, namespace, text(object, &["metadata", "name"]));
            if kind == "Pod" && (applied.contains(&key) || owners(object).iter().any(comes_again)) {
                continue;
            }
            let mut object = object.clone();
            let old = uid(&object);
            // Its owner is another object here, or none; whoever is its owner says so again.
            take(&mut object, &["metadata", "ownerReferences"]);
            world.create(&key, object);
            born.extend(world.store.get(&key).map(|node| (old, uid(node))));
            world.residents.insert(key);
        }
        for volume in here(VOLUME).map(|object| &object.resource().node) {
            let key = Key::new(VOLUME, "", text(volume, &["metadata", "name"]));
            let mut volume = volume.clone();
            let claim = claim_ref(&volume).map(uid_of_reference).unwrap_or_default();
            let path = ["spec", "claimRef", "uid"];
            match born.get(&claim) {
                Some(now) => {
                    let at = volume.at;
                    put(&mut volume, &path, Node::text(now.clone(), at));
                }
                None if !self.knows_claims && !claim.is_empty() => take(&mut volume, &path),
                None => {}
            }
            world.create(&key, volume);
            world.residents.insert(key);
        }
    }
}

fn uid_of_reference(reference: &Node) -> Text {
    text(reference, &["uid"]).into()
}
