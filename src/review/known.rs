//! What a review looks up again and again in two bundles and two states, each found once for all of it. Decides
//! nothing.

use super::moves::Move;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl::Done;
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::{ClaimState, VolumeState};
use crate::cluster::store::Key;
use crate::k8s::object::ObjectName;
use crate::value::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// What is compared.
#[derive(Clone, Copy)]
pub(super) struct Sides<'s> {
    /// What was committed.
    pub(super) committed: &'s Bundle,
    /// What comes.
    pub(super) fresh: &'s Bundle,
    /// What only has another name.
    pub(super) moves: &'s [Move],
    /// What runs pods and changes, as it is stored afterwards.
    pub(super) stored: &'s [Resource],
}

/// By what somebody names an object of some kind: the word of the field, the namespace, and the object's name.
type Named<'a> = (&'static str, &'a str, &'a str);

/// The first of each, by its name.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// Claims before.
    pub claims_before: BTreeMap<&'a ObjectName, &'a ClaimState>,
    /// Claims afterwards.
    pub claims_after: BTreeMap<&'a ObjectName, &'a ClaimState>,
    /// Volumes afterwards.
    pub volumes_after: BTreeMap<&'a str, &'a VolumeState>,
    /// What was done to each object.
    pub acts: BTreeMap<&'a Key, &'a Done>,
    /// Pods that were ready before.
    pub ready_before: BTreeSet<&'a ObjectName>,
    /// Pods that were not there before.
    pub created: BTreeSet<&'a ObjectName>,
    /// Pods that were made anew.
    pub replaced: BTreeSet<&'a ObjectName>,
    /// How many pods of each set were made anew.
    pub replaced_of: BTreeMap<ObjectName, usize>,
    /// The pods of each set that stay as they are.
    pub held_of: BTreeMap<ObjectName, Vec<&'a ObjectName>>,
    /// How many claims each namespace holds before.
    pub claims_in: BTreeMap<&'a str, usize>,
    /// What an object is called now.
    pub successors: BTreeMap<&'a ResourceId, &'a ResourceId>,
    /// The set, there before, that a Service governs: by namespace and name of the Service.
    pub governed: BTreeMap<(&'a str, &'a str), &'a Resource>,
    /// The classes that are committed.
    pub classes: BTreeSet<&'a str>,
    /// What runs pods, by its namespace.
    pub workloads_in: BTreeMap<&'a str, Vec<&'a Resource>>,
    /// NetworkPolicies by their namespace: before, and afterwards.
    pub policies_in: [BTreeMap<&'a str, Vec<&'a Resource>>; 2],
    users: BTreeMap<Named<'a>, &'a Resource>,
}

impl<'a> Known<'a> {
    /// Looks through everything once.
    #[must_use]
    pub(super) fn new(sides: Sides<'a>, before: &'a Outcome, after: &'a Outcome) -> Self {
        let Sides { committed, fresh, moves, stored } = sides;
        let mut known = Self::default();
        for claim in &before.state.claims {
            known.claims_before.entry(&claim.name).or_insert(claim);
            *known.claims_in.entry(&claim.name.namespace).or_default() += 1;
        }
        for claim in &after.state.claims {
            known.claims_after.entry(&claim.name).or_insert(claim);
        }
        for volume in &after.state.volumes {
            known.volumes_after.entry(&volume.name).or_insert(volume);
        }
        for act in &after.acts {
            known.acts.entry(&act.key).or_insert(act);
        }
        known.pods(before, after);
        for step in moves {
            known.successors.entry(&step.old).or_insert(&step.new);
        }
        for set in fresh.of_kind("StatefulSet").filter(|set| committed.get(&set.id).is_some()) {
            if let Some(service) = set.node.find(&["spec", "serviceName"]).and_then(Node::as_str) {
                known.governed.entry((&set.id.namespace, service)).or_insert(set);
            }
        }
        known.classes = committed.of_kind("StorageClass").map(|class| class.id.name.as_str()).collect();
        for (policies, bundle) in known.policies_in.iter_mut().zip([committed, fresh]) {
            for policy in bundle.of_kind("NetworkPolicy") {
                policies.entry(&policy.id.namespace).or_default().push(policy);
            }
        }
        for workload in
            fresh.resources.iter().filter(|one| matches!(&*one.id.kind, "StatefulSet" | "Deployment" | "DaemonSet"))
        {
            known.workloads_in.entry(&workload.id.namespace).or_default().push(workload);
        }
        for resource in fresh.resources.iter().chain(stored) {
            if let Some(pod) = resource.node.find(&["spec", "template", "spec"]) {
                known.gather(pod, resource);
            }
        }
        known
    }

    fn pods(&mut self, before: &'a Outcome, after: &'a Outcome) {
        let changes = &after.state.changes.pods;
        self.ready_before = before.state.pods.iter().filter(|pod| pod.ready).map(|pod| &pod.name).collect();
        self.created = changes.created.iter().collect();
        self.replaced = changes.replaced.iter().collect();
        for pod in &after.state.pods {
            let Some(set) = pod.set() else { continue };
            if self.replaced.contains(&pod.name) {
                *self.replaced_of.entry(set).or_default() += 1;
            } else if !self.created.contains(&pod.name) {
                self.held_of.entry(set).or_default().push(&pod.name);
            }
        }
    }

    /// Notes whom a pod names.
    fn gather(&mut self, node: &'a Node, user: &'a Resource) {
        match &node.data {
            Data::Map(map) => {
                for (key, value) in map.iter() {
                    let says = |inner: &str| value.get(inner).and_then(Node::as_str);
                    let named = match key.name.as_str() {
                        "serviceAccountName" | "serviceAccount" => {
                            [value.as_str().map(|name| ("serviceAccountName", name)), None]
                        }
                        "persistentVolumeClaim" => {
                            [says("claimName").map(|name| ("persistentVolumeClaim", name)), None]
                        }
                        key if key.starts_with("configMap") => [says("name").map(|name| ("configMap", name)), None],
                        key if key.starts_with("secret") => {
                            ["name", "secretName"].map(|field| says(field).map(|name| ("secret", name)))
                        }
                        _ => [None, None],
                    };
                    for (word, name) in named.into_iter().flatten() {
                        self.users.entry((word, &user.id.namespace, name)).or_insert(user);
                    }
                    self.gather(value, user);
                }
            }
            Data::List(items) => items.iter().for_each(|item| self.gather(item, user)),
            _ => {}
        }
    }

    /// The first workload whose pods name an object: by the word of the field.
    #[must_use]
    pub fn user(&self, field: &'static str, namespace: &'a str, name: &'a str) -> Option<&'a Resource> {
        self.users.get(&(field, namespace, name)).copied()
    }
}
