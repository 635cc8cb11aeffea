//! What a bundle will not come to on a cluster though its API server takes it: pods that cannot be made, names that
//! nobody answers to, claims without a volume. Judges manifests, by themselves and by what a rehearsal on a fresh
//! cluster shows.

use super::home::{HOME, namespace};
use super::named::services_by_name;
use super::{named, overlap};
use crate::api::admission::Stage;
use crate::bundle::{Bundle, Resource};
use crate::cluster::binder;
use crate::cluster::controller::statefulset::replicas;
use crate::cluster::controller::unplayed;
use crate::cluster::facts::{CLUSTER_FACTS, ClusterFacts};
use crate::cluster::kubectl::{self, Act};
use crate::cluster::plugin;
use crate::cluster::rehearse::{Denied, Rehearsal, rehearse};
use crate::cluster::state::{ClaimPhase, ClaimState, PodState, State};
use crate::cluster::store::{Key, text};
use crate::cluster::world::Cause;
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::k8s::object::ObjectName;
use crate::source::{At, SourceId};
use crate::stateful_set::{Numbered, StatefulSet, claim_name, numbered, templates_and_sets};
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

macro_rules! codes {
    ($($name:ident $id:literal $word:literal $level:ident $doc:literal)*) => {
        $(#[doc = $doc]
        pub(crate) static $name: Code =
            Code { id: $id, name: $word, level: Level::$level, page: include_str!(concat!("pages/", $word, ".md")) };)*
        /// The codes of what a cluster makes of manifests.
        pub(crate) static CODES: &[&Code] = &[&CLUSTER_FACTS, $(&$name),*];
    };
}

codes! {
    REFERENCE "SW0308" "claim-reference-incomplete" Error "A volume reserved for a claim that is only half named."
    REFERENCE_UID "SW0309" "claim-reference-uid" Error "A volume that names a claim's uid."
    MISFIT "SW0310" "reserved-volume-misfit" Error "A volume reserved for a claim that it cannot serve."
    NOBODY "SW0311" "reserved-for-nobody" Warning "A volume reserved for a claim that nothing makes."
    TWICE "SW0312" "claim-reserved-twice" Warning "Two volumes reserved for one claim."
    UNBOUND "SW0313" "claim-will-not-bind" Warning "A claim that gets no volume."
    NO_PLACE "SW0314" "pod-without-place" Error "A pod that no known node can run."
    NOT_PLAYED "SW0315" "not-played" Note "More than is played."
    DENIED "SW0316" "admission-denied" Error "An object that the cluster's quotas, limits or policies do not let in."
}

/// Finds what will not come to be, as far as the manifests alone say it.
pub(crate) fn judge_written(bundle: &Bundle, found: &mut Diagnostics) {
    named::judge(bundle, found);
    overlap::judge(bundle, found);
    judge_reserved(bundle, &Claims::new(bundle), found);
}

/// Finds what will not come to be when this bundle is applied to a fresh cluster.
pub(crate) fn judge(bundle: &Bundle, facts: &ClusterFacts, found: &mut Diagnostics) {
    named::judge(bundle, found);
    overlap::judge(bundle, found);
    let claims = Claims::new(bundle);
    let (misfits, reserved) = judge_reserved(bundle, &claims, found);
    if is_settled(bundle, &claims, facts, &reserved)
        && !plugin::is_in(bundle)
        && facts.objects.is_empty()
        && facts.residents.is_empty()
    {
        return;
    }
    let rehearsal = rehearse(std::slice::from_ref(bundle), facts, facts.kubernetes.unwrap_or_default(), HOME);
    if !judge_extent(bundle, &rehearsal, found) {
        return;
    }
    judge_denied(bundle, &rehearsal, found);
    judge_claims(bundle, &claims, &rehearsal, &misfits, found);
    judge_places(&claims, &rehearsal, facts, found);
}

