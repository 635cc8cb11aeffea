//! How to do what cannot just be applied: commands with the real names, in order, each with what to expect and what
//! shows it.

mod account;
mod barrier;
mod claims;
pub mod command;
mod disks;
pub mod files;
pub(crate) mod lookup;
mod migrate;
mod needs;
mod orphans;
mod recreate;
mod released;
mod removed;
mod rename;
mod scale;
pub mod step;
mod stuck;
mod swap;
mod volume;

use super::change::{Change, ChangeKind};
use super::orphans::Orphan;
use super::set::Set;
use super::setting::Setting;
use crate::api::change;
use crate::api::server_side::CONFLICT;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl::too_large;
use crate::cluster::rehearse::Outcome;
use crate::json::from_node;
use crate::value::Node;
use command::Command;
use lookup::Lookup;
use std::collections::BTreeSet;
use step::{Before, Expect, OfObject, Purpose, Runbook, Step};

/// What runbooks are made from: two bundles, what differs, and what the rehearsal of one after the other showed.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'m> {
    /// What was committed.
    pub committed: &'m Bundle,
    /// What comes.
    pub fresh: &'m Bundle,
    /// What differs.
    pub changes: &'m [Change],
    /// The objects that come or change and are not refused.
    pub ready: &'m BTreeSet<&'m ResourceId>,
    /// The cluster before.
    pub before: &'m Outcome,
    /// The cluster afterwards.
    pub after: &'m Outcome,
    /// What surrounds the change.
    pub setting: Setting<'m>,
    /// What is looked up in them.
    pub lookup: &'m Lookup<'m>,
}

/// A runbook while it is made: what applies manifests is not yet bound to files.
#[derive(Clone, Debug)]
struct Plan {
    purposes: Vec<Purpose>,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    Run(Step),
    /// Applies these manifests, in this order.
    Apply {
        ids: Vec<ResourceId>,
        expect: Vec<Expect>,
        check: Option<Command>,
    },
}

impl Plan {
    fn new(purpose: Purpose) -> Self {
        Self { purposes: vec![purpose], items: Vec::new() }
    }

    fn run(&mut self, command: Command, expect: impl Into<Expect>, check: impl Into<Option<Command>>) {
        let (expect, check) = (vec![expect.into()], check.into());
        self.items.push(Item::Run(Step { before: None, command, expect, check }));
    }

    /// A step before which a person has something to do.
    fn run_after(&mut self, before: Before, command: Command, expect: impl Into<Expect>) {
        self.items.push(Item::Run(Step { before: Some(before), command, expect: vec![expect.into()], check: None }));
    }

    /// Applies one manifest and no other: from its own text, where its file holds others too.
    fn apply_alone(
        &mut self,
        matter: Matter<'_>,
        resource: &Resource,
        expect: impl Into<Expect>,
        check: impl Into<Option<Command>>,
    ) {
        if matter.setting.files.is_shared(&resource.id) {
            let object = from_node(&resource.node);
            self.run(command::apply_text(&resource.id.namespace, &object), expect, check);
        } else {
            self.apply(vec![resource.id.clone()], expect, check);
        }
    }

    fn apply(&mut self, ids: Vec<ResourceId>, expect: impl Into<Expect>, check: impl Into<Option<Command>>) {
        self.items.push(Item::Apply { ids, expect: vec![expect.into()], check: check.into() });
    }
}

