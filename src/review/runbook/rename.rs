//! A StatefulSet or a claim template under another name or in another namespace: other claims, and the same data behind
//! them.

use super::claims::{self, What};
use super::command::{Command, all, await_set, delete, each, get, named, patch, volume_of, wait, word};
use super::needs::{mounted, references};
use super::step::{AllReady, OfClaim, OfObject, OfPod, OfSet, OfVolume, Purpose, Renaming};
use super::{Matter, Plan, migrate, recreate, scale, swap, volume};
use crate::bundle::{Resource, ResourceId, kind_rank};
use crate::cluster::object::requested;
use crate::review::change::{Change, ChangeKind};
use crate::review::disk::disk;
use crate::review::set::Set;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// One set under two names, or with claim templates under two names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rename<'m> {
    /// As it was called.
    pub(super) old: Set<'m>,
    /// As it is called.
    pub(super) new: Set<'m>,
}

/// A claim under two names, and where its volume is.
struct Pair<'m> {
    old: String,
    new: String,
    data: Data<'m>,
}

enum Data<'m> {
    /// On a volume that keeps its name, or has none in the manifests.
    Stays(Option<&'m Resource>),
    /// On a volume that is called otherwise, too.
    Renamed(&'m Resource, &'m Resource),
    /// The new volume names another disk.
    Elsewhere(&'m Resource, &'m Resource),
}

/// The sets that went and came under another name.
pub(super) fn renames(matter: Matter<'_>) -> Vec<Rename<'_>> {
    let is_set = |id: &ResourceId| id.kind == "StatefulSet";
    let named =
        matter.changes.iter().filter(|change| change.kind == ChangeKind::Renamed && is_set(&change.id)).filter_map(
            |change| {
                let old = matter.committed.get(change.from.as_ref()?)?;
                Some(Rename { old: Set(old), new: Set(matter.fresh.get(&change.id)?) })
            },
        );
    let mut list: Vec<Rename<'_>> = named.collect();
    if list.is_empty() {
        let gone: Vec<Set<'_>> = matter
            .committed
            .of_kind("StatefulSet")
            .filter(|set| matter.fresh.get(&set.id).is_none())
            .map(Set)
            .collect();
        let come: Vec<Set<'_>> = matter
            .fresh
            .of_kind("StatefulSet")
            .filter(|set| matter.committed.get(&set.id).is_none())
            .map(Set)
            .collect();
        if let ([old], [new]) = (&gone[..], &come[..]) {
            list.push(Rename { old: *old, new: *new });
        }
    }
    list.retain(|rename| !templates(*rename).is_empty());
    list
}

/// A set whose claim templates are called otherwise and are otherwise as they were.
pub(super) fn of_templates<'m>(old: Set<'m>, new: Set<'m>) -> Option<Rename<'m>> {
    let rename = Rename { old, new };
    templates(rename).iter().any(|(old, new)| old != new).then_some(rename)
}

/// The claim templates, by their old and new names.
fn templates(rename: Rename<'_>) -> Vec<(&str, &str)> {
    let edits = claims::edits(rename.old, rename.new);
    let mut pairs: Vec<(&str, &str)> = rename
        .old
        .templates()
        .map(|(name, _)| name)
        .filter(|name| rename.new.template(name).is_some())
        .map(|name| (name, name))
        .collect();
    let mut added: Vec<&claims::Edit<'_>> = edits.iter().filter(|edit| edit.what == What::Added).collect();
    for gone in edits.iter().filter(|edit| edit.what == What::Removed) {
        let same = |edit: &&claims::Edit<'_>| {
            claims::fixed_difference(gone.old, edit.new).is_none() && requested(gone.old) == requested(edit.new)
        };
        if let Some(at) = added.iter().position(same) {
            pairs.push((gone.template, added.remove(at).template));
        }
    }
    pairs
}

/// The volumes that a rename's steps take care of.
pub(super) fn volumes<'m>(matter: Matter<'m>, rename: Rename<'m>) -> Vec<&'m ResourceId> {
    let of = |data: Data<'m>| match data {
        Data::Stays(volume) => volume,
        Data::Renamed(_, new) | Data::Elsewhere(_, new) => Some(new),
    };
    pairs(matter, rename).into_iter().filter_map(|pair| of(pair.data)).map(|volume| &volume.id).collect()
}