/// The same for the bundles of several folders, each by itself: what lies in one folder was written to work together. A
/// Service that some other folder has is not missing.
pub(crate) fn judge_folders<'a>(
    bundle: Bundle,
    facts: &ClusterFacts,
    folder: impl Fn(SourceId) -> &'a str,
    found: &mut Diagnostics,
) {
    let services = services_by_name(&bundle);
    // Where only one of both names its namespace, they may still be in the same.
    let may_meet = |set: &Resource, service: &Resource| {
        let (one, other) = (&set.id.namespace, &service.id.namespace);
        one == other || one.is_empty() || other.is_empty()
    };
    let elsewhere: BTreeSet<At> = bundle
        .of_kind("StatefulSet")
        .filter(|set| {
            let named = services.get(text(&set.node, &["spec", "serviceName"]));
            named.into_iter().flatten().any(|service| may_meet(set, service))
        })
        .map(|set| set.node.place_of("spec.serviceName"))
        .collect();
    let mut folders: BTreeMap<&str, Bundle> = BTreeMap::new();
    for resource in bundle.resources.into_iter().filter(|resource| CONCERNED.contains(&resource.id.kind.as_str())) {
        folders.entry(folder(resource.at().source)).or_default().resources.push(resource);
    }
    let folders: Vec<Bundle> = folders.into_values().collect();
    for (own, bundle) in crate::parallel::map_large(&folders, |bundle| {
        let mut own = Diagnostics::default();
        judge(bundle, facts, &mut own);
        own
    })
    .into_iter()
    .zip(&folders)
    {
        let has_services = bundle.of_kind("Service").next().is_some();
        let mut own = own;
        own.retain(|diagnostic| {
            let is_missing = diagnostic.code.id == named::SERVICE_MISSING.id;
            if is_missing && !has_services {
                diagnostic.level = Level::Note;
            }
            !(is_missing && elsewhere.contains(&diagnostic.labels[0].at))
        });
        found.extend(own);
    }
}

/// The kinds of which something can be said.
const CONCERNED: [&str; 22] = [
    "StatefulSet",
    "Deployment",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Service",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "Namespace",
    "Pod",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "RuntimeClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ConfigMap",
];

fn templates(set: &Resource) -> impl Iterator<Item = &Node> {
    set.node.find(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items)
}

// ---- volumes reserved for claims

/// A claim that the bundle makes, by itself or through a set.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    node: &'a Node,
    at: At,
}

/// A claim template of a set: the set, its place among the sets, and the template's number.
#[derive(Clone, Copy)]
struct Made<'a> {
    position: usize,
    set: &'a Resource,
    template: usize,
}

/// The claims that a bundle makes, looked up by name: they are not written down, because a set may make hundreds.
struct Claims<'a> {
    stated: BTreeMap<ObjectName, Wanted<'a>>,
    sets: BTreeMap<&'a str, Vec<(usize, &'a Resource)>>,
}

impl<'a> Claims<'a> {
    fn new(bundle: &'a Bundle) -> Self {
        let stated = bundle.of_kind(binder::CLAIM).map(|claim| {
            let name = ObjectName::new(namespace(claim), claim.id.name.clone());
            (name, Wanted { node: &claim.node, at: claim.at() })
        });
        let mut sets: BTreeMap<&str, Vec<(usize, &Resource)>> = BTreeMap::new();
        for (position, set) in bundle.of_kind("StatefulSet").enumerate() {
            sets.entry(&set.id.name).or_default().push((position, set));
        }
        Self { stated: stated.collect(), sets }
    }

