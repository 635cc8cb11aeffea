//! Two bundles object by object: what came, went, changed or has another name, and what the API server says to each.

use super::change::{Change, ChangeKind, Verdict};
use super::effect::Effect;
use super::fields;
use super::live::Ledgers;
use super::moves::Move;
use super::notes::{Otherwise, Taken};
use super::setting::Setting;
use crate::api::change::{self, Asked};
use crate::api::server_side::{self, Applier};
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl;
use crate::diagnostic::Refusal;
use crate::k8s::way::Way;
use crate::source::At;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What came of a comparison.
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    /// What runs pods and changes, as it is stored afterwards.
    pub(super) stored: Vec<Resource>,
    /// What would come out otherwise if it were applied in the other way.
    pub(super) otherwise: BTreeMap<Otherwise, Vec<ResourceId>>,
    /// What is taken from other managers.
    pub(super) taken: Vec<Taken>,
}

/// Compares two bundles, and asks the API server of that version what it says to each change. Objects are matched by
/// group, kind, namespace and name; lists by their keys. What the server would store alike is no difference.
pub(super) fn compare(old: &Bundle, new: &Bundle, moves: &[Move], ledgers: &Ledgers, setting: Setting<'_>) -> Compared {
    let (before, after) = (old.by_id(), new.by_id());
    let origins: BTreeMap<&ResourceId, &ResourceId> = moves.iter().rev().map(|step| (&step.new, &step.old)).collect();
    let moved: BTreeSet<&ResourceId> = moves.iter().map(|step| &step.old).collect();
    let (mut changes, mut stored, mut otherwise) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut taken = Vec::new();
    // What is written twice is in the end as its last one says.
    let is_last = |of: &BTreeMap<&ResourceId, &Resource>, resource: &Resource| {
        of.get(&resource.id).is_some_and(|last| std::ptr::eq(*last, resource))
    };
    for resource in new.resources.iter().filter(|resource| is_last(&after, resource)) {
        match before.get(&resource.id).copied() {
            None => {
                let earlier = origins.get(&resource.id).and_then(|old| before.get(old).copied());
                let added = added(resource, earlier, setting);
                note(&mut otherwise, resource, new_otherwise(&added.refusals, resource, setting));
                changes.push(added);
            }
            Some(before) if before.node != resource.node => {
                let mut asked = asked(before, resource, setting.facts.way(), setting);
                if let Some(ledger) = ledgers.get(&resource.id) {
                    taken.extend(conflicts(ledger, resource, &mut asked, setting));
                }
                note(&mut otherwise, resource, otherwise_than(&asked, before, resource, setting));
                changes.extend(changed(before, resource, asked, &mut stored));
            }
            Some(_) => {}
        }
    }
    let is_gone = |id: &ResourceId| !after.contains_key(id) && !moved.contains(id);
    let gone = old.resources.iter().filter(|resource| is_gone(&resource.id) && is_last(&before, resource));
    changes.extend(gone.map(|resource| removed(resource, setting.home)));
    Compared { changes, stored, otherwise, taken }
}

/// What an apply takes from other managers of an object; or, unless it may, why it is refused.
fn conflicts((live, applier): &(Node, Text), new: &Resource, asked: &mut Asked, setting: Setting<'_>) -> Vec<Taken> {
    let force = setting.facts.way() == Way::ServerForced;
    let applier = Applier { name: applier, force };
    let outcome = server_side::apply(None, live, &new.node, applier, &setting.facts.customs, setting.version);
    if !force {
        if !outcome.conflicts.is_empty() {
            asked.refusals = change::causes(outcome.applied.answer);
            asked.is_same = false;
            asked.is_idle = false;
            asked.stored = None;
        }
        return Vec::new();
    }
    let mut by_manager: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for conflict in outcome.conflicts {
        by_manager.entry(conflict.with).or_default().push(conflict.field);
    }
    let taken = |(manager, fields): (String, Vec<String>)| Taken {
        object: new.id.clone(),
        manager,
        fields: fields.into_iter().collect(),
    };
    by_manager.into_iter().map(taken).collect()
}

fn note(otherwise: &mut BTreeMap<Otherwise, Vec<ResourceId>>, resource: &Resource, how: Option<Otherwise>) {
    if let Some(how) = how {
        otherwise.entry(how).or_default().push(resource.id.clone());
    }
}

/// What the API server says to a new object that is applied so.
fn refusals_of_new(resource: &Resource, way: Way, setting: Setting<'_>) -> Vec<Refusal> {
    let mut refusals = change::refusals_of_new(way, &resource.node, &setting.facts.customs, setting.version);
    if refusals.is_empty() && way == Way::Client {
        refusals.extend(kubectl::too_large(&resource.node));
    }
    refusals
}

/// What it says to a change that is applied so.
fn asked(old: &Resource, new: &Resource, way: Way, setting: Setting<'_>) -> Asked {
    let mut asked = change::ask(way, &old.node, &new.node, &setting.facts.customs, setting.version);
    if asked.refusals.is_empty() && way == Way::Client && !asked.is_same {
        asked.refusals.extend(kubectl::too_large(&new.node));
    }
    asked
}

