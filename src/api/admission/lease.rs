//! Leases: who leads, or lives, and until when.
//!
//! Follows `pkg/apis/coordination/validation/validation.go: ValidateLease, ValidateLeaseUpdate`.

use super::Kind;
use super::cause::{Causes, Path, number, some};
use super::meta::Naming;
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "coordination.k8s.io",
    version: "v1",
    kind: "Lease",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare,
    create,
    update: |object, _, version, causes| create(object, version, causes),
};

/// Coordinated leader election is off by default in every version known so far.
/// `PrepareForCreate`, pkg/registry/coordination/lease.
fn prepare(object: &mut Node, _: Option<&Node>, _: Version, _: &mut Causes) {
    if let Some(spec) = object.get_mut("spec").and_then(Node::as_map_mut) {
        spec.remove("strategy");
        spec.remove("preferredHolder");
    }
}

/// `ValidateLeaseSpec`, pkg/apis/coordination/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let path = Path::new("spec");
    if some(spec, "leaseDurationSeconds").is_some() && number(spec, "leaseDurationSeconds") <= 0 {
        causes.invalid(&path.child("leaseDurationSeconds"), "must be greater than 0");
    }
    causes.not_negative(number(spec, "leaseTransitions"), &path.child("leaseTransitions"));
}
