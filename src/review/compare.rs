//! Two bundles object by object: what came, went, changed or has another name, and what the API server says to each.

use super::change::{Change, ChangeKind, Verdict};
use super::effect::Effect;
use super::fields;
use super::moves::Move;
use super::setting::Setting;
use crate::api::change;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl;
use crate::source::At;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What came of a comparison.
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    /// What runs pods and changes, as it is stored afterwards.
    pub(super) stored: Vec<Resource>,
}

/// Compares two bundles, and asks the API server of that version what it says to each change. Objects are matched by
/// group, kind, namespace and name; lists by their keys. What the server would store alike is no difference.
pub(super) fn compare(old: &Bundle, new: &Bundle, moves: &[Move], setting: Setting<'_>) -> Compared {
    let (before, after) = (old.by_id(), new.by_id());
    let origins: BTreeMap<&ResourceId, &ResourceId> = moves.iter().rev().map(|step| (&step.new, &step.old)).collect();
    let moved: BTreeSet<&ResourceId> = moves.iter().map(|step| &step.old).collect();
    let (mut changes, mut stored) = (Vec::new(), Vec::new());
    // What is written twice is in the end as its last one says.
    let is_last = |of: &BTreeMap<&ResourceId, &Resource>, resource: &Resource| {
        of.get(&resource.id).is_some_and(|last| std::ptr::eq(*last, resource))
    };
    for resource in new.resources.iter().filter(|resource| is_last(&after, resource)) {
        match before.get(&resource.id).copied() {
            None => {
                let earlier = origins.get(&resource.id).and_then(|old| before.get(old).copied());
                changes.push(added(resource, earlier, setting));
            }
            Some(before) if before.node != resource.node => {
                changes.extend(changed(before, resource, setting, &mut stored));
            }
            Some(_) => {}
        }
    }
    let is_gone = |id: &ResourceId| !after.contains_key(id) && !moved.contains(id);
    let gone = old.resources.iter().filter(|resource| is_gone(&resource.id) && is_last(&before, resource));
    changes.extend(gone.map(|resource| removed(resource, setting.home)));
    Compared { changes, stored }
}

/// An object that was not there before, at least not under this name.
fn added(resource: &Resource, earlier: Option<&Resource>, setting: Setting<'_>) -> Change {
    let mut refusals = change::refusals_of_new(&resource.node, &setting.facts.customs, setting.version);
    if refusals.is_empty() {
        refusals.extend(kubectl::too_large(&resource.node));
    }
    let kind = if earlier.is_some() { ChangeKind::Renamed } else { ChangeKind::Added };
    let from = earlier.map(|resource| resource.id.clone());
    Change { from, refusals, ..bare(&resource.id, kind, resource.at(), earlier, Some(resource)) }
}

fn removed(resource: &Resource, home: Option<At>) -> Change {
    bare(&resource.id, ChangeKind::Removed, home.unwrap_or(resource.at()), Some(resource), None)
}

fn changed(old: &Resource, new: &Resource, setting: Setting<'_>, stored: &mut Vec<Resource>) -> Option<Change> {
    let asked = change::ask(&old.node, &new.node, &setting.facts.customs, setting.version);
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
    if change.refusals.is_empty() {
        change.refusals.extend(kubectl::too_large(&new.node));
    }
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
