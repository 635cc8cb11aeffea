//! A PersistentVolume whose source, node or mode is another: the object is made anew, and so is the claim that it is
//! bound to.

use super::command::{all, await_pod, delete, get, get_field, named, patch, retain, wait_field, word};
use super::step::{OfClaim, OfObject, OfPod, OfVolume, Purpose};
use super::{Matter, Plan, claims, migrate, recreate, swap};
use crate::bundle::{Resource, ResourceId};
use crate::review::set::Set;
use crate::stateful_set::{Numbered, claim_base, numbered};
use crate::value::{Node, Text};
use std::collections::BTreeMap;

/// A volume that is made anew.
#[derive(Clone, Copy)]
pub(super) struct Remade<'m> {
    /// As it was.
    pub(super) old: &'m Resource,
    /// As it is.
    pub(super) new: &'m Resource,
}

/// Volumes that are made anew, those of one pod together: it is away once for all of them.
pub(super) fn plans<'m>(matter: Matter<'m>, list: &[Remade<'m>]) -> Vec<Plan> {
    let owners = Owners::new(matter);
    let mut pods: BTreeMap<(&ResourceId, i64), (Set<'m>, Vec<Remade<'m>>)> = BTreeMap::new();
    let mut plans = Vec::new();
    for remade in list {
        let (namespace, claim) = claim_of(remade.old);
        match owners.of(namespace, claim) {
            Some((set, ordinal)) => pods.entry((&set.0.id, ordinal)).or_insert((set, Vec::new())).1.push(*remade),
            None => plans.push(alone(matter, *remade)),
        }
    }
    plans.extend(pods.into_iter().map(|((_, ordinal), (set, list))| of_pod(matter, set, ordinal, &list)));
    plans
}

fn claim_of(volume: &Resource) -> (&str, &str) {
    let part = |field| volume.node.find(&["spec", "claimRef", field]).and_then(Node::as_str).unwrap_or_default();
    (part("namespace"), part("name"))
}

fn begin(plan: &mut Plan, Remade { old, .. }: Remade<'_>) {
    let name = named("pv", &old.id.name);
    if old
        .node
        .find(&["spec", "persistentVolumeReclaimPolicy"])
        .and_then(Node::as_str)
        .is_some_and(|policy| policy != "Retain")
    {
        plan.run(
            patch("", &name, &retain()),
            OfVolume::DataRetained,
            get_field("", &name, "{.spec.persistentVolumeReclaimPolicy}"),
        );
    }
}

