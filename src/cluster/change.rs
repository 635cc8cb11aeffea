//! What the API server would say to a change: `kubectl apply` of a manifest over the object that an earlier one made.

use super::admission::{self, Answer, Stage};
use super::apply;
use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::value::Node;

/// Why the change would be refused; nothing when it would not. An earlier manifest that no server can have accepted made no object:
/// the later one is then new.
#[must_use]
pub fn refusals(old: &Node, new: &Node, version: Version) -> Vec<Refusal> {
    let answer = match admission::create(old, version).object {
        Some(stored) => apply::apply(old, &stored, new, version).answer,
        None => admission::create(new, version),
    };
    causes(answer)
}

/// Why a new object would be refused.
#[must_use]
pub fn refusals_of_new(new: &Node, version: Version) -> Vec<Refusal> {
    causes(admission::create(new, version))
}

/// The causes of an answer; where the server names none, the stage at which it stopped.
#[must_use]
pub fn causes(answer: Answer) -> Vec<Refusal> {
    let Some(stage) = answer.stage.filter(|_| answer.refusals.is_empty()) else { return answer.refusals };
    let (kind, detail) = match stage {
        Stage::NoMatch => ("no-match", "no such apiVersion and kind"),
        Stage::Decode => ("decode", "a value of the wrong type"),
        Stage::StrictDecode => ("strict-decode", "an unknown or duplicate field"),
        Stage::Validate => ("validate", "invalid"),
        Stage::Request => ("request", "refused"),
    };
    vec![Refusal { field: String::new(), kind, detail: detail.to_owned() }]
}
