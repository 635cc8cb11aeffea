//! The server's admission plugins: what they fill into a new object, and what they refuse though it is valid by itself,
//! for what else is in the cluster. One file per plugin, called in the server's order. Knows no controller.
//! `AllOrderedPlugins`, pkg/kubeapiserver/options/plugins.go.

pub(crate) mod amounts;
mod limit_range;
mod mutating;
mod pod_security;
mod policy;
mod priority;
pub(crate) mod resource_quota;
mod runtime_class;
mod service_account;

pub(crate) use super::denial::Barrier;
pub(crate) use super::denial::Denial;
use super::denial::Refused;
use super::kubectl;
use super::store::Key;
use super::world::{Guard, World};
use crate::api::admission::decode::Door;
use crate::api::admission::{self, Answer};
use crate::api::defaults;
use crate::bundle::Bundle;
use crate::value::{Node, Text};
pub(crate) use priority::{of as priority_of, preempts};
use std::collections::BTreeSet;

impl Denial {
    fn forbidden(key: &Key, group: &str, why: &str, barrier: Barrier) -> Self {
        let resource = if group.is_empty() { plural(&key.kind) } else { format!("{}.{group}", plural(&key.kind)) };
        // `NewForbidden`, k8s.io/apiserver/pkg/admission.
        let message = format!("{resource} \"{}\" is forbidden: {why}", key.name);
        Self { code: 403, reason: "Forbidden", message, cause: why.to_owned(), barrier }
    }
}

/// Lets the plugins fill in a new object and look at it; the first that refuses it ends it. Gives what the server warns
/// of.
///
/// # Errors
/// What the server says.
pub(crate) fn admit(world: &mut World, key: &Key, object: &mut Node) -> Result<Vec<String>, Denial> {
    let filled_in = mutate(world, key, object);
    if world.guard == Guard::Nobody {
        return Ok(Vec::new());
    }
    filled_in?;
    before_policies(world, key, object)?;
    let mut warnings: Vec<String> = pod_security::warning(world, key, object).into_iter().collect();
    warnings.extend(policy::validate(world, key, object, None)?);
    resource_quota::validate(world, key, object, None)?;
    Ok(warnings)
}

/// Lets the plugins look at a change.
///
/// # Errors
/// What the server says.
pub(crate) fn admit_change(
    world: &mut World,
    key: &Key,
    object: &mut Node,
    old: Option<&Node>,
) -> Result<Vec<String>, Denial> {
    if let (Some(policy), Some(old)) = (mutating::mutate(world, key, object, old)?, old) {
        let answer = admission::update(object, old, Door::Body, world.version);
        *object = valid(key, object, answer, Barrier::Mutation(policy))?;
    }
    if world.guard == Guard::Nobody {
        return Ok(Vec::new());
    }
    let mut warnings: Vec<String> = pod_security::warning(world, key, object).into_iter().collect();
    warnings.extend(policy::validate(world, key, object, old)?);
    resource_quota::validate(world, key, object, old)?;
    Ok(warnings)
}

/// Whether an object's namespace is there, where all are known: NamespaceLifecycle. One that is applied in the same go
/// counts as there.
///
/// # Errors
/// What the server says.
pub(crate) fn namespace(world: &World, key: &Key, coming: &BTreeSet<Text>) -> Result<(), Denial> {
    const ALWAYS: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let name = &key.namespace;
    let is_there = name.is_empty() || ALWAYS.contains(&name.as_str()) || coming.contains(name);
    if !world.knows_namespaces
        || world.guard == Guard::Nobody
        || is_there
        || world.store.get(&Key::new("Namespace", "", name.clone())).is_some()
    {
        return Ok(());
    }
    let message = format!("namespaces \"{name}\" not found");
    Err(Denial { code: 404, reason: "NotFound", cause: message.clone(), message, barrier: Barrier::Namespace })
}

