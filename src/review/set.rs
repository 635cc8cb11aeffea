//! A StatefulSet of a bundle: its ordinals and claims, as many as a review counts. What its manifest says is in
//! `stateful_set`.

use crate::bundle::Resource;
use crate::bundle::inventory::{Inventory, Object};
pub(crate) use crate::stateful_set::When;
use crate::stateful_set::{StatefulSet, claim_base, claim_name};
use crate::value::Node;
use std::ops::Range;
use std::sync::Arc;

/// A StatefulSet's manifest, asked for what a review needs of it.
#[derive(Clone, Copy, Debug)]
pub struct Set<'r>(pub &'r Resource);

impl<'r> Set<'r> {
    /// `web`.
    #[must_use]
    pub fn name(self) -> &'r str {
        &self.0.id.name
    }

    /// What its manifest says.
    #[must_use]
    pub fn says(self) -> StatefulSet<'r> {
        StatefulSet(&self.0.node)
    }

    /// How many replicas it asks for; one where it does not say.
    #[must_use]
    pub fn replicas(self) -> i64 {
        self.says().replicas()
    }

    /// Where its ordinals begin.
    #[must_use]
    pub fn start(self) -> i64 {
        self.says().start()
    }

    /// Its ordinals.
    #[must_use]
    pub fn ordinals(self) -> Range<i64> {
        self.start()..self.start().saturating_add(self.replicas().clamp(0, MOST))
    }

    /// The claims of a cluster whose names it may have given them.
    pub fn claims_among(self, objects: &'r Inventory, namespace: &'r str) -> impl Iterator<Item = &'r Arc<Object>> {
        let bases = self.templates().map(move |(template, _)| format!("{}-", claim_base(template, self.name())));
        bases.flat_map(move |base| objects.beginning("PersistentVolumeClaim", namespace, base))
    }

    /// Its claim templates, by name.
    pub fn templates(self) -> impl Iterator<Item = (&'r str, &'r Node)> {
        self.says().templates()
    }

    /// The claim template of that name.
    #[must_use]
    pub fn template(self, name: &str) -> Option<&'r Node> {
        self.templates().find(|(other, _)| *other == name).map(|(_, template)| template)
    }

    /// The claim of one ordinal and template.
    #[must_use]
    pub fn claim(self, template: &str, ordinal: i64) -> String {
        claim_name(template, self.name(), ordinal).into()
    }

    /// The claims of some ordinals, ordinal by ordinal.
    #[must_use]
    pub fn claims(self, ordinals: Range<i64>) -> Vec<String> {
        let claims =
            ordinals.flat_map(|ordinal| self.templates().map(move |(template, _)| self.claim(template, ordinal)));
        claims.take(MOST_CLAIMS).collect()
    }
}

/// No review counts more claims of one set than this.
const MOST_CLAIMS: usize = 50_000;

/// No review names more ordinals than this.
const MOST: i64 = 10_000;
