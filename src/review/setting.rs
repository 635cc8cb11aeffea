//! What surrounds a change: whose rules, which cluster, what is acknowledged, and which file holds what.

use super::runbook::files::Files;
use crate::bundle::inventory::Inventory;
use crate::cluster::facts::ClusterFacts;
use crate::k8s::version::Version;
use crate::source::At;

/// What surrounds a change.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'s> {
    /// Kubernetes version to validate against.
    pub version: Version,
    /// Cluster description.
    pub facts: &'s ClusterFacts,
    /// The namespace of objects that name none.
    pub namespace: &'s str,
    /// Changes that the user has acknowledged, and where.
    pub acknowledged: &'s [(String, At)],
    /// The place for what concerns an object that is gone; its own when nothing is said.
    pub home: Option<At>,
    /// Which file holds each new manifest.
    pub files: &'s Files,
    /// The objects of the cluster as it is, where it is to be compared with that.
    pub live: Option<&'s Inventory>,
}

impl<'s> Setting<'s> {
    /// A change on a cluster that is described so, of objects in `default`, of which nothing is acknowledged.
    #[must_use]
    pub fn on(facts: &'s ClusterFacts) -> Self {
        static NO_FILES: Files = Files::none();
        let version = facts.kubernetes.unwrap_or_default();
        Self { version, facts, namespace: "default", acknowledged: &[], home: None, files: &NO_FILES, live: None }
    }
}