    /// The set of that namespace and name.
    fn set(&self, place: &str, name: &str) -> Option<&'a Resource> {
        self.sets.get(name)?.iter().map(|(_, set)| *set).find(|set| namespace(set) == place)
    }

    /// The templates whose claims bear that name with some ordinal, each with the ordinal: in any namespace, first
    /// those of the first set.
    /// A claim is called `<template>-<set>-<ordinal>`, and each of the three may hold hyphens.
    fn makers(&self, claim: &str) -> Vec<(Made<'a>, i64)> {
        let Some(Numbered { base, ordinal }) = numbered(claim) else { return Vec::new() };
        // What is no ordinal as it is written belongs to no replica.
        let ordinal = ordinal.unwrap_or(-1);
        let mut makers = Vec::new();
        for (template, set) in templates_and_sets(base) {
            for (position, set) in self.sets.get(set).into_iter().flatten() {
                let of_name = templates(set).position(|one| text(one, &["metadata", "name"]) == template);
                makers.extend(of_name.map(|template| (Made { position: *position, set, template }, ordinal)));
            }
        }
        makers.sort_by_key(|(made, _)| (made.position, made.template));
        makers
    }

    /// The claim of that name, if the bundle makes it. A set's claims beyond its replicas are for later.
    fn get(&self, name: &ObjectName) -> Option<Wanted<'a>> {
        let made = || {
            let mut makers =
                self.makers(&name.name).into_iter().filter(|(made, _)| namespace(made.set) == name.namespace);
            let (made, _) = makers.find(|(made, ordinal)| ordinals(made.set).contains(ordinal))?;
            let template = templates(made.set).nth(made.template)?;
            Some(Wanted { node: template, at: template.place_of("metadata.name") })
        };
        self.stated.get(name).copied().or_else(made)
    }

    /// The namespace in which there is a claim of that name.
    fn namespace_of(&self, claim: &str) -> Option<&str> {
        let stated = self.stated.keys().find(|one| one.name == claim).map(|one| one.namespace.as_str());
        let made = self.makers(claim).into_iter().filter(|(made, ordinal)| ordinals(made.set).contains(ordinal));
        stated.into_iter().chain(made.map(|(made, _)| namespace(made.set))).min()
    }

    /// The names of the claims in a namespace.
    fn names(&self, place: &str) -> impl Iterator<Item = String> {
        let stated = self.stated.keys().filter(move |one| one.namespace == place).map(|one| one.name.to_string());
        let sets = self.sets.values().flatten().map(|(_, set)| *set).filter(move |set| namespace(set) == place);
        let made = sets.flat_map(|set| {
            let name = move |template: &Node, ordinal| {
                String::from(claim_name(text(template, &["metadata", "name"]), &set.id.name, ordinal))
            };
            templates(set).flat_map(move |template| ordinals(set).map(move |ordinal| name(template, ordinal)))
        });
        stated.chain(made)
    }

    fn is_empty(&self) -> bool {
        self.stated.is_empty()
            && self.sets.values().flatten().all(|(_, set)| templates(set).next().is_none() || ordinals(set).is_empty())
    }
}

/// The ordinals that a set has now.
fn ordinals(set: &Resource) -> Range<i64> {
    let first = set.node.find(&["spec", "ordinals", "start"]).and_then(Node::as_int).unwrap_or_default();
    first..first.saturating_add(replicas(&set.node))
}

/// Whether it is plain without a rehearsal that nothing can be said of claims and places: no node is known, and each
/// claim has a volume of its own or a class of which nobody knows more than the name. Such a claim takes a volume that
/// fits, or its class may make one: nobody can say that it will not bind.
fn is_settled(bundle: &Bundle, claims: &Claims<'_>, facts: &ClusterFacts, reserved: &BTreeSet<ObjectName>) -> bool {
    if facts.nodes.is_some() || facts.classes.is_some() {
        return false;
    }
    let known: BTreeSet<&str> = bundle.of_kind("StorageClass").map(|class| class.id.name.as_str()).collect();
    let is_open = |claim: &Node| {
        let class = binder::class_of(claim);
        !class.is_empty() && !known.contains(class) && text(claim, &["spec", "volumeName"]).is_empty()
    };
    let is_reserved = |place: &str, name: Text| reserved.contains(&ObjectName::new(place, name));
    claims.stated.iter().all(|(name, claim)| reserved.contains(name) || is_open(claim.node))
        && claims.sets.values().flatten().all(|(_, set)| {
            templates(set).all(|template| {
                let claim = |ordinal| claim_name(text(template, &["metadata", "name"]), &set.id.name, ordinal);
                is_open(template) || ordinals(set).all(|ordinal| is_reserved(namespace(set), claim(ordinal)))
            })
        })
}

