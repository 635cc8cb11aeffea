//! How a change goes about: what a strategy, a budget or a missing volume makes of it. Off the rehearsal, a sentence each.

use super::Change;
use super::risk::Step;
use super::set::Set;
use crate::bundle::Bundle;
use crate::cluster::state::{ClaimPhase, PodState};
use crate::diagnostic::{bare_listing, listing};
use crate::k8s::object::ObjectName;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// So many pods are named in one sentence.
const NAMED: usize = 6;

/// The sentences.
#[must_use]
pub fn notes(changes: &[Change], step: Step<'_>, home: &str) -> Vec<String> {
    let mut notes = Vec::new();
    for change in changes.iter().filter(|change| change.id.kind == "StatefulSet" && change.refusals.is_empty()) {
        if let Some(set) = step.fresh.get(&change.id).map(Set) {
            rollout(set, change, step, home, &mut notes);
        }
    }
    let refused = changes.iter().filter(|change| !change.refusals.is_empty()).count();
    if refused > 0 && refused < changes.len() {
        let others = match changes.len() - refused {
            1 => "the other change is".to_owned(),
            others => format!("{others} other changes are"),
        };
        notes.push(format!("objects are applied one by one: {others} made all the same"));
    }
    notes.extend(waiting(step));
    notes
}

/// The sets of which not all replicas were rehearsed.
#[must_use]
pub fn unplayed(bundle: &Bundle, played: i64, home: &str) -> Option<String> {
    let larger = bundle.of_kind("StatefulSet").filter(|set| Set(set).replicas() > played);
    let names: Vec<String> = larger.map(|set| set.id.object(home).seen_from(home).to_string()).collect();
    if names.is_empty() {
        return None;
    }
    let names = listing(names.iter().map(String::as_str), NAMED);
    Some(format!("only the first {played} replicas of {names} were rehearsed: the pods beyond them are not counted"))
}

fn rollout(set: Set<'_>, change: &Change, step: Step<'_>, home: &str, notes: &mut Vec<String>) {
    let id = set.0.id.object(home);
    let name = id.seen_from(home);
    let replaced = step.known.replaced_of.get(&id).copied().unwrap_or_default();
    let template = change.fields.iter().any(|field| field.path.starts_with("spec.template"));
    if replaced > 1 {
        let seconds = set.int(&["spec", "minReadySeconds"], 0);
        let rest = if seconds > 0 { format!("for {seconds} s ") } else { String::new() };
        notes.push(
            format!("pods of {name} are replaced one at a time, the highest ordinal first: each once the one before has been ready {rest}")
                .trim_end()
                .to_owned(),
        );
    }
    if replaced > 0 {
        notes.extend(budget(set, step));
    }
    if !template || set.is_on_delete() {
        return;
    }
    let held = step.known.held_of.get(&id).map(Vec::as_slice).unwrap_or_default();
    if set.partition() > 0 && !held.is_empty() {
        let verb = if held.len() == 1 { "keeps its" } else { "keep their" };
        notes.push(format!(
            "partition {}: {} {verb} version until it is lowered",
            set.partition(),
            bare_listing(held.iter().map(|pod| pod.seen_from(home).to_string()), NAMED)
        ));
    }
}

/// A budget over the pods of a set: people expect it to slow a rollout down.
fn budget(set: Set<'_>, step: Step<'_>) -> Option<String> {
    let labels = set.0.node.find(&["spec", "template", "metadata", "labels"])?;
    let covers = |selector: &Node| {
        let mut wanted = selector.get("matchLabels")?.entries().peekable();
        wanted.peek()?;
        Some(wanted.all(|(key, value)| labels.get(&key.name) == Some(value)))
    };
    let budget = step.fresh.of_kind("PodDisruptionBudget").find(|budget| {
        budget.id.namespace == set.0.id.namespace && budget.node.find(&["spec", "selector"]).and_then(covers) == Some(true)
    })?;
    Some(format!("{} does not limit this: budgets limit evictions, not rolling updates", budget.id))
}

/// Pods that came and do not start.
#[must_use]
pub fn waiting(step: Step<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let state = &step.after.state;
    let claims_after: BTreeMap<&ObjectName, usize> = state.claims.iter().enumerate().map(|(place, claim)| (&claim.name, place)).collect();
    let is_new = |pod: &&PodState| !pod.ready && (step.known.ready_before.contains(&pod.name) || step.known.created.contains(&pod.name));
    for pod in state.pods.iter().filter(is_new) {
        let places: BTreeSet<usize> = pod.claim_names().filter_map(|claim| claims_after.get(&claim).copied()).collect();
        let claims = places.into_iter().map(|place| &state.claims[place]).filter(|claim| claim.phase != ClaimPhase::Bound);
        let mut whys =
            claims.filter_map(|claim| Some((claim.why.as_ref()?, Some(&claim.name)))).chain(pod.why.iter().map(|why| (why, None)));
        let Some((why, claim)) = whys.find(|(why, _)| !why.is_open()) else { continue };
        let Some(message) = why.message.as_deref().or(why.reason.as_deref()) else { continue };
        let whose = claim.map(|claim| format!("claim {}: ", claim.seen_from(step.home))).unwrap_or_default();
        notes.push(format!("{} does not start: {whose}{message}", pod.name.seen_from(step.home)));
    }
    notes
}
