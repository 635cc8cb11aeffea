//! What lives in a cluster before anything is applied to it, as the cluster prints it: claims with their sizes and
//! phases, volumes with their bindings, pods with their nodes. Moves nothing.

use super::controller::load::{Demand, demand};
use super::object::{CLAIM, Key, Owner, VOLUME, claim_ref, is_over, node_name, owners, put, take, text, uid};
use super::world::World;
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Claims, volumes and pods, by the namespace that they concern.
#[derive(Clone, Debug, Default)]
pub struct Residents {
    /// Those of each namespace; volumes are where their claim is, and free ones are nowhere.
    there: BTreeMap<Text, Vec<Node>>,
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
    pub fn add(&mut self, object: &Node) {
        let namespace = match text(object, &["kind"]) {
            VOLUME => claim_ref(object).map_or("", |claim| text(claim, &["namespace"])),
            kind => {
                self.knows_claims |= kind == CLAIM;
                text(object, &["metadata", "namespace"])
            }
        };
        if text(object, &["kind"]) == "Pod" && !node_name(object).is_empty() && !is_over(object) {
            let load = self.loads.entry(namespace.into()).or_default().entry(node_name(object).into()).or_default();
            let more = demand(object);
            *load = Demand { cpu: load.cpu + more.cpu, memory: load.memory + more.memory };
        }
        self.there.entry(namespace.into()).or_default().push(object.clone());
    }

    /// The pods that have a place, and which.
    pub fn places(&self) -> impl Iterator<Item = (ObjectName, Text)> {
        let pods = self.there.values().flatten().filter(|object| text(object, &["kind"]) == "Pod");
        let placed = pods.filter(|pod| !node_name(pod).is_empty() && !is_over(pod));
        placed.map(|pod| {
            let of = |field: &str| text(pod, &["metadata", field]);
            (ObjectName::new(of("namespace"), of("name")), node_name(pod).into())
        })
    }

    /// Takes in those of another.
    pub fn extend(&mut self, more: &Self) {
        more.there.values().flatten().for_each(|object| self.add(object));
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
        let nowhere = Text::default();
        let here = || namespaces.iter().chain([&nowhere]).filter_map(|namespace| self.there.get(namespace)).flatten();
        let mut born: BTreeMap<Text, Text> = BTreeMap::new();
        for object in here().filter(|object| text(object, &["kind"]) != VOLUME) {
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
        for volume in here().filter(|object| text(object, &["kind"]) == VOLUME) {
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
