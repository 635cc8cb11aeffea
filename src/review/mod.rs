//! Stage 6, review: what is different between two bundles, object by object and field by field. Knows no file and no app.

pub mod fields;

use crate::bundle::{Bundle, Resource, ResourceId};
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
    /// Its text before and after.
    pub texts: (String, String),
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

/// Compares two bundles. Objects are matched by group, kind, namespace and name; lists by their keys.
#[must_use]
pub fn compare(old: &Bundle, new: &Bundle) -> Vec<Change> {
    let mut changes = Vec::new();
    for resource in &new.resources {
        match old.get(&resource.id) {
            None => changes.push(change(None, Some(resource))),
            Some(before) if before.node != resource.node => changes.push(change(Some(before), Some(resource))),
            Some(_) => {}
        }
    }
    changes.extend(old.resources.iter().filter(|resource| new.get(&resource.id).is_none()).map(|resource| change(Some(resource), None)));
    changes
}

fn change(old: Option<&Resource>, new: Option<&Resource>) -> Change {
    let text = |resource: Option<&Resource>| {
        let mut out = String::new();
        if let Some(resource) = resource {
            crate::yaml::write_yaml(&resource.node, &mut out);
        }
        out
    };
    let (kind, fields) = match (old, new) {
        (Some(old), Some(new)) => (ChangeKind::Changed, fields::compare(&old.node, &new.node)),
        (None, _) => (ChangeKind::Added, Vec::new()),
        (Some(_), None) => (ChangeKind::Removed, Vec::new()),
    };
    let id = new.or(old).map_or_else(|| unreachable!("one of the two is there"), |resource| resource.id.clone());
    Change { id, kind, fields, texts: (text(old), text(new)) }
}