fn purpose(list: &[Remade<'_>], pod: Option<&str>) -> Purpose {
    Purpose::Volumes {
        volumes: list.iter().map(|Remade { old, new }| (old.id.clone(), new.id.clone())).collect(),
        keep_disks: list.iter().all(|Remade { old, new }| source(&old.node) == source(&new.node)),
        pod: pod.map(str::to_owned),
    }
}

/// The steps for a volume that no pod of a set has.
fn alone(matter: Matter<'_>, remade: Remade<'_>) -> Plan {
    let Remade { old, new } = remade;
    let (name, (namespace, claim)) = (named("pv", &old.id.name), claim_of(old));
    let mut plan = Plan::new(purpose(&[remade], None));
    begin(&mut plan, remade);
    if claim.is_empty() {
        let claim = get_field("", &name, "{.spec.claimRef.namespace}/{.spec.claimRef.name}");
        plan.run(claim, OfVolume::Unclaimed, None);
        make(&mut plan, matter, old, new);
    } else {
        standalone(&mut plan, matter, (old, new), namespace, claim);
    }
    plan
}

/// The steps for all volumes of a pod.
fn of_pod(matter: Matter<'_>, set: Set<'_>, ordinal: i64, list: &[Remade<'_>]) -> Plan {
    let (namespace, pod) = (&*set.0.id.namespace, claims::pod(set, ordinal));
    let mut plan = Plan::new(purpose(list, Some(&pod)));
    list.iter().for_each(|remade| begin(&mut plan, *remade));
    swap::retain_claims(&mut plan, set);
    let claims: Vec<&str> = list.iter().map(|remade| claim_of(remade.old).1).collect();
    let several = claims.len() != 1;
    let shown = || get(namespace, &all("pvc", &claims));
    plan.run(delete(namespace, &all("pvc", &claims)).with("--wait=false"), OfClaim::Terminating { several }, None);
    let budget = swap::is_budgeted(matter, set);
    plan.run(
        delete(namespace, &named("pod", &pod)).with("--wait=false"),
        OfPod::WaitsForClaims { several, budget },
        shown(),
    );
    let volumes: Vec<String> = list.iter().map(|remade| word(&format!("pv/{}", remade.old.id.name))).collect();
    plan.run(
        wait_field("", "{.status.phase}", "Released", &volumes.join(" "), "5m"),
        OfVolume::Released { several },
        None,
    );
    list.iter().for_each(|remade| make(&mut plan, matter, remade.old, remade.new));
    let bound = list.iter().map(|remade| (claim_of(remade.old).1.to_owned(), remade.new.id.name.to_string()));
    let bound = OfPod::ReadyBound(pod.clone(), bound.collect());
    plan.run(await_pod(namespace, &pod), bound, shown());
    plan
}

/// Whether a volume has another name, while its claim keeps its own: bound to the old object, it never takes the new
/// one.
pub(super) fn is_renamed(old: &Resource, new: &Resource) -> bool {
    !claim_of(old).1.is_empty() && claim_of(old) == claim_of(new)
}

/// Deletes the object and makes it anew. From its own text, where its file would bring other changes with it.
fn make(plan: &mut Plan, matter: Matter<'_>, old: &Resource, new: &Resource) {
    plan.run(delete("", &named("pv", &old.id.name)), OfVolume::Deleted, None);
    plan.apply_alone(matter, new, OfObject::Created, get("", &named("pv", &new.id.name)));
}

/// A claim of its own: whoever mounts it is missing until it is back.
fn standalone(plan: &mut Plan, matter: Matter<'_>, (old, new): (&Resource, &Resource), namespace: &str, claim: &str) {
    let is_it = |resource: &&Resource| {
        resource.id.name == claim
            && (resource.id.namespace == namespace
                || resource.id.namespace.is_empty() && namespace == matter.setting.namespace)
    };
    let manifest = matter.fresh.of_kind("PersistentVolumeClaim").find(is_it);
    let namespace = manifest.map_or(namespace, |manifest| &manifest.id.namespace);
    let users = manifest.map(|manifest| recreate::users(matter.fresh, manifest)).unwrap_or_default();
    users.iter().for_each(|user| migrate::pause(plan, user));
    let pvc = named("pvc", claim);
    plan.run(delete(namespace, &pvc), OfClaim::DeletedUnmounted, get("", &named("pv", &old.id.name)));
    make(plan, matter, old, new);
    if let Some(manifest) = manifest {
        plan.apply(vec![manifest.id.clone()], OfClaim::CreatedBound, get(namespace, &pvc));
    }
    users.iter().for_each(|user| migrate::resume(plan, user));
}

/// The new sets, by what stands before the ordinal in the names of their claims.
struct Owners<'m> {
    sets: BTreeMap<(&'m str, Text), Set<'m>>,
}

impl<'m> Owners<'m> {
    fn new(matter: Matter<'m>) -> Self {
        let mut sets = BTreeMap::new();
        for set in matter.fresh.of_kind("StatefulSet").map(Set) {
            let namespace = if set.0.id.namespace.is_empty() { matter.setting.namespace } else { &set.0.id.namespace };
            for (template, _) in set.templates() {
                sets.entry((namespace, claim_base(template, set.name()))).or_insert(set);
            }
        }
        Self { sets }
    }

    /// The set and the ordinal that a claim belongs to.
    fn of(&self, namespace: &'m str, claim: &str) -> Option<(Set<'m>, i64)> {
        let Numbered { base, ordinal } = numbered(claim)?;
        let set = self.sets.get(&(namespace, base.into()))?;
        let ordinal = ordinal?;
        claims::ordinals(*set).contains(&ordinal).then_some((*set, ordinal))
    }
}

/// What is behind a volume, without how it is reached.
pub(super) fn source(volume: &Node) -> Vec<(String, Node)> {
    const OTHERS: [&str; 10] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
        "",
    ];
    let fields =
        volume.get("spec").into_iter().flat_map(Node::entries).filter(|(key, _)| !OTHERS.contains(&&*key.name));
    fields.map(|(key, node)| (key.name.to_string(), node.clone())).collect()
}
