//! The server's admission plugins: what they fill into a new object, and what they refuse though it is valid by itself, for what else is in the
//! cluster. One file per plugin, called in the server's order. Knows no controller.
//! `AllOrderedPlugins`, pkg/kubeapiserver/options/plugins.go.

mod amounts;
mod limit_range;
mod pod_security;
mod priority;
mod resource_quota;
mod runtime_class;
mod service_account;

pub use super::denial::Denial;
use super::denial::Refused;
use super::kubectl;
use super::store::Key;
use super::world::World;
use crate::api::{admission, defaults};
use crate::bundle::Bundle;
use crate::value::Node;
pub use priority::{of as priority_of, preempts};

impl Denial {
    fn forbidden(key: &Key, group: &str, why: &str) -> Self {
        let resource = if group.is_empty() { plural(&key.kind) } else { format!("{}.{group}", plural(&key.kind)) };
        // `NewForbidden`, k8s.io/apiserver/pkg/admission.
        let message = format!("{resource} \"{}\" is forbidden: {why}", key.name);
        Self { code: 403, reason: "Forbidden", message }
    }
}

/// Lets the plugins fill in a new object and look at it; the first that refuses it ends it.
///
/// # Errors
/// What the server says.
pub fn admit(world: &mut World, key: &Key, object: &mut Node) -> Result<(), Denial> {
    mutate(world, key, object)?;
    validate(world, key, object)
}

fn mutate(world: &mut World, key: &Key, object: &mut Node) -> Result<(), Denial> {
    if key.kind != "Pod" {
        return Ok(());
    }
    for list in ["containers", "initContainers"] {
        object.find_mut(&["spec", list]).into_iter().flat_map(Node::items_mut).for_each(defaults::pod::requests_from_limits);
    }
    let filled = limit_range::mutate(world, key, object);
    service_account::mutate(world, key, object)
        .and_then(|()| priority::mutate(world, object))
        .and_then(|()| runtime_class::mutate(world, object))
        .map_err(|why| Denial::forbidden(key, "", &why))?;
    // What was filled in need not go together with what was there.
    let answer = if filled { admission::create(object, world.version) } else { return Ok(()) };
    if answer.is_accepted() {
        return Ok(());
    }
    Err(Denial { code: 422, reason: "Invalid", message: kubectl::invalid("Pod", &key.name, &answer.refusals, object) })
}

fn validate(world: &mut World, key: &Key, object: &Node) -> Result<(), Denial> {
    let api_version = super::store::text(object, &["apiVersion"]);
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let outcome = match key.kind.as_str() {
        "Pod" => limit_range::validate(world, key, object)
            .and_then(|()| pod_security::validate(world, key, object))
            .and_then(|()| runtime_class::validate(world, object)),
        super::binder::CLAIM => limit_range::validate(world, key, object),
        _ => Ok(()),
    };
    outcome.and_then(|()| resource_quota::validate(world, key, object)).map_err(|why| Denial::forbidden(key, &group, &why))
}

/// What the plugins say of the labels of a Namespace.
///
/// # Errors
/// What the server says.
pub fn labels(key: &Key, object: &Node) -> Result<(), Denial> {
    let faults = if key.kind == "Namespace" { pod_security::faults(object) } else { Vec::new() };
    let causes: Vec<String> = faults
        .into_iter()
        .map(|(label, must)| {
            let written = super::store::text(object, &["metadata", "labels", label.as_str()]);
            format!("metadata.labels[{label}]: Invalid value: \"{written}\": {must}")
        })
        .collect();
    let said = match causes.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Err(Denial { code: 422, reason: "Invalid", message: format!("Namespace \"{}\" is invalid: {said}", key.name) })
}

/// What the server warns of when it takes an object.
#[must_use]
pub fn warnings(world: &World, key: &Key, object: &Node) -> Vec<String> {
    pod_security::warning(world, key, object).into_iter().collect()
}

/// Whether a bundle holds anything that can stop what is valid by itself.
#[must_use]
pub fn is_in(bundle: &Bundle) -> bool {
    bundle.resources.iter().any(|resource| match resource.id.kind.as_str() {
        "ResourceQuota" | "LimitRange" | "RuntimeClass" => true,
        "Namespace" => pod_security::is_asked_for(&resource.node),
        _ => false,
    })
}

/// `statefulsets` for `StatefulSet`: `UnsafeGuessKindToResource`, k8s.io/apimachinery/pkg/api/meta, which is right for all of Kubernetes' own.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        _ if kind == "endpoints" => kind,
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}
