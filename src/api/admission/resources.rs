//! Requests and limits of containers and pods.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateResourceRequirements,
//! ValidateContainerResourceRequirements`.

use super::cause::{Causes, Path, list, some, text};
use super::names::Names;
use super::pod::Pod;
use super::pod_rules::{CONTAINERS, Rules};
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::collections::BTreeSet;

/// Whose resources they are; decides which may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Container,
    Pod,
}

/// `resources` of a container.
/// `ValidateContainerResourceRequirements`, pkg/apis/core/validation.
pub(crate) fn of_container(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if let Some(resources) = some(container, "resources") {
        requirements(resources, Owner::Container, pod, path, causes);
    }
}

/// `resources` of a pod.
/// `validatePodResources` and `validatePodResourceRequirements`, pkg/apis/core/validation.
pub(crate) fn of_pod(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let Some(resources) = some(pod.spec, "resources").filter(|_| pod.rules.pod_resources) else { return };
    let path = path.child("resources");
    if pod.os() == "windows" {
        return causes.forbidden(&path, "may not be set for a windows pod");
    }
    if some(resources, "claims").is_some() {
        causes.forbidden(&path.child("claims"), "claims may not be set for Resources at pod-level");
    }
    requirements(resources, Owner::Pod, pod, &path, causes);
    totals(resources, pod.spec, &path, causes);
}

/// `overhead` of a pod: like limits of a container.
/// `validateOverhead`, pkg/apis/core/validation.
pub(crate) fn overhead(amounts: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let limits = path.child("limits");
    let mut kinds = Kinds::default();
    for (key, node) in amounts.entries() {
        amount_of(&key.name, node, Owner::Container, rules, &limits.key(&key.name), &mut kinds, causes);
    }
    kinds.need_cpu_or_memory(path, causes);
}

/// An amount in a quota: resources by their names there, or kinds that are counted.
/// `ValidateResourceQuotaResourceName`, pkg/apis/core/validation.
pub(crate) fn of_quota(name: &str, node: &Node, path: &Path<'_>, causes: &mut Causes) {
    resource_name(name, path, causes);
    if !name.contains('/') && !is_standard_in_quota(name) {
        causes.invalid(path, "must be a standard resource for quota");
    }
    let quantity = Quantity::stored(Some(node));
    if quantity.sign().is_lt() {
        causes.invalid(path, "must be greater than or equal to 0");
    }
    if is_counted(name) && quantity.milli() % 1000 != 0 {
        causes.invalid(path, "must be an integer");
    }
}

/// Whether quotas know a name by itself.
#[must_use]
pub(crate) fn is_standard_in_quota(name: &str) -> bool {
    (STANDARD.contains(&name) && name != "storage") || is_huge_page(name) || name.starts_with("requests.hugepages-")
}

/// A name in a limit range; of containers and pods less can be asked than of others.
/// `validateLimitRangeResourceName`, pkg/apis/core/validation.
pub(crate) fn limited(name: &str, of_containers: bool, path: &Path<'_>, causes: &mut Causes) {
    if of_containers {
        container_resource(name, path, causes);
    } else {
        resource_name(name, path, causes);
    }
}

/// Whether a pod holds an amount of huge pages that is no multiple of a page.
#[must_use]
pub(crate) fn has_partial_huge_pages(spec: &Node) -> bool {
    let containers = CONTAINERS.iter().flat_map(|kind| list(spec, kind));
    let lists =
        containers.flat_map(|container| ["limits", "requests"].map(|list| container.find(&["resources", list])));
    lists
        .chain([spec.get("overhead")])
        .flatten()
        .flat_map(Node::entries)
        .any(|(key, node)| is_huge_page(&key.name) && !is_whole_pages(&key.name, &Quantity::stored(Some(node))))
}

/// Which sorts of resources a list held.
#[derive(Default)]
struct Kinds {
    cpu_or_memory: bool,
    huge_pages: bool,
}

impl Kinds {
    /// `validateResourceRequirements`, pkg/apis/core/validation.
    fn need_cpu_or_memory(&self, path: &Path<'_>, causes: &mut Causes) {
        if self.huge_pages && !self.cpu_or_memory {
            causes.forbidden(path, "HugePages require cpu or memory");
        }
    }
}

