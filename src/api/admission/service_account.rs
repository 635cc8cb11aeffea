//! What the server says to a ServiceAccount: nothing beyond its metadata.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateServiceAccount, ValidateServiceAccountUpdate`.

use super::Kind;
use super::cause::Causes;
use super::meta::{self, Naming};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::{Map, Node};

/// A ServiceAccount.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "ServiceAccount",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare,
    create,
    update,
};

const MOUNTABLE_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// Of its secrets only the names are kept.
/// `cleanSecretReferences`, pkg/registry/core/serviceaccount.
fn prepare(object: &mut Node, _: Option<&Node>, _: Version, _: &mut Causes) {
    for secret in object.get_mut("secrets").into_iter().flat_map(Node::items_mut) {
        let name = secret.get("name").cloned();
        if let Some(map) = secret.as_map_mut() {
            *map = Map::new();
            if let Some(name) = name {
                map.put("name", name);
            }
        }
    }
}

/// `warnIfHasEnforceMountableSecretsAnnotation`, pkg/registry/core/serviceaccount.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    if version >= Version::minor(32) && object.find(&["metadata", "annotations", MOUNTABLE_SECRETS]).is_some() {
        causes.warn_at(
            format!("metadata.annotations[{MOUNTABLE_SECRETS}]"),
            "deprecated in v1.32+; prefer separate namespaces to isolate \
                access to mounted secrets",
        );
    }
}

/// `ValidateServiceAccountUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    if stored.find(&["metadata", "annotations", MOUNTABLE_SECRETS]).is_none() {
        create(object, version, causes);
    }
}
