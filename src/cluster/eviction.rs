//! The eviction of a pod by the API, as `kubectl drain` asks for it: what the server says, and what it does.
//!
//! Follows `pkg/registry/core/pod/storage/eviction.go: Create, checkAndDecrement`.

use super::controller::{disruption, garbage, kubelet};
use super::denial::Verdict;
use super::selector;
use super::store::{Key, is_ending, text};
use super::world::{World, is_over, is_ready, phase};
use crate::value::Node;

/// Evicts a pod, if its budget has room.
pub(crate) fn evict(world: &mut World, key: &Key) -> Verdict {
    let Some(pod) = world.store.get(key) else { return Verdict::Absent };
    // `canIgnorePDB`: who is not running, or is being deleted anyway, is missed by nobody.
    if !(is_over(pod) || phase(pod) == "Pending" || is_ending(pod))
        && let Some(refusal) = guarded(world, key, pod)
    {
        return refusal;
    }
    kubelet::set_disrupted(world, key, "EvictionByEvictionAPI");
    garbage::delete(world, key);
    Verdict::Evicted
}

/// What a budget has against it.
fn guarded(world: &World, key: &Key, pod: &Node) -> Option<Verdict> {
    let labels = pod.find(&["metadata", "labels"]);
    let mut budgets: Vec<_> = disruption::budgets(world)
        .into_iter()
        .filter(|budget| budget.key.namespace == key.namespace && selector::matches(Some(budget.selector), labels))
        .collect();
    let budget = budgets.pop()?;
    if !budgets.is_empty() {
        return Some(Verdict::SeveralBudgets);
    }
    if !is_ready(pod) {
        let always = text(budget.node, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow";
        if always || budget.healthy >= budget.needed && budget.needed > 0 {
            return None;
        }
    }
    if budget.allowed > 0 {
        return None;
    }
    let name = &budget.key.name;
    let cause = if budget.healthy <= budget.needed {
        format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            budget.needed, budget.healthy
        )
    } else {
        format!("The disruption budget {name} does not allow evicting pods currently")
    };
    Some(Verdict::NoRoom { budget: name.to_string(), cause })
}