/// `validateResourceRequirements`, pkg/apis/core/validation.
fn requirements(resources: &Node, owner: Owner, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let (limit_path, request_path) = (path.child("limits"), path.child("requests"));
    let limits = resources.get("limits");
    let mut kinds = Kinds::default();
    for (key, node) in limits.into_iter().flat_map(Node::entries) {
        amount_of(&key.name, node, owner, pod.rules, &limit_path.key(&key.name), &mut kinds, causes);
    }
    for (key, node) in resources.get("requests").into_iter().flat_map(Node::entries) {
        let request = amount_of(&key.name, node, owner, pod.rules, &request_path.key(&key.name), &mut kinds, causes);
        let shareable = is_shareable(&key.name);
        match limits.and_then(|limits| limits.get(&key.name)) {
            Some(limit) => {
                let limit = Quantity::stored(Some(limit));
                if request != limit && !shareable {
                    causes.invalid(&request_path, format!("must be equal to {} limit of {limit}", key.name));
                } else if request > limit {
                    causes
                        .invalid(&request_path, format!("must be less than or equal to {} limit of {limit}", key.name));
                }
            }
            None if !shareable => causes.required(&limit_path, "Limit must be set for non overcommitable resources"),
            None => {}
        }
    }
    kinds.need_cpu_or_memory(path, causes);
    claims(list(resources, "claims"), pod, &path.child("claims"), causes);
}

/// One amount: its name, its sign, and whether it may be a fraction.
/// `validateBasicResource`, pkg/apis/core/validation.
fn amount_of(
    name: &str,
    node: &Node,
    owner: Owner,
    rules: &Rules,
    path: &Path<'_>,
    kinds: &mut Kinds,
    causes: &mut Causes,
) -> Quantity {
    match owner {
        Owner::Container => container_resource(name, path, causes),
        Owner::Pod => pod_resource(name, path, causes),
    }
    let quantity = Quantity::stored(Some(node));
    if quantity.sign().is_lt() {
        causes.invalid(path, "must be greater than or equal to 0");
    }
    if is_counted(name) && quantity.milli() % 1000 != 0 {
        causes.invalid(path, "must be an integer");
    }
    if is_huge_page(name) {
        kinds.huge_pages = true;
        if !rules.partial_huge_pages && !is_whole_pages(name, &quantity) {
            causes.invalid(path, format!("{quantity} is not positive integer multiple of {name}"));
        }
    }
    kinds.cpu_or_memory |= matches!(name, "cpu" | "memory");
    quantity
}

/// Whether the name is one that a pod or container may ask for.
/// `validateResourceName`, pkg/apis/core/validation.
fn resource_name(name: &str, path: &Path<'_>, causes: &mut Causes) -> bool {
    if matches!(name, "cpu" | "memory") {
        return true;
    }
    let faults = name::label_key(name);
    if !faults.is_empty() {
        causes.each_invalid(path, faults);
        return false;
    }
    if !name.contains('/')
        && !STANDARD.contains(&name)
        && !is_huge_page(name)
        && !name.starts_with("requests.hugepages-")
    {
        causes.invalid(path, "must be a standard resource type or fully qualified");
        return false;
    }
    true
}

