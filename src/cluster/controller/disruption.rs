//! How many of the pods that a budget protects may go just now. Evicts nobody.
//!
//! Follows `pkg/controller/disruption/disruption.go: trySync, getExpectedPodCount, countHealthyPods`.

use super::statefulset;
use crate::cluster::selector;
use crate::cluster::store::{Key, controller_uid, is_ending, uid};
use crate::cluster::world::{World, is_ready};
use crate::value::{Data, Node, Text};
use std::collections::BTreeMap;

/// Pods that are protected together, and how many of them may go.
pub(crate) struct Budget<'w> {
    /// Its name.
    pub(crate) key: &'w Key,
    /// The budget.
    pub(crate) node: &'w Node,
    /// Which pods.
    pub(crate) selector: &'w Node,
    /// How many are well.
    pub(crate) healthy: i64,
    /// How many must be.
    pub(crate) needed: i64,
    /// How many there should be.
    pub(crate) expected: i64,
    /// How many may go.
    pub(crate) allowed: i64,
}

/// What each budget allows now. One without a selector protects nothing.
pub(crate) fn budgets(world: &World) -> Vec<Budget<'_>> {
    let budgets = world.store.of_kind("PodDisruptionBudget");
    budgets
        .filter_map(|(key, budget)| {
            let selector = budget.find(&["spec", "selector"]).filter(|selector| !selector.is_null())?;
            Some(weigh(world, key, budget, selector))
        })
        .collect()
}

fn weigh<'w>(world: &'w World, key: &'w Key, budget: &'w Node, selector: &'w Node) -> Budget<'w> {
    let pods = world.store.of_kind("Pod").filter(|(pod_key, pod)| {
        pod_key.namespace == key.namespace && selector::matches(Some(selector), pod.find(&["metadata", "labels"]))
    });
    let (mut healthy, mut seen, mut owners) = (0, 0, BTreeMap::new());
    for (_, pod) in pods {
        seen += 1;
        healthy += i64::from(is_ready(pod) && !is_ending(pod));
        if let Some(owner) = controller_uid(pod) {
            *owners.entry(owner).or_insert(0) += 1;
        }
    }
    let mut sizes: BTreeMap<Text, i64> =
        world.store.of_kind("StatefulSet").map(|(_, set)| (uid(set), statefulset::replicas(set))).collect();
    let asked = |set: &Node| set.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1);
    sizes.extend(world.store.of_kind("ReplicaSet").map(|(_, set)| (uid(set), asked(set))));
    let scale: i64 = owners.into_iter().map(|(owner, seen)| sizes.get(owner).copied().unwrap_or(seen)).sum();
    let stated = |field: &str| budget.find(&["spec", field]);
    let (needed, expected) = match (stated("minAvailable"), stated("maxUnavailable")) {
        (_, Some(most)) => (scale - share(most, scale), scale),
        (Some(Node { data: Data::Int(least), .. }), None) => (*least, seen),
        (Some(least), None) => (share(least, scale), scale),
        (None, None) => (0, 0),
    };
    let needed = needed.max(0);
    let allowed = if expected <= 0 { 0 } else { (healthy - needed).max(0) };
    Budget { key, node: budget, selector, healthy, needed, expected, allowed }
}

/// A number, or a share of all, rounded up.
/// `GetScaledValueFromIntOrPercent`, k8s.io/apimachinery/pkg/util/intstr.
pub(super) fn share(stated: &Node, all: i64) -> i64 {
    match &stated.data {
        Data::Int(number) => *number,
        _ => percent(stated).saturating_mul(all).saturating_add(99) / 100,
    }
}

/// The same, rounded down.
pub(super) fn share_at_most(stated: &Node, all: i64) -> i64 {
    match &stated.data {
        Data::Int(number) => *number,
        _ => percent(stated).saturating_mul(all) / 100,
    }
}

fn percent(stated: &Node) -> i64 {
    stated.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok()).unwrap_or_default()
}
