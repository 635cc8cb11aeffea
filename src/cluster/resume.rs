//! A cluster that goes on from where a real one is: its objects as it prints them, in the place of a rehearsal of how
//! they came to be. Plays nothing itself.

use super::controller;
use super::facts::ClusterFacts;
use super::object::{VOLUME, claim_ref};
use super::rehearse::{Apply, Cluster, Outcome, Rehearsal};
use super::store::{Key, put, take, text, uid};
use crate::api::live::note;
use crate::bundle::inventory::{Inventory, read_ahead};
use crate::bundle::{Bundle, Resource};
use crate::k8s::version::Version;
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that say how a cluster feels, not what it has: nodes are machines here, and endpoints are worked out.
const PASSING: [&str; 9] = [
    "Node",
    "Event",
    "Lease",
    "Endpoints",
    "EndpointSlice",
    "CSINode",
    "CSIStorageCapacity",
    "VolumeAttachment",
    "ComponentStatus",
];

/// A bundle that runs, and the cluster that it runs on.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// The objects of the cluster, as it prints them.
    pub objects: &'a Inventory,
    /// What was applied last: what of it comes no more is pruned.
    pub applied: &'a Bundle,
}

/// Goes on from a live cluster with one bundle: the cluster as it is, and what comes of the bundle.
#[must_use]
pub fn rehearse_on(
    running: Running<'_>,
    next: &Bundle,
    facts: &ClusterFacts,
    version: Version,
    namespace: &str,
) -> Rehearsal {
    let (mut cluster, now) = Cluster::resumed(running, &[next], facts, version, namespace);
    let then = cluster.run(&Apply::new(next));
    let not_known = cluster.not_known();
    let replicas = cluster.world.most_replicas;
    Rehearsal {
        namespace: namespace.to_owned(),
        steps: vec![now, then],
        not_known,
        replicas,
        pods_left_out: 0,
        untried: 0,
    }
}

impl Cluster {
    /// A cluster as it is, as far as it concerns what is applied to it next, and how it looks at rest.
    #[must_use]
    pub fn resumed(
        running: Running<'_>,
        next: &[&Bundle],
        facts: &ClusterFacts,
        version: Version,
        namespace: &str,
    ) -> (Self, Outcome) {
        let bundles = || next.iter().copied().chain([running.applied]);
        let resources = bundles().flat_map(|bundle| &bundle.resources);
        let stated = resources.map(|resource| Text::new(&resource.id.namespace));
        let concerned: BTreeSet<Text> = stated.filter(|name| !name.is_empty()).chain([namespace.into()]).collect();
        let mut cluster = Self::about(facts, version, namespace, &concerned);
        facts.residents.take_place(&mut cluster.world, &concerned);
        cluster.restore(running.objects, &concerned);
        for resource in bundles().flat_map(|bundle| &bundle.resources) {
            let key = cluster.key_of(resource);
            cluster.heed(&key);
        }
        cluster.previous = running.applied.resources.iter().map(|resource| cluster.key_of(resource)).collect();
        let now = cluster.rest();
        (cluster, now)
    }

    /// Takes in the objects of the namespaces that are concerned, oldest first, each with a uid of this cluster.
    fn restore(&mut self, objects: &Inventory, concerned: &BTreeSet<Text>) {
        let there = || {
            let places = concerned.iter().map(Text::as_str).chain([""]);
            let all = places.flat_map(|namespace| objects.within(namespace));
            all.filter(|object| !PASSING.contains(&object.id().kind.as_str()))
        };
        read_ahead(there());
        let mut all: Vec<&Resource> = there().map(|object| object.resource()).collect();
        let born = |resource: &Resource| text(&resource.node, &["metadata", "creationTimestamp"]).to_owned();
        all.sort_by_cached_key(|resource| {
            (born(resource), crate::bundle::kind_rank(&resource.id.kind), resource.id.clone())
        });
        let mut uids: BTreeMap<Text, Text> = BTreeMap::new();
        let mut time = String::new();
        let mut keys = Vec::with_capacity(all.len());
        for resource in all {
            if time != born(resource) {
                time = born(resource);
                self.world.store.tick();
            }
            let key = self.key_of(resource);
            let mut node = resource.node.clone();
            let last = note::take(&mut node);
            let generation = node.find(&["metadata", "generation"]).cloned();
            if !self.way().is_server() {
                take(&mut node, &["metadata", "managedFields"]);
            }
            // The server's own counters are no part of what a manifest is compared with.
            take(&mut node, &["metadata", "resourceVersion"]);
            let old = uid(&node);
            self.world.create(&key, node);
            if let Some(generation) = generation {
                self.world.store.set(&key, &["metadata", "generation"], Some(generation.data));
            }
            let now = self.world.store.get(&key).map(uid).unwrap_or_default();
            if let Some(last) = last {
                self.remember(now.clone(), last);
            }
            uids.insert(old, now);
            keys.push(key);
        }
        for key in keys {
            self.relate(&key, &uids);
        }
    }

    /// Has an object name its owner, or its claim, by the uids that they have here.
    fn relate(&mut self, key: &Key, uids: &BTreeMap<Text, Text>) {
        let Some(node) = self.world.store.get(key) else { return };
        let at = node.at;
        let owners = node.find(&["metadata", "ownerReferences"]).cloned();
        // Of an owner that nobody has shown it is not known whether it is gone.
        let renamed = owners.map(|owners| {
            let known = owners.items().filter_map(|owner| {
                let now = uids.get(text(owner, &["uid"]))?.clone();
                let mut owner = owner.clone();
                put(&mut owner, &["uid"], Node::text(now, at));
                Some(owner)
            });
            Data::List(known.collect())
        });
        let claim = claim_ref(node).and_then(|claim| uids.get(text(claim, &["uid"]))).cloned();
        if let Some(owners) = renamed {
            self.world.store.set(key, &["metadata", "ownerReferences"], Some(owners));
        }
        if let (VOLUME, Some(claim)) = (key.kind.as_str(), claim) {
            self.world.store.set(key, &["spec", "claimRef", "uid"], Some(Data::Text(claim)));
        }
    }

    /// Lets the controllers look at it once, and says how it is.
    fn rest(&mut self) -> Outcome {
        self.give_patience(0);
        let settled = controller::settle(&mut self.world);
        let before = self.identities();
        let from = self.world.journal.moves.len();
        self.outcome(Vec::new(), &before, from, settled)
    }
}