/// `validateContainerResourceName`, pkg/apis/core/validation.
fn container_resource(name: &str, path: &Path<'_>, causes: &mut Causes) {
    resource_name(name, path, causes);
    if !name.contains('/') {
        if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !is_huge_page(name) {
            causes.invalid(path, "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        causes.invalid(path, "doesn't follow extended resource name standard");
    }
}

/// `validatePodResourceName`, pkg/apis/core/validation.
fn pod_resource(name: &str, path: &Path<'_>, causes: &mut Causes) {
    if resource_name(name, path, causes) && !matches!(name, "cpu" | "memory") && !is_huge_page(name) {
        causes.not_supported(path, &["cpu", "hugepages-", "memory"]);
    }
}

/// Names without a domain that the server knows.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
/// Those of them that are counted.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && name::label_key(&format!("requests.{name}")).is_empty()
}

/// Whether pods may ask for more of it, together, than there is.
#[must_use]
pub(crate) fn is_shareable(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

fn is_whole_pages(name: &str, quantity: &Quantity) -> bool {
    let page: Option<Quantity> = name.strip_prefix("hugepages-").and_then(|size| size.parse().ok());
    page.is_some_and(|page| {
        page.sign().is_gt()
            && page.milli() % 1000 == 0
            && page.value() != 0
            && quantity.value().wrapping_rem(page.value()) == 0
    })
}

/// Claims of devices: each once, each declared by the pod.
/// `validateResourceClaimNames`, pkg/apis/core/validation.
fn claims(claims: &[Node], pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if claims.is_empty() {
        return;
    }
    let declared: Names<'_> = list(pod.spec, "resourceClaims").iter().map(|known| text(known, "name")).collect();
    let (mut whole, mut in_parts) = (Names::default(), Names::default());
    let mut parts: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (index, claim) in claims.iter().enumerate() {
        let path = path.index(index);
        let (name, request) = (text(claim, "name"), text(claim, "request"));
        if name.is_empty() {
            causes.required(&path, "");
            continue;
        }
        if whole.has(name) {
            causes.duplicate(&path);
        } else if request.is_empty() {
            if in_parts.has(name) {
                causes.duplicate(&path);
            }
            whole.add(name);
        } else {
            causes.each_invalid(&path.child("request"), name::dns_label(request));
            if !parts.insert((name, request)) {
                causes.duplicate(&path);
            }
            in_parts.add(name);
        }
        if !declared.has(name) {
            let known = list(pod.spec, "resourceClaims").iter().map(|known| text(known, "name"));
            let names: Vec<&str> = known.filter(|name| !name.is_empty()).take(20).collect();
            let rest = if names.is_empty() { " which is empty".into() } else { format!(": {}", names.join(", ")) };
            causes.add(
                &path,
                "FieldValueNotFound",
                format!("must be one of the names in pod.spec.resourceClaims{rest}"),
            );
        }
    }
}

/// What containers ask for together must fit into what the pod asks for, and each limit into the pod's.
/// `validatePodResourceConsistency`, pkg/apis/core/validation.
fn totals(resources: &Node, spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    for (key, node) in resources.get("requests").into_iter().flat_map(Node::entries) {
        let (own, total) = (thousandths(node), total(spec, "requests", &key.name));
        if total.is_some_and(|total| total > own) {
            let path = path.child("requests");
            causes.invalid(&path.key(&key.name), "must be greater than or equal to aggregate container requests");
        }
    }
    let limits = resources.get("limits");
    for (key, node) in limits.into_iter().flat_map(Node::entries).filter(|(key, _)| is_huge_page(&key.name)) {
        if total(spec, "limits", &key.name).is_some_and(|total| total > thousandths(node)) {
            let path = path.child("limits");
            causes.invalid(&path.key(&key.name), "must be greater than or equal to aggregate container limits");
        }
    }
    let containers = path.child("containers");
    for (index, container) in list(spec, "containers").iter().enumerate() {
        for (key, node) in container.find(&["resources", "limits"]).into_iter().flat_map(Node::entries) {
            let Some(most) = limits.and_then(|limits| limits.get(&key.name)) else { continue };
            let most = Quantity::stored(Some(most));
            if Quantity::stored(Some(node)) > most {
                let item = containers.index(index);
                let item = item.key(&key.name);
                causes.invalid(&item.child("limits"), format!("must be less than or equal to pod limits of {most}"));
            }
        }
    }
}

/// How much of a resource the containers of a pod need at most at one time; `None` if none names it.
fn total(spec: &Node, list_name: &str, resource: &str) -> Option<i128> {
    let own = |container: &Node| container.find(&["resources", list_name, resource]).map(thousandths);
    let mut total: Option<i128> = None;
    for amount in list(spec, "containers").iter().filter_map(own) {
        total = Some(total.unwrap_or_default() + amount);
    }
    let (mut sidecars, mut most): (Option<i128>, Option<i128>) = (None, None);
    for container in list(spec, "initContainers") {
        let amount = own(container);
        let now = if text(container, "restartPolicy") == "Always" {
            if let Some(amount) = amount {
                total = Some(total.unwrap_or_default() + amount);
                sidecars = Some(sidecars.unwrap_or_default() + amount);
            }
            sidecars
        } else {
            amount.map(|amount| amount + sidecars.unwrap_or_default()).or(sidecars)
        };
        most = most.max(now);
    }
    total.max(most)
}

fn thousandths(node: &Node) -> i128 {
    let quantity = Quantity::stored(Some(node));
    let value = i128::from(quantity.value());
    if value.abs() > 9_000_000_000_000_000 { value * 1000 } else { i128::from(quantity.milli()) }
}
