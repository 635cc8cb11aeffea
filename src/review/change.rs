//! What became of one object, as a value: how it differs, how much that does, what the server says. Compares nothing.

use super::effect::Effect;
use super::fields::FieldChange;
use crate::bundle::ResourceId;
use crate::cluster::plugin::Barrier;
use crate::diagnostic::Refusal;
use crate::source::At;
use std::fmt;

/// How much a change does, from nothing to harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing differs, or nothing comes of it.
    #[default]
    None,
    /// It differs from its like in another environment; nothing is applied.
    Differs,
    /// Nothing was there before.
    New,
    /// Objects change, pods stay.
    InPlace,
    /// Pods are replaced.
    Restart,
    /// The API server refuses it, but takes the object once the earlier one is deleted.
    Recreate,
    /// The API server refuses part of it.
    Refused,
    /// Data may be lost, or lose its replica.
    AtRisk,
}

impl Verdict {
    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Differs => "differs",
            Self::New => "new",
            Self::InPlace => "in-place",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Refused => "refused",
            Self::AtRisk => "data-at-risk",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub id: ResourceId,
    /// What it was called before, if it is another name for the same thing.
    pub from: Option<ResourceId>,
    /// In which way.
    pub kind: ChangeKind,
    /// How much it does.
    pub verdict: Verdict,
    /// What comes of it on the cluster; may be empty.
    pub effects: Vec<Effect>,
    /// Whether the cluster keeps what it has.
    pub is_idle: bool,
    /// It goes, and this object, which stays, still names it.
    pub needed_by: Option<ResourceId>,
    /// Field by field; empty for objects that came or went.
    pub fields: Vec<FieldChange>,
    /// Its text before and after, without secret values.
    pub texts: (String, String),
    /// Why the API server would refuse it; empty when it would not.
    pub refusals: Vec<Refusal>,
    /// What stands in its way, or in that of its pods, though it is valid by itself.
    pub barrier: Option<Barrier>,
    /// The place that caused it; that of the earlier manifest when the object is gone.
    pub at: At,
}

impl Change {
    /// Whether the API server refuses it, or the pods that come of it.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        !self.refusals.is_empty() || self.barrier.is_some()
    }

    /// Whether a field at that path or below it differs.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        self.fields.iter().any(|field| field.path.starts_with(path))
    }
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
    /// It has another name or namespace.
    Renamed,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
        }
    }
}
