//! Which pods make room for one that is more important: the scheduler's plugin DefaultPreemption. Knows neither volumes
//! nor labels of nodes.
//! `SelectVictimsOnNode`, pkg/scheduler/framework/plugins/defaultpreemption; `pickOneNodeForPreemption`,
//! pkg/scheduler/framework/preemption.

use super::disruption::{self, Budget};
use super::garbage;
use super::scheduler::{Candidate, No, fits, on, summary};
use crate::cluster::plugin::{preempts, priority_of};
use crate::cluster::selector;
use crate::cluster::store::{Key, is_ending, text, uid};
use crate::cluster::world::{Machine, World};
use crate::value::{Node, Text};
use std::cmp::Reverse;
use std::collections::BTreeSet;

const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

/// The pods that are to go, and where.
pub(super) struct Eviction {
    node: Text,
    pods: Vec<Key>,
}

/// The pods of one node that would have to go.
struct Victims<'w> {
    node: &'w Text,
    /// The most important first.
    pods: Vec<Victim<'w>>,
    /// How many of them a budget protects.
    violations: usize,
}

#[derive(Clone, Copy)]
struct Victim<'w> {
    key: &'w Key,
    pod: &'w Node,
    priority: i64,
}

/// The pods that are to make room for one, or why none helps, in the scheduler's words; and how much there was to look
/// at.
pub(super) fn plan<'a>(
    world: &'a World,
    machines: &'a [Machine],
    candidate: &Candidate<'a>,
    refused: &[No],
) -> (usize, Result<Eviction, String>) {
    if !preempts(candidate.pod) {
        return (0, Err("not eligible due to preemptionPolicy=Never.".to_owned()));
    }
    if waits(world, machines, candidate.pod) {
        return (0, Err("not eligible due to a terminating pod on the nominated node.".to_owned()));
    }
    let mut budgets = None;
    let mut reasons: Vec<&'static str> = Vec::new();
    let mut effort = 0;
    let mut best: Option<Victims<'a>> = None;
    for (machine, _) in machines.iter().zip(refused).filter(|(_, no)| no.room) {
        let mut lower: Vec<Victim<'_>> = on(world, machine)
            .map(|(key, pod)| Victim { key, pod, priority: priority_of(pod) })
            .filter(|victim| victim.priority < priority_of(candidate.pod))
            .collect();
        effort += lower.len() * (1 + lower.len() / 8);
        if lower.is_empty() {
            reasons.push(NO_VICTIMS);
            continue;
        }
        // The older of two is the more important.
        lower.sort_by_cached_key(|victim| (Reverse(victim.priority), uid(victim.pod)));
        let budgets = budgets.get_or_insert_with(|| disruption::budgets(world));
        match on_node(world, machines, machine, candidate, &lower, budgets) {
            Err(no) => reasons.extend(no.reasons),
            Ok(victims) if best.as_ref().is_none_or(|best| rank(&victims) < rank(best)) => best = Some(victims),
            Ok(_) => {}
        }
    }
    if let Some(best) = best {
        let pods = best.pods.into_iter().map(|victim| victim.key.clone()).collect();
        return (effort, Ok(Eviction { node: best.node.clone(), pods }));
    }
    let hopeless = refused.iter().filter(|no| !no.room).map(|_| NOT_HELPFUL);
    (effort, Err(format!("{}.", summary(refused.len(), reasons.into_iter().chain(hopeless)))))
}

/// By what nodes are compared: fewest protected victims, the least important, the least in all, the fewest, the
/// youngest.
/// `MoreImportantPod`, pkg/scheduler/util.
fn rank(victims: &Victims<'_>) -> (usize, i64, i64, usize, Reverse<Text>) {
    let highest = victims.pods.first().map_or(i64::MIN, |victim| victim.priority);
    // So that few pods of a priority below zero cost less than many.
    let sum = victims.pods.iter().map(|victim| victim.priority + i64::from(i32::MAX) + 1).sum();
    let most_important = victims.pods.iter().filter(|victim| victim.priority == highest);
    let earliest = most_important.map(|victim| uid(victim.pod)).min().unwrap_or_default();
    (victims.violations, highest, sum, victims.pods.len(), Reverse(earliest))
}

/// The fewest pods of a node without which the candidate finds a place there: all go, then as many as can come back,
/// the protected ones and the most important ones first.
/// `SelectVictimsOnNode`, pkg/scheduler/framework/plugins/defaultpreemption.
fn on_node<'a>(
    world: &'a World,
    machines: &'a [Machine],
    machine: &'a Machine,
    candidate: &Candidate<'a>,
    lower: &[Victim<'a>],
    budgets: &[Budget<'_>],
) -> Result<Victims<'a>, No> {
    let mut gone: BTreeSet<Key> = lower.iter().map(|victim| victim.key.clone()).collect();
    fits(world, machines, machine, &candidate.without(gone.clone()))?;
    let (protected, free) = protected(lower, budgets);
    let count = protected.len();
    let mut victims = Victims { node: &machine.name, pods: Vec::new(), violations: 0 };
    for (place, victim) in protected.into_iter().chain(free).enumerate() {
        gone.remove(victim.key);
        if fits(world, machines, machine, &candidate.without(gone.clone())).is_err() {
            gone.insert(victim.key.clone());
            victims.violations += usize::from(place < count);
            victims.pods.push(victim);
        }
    }
    victims.pods.sort_by_cached_key(|victim| (Reverse(victim.priority), uid(victim.pod)));
    Ok(victims)
}

/// Parts the pods that a budget protects from the others: `filterPodsWithPDBViolation`.
fn protected<'a>(lower: &[Victim<'a>], budgets: &[Budget<'_>]) -> (Vec<Victim<'a>>, Vec<Victim<'a>>) {
    let mut left: Vec<i64> = budgets.iter().map(|budget| budget.allowed).collect();
    lower.iter().partition(|victim| {
        let labels = victim.pod.find(&["metadata", "labels"]);
        let mut violated = false;
        for (budget, left) in budgets.iter().zip(&mut left) {
            let is_about_something = budget.selector.entries().next().is_some();
            if is_about_something
                && budget.key.namespace == victim.key.namespace
                && selector::matches(Some(budget.selector), labels)
            {
                *left -= 1;
                violated |= *left < 0;
            }
        }
        violated
    })
}

/// Deletes the victims, and notes for which node the pod waits.
pub(super) fn evict(world: &mut World, key: &Key, eviction: &Eviction) {
    for victim in &eviction.pods {
        garbage::delete(world, victim);
    }
    world.store.set_text(key, &NOMINATED, eviction.node.clone());
}

const NOMINATED: [&str; 2] = ["status", "nominatedNodeName"];

/// Whether a less important pod still has to end where this one has made room before: `PodEligibleToPreemptOthers`.
fn waits(world: &World, machines: &[Machine], pod: &Node) -> bool {
    let nominated = machines.iter().find(|machine| text(pod, &NOMINATED) == machine.name);
    nominated.is_some_and(|machine| {
        on(world, machine).any(|(_, other)| is_ending(other) && priority_of(other) < priority_of(pod))
    })
}
