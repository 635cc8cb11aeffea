//! ResourceQuotas: how much a namespace may hold. What of it is used is for controllers to say.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateResourceQuota, ValidateResourceQuotaUpdate`.

use super::cause::{Causes, Path, list, text};
use super::meta::Naming;
use super::{Kind, resources, unchanged};
use crate::api::defaults;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeSet;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "ResourceQuota",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::policy::with_spec,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
/// What a quota of pods may count or sum up.
const OF_PODS: [&str; 7] = ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
/// The same for a quota of claims.
const OF_CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
/// Scopes that are there or not, without values.
const PLAIN: [&str; 5] = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
/// Scopes of which nothing can have both.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
/// From this version on claims are told apart by their class of attributes.
const ATTRIBUTES_CLASSES: Version = Version::minor(33);

/// `ValidateResourceQuota`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, version, causes);
    if causes.refusals.is_empty() {
        warn(object, causes);
    }
}

/// `ValidateResourceQuotaUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    judge(object, version, causes);
    let scopes = |object: &Node| -> BTreeSet<String> {
        let spec = object.get("spec");
        spec.map(|spec| list(spec, "scopes"))
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .map(str::to_owned)
            .collect()
    };
    if scopes(object) != scopes(stored) {
        causes.invalid(&SPEC.child("scopes"), "field is immutable");
    }
}

/// `ValidateResourceQuotaSpec`, pkg/apis/core/validation.
fn judge(object: &Node, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let path = SPEC.child("hard");
    let hard: Vec<&str> =
        spec.get("hard").into_iter().flat_map(Node::entries).map(|(key, _)| key.name.as_str()).collect();
    for (key, value) in spec.get("hard").into_iter().flat_map(Node::entries) {
        resources::of_quota(&key.name, value, &path.key(&key.name), causes);
    }
    scopes(list(spec, "scopes"), &hard, version, causes);
    if let Some(selector) = spec.get("scopeSelector") {
        scope_selector(selector, &hard, version, causes);
    }
}

/// `validateResourceQuotaScopes`, pkg/apis/core/validation.
fn scopes(scopes: &[Node], hard: &[&str], version: Version, causes: &mut Causes) {
    let path = SPEC.child("scopes");
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str().unwrap_or_default()).collect();
    for scope in &scopes {
        if !is_known(scope, version) {
            causes.invalid(&path, "unsupported scope");
        }
        fit(scope, hard, version, &path, causes);
    }
    no_opposites(&scopes, &path, causes);
}

/// `validateScopedResourceSelectorRequirement`, pkg/apis/core/validation.
fn scope_selector(selector: &Node, hard: &[&str], version: Version, causes: &mut Causes) {
    let path = SPEC.child("scopeSelector.matchExpressions");
    let requirements = list(selector, "matchExpressions");
    for requirement in requirements {
        let (scope, operator) = (text(requirement, "scopeName"), text(requirement, "operator"));
        if !is_known(scope, version) {
            causes.invalid(&path.child("scopeName"), "unsupported scope");
        }
        fit(scope, hard, version, &path, causes);
        if PLAIN.contains(&scope) && operator != "Exists" {
            causes.invalid(&path.child("operator"), format!("must be 'Exists' when scope is {scope}"));
        }
        let is_empty = list(requirement, "values").is_empty();
        match operator {
            "In" | "NotIn" if is_empty => {
                let words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                causes.required(&path.child("values"), words);
            }
            "Exists" | "DoesNotExist" if !is_empty => {
                let words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                causes.invalid(&path.child("values"), words);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.invalid(&path.child("operator"), "not a valid selector operator"),
        }
    }
    let scopes: Vec<&str> = requirements.iter().map(|requirement| text(requirement, "scopeName")).collect();
    no_opposites(&scopes, &path, causes);
}

fn is_known(scope: &str, version: Version) -> bool {
    PLAIN.contains(&scope)
        || scope == "PriorityClass"
        || (scope == "VolumeAttributesClass" && version >= ATTRIBUTES_CLASSES)
}

/// A scope narrows down only what it is about.
/// `validateResourceQuotaScopes`, pkg/apis/core/validation.
fn fit(scope: &str, hard: &[&str], version: Version, path: &Path<'_>, causes: &mut Causes) {
    let covers = |resource: &&&str| match scope {
        "BestEffort" => **resource == "pods",
        "VolumeAttributesClass" if version >= ATTRIBUTES_CLASSES => OF_CLAIMS.contains(*resource),
        "PriorityClass" => OF_PODS.contains(*resource),
        _ if PLAIN.contains(&scope) => OF_PODS.contains(*resource),
        _ => true,
    };
    for _ in hard.iter().filter(|resource| resources::is_standard_in_quota(resource) && !covers(resource)) {
        causes.invalid(path, "unsupported scope applied to resource");
    }
}

/// `validateResourceQuotaScopes`, pkg/apis/core/validation.
fn no_opposites(scopes: &[&str], path: &Path<'_>, causes: &mut Causes) {
    for _ in OPPOSITES.iter().filter(|pair| pair.iter().all(|scope| scopes.contains(scope))) {
        causes.invalid(path, "conflicting scopes");
    }
}

/// More is asked for than is allowed.
/// `WarningsOnCreate`, pkg/registry/core/resourcequota.
fn warn(object: &Node, causes: &mut Causes) {
    let hard = |name: &str| {
        object.find(&["spec", "hard", name]).map(|amount| (name.to_owned(), Quantity::stored(Some(amount))))
    };
    for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let request = hard(&format!("requests.{name}"))
            .or_else(|| matches!(name, "cpu" | "memory").then(|| hard(name)).flatten());
        if let (Some((asked, request)), Some((allowed, limit))) = (request, hard(&format!("limits.{name}")))
            && request > limit
        {
            causes.warn(format!("ResourceQuota {asked} ({request}) should be less than {allowed} ({limit})"));
        }
    }
}
