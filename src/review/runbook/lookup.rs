//! What runbooks look up in two bundles and two states, each found once for all of them. Decides nothing.

use crate::bundle::{Bundle, Resource, ResourceId, kind_rank};
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::Why;
use crate::k8s::object::ObjectName;
use crate::review::set::Set;
use crate::review::setting::Setting;
use crate::stateful_set::{claim_base, numbered};
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// The first of each, by what it is asked for.
#[derive(Debug)]
pub struct Lookup<'m> {
    /// The volume that is reserved for a claim, by namespace and name: in the committed bundle, and in the fresh one.
    pub volumes: [BTreeMap<(&'m str, &'m str), &'m Resource>; 2],
    /// Storage classes that the bundles or the facts describe.
    pub classes: BTreeMap<&'m str, &'m Node>,
    /// Pods that are not ready for a reason that is known: before, and afterwards.
    pub broken: [BTreeSet<&'m ObjectName>; 2],
    /// Manifests that come before sets, by what a set may need them for.
    needed: BTreeMap<Reason<'m>, Vec<(usize, &'m Resource)>>,
    /// The new manifests, by kind, namespace and name.
    fresh: BTreeSet<(&'m str, &'m str, &'m str)>,
    home: &'m str,
}

/// Why a set may need a manifest; each with the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason<'n> {
    /// It is named.
    Name(&'n str),
    /// A volume for claims that are called so, before their ordinal.
    Claims(&'n str),
    /// A Service that asks for this label first.
    Label(&'n str, &'n str),
}

impl<'m> Lookup<'m> {
    /// Looks through everything once. `ready` are the objects that are not refused.
    #[must_use]
    pub fn new(
        bundles: [&'m Bundle; 2],
        states: [&'m Outcome; 2],
        ready: &BTreeSet<&ResourceId>,
        setting: Setting<'m>,
    ) -> Self {
        let [committed, fresh] = bundles;
        let mut classes = BTreeMap::new();
        for class in fresh.of_kind("StorageClass").chain(committed.of_kind("StorageClass")) {
            classes.entry(&*class.id.name).or_insert(&class.node);
        }
        for class in setting.facts.classes.iter().flatten() {
            if let Some(name) = class.find(&["metadata", "name"]).and_then(Node::as_str) {
                classes.entry(name).or_insert(class);
            }
        }
        let mut lookup = Self {
            volumes: bundles.map(volumes),
            classes,
            broken: states.map(broken),
            needed: BTreeMap::new(),
            fresh: fresh.resources.iter().map(|Resource { id, .. }| (&*id.kind, &*id.namespace, &*id.name)).collect(),
            home: setting.namespace,
        };
        let before = |resource: &Resource| {
            kind_rank(&resource.id.kind) < kind_rank("StatefulSet") && ready.contains(&resource.id)
        };
        let all = fresh.resources.iter().enumerate().filter(|(_, resource)| before(resource));
        all.for_each(|(position, resource)| lookup.sort(position, resource));
        lookup
    }

    fn sort(&mut self, position: usize, resource: &'m Resource) {
        let reason = match &*resource.id.kind {
            "PersistentVolume" => {
                let claim = resource.node.find(&["spec", "claimRef", "name"]).and_then(Node::as_str);
                claim.and_then(numbered).map(|claim| Reason::Claims(claim.base))
            }
            "Service" => {
                let selector = resource.node.find(&["spec", "selector"]);
                let first = selector.into_iter().flat_map(Node::entries).next();
                first.and_then(|(key, value)| Some(Reason::Label(&key.name, value.as_str()?)))
            }
            _ => None,
        };
        let name = Reason::Name(&resource.id.name);
        for reason in reason.into_iter().chain([name]) {
            self.needed.entry(reason).or_default().push((position, resource));
        }
    }

    /// Whether an object of that kind, namespace and name is among the new manifests.
    #[must_use]
    pub fn brings(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.fresh.contains(&(kind, namespace, name))
    }

    /// The manifests that a set may need, in their order: all that it does need are among them.
    #[must_use]
    pub fn candidates(&self, set: Set<'_>) -> Vec<&'m Resource> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        names.insert(if set.0.id.namespace.is_empty() { self.home } else { &set.0.id.namespace });
        names
            .extend(set.templates().filter_map(|(_, template)| template.find(&["spec", "storageClassName"])?.as_str()));
        names.extend(set.says().word(&["spec", "serviceName"]));
        if let Some(pod) = set.0.node.find(&["spec", "template", "spec"]) {
            texts(pod, &mut names);
        }
        let claims: Vec<Text> = set.templates().map(|(template, _)| claim_base(template, set.name())).collect();
        let labels = set.0.node.find(&["spec", "template", "metadata", "labels"]).into_iter().flat_map(Node::entries);
        let labels = labels.filter_map(|(key, value)| Some(Reason::Label(&key.name, value.as_str()?)));
        let reasons =
            names.into_iter().map(Reason::Name).chain(claims.iter().map(|claim| Reason::Claims(claim))).chain(labels);
        let found = reasons.filter_map(|reason| self.needed.get(&reason)).flatten();
        let mut found: Vec<(usize, &Resource)> = found.copied().collect();
        found.sort_by_key(|(position, _)| *position);
        found.dedup_by_key(|(position, _)| *position);
        found.into_iter().map(|(_, resource)| resource).collect()
    }
}

/// All texts of a tree.
fn texts<'n>(node: &'n Node, out: &mut BTreeSet<&'n str>) {
    match &node.data {
        Data::Text(text) => drop(out.insert(text)),
        Data::List(items) => items.iter().for_each(|item| texts(item, out)),
        Data::Map(map) => map.iter().for_each(|(_, value)| texts(value, out)),
        _ => {}
    }
}

fn volumes(bundle: &Bundle) -> BTreeMap<(&str, &str), &Resource> {
    let mut volumes = BTreeMap::new();
    for volume in bundle.of_kind("PersistentVolume") {
        let part = |field| volume.node.find(&["spec", "claimRef", field]).and_then(Node::as_str).unwrap_or_default();
        volumes.entry((part("namespace"), part("name"))).or_insert(volume);
    }
    volumes
}

fn broken(outcome: &Outcome) -> BTreeSet<&ObjectName> {
    let open = |why: &Option<Why>| why.as_ref().is_some_and(Why::is_open);
    let waiting: BTreeSet<&ObjectName> =
        outcome.state.claims.iter().filter(|claim| open(&claim.why)).map(|claim| &claim.name).collect();
    let pods = outcome.state.pods.iter().filter(|pod| !pod.ready && !open(&pod.why));
    pods.filter(|pod| !pod.claim_names().any(|claim| waiting.contains(&claim))).map(|pod| &pod.name).collect()
}