fn pairs<'m>(matter: Matter<'m>, rename: Rename<'m>) -> Vec<Pair<'m>> {
    let Rename { old, new } = rename;
    let mut list = Vec::new();
    for (before, after) in claims::ordinals(old).zip(claims::ordinals(new)) {
        for (template, renamed) in templates(rename) {
            let (old_claim, new_claim) = (old.claim(template, before), new.claim(renamed, after));
            // A claim that keeps its name keeps its volume, and nothing is to be done for it.
            if old_claim == new_claim && old.0.id.namespace == new.0.id.namespace {
                continue;
            }
            let data = data(matter, (&old.0.id.namespace, &old_claim), (&new.0.id.namespace, &new_claim));
            list.push(Pair { old: old_claim, new: new_claim, data });
        }
    }
    list
}

/// Where the data of a claim is, that has another name afterwards. Each claim comes with its namespace.
fn data<'m>(matter: Matter<'m>, old: (&str, &str), new: (&str, &str)) -> Data<'m> {
    match (matter.volume(matter.committed, old.0, old.1), matter.volume(matter.fresh, new.0, new.1)) {
        (Some(earlier), Some(later)) if volume::source(&earlier.node) != volume::source(&later.node) => {
            Data::Elsewhere(earlier, later)
        }
        (Some(earlier), Some(later)) if earlier.id != later.id => Data::Renamed(earlier, later),
        (earlier, later) => Data::Stays(later.or(earlier)),
    }
}

/// The steps for a claim of its own under another name.
pub(super) fn claim(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let (from, to) = (&old.id.namespace, &new.id.namespace);
    let what = Renaming::Claim(old.id.clone(), new.id.clone());
    let data = data(matter, (from, &old.id.name), (to, &new.id.name));
    if let Data::Elsewhere(earlier, later) = data {
        return elsewhere(what, earlier, later);
    }
    let pair = Pair { old: old.id.name.to_string(), new: new.id.name.to_string(), data };
    let mut plan = Plan::new(Purpose::Rename(what));
    keep(&mut plan, from, std::slice::from_ref(&pair));
    for user in recreate::users(matter.committed, old) {
        migrate::pause(&mut plan, user);
    }
    hand_over(&mut plan, (from, to), matter, &pair);
    plan.run(delete(from, &named("pvc", &pair.old)), OfClaim::OldDeleted, get("", "pv"));
    if let Data::Renamed(earlier, later) = pair.data {
        plan.run(delete("", &named("pv", &earlier.id.name)), OfVolume::OldDeleted, None);
        plan.apply_alone(matter, later, OfObject::Created, None);
    }
    let users = recreate::users(matter.fresh, new);
    let mut ids = vec![new.id.clone()];
    ids.extend(users.iter().map(|user| user.id.clone()));
    plan.apply(ids, OfClaim::BoundAtOnce, get(to, &named("pvc", &pair.new)));
    users.into_iter().for_each(|user| migrate::resume(&mut plan, user));
    plan
}

fn elsewhere(what: Renaming, earlier: &Resource, later: &Resource) -> Plan {
    Plan::new(Purpose::RenameElsewhere(what, later.id.clone(), disk(later), disk(earlier)))
}

