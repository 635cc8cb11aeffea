//! What a StatefulSet's manifest says of its replicas and their claims, and what pods and claims are called. The one
//! lens on a set, for every room; knows no cluster and no bundle.
//!
//! Follows `pkg/controller/statefulset/stateful_set_utils.go: getPodName, getPersistentVolumeClaimName,
//! getParentNameAndOrdinal, getStartOrdinal`.

use crate::value::{Map, Node, Text};
use smol_str::format_smolstr;

/// A StatefulSet's manifest, or what is stored of it.
#[derive(Clone, Copy, Debug)]
pub struct StatefulSet<'n>(pub &'n Node);

/// When claims of a set are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When the set is.
    Deleted,
    /// When their ordinal is scaled away.
    Scaled,
}

impl When {
    /// The field of the set's retention policy.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Deleted => "whenDeleted",
            Self::Scaled => "whenScaled",
        }
    }
}

impl<'n> StatefulSet<'n> {
    /// The replicas that it states, if it states any.
    #[must_use]
    pub fn stated_replicas(self) -> Option<i64> {
        self.0.find(&["spec", "replicas"]).and_then(Node::as_int)
    }

    /// How many replicas it asks for; one where it does not say.
    #[must_use]
    pub fn replicas(self) -> i64 {
        self.stated_replicas().unwrap_or(1)
    }

    /// Where its ordinals begin.
    #[must_use]
    pub fn start(self) -> i64 {
        self.int(&["spec", "ordinals", "start"], 0)
    }

    /// Its claim templates, by name.
    pub fn templates(self) -> impl Iterator<Item = (&'n str, &'n Node)> {
        let list = self.0.find(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items);
        list.map(|template| (name_of(template), template))
    }

    /// Whether claims are deleted then; kept where it does not say.
    #[must_use]
    pub fn deletes_claims(self, when: When) -> bool {
        self.word(&["spec", "persistentVolumeClaimRetentionPolicy", when.field()]) == Some("Delete")
    }

    /// Whether pods are replaced only when somebody deletes them.
    #[must_use]
    pub fn is_on_delete(self) -> bool {
        self.word(&["spec", "updateStrategy", "type"]) == Some("OnDelete")
    }

    /// Whether pods are made and ended without waiting for each other.
    #[must_use]
    pub fn is_parallel(self) -> bool {
        self.word(&["spec", "podManagementPolicy"]) == Some("Parallel")
    }

    /// Below this ordinal a rollout leaves the pods as they are.
    #[must_use]
    pub fn partition(self) -> i64 {
        self.int(&["spec", "updateStrategy", "rollingUpdate", "partition"], 0)
    }

    /// A word of it.
    #[must_use]
    pub fn word(self, path: &[&str]) -> Option<&'n str> {
        self.0.find(path).and_then(Node::as_str)
    }

    /// A number of it.
    #[must_use]
    pub fn int(self, path: &[&str], otherwise: i64) -> i64 {
        self.0.find(path).and_then(Node::as_int).unwrap_or(otherwise)
    }
}

