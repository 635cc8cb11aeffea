//! Two bundles that are meant to be alike, two environments of one app: what differs between them. Judges nothing.

use super::change::ChangeKind;
use super::compare::bare;
use super::effect::Effect;
use super::reviewed::Review;
use super::verdict::{Decision, Judgement, Verdict};
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What an environment is called, where its objects live, and what they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'s> {
    /// `prod`.
    pub name: &'s str,
    /// Its namespace.
    pub namespace: &'s str,
    /// Its objects.
    pub bundle: &'s Bundle,
}

/// Compares two environments. Their namespaces are no difference, and neither is what is called after them.
#[must_use]
pub(crate) fn parity(title: String, old: Side<'_>, new: Side<'_>) -> Review {
    let before: BTreeMap<_, _> = old.bundle.resources.iter().map(|resource| (name(resource, old), resource)).collect();
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for resource in &new.bundle.resources {
        let name = name(resource, new);
        match before.get(&name) {
            None => changes.push(bare(&resource.id, ChangeKind::Added, resource.at(), None, Some(resource))),
            Some(other) => {
                let (one, two) = (neutral(other, old), neutral(resource, new));
                if one.node != two.node {
                    changes.push(bare(&two.id, ChangeKind::Changed, resource.at(), Some(&one), Some(&two)));
                }
            }
        }
        seen.insert(name);
    }
    let gone = old.bundle.resources.iter().filter(|resource| !seen.contains(&name(resource, old)));
    changes.extend(gone.map(|resource| bare(&resource.id, ChangeKind::Removed, resource.at(), Some(resource), None)));
    for change in &mut changes {
        change.verdict = Verdict::Differs;
        change.effects = match change.kind {
            ChangeKind::Added => vec![Effect::OnlyIn(new.name.to_owned())],
            ChangeKind::Removed => vec![Effect::OnlyIn(old.name.to_owned())],
            ChangeKind::Changed | ChangeKind::Renamed => Vec::new(),
        };
    }
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let decision = Decision::Differs {
        changed: count(ChangeKind::Changed),
        old: (count(ChangeKind::Removed), old.name.to_owned()),
        new: (count(ChangeKind::Added), new.name.to_owned()),
    };
    let verdict = if changes.is_empty() { Verdict::None } else { Verdict::Differs };
    let judgement = Judgement { verdict, decision, ..Judgement::default() };
    Review { title, changes, judgement, ..Review::default() }
}

/// What an object is called in both environments: without its namespace, which volumes have in their names.
fn name(resource: &Resource, side: Side<'_>) -> (Text, Text, Text) {
    let ResourceId { group, kind, name, .. } = &resource.id;
    let prefix = format!("{}.", side.namespace);
    (group.clone(), kind.clone(), name.strip_prefix(&prefix).unwrap_or(name).into())
}

/// An object as it would be in any environment.
fn neutral(resource: &Resource, side: Side<'_>) -> Resource {
    let mut resource = resource.clone();
    let (_, _, name) = name(&resource, side);
    let at = resource.at();
    if let Some(metadata) = resource.node.get_mut("metadata").and_then(Node::as_map_mut) {
        metadata.remove("namespace");
        metadata.put("name", Node::text(name.clone(), at));
    }
    let claim = resource.node.get_mut("spec").and_then(|spec| spec.get_mut("claimRef")).and_then(Node::as_map_mut);
    claim.and_then(|claim| claim.remove("namespace"));
    resource.id.namespace = Text::default();
    resource.id.name = name;
    resource
}
