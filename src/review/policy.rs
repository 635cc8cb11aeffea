//! What a NetworkPolicy does to the traffic of pods, beside the other policies of its namespace: policies add up, and a
//! pod that none selects is open. Knows the manifests only.

use super::change::{Change, ChangeKind};
use super::effect::{Direction, Does, Selected, Traffic};
use super::risk::Rehearsed;
use crate::bundle::Resource;
use crate::cluster::selector::matches;
use crate::value::Node;
use std::collections::BTreeMap;

/// So many workloads, and so many other policies of a namespace, are looked at.
const LOOKED_AT: usize = 50;

/// So many workloads are named.
const NAMED: usize = 3;

/// How much a policy lets through in one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lets {
    Nothing,
    Some,
    All,
}

/// What a change of a policy does to the traffic of pods.
pub(super) fn traffic(change: &Change, step: Rehearsed<'_>) -> Vec<Traffic> {
    let (old, new) = (step.committed.get(change.from.as_ref().unwrap_or(&change.id)), step.fresh.get(&change.id));
    let (old, new) = match change.kind {
        ChangeKind::Added => (None, new),
        ChangeKind::Removed => (old, None),
        ChangeKind::Changed | ChangeKind::Renamed => (old, new),
    };
    let Some(policy) = new.or(old) else { return Vec::new() };
    let namespace = &*policy.id.namespace;
    let pods = pods(policy, step.known.workloads_in.get(namespace).map_or(&[], Vec::as_slice));
    let [before, after] = &step.known.policies_in;
    let mut list = Vec::new();
    for direction in [Direction::In, Direction::Out] {
        let of = |policy: Option<&Resource>| policy.and_then(|policy| lets(policy, direction));
        let others = |policies: &BTreeMap<&str, Vec<&Resource>>| {
            let mut others = policies.get(namespace).into_iter().flatten().copied().take(LOOKED_AT);
            others.any(|other| {
                other.id != policy.id
                    && Some(&other.id) != change.from.as_ref()
                    && of(Some(other)).is_some()
                    && (select_all(other) || selector(other) == selector(policy))
            })
        };
        let is_same = || old.zip(new).is_some_and(|(old, new)| old.node.find(&["spec"]) == new.node.find(&["spec"]));
        let does = match (of(old), of(new)) {
            (None, Some(Lets::Nothing)) if others(before) => None,
            (None, Some(_)) if others(before) => Some(Does::LetsThrough),
            (Some(_), Some(_)) if is_same() => None,
            (_, Some(Lets::Nothing)) => Some(Does::Denies),
            (None, Some(Lets::Some)) => Some(Does::DeniesRest),
            (Some(_), None) if others(after) => Some(Does::DeniesOwn),
            (Some(Lets::All), None) | (None, None | Some(Lets::All)) => None,
            (Some(_), None) => Some(Does::Opens),
            (Some(_), Some(_)) => Some(Does::Rules),
        };
        list.extend(does.map(|does| Traffic { direction, pods: pods.clone(), does }));
    }
    list
}

/// What a policy lets through in a direction; nothing where it says nothing of it.
fn lets(policy: &Resource, direction: Direction) -> Option<Lets> {
    let (direction, field) = direction.names();
    let spec = policy.node.get("spec")?;
    let rules = spec.get(field).and_then(Node::as_list).unwrap_or_default();
    let types = spec.get("policyTypes").and_then(Node::as_list).unwrap_or_default();
    let is_meant = match types {
        [] => direction == "Ingress" || !rules.is_empty(),
        types => types.iter().any(|kind| kind.as_str() == Some(direction)),
    };
    is_meant.then(|| match rules {
        [] => Lets::Nothing,
        rules if rules.iter().any(|rule| rule.entries().all(|(_, value)| value.items().next().is_none())) => Lets::All,
        _ => Lets::Some,
    })
}

fn selector(policy: &Resource) -> Option<&Node> {
    policy.node.find(&["spec", "podSelector"])
}

fn select_all(policy: &Resource) -> bool {
    selector(policy).is_none_or(|selector| {
        selector.entries().all(|(_, value)| value.entries().next().is_none() && value.items().next().is_none())
    })
}

/// The pods that a policy selects.
fn pods(policy: &Resource, at_home: &[&Resource]) -> Selected {
    if select_all(policy) {
        return Selected::All;
    }
    let labels = |workload: &'_ Resource| workload.node.find(&["spec", "template", "metadata", "labels"]).cloned();
    let mut selected: Vec<(String, String)> = at_home
        .iter()
        .take(LOOKED_AT)
        .filter(|workload| matches(selector(policy), labels(workload).as_ref()))
        .map(|workload| (workload.id.kind.to_string(), workload.id.name.to_string()))
        .collect();
    if selected.is_empty() {
        return Selected::Unknown;
    }
    let more = selected.len().saturating_sub(NAMED);
    selected.truncate(NAMED);
    Selected::Of(selected, more)
}