/// Where claims and volumes name their class.
const CLASS: &[&str] = &["spec", "storageClassName"];

/// Looks at volumes that name a claim. Gives back the claims whose reserved volume cannot serve them, and those whose
/// volume can.
fn judge_reserved(
    bundle: &Bundle,
    wanted: &Claims<'_>,
    found: &mut Diagnostics,
) -> (BTreeSet<ObjectName>, BTreeSet<ObjectName>) {
    let (mut misfits, mut reserved) = (BTreeSet::new(), BTreeSet::new());
    let mut taken: BTreeMap<ObjectName, &Resource> = BTreeMap::new();
    for volume in bundle.of_kind(binder::VOLUME) {
        let Some(reference) = binder::claim_ref(&volume.node) else { continue };
        let name = ObjectName::new(text(reference, &["namespace"]), text(reference, &["name"]));
        if name.namespace.is_empty() || name.name.is_empty() {
            let what = if name.namespace.is_empty() { "namespace" } else { "name" };
            REFERENCE
                .report(format!(
                    "the claim's {what} is missing, so the volume is reserved for no claim, and no claim can bind to it"
                ))
                .help(format!("add the claim's {what}"))
                .about(volume.subject())
                .at(volume.node.place_of("spec.claimRef"), found);
            continue;
        }
        if !text(reference, &["uid"]).is_empty() {
            REFERENCE_UID
                .report(
                    "this uid belongs to one claim of one cluster: anywhere else the volume is Released, and \
                        its reclaim policy is applied",
                )
                .help("leave out `uid` and `resourceVersion`")
                .about(volume.subject())
                .at(volume.node.place_of("spec.claimRef.uid"), found);
            continue;
        }
        if let Some(first) = taken.get(&name) {
            TWICE
                .report(format!(
                    "two volumes are reserved for claim `{}`; either may be taken, the other is never used",
                    name.name
                ))
                .help("reserve one of them for another claim, or for none")
                .see(first.node.place_of("spec.claimRef"), "the other volume")
                .about(volume.subject())
                .at(volume.node.place_of("spec.claimRef"), found);
            continue;
        }
        match wanted.get(&name) {
            Some(claim) if judge_fit(volume, &name.name, &claim, found) => {
                let is_plain =
                    ["volumeName", "selector"].iter().all(|field| claim.node.find(&["spec", field]).is_none());
                if is_plain && text(&volume.node, CLASS) == text(claim.node, CLASS) {
                    reserved.insert(name.clone());
                }
            }
            Some(_) => {
                misfits.insert(name.clone());
            }
            None => judge_nobody(wanted, volume, &name, found),
        }
        taken.insert(name, volume);
    }
    (misfits, reserved)
}

/// Whether a volume can serve the claim that it is reserved for.
fn judge_fit(volume: &Resource, name: &str, claim: &Wanted<'_>, found: &mut Diagnostics) -> bool {
    let (capacity, requested) = (binder::capacity(&volume.node), binder::requested(claim.node));
    let (field, why) = if capacity < requested {
        ("spec.capacity.storage", format!("it holds {capacity} and the claim asks for {requested}"))
    } else if !binder::access_modes(claim.node).is_subset(&binder::access_modes(&volume.node)) {
        ("spec.accessModes", "it lacks an access mode that the claim asks for".to_owned())
    } else if binder::volume_mode(&volume.node) != binder::volume_mode(claim.node) {
        (
            "spec.volumeMode",
            format!(
                "it is of mode {} and the claim of mode {}",
                binder::volume_mode(&volume.node),
                binder::volume_mode(claim.node)
            ),
        )
    } else {
        return true;
    };
    MISFIT
        .report(format!("this volume is reserved for claim `{name}` but cannot serve it: {why}"))
        .help(
            "make the volume fit; otherwise the claim binds to another volume, gets a new empty one, or stays Pending",
        )
        .see(claim.at, "the claim is made here")
        .about(volume.subject())
        .at(volume.node.place_of(field), found);
    false
}

