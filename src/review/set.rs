//! What a StatefulSet's manifest says of its replicas and their claims. Knows no cluster.

use crate::bundle::Resource;
use crate::value::Node;
use std::ops::Range;

/// A StatefulSet's manifest, asked for what a review needs of it.
#[derive(Clone, Copy, Debug)]
pub struct Set<'r>(pub &'r Resource);

impl<'r> Set<'r> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'r str {
        &self.0.id.name
    }

    /// How many replicas it asks for; one where it does not say.
    #[must_use]
    pub fn replicas(self) -> i64 {
        self.int(&["spec", "replicas"], 1)
    }

    /// Where its ordinals begin.
    #[must_use]
    pub fn start(self) -> i64 {
        self.int(&["spec", "ordinals", "start"], 0)
    }

    /// Its ordinals.
    #[must_use]
    pub fn ordinals(self) -> Range<i64> {
        self.start()..self.start().saturating_add(self.replicas().clamp(0, MOST))
    }

    /// Its claim templates, by name.
    pub fn templates(self) -> impl Iterator<Item = (&'r str, &'r Node)> {
        let list = self.0.node.find(&["spec", "volumeClaimTemplates"]);
        let items = list.and_then(Node::as_list).unwrap_or_default().iter();
        items.map(|template| (template.find(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default(), template))
    }

    /// The claim template of that name.
    #[must_use]
    pub fn template(self, name: &str) -> Option<&'r Node> {
        self.templates().find(|(other, _)| *other == name).map(|(_, template)| template)
    }

    /// The claim of one ordinal and template.
    #[must_use]
    pub fn claim(self, template: &str, ordinal: i64) -> String {
        format!("{template}-{}-{ordinal}", self.name())
    }

    /// The claims of some ordinals, ordinal by ordinal.
    #[must_use]
    pub fn claims(self, ordinals: Range<i64>) -> Vec<String> {
        let claims = ordinals.flat_map(|ordinal| self.templates().map(move |(template, _)| self.claim(template, ordinal)));
        claims.take(MOST_CLAIMS).collect()
    }

    /// What becomes of its claims when the set goes (`whenDeleted`) or an ordinal is scaled away (`whenScaled`): whether they are
    /// deleted.
    #[must_use]
    pub fn deletes_claims(self, when: &str) -> bool {
        self.word(&["spec", "persistentVolumeClaimRetentionPolicy", when]) == Some("Delete")
    }

    /// Whether pods are replaced only when somebody deletes them.
    #[must_use]
    pub fn is_on_delete(self) -> bool {
        self.word(&["spec", "updateStrategy", "type"]) == Some("OnDelete")
    }

    /// Below this ordinal a rollout leaves the pods as they are.
    #[must_use]
    pub fn partition(self) -> i64 {
        self.int(&["spec", "updateStrategy", "rollingUpdate", "partition"], 0)
    }

    /// A word of it.
    #[must_use]
    pub fn word(self, path: &[&str]) -> Option<&'r str> {
        self.0.node.find(path).and_then(Node::as_str)
    }

    /// A number of it.
    #[must_use]
    pub fn int(self, path: &[&str], otherwise: i64) -> i64 {
        self.0.node.find(path).and_then(Node::as_int).unwrap_or(otherwise)
    }
}

/// No review counts more claims of one set than this.
const MOST_CLAIMS: usize = 50_000;

/// No review names more ordinals than this.
const MOST: i64 = 10_000;
