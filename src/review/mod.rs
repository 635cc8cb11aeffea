//! Stage 6, review: what is different between two bundles, object by object and field by field. Knows no file and no app.

pub mod fields;
pub mod mask;
pub mod risk;
pub mod runbook;
pub mod verdict;

use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::change;
use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::value::Node;
use fields::FieldChange;

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub id: ResourceId,
    /// In which way.
    pub kind: ChangeKind,
    /// Field by field; empty for objects that came or went.
    pub fields: Vec<FieldChange>,
    /// Its text before and after, without secret values.
    pub texts: (String, String),
    /// Why the API server would refuse it; empty when it would not.
    pub refusals: Vec<Refusal>,
}

/// In which way an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Compares two bundles, and asks the API server of that version what it says to each change. Objects are matched by group, kind,
/// namespace and name; lists by their keys.
#[must_use]
pub fn compare(old: &Bundle, new: &Bundle, version: Version) -> Vec<Change> {
    let (before, after) = (old.by_id(), new.by_id());
    let mut changes = Vec::new();
    for resource in &new.resources {
        match before.get(&resource.id).copied() {
            None => changes.push(change(&resource.id, None, Some(resource), version)),
            Some(before) if before.node != resource.node => changes.push(change(&resource.id, Some(before), Some(resource), version)),
            Some(_) => {}
        }
    }
    let gone = old.resources.iter().filter(|resource| !after.contains_key(&resource.id));
    changes.extend(gone.map(|resource| change(&resource.id, Some(resource), None, version)));
    changes
}

fn change(id: &ResourceId, old: Option<&Resource>, new: Option<&Resource>, version: Version) -> Change {
    let (kind, refusals) = match (old, new) {
        (Some(old), Some(new)) => (ChangeKind::Changed, change::refusals(&old.node, &new.node, version)),
        (None, Some(new)) => (ChangeKind::Added, change::refusals_of_new(&new.node, version)),
        (_, None) => (ChangeKind::Removed, Vec::new()),
    };
    let (before, after) = mask::masked(old, new);
    let fields = before.as_ref().zip(after.as_ref()).map(|(before, after)| fields::compare(before, after)).unwrap_or_default();
    let text = |node: Option<Node>| {
        let mut out = String::new();
        if let Some(node) = node {
            crate::yaml::write_yaml(&node, &mut out);
        }
        out
    };
    Change { id: id.clone(), kind, fields, texts: (text(before), text(after)), refusals }
}
