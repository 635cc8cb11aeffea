//! A review without secret values: what differs is compared by signs that stand for them, and what is said of it passes
//! here once.

use super::fields::{self, FieldChange};
use super::holdings::Behind;
use super::reviewed::Review;
use crate::bundle::{Bundle, Resource};
use crate::secret::known::{Known, Pair, shown};
use crate::value::Node;
use std::sync::Arc;

/// What two manifests of one object look like, and the fields that differ.
#[derive(Debug, Default)]
pub(super) struct Masked {
    pub(super) before: Option<Node>,
    pub(super) after: Option<Node>,
    pub(super) fields: Vec<FieldChange>,
}

/// Two manifests of one object without their secret values. A secret that differs is a field that differs.
#[must_use]
pub(super) fn masked(old: Option<&Resource>, new: Option<&Resource>) -> Masked {
    let mut pair = Pair::default();
    let mut before = old.map(|resource| pair.sign_tree(&resource.node));
    let mut after = new.map(|resource| pair.sign_tree(&resource.node));
    let mut fields =
        before.as_ref().zip(after.as_ref()).map(|(before, after)| fields::compare(before, after)).unwrap_or_default();
    for field in &mut fields {
        shown(field.old.as_mut(), field.new.as_mut());
    }
    shown(before.as_mut(), after.as_mut());
    Masked { before, after, fields }
}

/// Takes the secrets of two bundles out of all that a review says.
pub(super) fn hide(review: &mut Review, bundles: [&Bundle; 2]) {
    if review.changes.is_empty() {
        return;
    }
    let known =
        Known::of(bundles.into_iter().flat_map(|bundle| bundle.resources.iter().map(|resource| &resource.node)));
    let hide = |text: &mut String| {
        let hidden = known.hide(text);
        if hidden != *text {
            *text = hidden;
        }
    };
    for change in &mut review.changes {
        for refusal in &mut change.refusals {
            hide(&mut refusal.detail);
            hide(&mut refusal.field);
        }
    }
    for holding in review.before.iter_mut().chain(&mut review.after) {
        if let Some(Behind::Disk(disk)) = &mut holding.disk {
            hide(disk);
        }
    }
    review.secrets = Arc::new(known);
}
