//! What a NetworkPolicy does to the traffic of pods, beside the other policies of its namespace: policies add up, and a pod that none selects
//! is open. Knows the manifests only.

use super::risk::Step;
use super::{Change, ChangeKind};
use crate::bundle::Resource;
use crate::cluster::selector::matches;
use crate::value::Node;
use std::collections::BTreeMap;

/// So many workloads, and so many other policies of a namespace, are looked at.
const LOOKED_AT: usize = 50;

/// So many workloads are named.
const NAMED: usize = 3;

/// A direction, its field, and its word.
const DIRECTIONS: [(&str, &str, &str); 2] = [("Ingress", "ingress", "incoming"), ("Egress", "egress", "outgoing")];

/// How much a policy lets through in one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lets {
    Nothing,
    Some,
    All,
}

/// What becomes of the traffic of pods, in a few words.
pub(super) fn effect(change: &Change, step: Step<'_>) -> Vec<String> {
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
    let mut words = Vec::new();
    for (direction, field, word) in DIRECTIONS {
        let of = |policy: Option<&Resource>| policy.and_then(|policy| lets(policy, direction, field));
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
        words.extend(match (of(old), of(new)) {
            (None, Some(Lets::Nothing)) if others(before) => None,
            (None, Some(_)) if others(before) => Some(format!("lets {word} traffic of {pods} through that no other policy allows")),
            (Some(_), Some(_)) if is_same() => None,
            (_, Some(Lets::Nothing)) => Some(format!("denies all {word} traffic of {pods}")),
            (None, Some(Lets::Some)) => Some(format!("denies {word} traffic of {pods} but for what it allows")),
            (Some(_), None) if others(after) => Some(format!("denies {word} traffic of {pods} that it alone allowed")),
            (Some(Lets::All), None) | (None, None | Some(Lets::All)) => None,
            (Some(_), None) => Some(format!("nothing restricts {word} traffic of {pods} any more")),
            (Some(_), Some(_)) => Some(format!("its rules for {word} traffic of {pods} hold at once")),
        });
    }
    words
}

/// What a policy lets through in a direction; nothing where it says nothing of it.
fn lets(policy: &Resource, direction: &str, field: &str) -> Option<Lets> {
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
    selector(policy)
        .is_none_or(|selector| selector.entries().all(|(_, value)| value.entries().next().is_none() && value.items().next().is_none()))
}

/// The pods that a policy selects, as they are called.
fn pods(policy: &Resource, at_home: &[&Resource]) -> String {
    if select_all(policy) {
        return "all pods of its namespace".into();
    }
    let labels = |workload: &'_ Resource| workload.node.find(&["spec", "template", "metadata", "labels"]).cloned();
    let selected: Vec<String> = at_home
        .iter()
        .take(LOOKED_AT)
        .filter(|workload| matches(selector(policy), labels(workload).as_ref()))
        .map(|workload| format!("{}/{}", workload.id.kind, workload.id.name))
        .collect();
    match &selected[..] {
        [] => "the pods that it selects".into(),
        few if few.len() <= NAMED => few.join(", "),
        many => format!("{} and {} more", many[..NAMED].join(", "), many.len() - NAMED),
    }
}