fn judge_nobody(wanted: &Claims<'_>, volume: &Resource, name: &ObjectName, found: &mut Diagnostics) {
    /// A name is compared with so many others, not with thousands.
    const MOST: usize = 500;

    let later = wanted.makers(&name.name).iter().any(|(made, _)| namespace(made.set) == name.namespace);
    if later || wanted.is_empty() {
        return;
    }
    let elsewhere = wanted.namespace_of(&name.name).map(|namespace| format!("in namespace `{namespace}` there is one"));
    let near = || {
        let mut names: Vec<String> = wanted.names(&name.namespace).take(MOST).collect();
        names.sort();
        nearest(&name.name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
    };
    let help = elsewhere
        .or_else(near)
        .unwrap_or_else(|| "a claim of a StatefulSet is named <template>-<set>-<ordinal>".to_owned());
    NOBODY
        .report(format!(
            "nothing here makes claim `{}` in namespace `{}`, for which this volume is reserved",
            name.name, name.namespace
        ))
        .help(help)
        .about(volume.subject())
        .at(volume.node.place_of("spec.claimRef"), found);
}

// ---- what a rehearsal shows

/// Says what was not played. Gives whether it was played to its end, so that something can be read off it.
fn judge_extent(bundle: &Bundle, rehearsal: &Rehearsal, found: &mut Diagnostics) -> bool {
    let whole = rehearsal.steps.iter().all(|outcome| outcome.settled);
    let mut sets = bundle.of_kind("StatefulSet");
    if let (false, Some(first)) = (whole, sets.next().or(bundle.resources.first())) {
        NOT_PLAYED
            .report(
                "the simulation of these manifests did not settle, so it is unknown whether claims bind and \
                    pods are scheduled",
            )
            .help("check each app in a folder of its own: so many objects together do not settle within the limit")
            .about(first.subject())
            .at(first.at(), found);
        return false;
    }
    let other = bundle.resources.iter().find(|resource| unplayed::is_one(&kubectl::key_of(resource)));
    if let Some(first) = other.filter(|_| rehearsal.untried > 0) {
        NOT_PLAYED
            .report(format!(
                "{} pods of Deployments and other workloads were not checked against quotas and policies",
                rehearsal.untried
            ))
            .help("check each app in a folder of its own")
            .about(first.subject())
            .at(first.at(), found);
    }
    for set in bundle.of_kind("StatefulSet") {
        let asked = StatefulSet(&set.node).replicas();
        let played = rehearsal.replicas;
        if asked > played {
            NOT_PLAYED
                .report(format!(
                    "only the first {played} of {asked} replicas were simulated: the others were not checked"
                ))
                .help("the others behave like the first if their volumes are alike")
                .about(set.subject())
                .at(set.node.place_of("spec.replicas"), found);
        }
    }
    true
}

fn judge_claims(
    bundle: &Bundle,
    all: &Claims<'_>,
    rehearsal: &Rehearsal,
    misfits: &BTreeSet<ObjectName>,
    found: &mut Diagnostics,
) {
    let Some(State { claims, pods, .. }) = rehearsal.steps.last().map(|outcome| &outcome.state) else { return };
    let mut stated: BTreeMap<(&str, &str), &Resource> = BTreeMap::new();
    for claim in bundle.of_kind(binder::CLAIM) {
        stated.entry((namespace(claim), &claim.id.name)).or_insert(claim);
    }
    let unserved = unserved(pods);
    let mut of_templates: BTreeMap<(&str, &str, usize), (Vec<&str>, String)> = BTreeMap::new();
    for claim in claims {
        let name = &claim.name;
        let Some(why) = reason(claim, &unserved).filter(|_| !misfits.contains(name)) else { continue };
        let mut makers = all.makers(&name.name).into_iter();
        if let Some((made, _)) = makers.find(|(made, _)| namespace(made.set) == name.namespace) {
            let entry = of_templates
                .entry((namespace(made.set), &made.set.id.name, made.template))
                .or_insert_with(|| (Vec::new(), why));
            entry.0.push(&name.name);
        } else if let Some(made) = stated.get(&(name.namespace.as_str(), name.name.as_str())) {
            UNBOUND
                .report(format!("this claim will not bind: {why}"))
                .help(HELP)
                .about(made.subject())
                .at(made.node.place_of("spec.storageClassName"), found);
        }
    }
    for ((place, set, template), (names, why)) in of_templates {
        let Some(made) = all.set(place, set) else { continue };
        let (claims, verb) = if names.len() == 1 { ("claim", "will") } else { ("claims", "will") };
        UNBOUND
            .report(format!("{claims} {} {verb} not bind: {why}", listing(names.iter().copied(), 5)))
            .help(HELP)
            .about(made.subject())
            .at(made.node.place_of(&format!("spec.volumeClaimTemplates[{template}].spec.storageClassName")), found);
    }
}

const HELP: &str = "add a volume that fits, or name a storage class that makes volumes";

/// Why a claim is left without a volume, where that is certain.
fn reason(claim: &ClaimState, unserved: &BTreeSet<ObjectName>) -> Option<String> {
    if claim.phase != ClaimPhase::Pending || claim.terminating {
        return None;
    }
    let why = claim.why.as_ref();
    let said = || why.and_then(|why| why.message.clone()).unwrap_or_default();
    match why.and_then(|why| why.reason.as_deref()) {
        None if claim.volume.is_some() => {
            Some(format!("there is no volume `{}`", claim.volume.clone().unwrap_or_default()))
        }
        Some("FailedBinding") if claim.volume.is_none() => {
            Some("no free volume fits, and it asks for none to be made".to_owned())
        }
        _ if why.is_some_and(|why| why.cause == Cause::NoClass) => Some(format!(
            "no free volume fits, and there is no storage class `{}` to make one",
            claim.class.clone().unwrap_or_default()
        )),
        Some("FailedBinding" | "VolumeMismatch" | "ProvisioningFailed") => Some(said()),
        Some("WaitForPodScheduled") => {
            unserved.contains(&claim.name).then(|| "no free volume fits, and its class makes none".to_owned())
        }
        _ => None,
    }
}

/// The claims of pods that wait for a volume that none makes.
fn unserved(pods: &[PodState]) -> BTreeSet<ObjectName> {
    let lacks = |pod: &&PodState| pod.why.as_ref().is_some_and(|why| why.cause == Cause::NoVolume);
    pods.iter().filter(lacks).flat_map(PodState::claim_names).collect()
}

/// What the server's plugins do not let in: objects that are applied, and the pods and claims of sets.
fn judge_denied(bundle: &Bundle, rehearsal: &Rehearsal, found: &mut Diagnostics) {
    let by_key = |key: &Key| bundle.resources.iter().find(|resource| kubectl::key_of(resource) == *key);
    for done in rehearsal.steps.iter().flat_map(|step| &step.acts) {
        let Act::Rejected(rejection) = &done.act else { continue };
        let Some(resource) = by_key(&done.key).filter(|_| rejection.stage == Stage::Admission) else { continue };
        DENIED
            .report(format!("the cluster does not admit {}: {}", resource.id, rejection.message))
            .help(DENIED_HELP)
            .about(resource.subject())
            .at(resource.at(), found);
    }
    for Denied { key, denial, here, asked } in rehearsal.steps.last().iter().flat_map(|step| &step.denied) {
        let Some(workload) = by_key(key) else { continue };
        // The pods of others have no names yet.
        let message = match key.kind.as_str() {
            "StatefulSet" => format!("{} does not get all its pods: {}", workload.id, denial.message),
            _ if *asked == 1 => format!("{} does not get its pod: {}", workload.id, denial.cause),
            _ => format!("{} gets {here} of its {asked} pods: {}", workload.id, denial.cause),
        };
        let template = if key.kind == "CronJob" { "spec.jobTemplate.spec.template" } else { "spec.template" };
        DENIED.report(message).help(DENIED_HELP).about(workload.subject()).at(workload.node.place_of(template), found);
    }
}

const DENIED_HELP: &str =
    "change what it asks for, or the quota, limit range, class or label of its namespace that stands in the way";

fn judge_places(all: &Claims<'_>, rehearsal: &Rehearsal, facts: &ClusterFacts, found: &mut Diagnostics) {
    let Some(State { pods, .. }) = rehearsal.steps.last().map(|outcome| &outcome.state) else { return };
    if facts.nodes.is_none() {
        return;
    }
    let mut said: BTreeSet<ObjectName> = BTreeSet::new();
    for pod in pods {
        let Some(why) = pod.why.as_ref().filter(|why| why.cause == Cause::Other) else { continue };
        let Some(reasons) = why.short.as_deref().or(why.message.as_deref()) else { continue };
        let Some(owner) = pod.set() else { continue };
        let Some(set) = all.set(&owner.namespace, &owner.name) else { continue };
        if said.insert(owner) {
            NO_PLACE
                .report(format!("pod `{}` finds no node to run on: {}", pod.name.name, reasons.trim_end_matches('.')))
                .help("change the pod's requests or constraints, or the nodes in the description of the cluster")
                .about(set.subject())
                .at(set.node.place_of("spec.template.spec"), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::bundle;
    use crate::source::Sources;
    use crate::yaml::read_one;

    /// The blocks of a page: what stands behind the fence's opening, and the text.
    fn blocks(page: &str) -> Vec<(&str, String)> {
        let mut blocks = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix("```yaml ") {
                let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                blocks.push((info, text.join("\n")));
            }
        }
        blocks
    }

    fn codes_of(manifests: &str, facts: &str) -> Vec<&'static str> {
        let mut sources = Sources::default();
        let mut found = Diagnostics::default();
        let id = sources.add("facts", facts);
        let facts =
            read_one(&sources, id, &mut found).map(|node| ClusterFacts::read(&node, &mut found)).unwrap_or_default();
        let bundle = bundle(&mut sources, manifests).unwrap();
        judge(&bundle, &facts, &mut found);
        found.iter().map(|diagnostic| diagnostic.code.id).collect()
    }

    #[test]
    fn pages_tell_bad_from_good() {
        for code in CODES {
            let blocks = blocks(code.page);
            let facts = blocks.iter().find(|(info, _)| *info == "facts").map_or("{}", |(_, text)| text);
            assert!(code.page.starts_with(&format!("# {}\n", code.name)), "{}", code.id);
            for (info, text) in &blocks {
                let (manifests, facts) =
                    if info.ends_with("-facts") { ("", text.as_str()) } else { (text.as_str(), facts) };
                let codes = codes_of(manifests, facts);
                match *info {
                    "bad" | "bad-facts" | "bad-there" => assert_eq!(codes, [code.id], "{}: {text}", code.name),
                    "good" | "good-facts" | "good-there" => {
                        assert!(codes.is_empty(), "{}: {codes:?}: {text}", code.name);
                    }
                    _ => {}
                }
            }
            assert!(blocks.iter().any(|(info, _)| info.starts_with("bad")), "{}", code.name);
        }
    }

    #[test]
    fn a_zone_is_known_by_each_of_its_labels() {
        let volume = "\
apiVersion: v1
kind: PersistentVolume
metadata: {name: v}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ''
  csi: {driver: pd.csi.storage.gke.io, volumeHandle: projects/p/zones/europe-west1-b/disks/d}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.gke.io/zone, operator: In, \
  values: [europe-west1-b]}]}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1'}]}}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {storageClassName: '', volumeName: v, accessModes: [ReadWriteOnce], resources: \
  {requests: {storage: 1Gi}}}}
";
        let on =
            |zone: &str, label: &str| codes_of(volume, &format!("nodes: [{{name: a, labels: {{{label}: {zone}}}}}]"));
        for label in ["topology.kubernetes.io/zone", "topology.gke.io/zone", "failure-domain.beta.kubernetes.io/zone"] {
            assert!(on("europe-west1-b", label).is_empty(), "{label}");
            assert_eq!(on("europe-west1-c", label), ["SW0314"], "{label}");
        }
    }
}