/// The name of an object; empty where it says none.
fn name_of(object: &Node) -> &str {
    object.find(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default()
}

/// What stands before the ordinal in the names of a template's claims.
#[must_use]
pub(crate) fn claim_base(template: &str, set: &str) -> Text {
    format_smolstr!("{template}-{set}")
}

/// The claim of one template and ordinal.
#[must_use]
pub(crate) fn claim_name(template: &str, set: &str, ordinal: i64) -> Text {
    format_smolstr!("{template}-{set}-{ordinal}")
}

/// What a set made a claim from, as a manifest, if it is a claim of its: `newClaims`, `getPersistentVolumeClaims`.
#[must_use]
pub fn claim_of(set: &Node, claim: &Node) -> Option<Node> {
    let word = |node: &Node, path: &[&str]| node.find(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    let is_of = |node: &Node, kind: &str| word(node, &["kind"]) == kind;
    let namespace = word(set, &["metadata", "namespace"]);
    if !is_of(set, "StatefulSet")
        || !is_of(claim, "PersistentVolumeClaim")
        || !namespace.is_empty() && namespace != word(claim, &["metadata", "namespace"])
    {
        return None;
    }
    let base = numbered(name_of(claim)).filter(|numbered| numbered.ordinal.is_some())?.base;
    let (_, template) =
        StatefulSet(set).templates().find(|(template, _)| claim_base(template, name_of(set)) == base)?;
    let at = template.at;
    let mut labels = template.find(&["metadata", "labels"]).and_then(Node::as_map).cloned().unwrap_or_default();
    for (key, value) in set.find(&["spec", "selector", "matchLabels"]).into_iter().flat_map(Node::entries) {
        labels.put(key.name.clone(), value.clone());
    }
    let metadata = Node::of(
        at,
        [
            ("name", Some(Node::text(name_of(claim), at))),
            ("namespace", claim.find(&["metadata", "namespace"]).cloned()),
            ("labels", (!labels.is_empty()).then(|| Node::map(labels, at))),
            ("annotations", template.find(&["metadata", "annotations"]).cloned()),
        ],
    );
    Some(Node::of(
        at,
        [
            ("apiVersion", Some(Node::text("v1", at))),
            ("kind", Some(Node::text("PersistentVolumeClaim", at))),
            ("metadata", Some(metadata)),
            ("spec", template.get("spec").cloned().or_else(|| Some(Node::map(Map::new(), at)))),
        ],
    ))
}

/// The pod of an ordinal.
#[must_use]
pub(crate) fn pod_name(set: &str, ordinal: i64) -> Text {
    format_smolstr!("{set}-{ordinal}")
}

/// A name that ends in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<'n> {
    /// What stands before the last hyphen: the set of a pod, the template and the set of a claim.
    pub base: &'n str,
    /// The number; nothing where it is not written as an ordinal is, as in `web-007`.
    pub ordinal: Option<i64>,
}

/// Takes the number off a name, if it ends in one.
#[must_use]
pub(crate) fn numbered(name: &str) -> Option<Numbered<'_>> {
    let (base, digits) = name.rsplit_once('-')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_plain = digits == "0" || !digits.starts_with('0');
    Some(Numbered { base, ordinal: digits.parse().ok().filter(|_| is_plain) })
}

/// The set's name and the ordinal in a pod's name, as the controller reads it: zeros before it count for nothing.
#[must_use]
pub(crate) fn parent_and_ordinal(pod: &str) -> Option<(&str, i64)> {
    let (parent, digits) = pod.rsplit_once('-')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let ordinal = plain.then(|| digits.parse::<i32>().ok()).flatten()?;
    Some((parent, ordinal.into()))
}

/// What the base of a claim's name may be made of: a template and a set, each of which may hold hyphens.
pub(crate) fn templates_and_sets(base: &str) -> impl Iterator<Item = (&str, &str)> {
    base.match_indices('-').map(|(hyphen, _)| (&base[..hyphen], &base[hyphen + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_and_read() {
        assert_eq!(claim_name("data", "web", 2), "data-web-2");
        assert_eq!(claim_base("data", "web"), "data-web");
        assert_eq!(numbered("data-web-2"), Some(Numbered { base: "data-web", ordinal: Some(2) }));
        assert_eq!(numbered("web-007"), Some(Numbered { base: "web", ordinal: None }));
        assert_eq!((numbered("web"), numbered("web-"), numbered("web-1a")), (None, None, None));
        assert_eq!(parent_and_ordinal("web-007"), Some(("web", 7)));
        assert_eq!(parent_and_ordinal("web-99999999999"), None);
        let splits: Vec<_> = templates_and_sets("a-b-c").collect();
        assert_eq!(splits, [("a", "b-c"), ("a-b", "c")]);
    }
}
