//! The API server: what it says to a new object, and to a change. One file per kind, and one per part that kinds share.

pub mod cause;

use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::value::Node;
use cause::Causes;

/// How far an object came before it was refused. The words are those of the recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No such apiVersion and kind here.
    NoMatch,
    /// A value of the wrong type.
    Decode,
    /// A field that does not exist, or is there twice.
    StrictDecode,
    /// The object's own rules: a 422.
    Validate,
    /// Any other refusal: 400, 403, 409.
    Request,
}

/// What the server says.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Where it stopped; `None` when it was accepted.
    pub stage: Option<Stage>,
    /// One per cause.
    pub refusals: Vec<Refusal>,
    /// Warning headers.
    pub warnings: Vec<String>,
    /// The object as it would be stored, defaults filled in; `None` when it was refused.
    pub object: Option<Node>,
}

/// One kind that the model judges: a table line, and what is particular to it.
pub struct Kind {
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// The version served by all known Kubernetes versions: `v1`.
    pub version: &'static str,
    /// `StatefulSet`.
    pub kind: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    /// Fills in what the server fills in.
    pub default: fn(&mut Node, Version),
    /// The rules for a new object, defaults already in. `metadata` is checked for all kinds alike, before.
    pub create: fn(&Node, Version, &mut Causes),
    /// The rules for a change: the new object and the stored one, both with defaults.
    pub update: fn(&Node, &Node, Version, &mut Causes),
}
