//! What each controller still has to look at: whatever changes calls on those whose decisions it bears on. Decides
//! nothing itself.

use super::mark::Mark;
use super::object::{CLAIM, Key, VOLUME, own_claims, text};
use super::store::{Store, Touch};
use crate::stateful_set::parent_and_ordinal;
use crate::value::Node;
use std::collections::BTreeSet;
use std::ops::Bound;

/// The work of each controller, in the order in which it is done. Too much on a list costs time and changes nothing; an
/// object is taken off once nothing but a change of something else could make a difference to it.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    /// Claims for the binder.
    pub claims: Queue,
    /// Volumes for the binder.
    pub volumes: Queue,
    /// Pods for their nodes.
    pub pods: Queue,
    /// Pods that are to be counted anew on their nodes.
    pub moved: BTreeSet<Key>,
    /// Pods that may have claims made for them.
    pub inline: Queue,
    /// Sets for their controller.
    pub sets: Queue,
    /// Objects that may have lost an owner.
    pub orphans: BTreeSet<Key>,
}

/// Objects to look at, by name.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    keys: BTreeSet<Key>,
}

impl Queue {
    /// Puts one on.
    pub fn add(&mut self, key: Key) {
        self.keys.insert(key);
    }

    /// Takes one off.
    pub fn done(&mut self, key: &Key) {
        self.keys.remove(key);
    }

    /// The next after one that was looked at; what comes on before that one is for the next time round.
    #[must_use]
    pub fn next(&self, after: Option<&Key>) -> Option<Key> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.keys.range((start, Bound::Unbounded)).next().cloned()
    }
}

impl Agenda {
    /// Calls on all that a change bears on.
    pub fn call(&mut self, touch: &Touch, store: &Store) {
        let Touch { key, gone } = touch;
        match key.kind.as_str() {
            "Pod" => {
                self.pods.add(key.clone());
                self.moved.insert(key.clone());
                if store.get(key).is_some_and(|pod| own_claims(pod).next().is_some()) {
                    self.inline.add(key.clone());
                }
                self.call_set(key, parent_and_ordinal(&key.name).map_or("", |(parent, _)| parent));
            }
            "StatefulSet" => self.sets.add(key.clone()),
            "ControllerRevision" => {
                self.call_set(key, key.name.rsplit_once('-').map_or("", |(parent, _)| parent));
                if store.marks(key).iter().any(|mark| matches!(mark, Mark::Loose(..))) {
                    self.call_all("StatefulSet", store);
                }
            }
            CLAIM => {
                self.claims.add(key.clone());
                if gone.is_some() {
                    let users = store.marked(Mark::Mounts(key.namespace.clone(), key.name.clone()), "Pod");
                    self.inline.keys.extend(users.map(|(pod, _)| pod.clone()));
                }
                let reserved = store.marked(Mark::Reserved(key.namespace.clone(), key.name.clone()), VOLUME);
                self.volumes.keys.extend(reserved.map(|(volume, _)| volume.clone()));
                self.sets.keys.extend(possible_sets(key).filter(|set| store.get(set).is_some()));
            }
            VOLUME => {
                self.volumes.add(key.clone());
                self.claims
                    .keys
                    .extend(store.marked(Mark::Wants(key.name.clone()), CLAIM).map(|(claim, _)| claim.clone()));
            }
            "StorageClass" => {
                self.call_all(CLAIM, store);
                self.call_all("StatefulSet", store);
            }
            "ServiceAccount"
            | "PriorityClass"
            | "RuntimeClass"
            | "ResourceQuota"
            | "LimitRange"
            | "Namespace"
            | "ValidatingAdmissionPolicy"
            | "ValidatingAdmissionPolicyBinding"
            | "MutatingAdmissionPolicy"
            | "MutatingAdmissionPolicyBinding" => {
                self.call_all("StatefulSet", store);
            }
            _ => {}
        }
        self.call_owners(key, store);
        if let Some(uid) = gone {
            self.orphans.extend(store.marked_with(Mark::OwnedBy(uid.clone())).map(|(key, _)| key.clone()));
        }
    }

    fn call_all(&mut self, kind: &str, store: &Store) {
        let queue = if kind == CLAIM { &mut self.claims } else { &mut self.sets };
        queue.keys.extend(store.keys(kind));
    }

    fn call_set(&mut self, about: &Key, name: &str) {
        self.sets.add(Key::new("StatefulSet", about.namespace.clone(), name));
    }

    /// The sets among an object's owners; and it itself, if one of them is gone.
    fn call_owners(&mut self, key: &Key, store: &Store) {
        let references = store.get(key).and_then(|node| node.find(&["metadata", "ownerReferences"]));
        for owner in references.into_iter().flat_map(Node::items) {
            if text(owner, &["kind"]) == "StatefulSet" {
                self.call_set(key, text(owner, &["name"]));
            }
            if !store.is_live(text(owner, &["uid"])) {
                self.orphans.insert(key.clone());
            }
        }
    }
}

/// The sets that a claim may be for, by its name: `<template>-<set>-<ordinal>`, and each of the three may hold hyphens.
pub(crate) fn possible_sets(claim: &Key) -> impl Iterator<Item = Key> {
    let head = claim.name.rsplit_once('-').map_or("", |(head, _)| head);
    head.match_indices('-').map(|(hyphen, _)| Key::new("StatefulSet", claim.namespace.clone(), &head[hyphen + 1..]))
}
