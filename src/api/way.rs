//! What the server says to a manifest that is applied in one of the two ways.

use super::admission::Answer;
use super::apply::Applied;
use super::custom::{self, Customs};
use super::server_side::managers::Conflict;
use super::server_side::{self, Applier, Outcome};
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::value::Node;

/// Under which name manifests are applied. Whoever applied them last time did so under the same.
const MANAGER: &str = "kubectl";

/// What the server says to a new object.
#[must_use]
pub fn create(way: Way, manifest: &Node, customs: &Customs, version: Version) -> Answer {
    match way {
        Way::Client => custom::create(manifest, customs, version),
        Way::Server | Way::ServerForced => server_side::create(manifest, customs, version),
    }
}

/// Applies a manifest over a stored object. Without a last-applied manifest nothing counts as removed.
#[must_use]
pub fn apply(
    way: Way,
    last_applied: Option<&Node>,
    stored: &Node,
    manifest: &Node,
    customs: &Customs,
    version: Version,
) -> (Applied, Vec<Conflict>) {
    if way == Way::Client {
        let last_applied = last_applied.unwrap_or(manifest);
        return (custom::apply(last_applied, stored, manifest, customs, version), Vec::new());
    }
    let applier = Applier { name: MANAGER, force: way == Way::ServerForced };
    let Outcome { applied, conflicts, .. } =
        server_side::apply(last_applied, stored, manifest, applier, customs, version);
    (applied, conflicts)
}
