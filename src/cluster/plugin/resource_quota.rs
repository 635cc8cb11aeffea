//! How much a namespace may hold: ResourceQuotas, by what its objects use now and what a new one adds.
//! k8s.io/apiserver/pkg/admission/plugin/resourcequota and pkg/quota/v1/evaluator.

use super::amounts::{self, Amounts};
use crate::bundle::inventory::Inventory;
use crate::cluster::binder;
use crate::cluster::denial::{Barrier, Denial, Refused};
use crate::cluster::store::{Key, text};
use crate::cluster::world::{World, is_over};
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};

const KIND: &str = "ResourceQuota";
const CLAIM: &str = "PersistentVolumeClaim";
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// Refuses an object that a quota has no room for, or that does not say what a quota counts. Of one that was there,
/// `old`, what it uses more counts, where its kind is counted on updates.
/// `CheckRequest`, k8s.io/apiserver/pkg/admission/plugin/resourcequota.
pub(super) fn validate(world: &mut World, key: &Key, object: &Node, old: Option<&Node>) -> Result<(), Denial> {
    if old.is_some() && !ON_UPDATE.contains(&key.kind.as_str()) {
        return Ok(());
    }
    let quotas: Vec<(&Key, &Node)> =
        world.store.of_kind(KIND).filter(|(quota, _)| quota.namespace == key.namespace).collect();
    // Where nobody waits any more, nothing is judged by what comes now.
    if quotas.is_empty() || key.namespace.is_empty() || world.patience == 0 {
        return Ok(());
    }
    let others = Others { world, key, old, live: OnceCell::new(), looked: Cell::new(0) };
    let outcome = quotas.iter().try_for_each(|(quota, node)| {
        one(quota, node, object, &others).map_err(|why| {
            let barrier = Barrier::Quota(quota.name.clone());
            Denial::forbidden(key, super::group(object), &why, barrier)
        })
    });
    let looked = others.looked.get();
    world.spend(looked);
    outcome
}

/// The objects of the same kind and namespace, and what each uses: worked out once for all quotas, and only if one
/// asks.
struct Others<'w> {
    world: &'w World,
    key: &'w Key,
    old: Option<&'w Node>,
    live: OnceCell<Vec<(&'w Node, Amounts)>>,
    looked: Cell<usize>,
}

impl<'w> Others<'w> {
    fn all(&self) -> &[(&'w Node, Amounts)] {
        let all = self.live.get_or_init(|| {
            let live = self.world.store.of_kind(&self.key.kind);
            // What is there of an object that changes is used as well.
            let counts = |other: &Key| self.old.is_some() || other != self.key;
            let others = live.filter(|(other, _)| other.namespace == self.key.namespace && counts(other));
            others.map(|(other, live)| (live, usage(other, live))).collect()
        });
        // Amounts are added up for each.
        self.looked.set(self.looked.get() + 2 * all.len());
        all
    }
}

fn one(quota: &Key, node: &Node, object: &Node, others: &Others<'_>) -> Result<(), Refused> {
    let key = others.key;
    let hard = amounts::stated(node.find(&["spec", "hard"]));
    let usage = usage(key, object);
    let counted: BTreeSet<&String> = hard.keys().filter(|name| counts(&key.kind, name, &usage)).collect();
    if counted.is_empty() || !is_in_scope(node, &key.kind, object) {
        return Ok(());
    }
    if key.kind == "Pod" {
        unsaid(object, &counted).map_or(Ok(()), |why| Err(format!("failed quota: {}: {why}", quota.name)))?;
    }
    let before = others.old.map(|old| self::usage(key, old)).unwrap_or_default();
    // `SubtractWithNonNegativeResult`: what shrinks is not counted.
    let grown = |name: &String, amount: Quantity| match before.get(name) {
        Some(old) if amount.cmp(old).is_le() => Quantity::ZERO,
        Some(old) => amount.plus(&old.negated()),
        None => amount,
    };
    let asked: Amounts = usage
        .into_iter()
        .filter(|(name, _)| hard.contains_key(name))
        .map(|(name, amount)| (name.clone(), grown(&name, amount)))
        .filter(|(_, amount)| amount.sign().is_ne())
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut used = Amounts::new();
    for (_, usage) in others.all().iter().filter(|(live, _)| is_in_scope(node, &key.kind, live)) {
        amounts::add(&mut used, usage.iter().filter(|(name, _)| asked.contains_key(*name)));
    }
    let zero = || Quantity::ZERO;
    let total = |name: &String| used.get(name).cloned().unwrap_or_else(zero);
    let exceeded: Vec<&String> = asked
        .iter()
        .filter(|(name, amount)| total(name).plus(amount).cmp(&hard[*name]).is_gt())
        .map(|(name, _)| name)
        .collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let shown = |of: &dyn Fn(&String) -> Quantity| {
        exceeded.iter().map(|name| format!("{name}={}", of(name))).collect::<Vec<_>>().join(",")
    };
    Err(format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        quota.name,
        shown(&|name| asked[name].clone()),
        shown(&total),
        shown(&|name| hard[name].clone())
    ))
}