fn group(object: &Node) -> &str {
    super::store::text(object, &["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
}

fn mutate(world: &mut World, key: &Key, object: &mut Node) -> Result<(), Denial> {
    let filled = filled_in(world, key, object)?.then_some(Barrier::LimitRange);
    let mutated = mutating::mutate(world, key, object, None)?.map(Barrier::Mutation);
    if mutated.is_some() {
        // What they have added is filled in as well.
        filled_in(world, key, object)?;
    }
    if let Some(barrier) = mutated.or(filled) {
        let answer = admission::create(object, world.version);
        *object = valid(key, object, answer, barrier)?;
    }
    Ok(())
}

/// An object that was filled in, or why that does not go together with what was there. What its controller knows of it
/// stays.
fn valid(key: &Key, object: &Node, answer: Answer, barrier: Barrier) -> Result<Node, Denial> {
    match answer.object {
        Some(mut after) if answer.refusals.is_empty() => {
            if let Some(status) = object.get("status") {
                super::store::put(&mut after, &["status"], status.clone());
            }
            Ok(after)
        }
        _ => {
            let message = kubectl::invalid(&key.kind, &key.name, &answer.refusals, object);
            let cause = message.clone();
            Err(Denial { code: 422, reason: "Invalid", cause, message, barrier })
        }
    }
}

/// Lets the plugins that know what they fill in do so. Says whether a limit range did.
fn filled_in(world: &mut World, key: &Key, object: &mut Node) -> Result<bool, Denial> {
    if key.kind != "Pod" {
        return Ok(false);
    }
    for list in ["containers", "initContainers"] {
        object
            .find_mut(&["spec", list])
            .into_iter()
            .flat_map(Node::items_mut)
            .for_each(defaults::pod::requests_from_limits);
    }
    let filled = limit_range::mutate(world, key, object);
    let refused = |barrier| move |why: Refused| Denial::forbidden(key, "", &why, barrier);
    service_account::mutate(world, key, object).map_err(refused(Barrier::ServiceAccount))?;
    priority::mutate(world, object).map_err(refused(Barrier::PriorityClass))?;
    runtime_class::mutate(world, object).map_err(refused(Barrier::RuntimeClass))?;
    Ok(filled)
}

/// The plugins that look at an object before policies do.
fn before_policies(world: &World, key: &Key, object: &Node) -> Result<(), Denial> {
    let is_pod = key.kind == "Pod";
    let refused = |barrier| move |why: Refused| Denial::forbidden(key, "", &why, barrier);
    if is_pod || key.kind == super::binder::CLAIM {
        limit_range::validate(world, key, object).map_err(refused(Barrier::LimitRange))?;
    }
    if is_pod {
        pod_security::validate(world, key, object).map_err(refused(Barrier::PodSecurity))?;
        runtime_class::validate(world, object).map_err(refused(Barrier::RuntimeClass))?;
    }
    Ok(())
}

/// What the plugins say of the labels of a Namespace.
///
/// # Errors
/// What the server says.
pub(crate) fn labels(key: &Key, object: &Node) -> Result<(), Denial> {
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
    let message = format!("Namespace \"{}\" is invalid: {said}", key.name);
    Err(Denial { code: 422, reason: "Invalid", message, cause: said, barrier: Barrier::Labels })
}

/// Whether a bundle holds anything that can stop what is valid by itself.
#[must_use]
pub(crate) fn is_in(bundle: &Bundle) -> bool {
    bundle.resources.iter().any(|resource| stands_in_the_way(&resource.node))
}

/// Whether anything in a cluster can stop pods that are valid by themselves.
#[must_use]
pub(crate) fn is_any(world: &World) -> bool {
    const KINDS: [&str; 6] = [
        "ResourceQuota",
        "LimitRange",
        "RuntimeClass",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicyBinding",
        "Namespace",
    ];
    KINDS.iter().any(|kind| world.store.of_kind(kind).any(|(_, object)| stands_in_the_way(object)))
}

/// Whether an object can stop others that are valid by themselves.
#[must_use]
pub(crate) fn stands_in_the_way(object: &Node) -> bool {
    match super::store::text(object, &["kind"]) {
        "ResourceQuota"
        | "LimitRange"
        | "RuntimeClass"
        | "ValidatingAdmissionPolicyBinding"
        | "MutatingAdmissionPolicyBinding" => true,
        "Namespace" => pod_security::is_asked_for(object),
        _ => false,
    }
}

/// `statefulsets` for `StatefulSet`: `UnsafeGuessKindToResource`, k8s.io/apimachinery/pkg/api/meta, which is right for
/// all of Kubernetes' own.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        _ if kind == "endpoints" => kind,
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}