/// The steps: end the old pods in order, hand each volume to its new claim, and only then make the new set.
pub(super) fn plan<'m>(matter: Matter<'m>, rename: Rename<'m>, companions: &Companions<'m>) -> Plan {
    let Rename { old, new } = rename;
    let pairs = pairs(matter, rename);
    let (from, to) = (&old.0.id.namespace, &new.0.id.namespace);
    let what = if old.0.id == new.0.id {
        Renaming::Templates(new.0.id.clone())
    } else {
        Renaming::Set(old.0.id.clone(), new.0.id.clone())
    };
    if let Some((earlier, later)) = pairs.iter().find_map(|pair| match pair.data {
        Data::Elsewhere(earlier, later) => Some((earlier, later)),
        _ => None,
    }) {
        return elsewhere(what, earlier, later);
    }
    let mut plan = Plan::new(Purpose::Rename(what));
    let companions = companions.of(rename);
    surroundings(&mut plan, matter, rename, companions);
    swap::counted(&mut plan, old);
    claims::prepare(&mut plan, matter, old, &claims::edits(old, new));
    swap::retain_claims(&mut plan, old);
    keep(&mut plan, from, &pairs);
    scale::to_nothing(&mut plan, old);
    if old.replicas() > 0 {
        let pods: Vec<String> =
            claims::ordinals(old).map(|ordinal| word(&format!("pod/{}", claims::pod(old, ordinal)))).collect();
        plan.run(wait(from, "delete", &pods.join(" "), "30m"), OfPod::NoWriter, None);
    }
    for pair in &pairs {
        hand_over(&mut plan, (from, to), matter, pair);
    }
    let claims: Vec<String> = pairs.iter().map(|pair| pair.old.clone()).collect();
    if !claims.is_empty() {
        plan.run(delete(from, &all("pvc", &claims)), OfClaim::OldDeletedAll, get("", "pv"));
    }
    let renamed: Vec<String> = pairs
        .iter()
        .filter_map(|pair| match pair.data {
            Data::Renamed(earlier, _) => Some(earlier.id.name.to_string()),
            _ => None,
        })
        .collect();
    if !renamed.is_empty() {
        plan.run(delete("", &all("pv", &renamed)), OfVolume::OldDeletedAll, None);
    }
    plan.run(delete(from, &named("statefulset", old.name())), OfSet::OldDeleted, None);
    let mut ids = matter.companions(new);
    let others =
        volumes(matter, rename).into_iter().chain(companions.iter().map(|change| &change.id)).chain([&new.0.id]);
    let mut known: BTreeSet<ResourceId> = ids.iter().cloned().collect();
    for id in others.filter(|id| matter.fresh.get(id).is_some()) {
        if known.insert(id.clone()) {
            ids.push(id.clone());
        }
    }
    ids.sort_by_key(|id| turn(&id.kind));
    plan.apply(ids, OfSet::CreatedBound, None);
    let made: Vec<String> = pairs.iter().map(|pair| pair.new.clone()).collect();
    let retained = pairs.iter().any(|pair| matches!(pair.data, Data::Stays(None)));
    plan.run(await_set(new), AllReady::WithTheirData { retained }, get(to, &all("pvc", &made)));
    leftovers(&mut plan, new, companions);
    plan
}

/// The volumes of all pairs are kept, by their names where these are known.
fn keep(plan: &mut Plan, namespace: &str, pairs: &[Pair<'_>]) {
    let known = |pair: &Pair<'_>| match pair.data {
        Data::Stays(volume) => volume.map(|volume| volume.id.name.to_string()),
        Data::Renamed(earlier, _) | Data::Elsewhere(earlier, _) => Some(earlier.id.name.to_string()),
    };
    let volumes: Vec<String> = pairs.iter().filter_map(known).collect();
    let claims: Vec<String> = pairs.iter().filter(|pair| known(pair).is_none()).map(|pair| pair.old.clone()).collect();
    migrate::keep(plan, namespace, &volumes, &claims);
}

/// Reserves a volume for the claim's new name.
fn hand_over(plan: &mut Plan, (from, to): (&str, &str), matter: Matter<'_>, pair: &Pair<'_>) {
    let Data::Stays(known) = pair.data else { return };
    let volume =
        known.map_or_else(|| format!("pv {}", volume_of(from, &pair.old)), |volume| named("pv", &volume.id.name));
    let mut claim = json!({"name": pair.new, "uid": null, "resourceVersion": null});
    if from != to {
        claim["namespace"] = json!(if to.is_empty() { matter.setting.namespace } else { to });
    }
    plan.run(
        patch("", &volume, &json!({"spec": {"claimRef": claim}})),
        OfVolume::Reserved(called(to, &pair.new), called(from, &pair.old)),
        None,
    );
}

fn called(namespace: &str, claim: &str) -> String {
    if namespace.is_empty() { claim.to_owned() } else { format!("{namespace}/{claim}") }
}

/// When an object is applied: rights and rules before the pods that they are for, what acts on pods after them.
fn turn(kind: &str) -> u8 {
    const AFTER: [&str; 8] = [
        "Deployment",
        "DaemonSet",
        "ReplicaSet",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "Ingress",
    ];
    let (rank, set) = (kind_rank(kind), kind_rank("StatefulSet"));
    if AFTER.contains(&kind) || rank == set { rank.max(set) } else { rank.min(set - 1) }
}

/// Kinds that hold data, or all objects of a kind or a namespace: each has steps of its own, or none.
const OF_THEIR_OWN: [&str; 6] = [
    "StatefulSet",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Namespace",
    "CustomResourceDefinition",
    "StorageClass",
];

/// Kinds that run pods.
const RUNS_PODS: [&str; 6] = ["Deployment", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];

/// What comes with each set that has another name, by the set: Services, budgets, rights, policies, whatever they are.
#[derive(Debug, Default)]
pub(super) struct Companions<'m>(BTreeMap<&'m ResourceId, Vec<&'m Change>>);