/// The kinds that quotas count on updates too: `Handles` of their evaluators. Of pods only a resize counts.
const ON_UPDATE: [&str; 2] = [CLAIM, "Service"];

/// Whether a quota's resource is one that objects of a kind use: `MatchingResources`.
fn counts(kind: &str, name: &str, usage: &Amounts) -> bool {
    match kind {
        "Pod" => {
            usage.contains_key(name)
                || POD_RESOURCES.contains(&name)
                || name.starts_with("hugepages-")
                || name.starts_with("requests.hugepages-")
        }
        CLAIM => {
            usage.contains_key(name)
                || ["persistentvolumeclaims", "requests.storage"]
                    .iter()
                    .any(|own| name.ends_with(&format!("{OF_CLASS}{own}")))
        }
        _ => usage.contains_key(name),
    }
}

const POD_RESOURCES: [&str; 10] = [
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
];

/// The quotas among some objects that count all of their namespace: where each is, what it is called, and its limits.
#[must_use]
pub(crate) fn quotas(objects: &Inventory) -> Vec<(String, String, Amounts)> {
    let is_whole = |quota: &&Node| {
        let has = |field: &str| quota.find(&["spec", field]).is_some_and(|scopes| !scopes.is_null());
        !has("scopes") && !has("scopeSelector")
    };
    let name = |quota: &Node, field: &str| text(quota, &["metadata", field]).to_owned();
    let quotas = objects.of_kind(KIND).map(|quota| &quota.resource().node).filter(is_whole);
    quotas
        .map(|quota| (name(quota, "namespace"), name(quota, "name"), amounts::stated(quota.find(&["spec", "hard"]))))
        .collect()
}

/// What an object uses: the evaluator of its kind.
#[must_use]
pub(crate) fn usage(key: &Key, object: &Node) -> Amounts {
    let one = || Quantity::whole(1);
    let api_version = text(object, &["apiVersion"]);
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let plural = super::plural(&key.kind);
    let whole = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
    let mut usage = Amounts::from([(format!("count/{whole}"), one())]);
    match key.kind.as_str() {
        "Pod" if !is_over(object) => of_pod(object, &mut usage),
        "Pod" => {}
        CLAIM => {
            let storage = amounts::stated(object.find(&["spec", "resources", "requests"])).remove("storage");
            let class = binder::class_of(object);
            for name in
                [String::new(), format!("{class}{OF_CLASS}")].into_iter().take(if class.is_empty() { 1 } else { 2 })
            {
                usage.insert(format!("{name}persistentvolumeclaims"), one());
                usage.extend(storage.clone().map(|storage| (format!("{name}requests.storage"), storage)));
            }
        }
        "Service" => of_service(object, &mut usage),
        "ConfigMap" | "ResourceQuota" | "ReplicationController" | "Secret" if group.is_empty() => {
            drop(usage.insert(plural, one()));
        }
        _ => {}
    }
    usage
}

/// `podComputeUsageHelper`.
fn of_pod(pod: &Node, usage: &mut Amounts) {
    usage.insert("pods".to_owned(), Quantity::whole(1));
    for (name, amount) in amounts::with_overhead(pod, "requests") {
        let is_own = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if is_own {
            usage.insert(name.clone(), amount.clone());
        }
        if is_own || name.contains('/') {
            usage.insert(format!("requests.{name}"), amount);
        }
    }
    for (name, amount) in amounts::with_overhead(pod, "limits") {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            usage.insert(format!("limits.{name}"), amount);
        }
    }
}

