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

/// The causes of an answer. What stopped before validation has the stage's word for a type; where the server names no cause, the stage
/// alone says it.
#[must_use]
pub fn causes(answer: Answer) -> Vec<Refusal> {
    let Some(stage) = answer.stage.filter(|stage| *stage != Stage::Validate) else { return answer.refusals };
    let mut refusals = answer.refusals;
    if refusals.is_empty() {
        let detail = match stage {
            Stage::NoMatch => "no such apiVersion and kind",
            Stage::Decode => "a value of the wrong type",
            Stage::StrictDecode => "an unknown or duplicate field",
            Stage::Validate | Stage::Request => "refused",
        };
        refusals.push(Refusal { field: String::new(), kind: stage.word(), detail: detail.to_owned() });
    }
    refusals.iter_mut().for_each(|refusal| refusal.kind = stage.word());
    refusals
}