impl<'m> Companions<'m> {
    /// Gives each object that comes to the set that it is called after, else to the first.
    pub(super) fn new(matter: Matter<'m>, renames: &[Rename<'m>]) -> Self {
        let mut companions = Self::default();
        let Some(first) = renames.first() else { return companions };
        let sets: BTreeMap<(&str, &str), &ResourceId> =
            renames.iter().map(|rename| ((&*rename.new.0.id.namespace, rename.new.name()), &rename.new.0.id)).collect();
        let moved_claims = matter
            .changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Renamed && change.id.kind == "PersistentVolumeClaim");
        let moved_claims: BTreeSet<&str> = moved_claims.map(|change| &*change.id.name).collect();
        for change in matter.changes {
            let id = &change.id;
            let comes = match change.kind {
                ChangeKind::Added | ChangeKind::Renamed => true,
                ChangeKind::Changed => !RUNS_PODS.contains(&&*id.kind),
                // Whoever still used it was told by now.
                ChangeKind::Removed => id.namespace == first.old.0.id.namespace && !RUNS_PODS.contains(&&*id.kind),
            };
            let is_free = change.kind == ChangeKind::Removed || matter.ready.contains(id);
            if !comes || !is_free || OF_THEIR_OWN.contains(&&*id.kind) {
                continue;
            }
            // A claim that gets another name brings those who mount it with it.
            if matter.fresh.get(id).is_some_and(|resource| mounted(resource).any(|claim| moved_claims.contains(claim)))
            {
                continue;
            }
            let ends = id.name.match_indices('-').map(|(end, _)| end).chain([id.name.len()]);
            let called = ends.rev().find_map(|end| sets.get(&(&*id.namespace, &id.name[..end])));
            companions.0.entry(called.copied().unwrap_or(&first.new.0.id)).or_default().push(change);
        }
        companions
    }

    /// What comes with a set. Nothing where the set keeps its name: all else is applied as ever.
    fn of(&self, rename: Rename<'_>) -> &[&'m Change] {
        if rename.old.0.id == rename.new.0.id { &[] } else { self.0.get(&rename.new.0.id).map_or(&[], Vec::as_slice) }
    }
}

/// What must be there before anything is stopped: the namespace, and what manifests name in it and do not bring along.
fn surroundings(plan: &mut Plan, matter: Matter<'_>, Rename { old, new }: Rename<'_>, companions: &[&Change]) {
    let (from, to) = (&*old.0.id.namespace, &*new.0.id.namespace);
    let home = if to.is_empty() { matter.setting.namespace } else { to };
    let is_other = from != to;
    if is_other && !matter.lookup.brings("Namespace", "", home) {
        let name = named("namespace", home);
        let (there, made) = (get("", &name), format!("kubectl create {name}"));
        plan.run(Command::line(format!("{there} || {made}")), OfObject::Namespace(home.to_owned()), None);
    }
    let known = if is_other { BTreeSet::new() } else { references(old.0) };
    let coming = companions.iter().filter_map(|change| matter.fresh.get(&change.id)).chain([new.0]);
    let needed: BTreeSet<(&str, &str)> =
        coming.flat_map(references).filter(|reference| !known.contains(reference)).collect();
    let missing = needed.into_iter().filter(|(kind, name)| !matter.lookup.brings(kind, to, name));
    let missing: Vec<String> = missing.map(|(kind, name)| word(&format!("{}/{name}", kind.to_lowercase()))).collect();
    if !missing.is_empty() {
        plan.run(get(to, &missing.join(" ")), OfObject::References(home.to_owned()), None);
    }
}

/// What the old name still has.
fn leftovers(plan: &mut Plan, new: Set<'_>, companions: &[&Change]) {
    let mut gone: BTreeMap<&str, Vec<&ResourceId>> = BTreeMap::new();
    for change in companions {
        let id = if change.kind == ChangeKind::Removed { Some(&change.id) } else { change.from.as_ref() };
        if let Some(id) = id {
            gone.entry(&id.namespace).or_default().push(id);
        }
    }
    for (namespace, ids) in gone {
        let objects: Vec<String> = ids.iter().map(|id| format!("{}/{}", kind_word(id), id.name)).collect();
        plan.run(delete(namespace, &each(&objects)), OfObject::Pruned(new.name().to_owned()), None);
    }
}

/// A kind as kubectl takes it: with its group where other groups may have a kind of that name.
fn kind_word(id: &ResourceId) -> String {
    let kind = id.kind.to_lowercase();
    let is_built_in = !id.group.contains('.') || id.group.ends_with(".k8s.io");
    if is_built_in { kind } else { format!("{kind}.{}", id.group) }
}