/// `serviceEvaluator.Usage`.
fn of_service(service: &Node, usage: &mut Amounts) {
    let ports = || service.find(&["spec", "ports"]).into_iter().flat_map(Node::items);
    let number = |count: usize| Quantity::whole(i64::try_from(count).unwrap_or(i64::MAX));
    let has_none = service.find(&["spec", "allocateLoadBalancerNodePorts"]).and_then(Node::as_bool) == Some(false);
    let named = || ports().filter(|port| port.get("nodePort").and_then(Node::as_int).unwrap_or_default() != 0).count();
    let (balancers, node_ports) = match text(service, &["spec", "type"]) {
        "NodePort" => (0, ports().count()),
        "LoadBalancer" => (1, if has_none { named() } else { ports().count() }),
        _ => (0, 0),
    };
    usage.insert("services".to_owned(), Quantity::whole(1));
    usage.insert("services.loadbalancers".to_owned(), number(balancers));
    usage.insert("services.nodeports".to_owned(), number(node_ports));
}

/// What the containers of a pod must say, because it is counted: `Constraints`.
fn unsaid(pod: &Node, counted: &BTreeSet<&String>) -> Option<String> {
    const DUE: [(&str, &str, &str); 6] = [
        ("cpu", "requests", "cpu"),
        ("limits.cpu", "limits", "cpu"),
        ("limits.memory", "limits", "memory"),
        ("memory", "requests", "memory"),
        ("requests.cpu", "requests", "cpu"),
        ("requests.memory", "requests", "memory"),
    ];
    if pod.find(&["spec", "resources"]).is_some_and(|resources| resources.entries().next().is_some()) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for container in pod.find(&["spec", list]).into_iter().flat_map(Node::items) {
            for (name, which, resource) in DUE {
                if counted.iter().any(|counted| *counted == name)
                    && container.find(&["resources", which, resource]).is_none()
                {
                    missing.entry(name).or_default().insert(text(container, &["name"]));
                }
            }
        }
    }
    let named = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(",");
    let said: Vec<String> = missing.iter().map(|(name, those)| format!("{name} for: {}", named(those))).collect();
    (!said.is_empty()).then(|| format!("must specify {}", said.join("; ")))
}

/// Whether a quota is about an object: all its scopes must hold, and only pods have any. `podMatchesScopeFunc`.
fn is_in_scope(quota: &Node, kind: &str, object: &Node) -> bool {
    let plain = quota.find(&["spec", "scopes"]).into_iter().flat_map(Node::items).filter_map(Node::as_str);
    let plain = plain.map(|scope| (scope, "Exists", None));
    let selected = quota.find(&["spec", "scopeSelector", "matchExpressions"]).into_iter().flat_map(Node::items);
    let selected = selected.map(|one| (text(one, &["scopeName"]), text(one, &["operator"]), one.get("values")));
    plain.chain(selected).all(|(scope, operator, values)| kind == "Pod" && has_scope(object, scope, operator, values))
}

fn has_scope(pod: &Node, scope: &str, operator: &str, values: Option<&Node>) -> bool {
    let ends =
        || pod.find(&["spec", "activeDeadlineSeconds"]).and_then(Node::as_int).is_some_and(|seconds| seconds >= 0);
    match scope {
        "Terminating" => ends(),
        "NotTerminating" => !ends(),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => {
            let class = text(pod, &["spec", "priorityClassName"]);
            let among = || values.into_iter().flat_map(Node::items).any(|value| value.as_str() == Some(class));
            match operator {
                "In" => !class.is_empty() && among(),
                "NotIn" => class.is_empty() || !among(),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        "CrossNamespacePodAffinity" => looks_elsewhere(pod),
        _ => false,
    }
}

/// Whether a pod asks for nothing and is bounded by nothing.
/// `GetPodQOS`, pkg/apis/core/v1/helper/qos.
fn is_best_effort(pod: &Node) -> bool {
    ["requests", "limits"].iter().all(|which| {
        let all = amounts::of_pod(pod, which);
        all.iter().all(|(name, amount)| !matches!(name.as_str(), "cpu" | "memory") || amount.sign().is_eq())
    })
}

/// Whether a pod has a term of affinity about other namespaces.
fn looks_elsewhere(pod: &Node) -> bool {
    let is_elsewhere = |term: &Node| {
        term.get("namespaces").and_then(Node::as_list).is_some_and(|names| !names.is_empty())
            || term.get("namespaceSelector").is_some_and(|selector| !selector.is_null())
    };
    ["podAffinity", "podAntiAffinity"].iter().filter_map(|kind| pod.find(&["spec", "affinity", kind])).any(|affinity| {
        let list = |field: &str| affinity.get(field).into_iter().flat_map(Node::items);
        list("requiredDuringSchedulingIgnoredDuringExecution").any(is_elsewhere)
            || list("preferredDuringSchedulingIgnoredDuringExecution")
                .filter_map(|term| term.get("podAffinityTerm"))
                .any(is_elsewhere)
    })
}
