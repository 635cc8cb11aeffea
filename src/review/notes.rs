//! How a change goes about: what a strategy, a budget or a missing volume makes of it. Off the rehearsal, a sentence each.

use super::Change;
use super::risk::Step;
use super::set::Set;
use crate::bundle::ResourceId;
use crate::cluster::state::PodState;
use crate::cluster::world::NOT_KNOWN;
use crate::diagnostic::listing;
use crate::value::Node;

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

/// The name under which the rehearsal shows an object.
#[must_use]
pub fn label(id: &ResourceId, home: &str) -> String {
    if id.namespace.is_empty() || id.namespace == home { id.name.clone() } else { format!("{}/{}", id.namespace, id.name) }
}

fn rollout(set: Set<'_>, change: &Change, step: Step<'_>, home: &str, notes: &mut Vec<String>) {
    let name = label(&set.0.id, home);
    let state = &step.after.state;
    let is_of = |pod: &&String| pod.rsplit_once('-').is_some_and(|(owner, _)| owner == name);
    let replaced = state.changes.pods.replaced.iter().filter(is_of).count();
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
    let held: Vec<&str> = state
        .pods
        .iter()
        .map(|pod| &pod.name)
        .filter(is_of)
        .filter(|pod| !state.changes.pods.replaced.contains(pod))
        .filter(|pod| !state.changes.pods.created.contains(pod))
        .map(String::as_str)
        .collect();
    if set.partition() > 0 && !held.is_empty() {
        let verb = if held.len() == 1 { "keeps its" } else { "keep their" };
        notes.push(format!("partition {}: {} {verb} version until it is lowered", set.partition(), listing(held, NAMED).replace('`', "")));
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
    Some(format!("{} does not hold this back: it is asked for evictions only", budget.id))
}

/// Pods that came and do not start.
#[must_use]
pub fn waiting(step: Step<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let state = &step.after.state;
    let is_new = |pod: &&PodState| {
        let was_ready = step.before.state.pods.iter().any(|old| old.name == pod.name && old.ready);
        !pod.ready && (was_ready || state.changes.pods.created.contains(&pod.name))
    };
    for pod in state.pods.iter().filter(is_new) {
        let claims = state.claims.iter().filter(|claim| pod.claims.contains(&claim.name) && claim.phase != "Bound");
        let mut whys =
            claims.filter_map(|claim| Some((claim.why.as_ref()?, Some(&claim.name)))).chain(pod.why.iter().map(|why| (why, None)));
        let Some((why, claim)) = whys.find(|(why, _)| why.reason.as_deref() != Some(NOT_KNOWN)) else { continue };
        let Some(message) = why.message.as_deref().or(why.reason.as_deref()) else { continue };
        let whose = claim.map(|claim| format!("claim {claim}: ")).unwrap_or_default();
        notes.push(format!("{} does not start: {whose}{message}", pod.name));
    }
    notes
}