/// One runbook for each change that cannot just be applied.
#[must_use]
pub fn runbooks(matter: Matter<'_>) -> Vec<Runbook> {
    let renames = rename::renames(matter);
    let companions = rename::Companions::new(matter, &renames);
    let mut plans: Vec<Plan> = renames.iter().map(|rename| rename::plan(matter, *rename, &companions)).collect();
    let is_moved = |set: Set<'_>| renames.iter().any(|rename| rename.new.0.id == set.0.id);
    let moved: BTreeSet<&ResourceId> = renames.iter().flat_map(|rename| rename::volumes(matter, *rename)).collect();
    let (before, after) = (matter.committed.by_id(), matter.fresh.by_id());
    let mut remade = Vec::new();
    for change in
        matter.changes.iter().filter(|change| change.kind != ChangeKind::Removed && !moved.contains(&change.id))
    {
        let Some(new) = after.get(&change.id).copied() else { continue };
        if let Some(barrier) = &change.barrier {
            plans.push(barrier::plan(matter.setting, change, new, barrier));
            if !change.refusals.is_empty() {
                continue;
            }
        }
        if let Some(field) = set_by_the_server(new).filter(|_| !change.refusals.is_empty()) {
            plans.push(Plan::new(Purpose::ServerField(change.id.clone(), field)));
            continue;
        }
        if change.refusals.first().is_some_and(|refusal| refusal.kind == CONFLICT) {
            plans.push(taking_fields(matter, change, new));
            continue;
        }
        if !change.refusals.is_empty() && change.refusals.first() == too_large(&new.node).as_ref() {
            plans.push(on_the_server(matter, new));
            continue;
        }
        if !change.refusals.is_empty()
            && !change::refusals_of_new(
                matter.setting.facts.way(),
                &new.node,
                &matter.setting.facts.customs,
                matter.setting.version,
            )
            .is_empty()
        {
            plans.push(hopeless(change));
            continue;
        }
        let old = before.get(change.from.as_ref().unwrap_or(&change.id)).copied();
        match (&*change.id.kind, old) {
            ("PersistentVolume", Some(old)) if change.kind == ChangeKind::Renamed => {
                remade.extend(volume::is_renamed(old, new).then_some(volume::Remade { old, new }));
            }
            ("PersistentVolume", Some(old)) if !change.refusals.is_empty() => {
                remade.push(volume::Remade { old, new });
            }
            ("PersistentVolumeClaim", Some(old)) if change.kind == ChangeKind::Renamed => {
                plans.push(rename::claim(matter, old, new));
            }
            (_, _) if change.kind == ChangeKind::Renamed => {}
            ("StatefulSet", _) if is_moved(Set(new)) => {}
            ("StatefulSet", Some(old)) => plans.extend(stateful_set(matter, Set(old), Set(new), change)),
            (_, Some(old)) if !change.refusals.is_empty() => plans.push(recreate::plan(matter, old, new)),
            _ => {}
        }
    }
    plans.extend(volume::plans(matter, &remade));
    plans.extend(released::plan(matter, &renames));
    plans.extend(account::plans(matter));
    let gone =
        matter.changes.iter().filter(|change| change.kind == ChangeKind::Removed && change.id.kind == "StatefulSet");
    let gone = gone.filter_map(|change| matter.committed.get(&change.id)).map(Set);
    plans.extend(
        gone.filter(|set| !renames.iter().any(|rename| rename.old.0.id == set.0.id))
            .filter_map(|set| removed::plan(matter, set)),
    );
    disks::before(&mut plans, matter);
    together(plans, matter).into_iter().map(|plan| bound(plan, matter.setting)).collect()
}

/// How to let go of what nothing makes any more.
#[must_use]
pub(super) fn of_orphans(orphans: &[Orphan], setting: Setting<'_>) -> Vec<Runbook> {
    orphans.iter().map(|orphan| bound(orphans::plan(orphan), setting)).collect()
}

/// What must be there before an app is applied for the first time, and what stands in its way.
#[must_use]
pub fn of_new(fresh: &Bundle, changes: &[Change], setting: Setting<'_>) -> Vec<Runbook> {
    let disks = disks::of_new(fresh.of_kind("PersistentVolume"));
    let barred = changes
        .iter()
        .filter_map(|change| Some(barrier::plan(setting, change, fresh.get(&change.id)?, change.barrier.as_ref()?)));
    disks.into_iter().chain(barred).map(|plan| bound(plan, setting)).collect()
}

/// A field of a manifest that belongs to one stored object, and to no other.
fn set_by_the_server(resource: &Resource) -> Option<&'static str> {
    ["resourceVersion", "uid"].into_iter().find(|field| resource.node.find(&["metadata", field]).is_some())
}

/// What kubectl cannot keep a copy of is merged by the server instead.
fn on_the_server(matter: Matter<'_>, new: &Resource) -> Plan {
    let mut plan = Plan::new(Purpose::ServerSide(new.id.clone()));
    let force = if matter.committed.get(&new.id).is_some() { " --force-conflicts" } else { "" };
    let file = command::file(&matter.setting.files.of(&new.id));
    plan.run(Command::line(format!("kubectl apply --server-side{force} -f {file}")), OfObject::ServerSide, None);
    plan
}

/// Another manager has set fields to something else: one of the two must leave them to the other.
fn taking_fields(matter: Matter<'_>, change: &Change, new: &Resource) -> Plan {
    let fields = change.refusals.iter().map(|refusal| refusal.field.clone()).collect();
    let mut plan = Plan::new(Purpose::TakeFields(new.id.clone(), fields));
    let file = command::file(&matter.setting.files.of(&new.id));
    let line = format!("kubectl apply --server-side --force-conflicts -f {file}");
    plan.run(Command::line(line), OfObject::Taken, None);
    plan
}