/// The way to compare with.
const fn other(way: Way) -> Way {
    match way {
        Way::Client => Way::ServerForced,
        Way::Server | Way::ServerForced => Way::Client,
    }
}

/// What the other way does with a new object, whose refusals by this one are known.
fn new_otherwise(here: &[Refusal], resource: &Resource, setting: Setting<'_>) -> Option<Otherwise> {
    let there = if !here.is_empty() {
        refusals_of_new(resource, other(setting.facts.way()), setting)
    } else if setting.facts.way() == Way::Client {
        // Once it has come to the rules, both are asked the same.
        let stopped = server_side::stopped(&resource.node, &setting.facts.customs, setting.version);
        stopped.map(change::causes).unwrap_or_default()
    } else {
        kubectl::too_large(&resource.node).into_iter().collect()
    };
    refused_otherwise(here, &there)
}

/// What the other way does with a change, of which this one made that.
fn otherwise_than(asked: &Asked, old: &Resource, new: &Resource, setting: Setting<'_>) -> Option<Otherwise> {
    let (way, customs) = (setting.facts.way(), &setting.facts.customs);
    let is_large = match way {
        Way::Client => asked.refusals.iter().any(|refusal| refusal.kind == "FieldValueTooLong"),
        Way::Server | Way::ServerForced => kubectl::too_large(&new.node).is_some(),
    };
    let is_alike = |before| change::is_alike(&old.node, &new.node, before, customs, setting.version);
    if !is_large && asked.before.as_ref().is_some_and(is_alike) {
        return None;
    }
    let there = self::asked(old, new, other(way), setting);
    let sent = |asked: &Asked| asked.stored.as_ref().map(|object| change::as_sent(object, setting.version));
    refused_otherwise(&asked.refusals, &there.refusals)
        .or_else(|| (asked.refusals.is_empty() && sent(asked) != sent(&there)).then_some(Otherwise::Stored))
}

fn refused_otherwise(here: &[Refusal], there: &[Refusal]) -> Option<Otherwise> {
    match (here, there) {
        ([], [first, ..]) => {
            Some(Otherwise::Refused { field: first.field.clone(), kind: first.kind, detail: first.detail.clone() })
        }
        ([_, ..], []) => Some(Otherwise::Taken),
        _ => None,
    }
}

/// An object that was not there before, at least not under this name.
pub(super) fn added(resource: &Resource, earlier: Option<&Resource>, setting: Setting<'_>) -> Change {
    let refusals = refusals_of_new(resource, setting.facts.way(), setting);
    let kind = if earlier.is_some() { ChangeKind::Renamed } else { ChangeKind::Added };
    let from = earlier.map(|resource| resource.id.clone());
    Change { from, refusals, ..bare(&resource.id, kind, resource.at(), earlier, Some(resource)) }
}

pub(super) fn removed(resource: &Resource, home: Option<At>) -> Change {
    bare(&resource.id, ChangeKind::Removed, home.unwrap_or(resource.at()), Some(resource), None)
}

fn changed(old: &Resource, new: &Resource, asked: Asked, stored: &mut Vec<Resource>) -> Option<Change> {
    let kept = asked.stored.filter(|node| node.find(&["spec", "template", "spec"]).is_some());
    stored.extend(kept.map(|node| Resource { node, ..new.clone() }));
    if asked.is_same {
        return None;
    }
    let mut change = bare(&new.id, ChangeKind::Changed, new.at(), Some(old), Some(new));
    // What is keyed stands in any order.
    if change.fields.is_empty() && asked.refusals.is_empty() {
        return None;
    }
    change.refusals = asked.refusals;
    if asked.is_idle {
        change.effects = vec![Effect::Kept];
        change.is_idle = true;
        change.verdict = Verdict::None;
    }
    Some(change)
}

/// A change as far as the texts show it.
pub(super) fn bare(
    id: &ResourceId,
    kind: ChangeKind,
    at: At,
    old: Option<&Resource>,
    new: Option<&Resource>,
) -> Change {
    let (old, new) = (old.map(|resource| &resource.node), new.map(|resource| &resource.node));
    let fields::Compared { before, after, fields } = fields::without_secrets(old, new);
    let at = fields.first().map_or(at, |field| field.at);
    let text = |node: Option<Node>| {
        let mut out = String::new();
        if let Some(node) = node {
            crate::yaml::write_yaml(&node, &mut out);
        }
        out
    };
    let verdict = if kind == ChangeKind::Added { Verdict::New } else { Verdict::InPlace };
    Change {
        id: id.clone(),
        from: None,
        kind,
        verdict,
        effects: Vec::new(),
        is_idle: false,
        needed_by: None,
        fields,
        texts: (text(before), text(after)),
        refusals: Vec::new(),
        barrier: None,
        at,
    }
}