/// What is refused even where nothing was before: no order of steps helps.
fn hopeless(change: &Change) -> Plan {
    let refusal = &change.refusals[0];
    Plan::new(Purpose::Hopeless(change.id.clone(), refusal.field.clone(), refusal.detail.clone()))
}

fn stateful_set(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, change: &Change) -> Option<Plan> {
    if change.refusals.is_empty() {
        return stuck::plan(matter, old, new, change).or_else(|| scale::plan(matter, old, new));
    }
    Some(swap::replaced(matter, old, new).unwrap_or_else(|| swap::plan(matter, old, new)))
}

impl<'m> Matter<'m> {
    /// The new manifests that a set needs or that go with it and can be applied as they are: what it refers to comes
    /// before it.
    fn companions(self, set: Set<'_>) -> Vec<ResourceId> {
        let candidates = self.lookup.candidates(set);
        let needed = candidates.into_iter().filter(|resource| needs::needs(set, resource, self.setting.namespace));
        needed.map(|resource| resource.id.clone()).collect()
    }

    /// The set's own manifest, behind what it needs.
    fn with_companions(self, set: Set<'_>) -> Vec<ResourceId> {
        self.companions(set).into_iter().chain([set.0.id.clone()]).collect()
    }

    /// The volume of a bundle that is reserved for a claim.
    fn volume(self, bundle: &'m Bundle, namespace: &str, claim: &str) -> Option<&'m Resource> {
        let namespace = if namespace.is_empty() { self.setting.namespace } else { namespace };
        let [committed, fresh] = &self.lookup.volumes;
        let volumes = if std::ptr::eq(bundle, self.committed) { committed } else { fresh };
        volumes.get(&(namespace, claim)).copied()
    }

    /// A StorageClass that the bundles or the cluster's facts describe.
    fn class(self, name: &str) -> Option<&'m Node> {
        self.lookup.classes.get(name).copied()
    }
}

/// Plans that apply one and the same file of many manifests become one: it can be applied only when all of them are
/// prepared.
fn together(plans: Vec<Plan>, matter: Matter<'_>) -> Vec<Plan> {
    let mut list: Vec<Plan> = Vec::new();
    for plan in plans {
        let place = shared_apply(&plan, matter);
        let partner = place.as_ref().and_then(|(file, _)| {
            list.iter().position(|other| shared_apply(other, matter).is_some_and(|(other, _)| other == *file))
        });
        match (partner, place) {
            (Some(partner), Some((_, at))) => {
                let other = &mut list[partner];
                let Some((_, apply)) = shared_apply(other, matter) else { continue };
                other.purposes.extend(plan.purposes);
                let mut items = plan.items;
                let after = items.split_off(at + 1);
                if let (Some(Item::Apply { ids, expect, .. }), Some(Item::Apply { ids: all, expect: said, .. })) =
                    (items.pop(), other.items.get_mut(apply))
                {
                    all.extend(ids);
                    said.extend(expect);
                }
                other.items.splice(apply..apply, items);
                other.items.extend(after);
            }
            _ => list.push(plan),
        }
    }
    list
}

/// The file of many manifests that a plan applies, and at which step, if that is its only one.
fn shared_apply(plan: &Plan, matter: Matter<'_>) -> Option<(String, usize)> {
    let mut places = plan.items.iter().enumerate().filter_map(|(at, item)| match item {
        Item::Apply { ids, .. } => {
            let last = ids.last()?;
            matter.setting.files.is_shared(last).then(|| (matter.setting.files.of(last).into_owned(), at))
        }
        Item::Run(_) => None,
    });
    places.next().filter(|_| places.next().is_none())
}

fn bound(plan: Plan, setting: Setting<'_>) -> Runbook {
    let steps = plan.items.into_iter().map(|item| match item {
        Item::Run(step) => step,
        Item::Apply { ids, expect, check } => Step { before: None, command: apply(setting, &ids), expect, check },
    });
    Runbook { purposes: plan.purposes, steps: steps.collect() }
}

/// The command that applies these manifests, each file once.
fn apply(setting: Setting<'_>, ids: &[ResourceId]) -> Command {
    let mut files: Vec<String> = Vec::new();
    for id in ids {
        let file = command::file(&setting.files.of(id));
        if !files.contains(&file) {
            files.push(file);
        }
    }
    Command::line(format!("kubectl apply -f {}", files.join(" -f ")))
}
