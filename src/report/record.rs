//! What a step did and how the cluster is then, in the form of scenario records (docs/internals/scenarios.md): what
//! `rehearse --format json` prints, and what recordings of real clusters are compared with.

use super::gaps;
use crate::cluster::denial::Verdict;
use crate::cluster::kubectl::{Act, Done};
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::{
    BudgetState, ClaimState, DeploymentState, Difference, EndpointState, EventState, FleetState, NodeState, Partner,
    PodState, SetState, State, Tie, VolumeState, Why,
};
use crate::cluster::store::{Key, Owner};
use crate::cluster::world::{Cause, PodMove};
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::Quantity;
use crate::value::Text;
use serde_json::{Map, Value, json};

/// The acts of a step as records show them.
#[must_use]
pub(crate) fn results(outcome: &Outcome, home: &str) -> Value {
    outcome.acts.iter().map(|done| result(done, home)).collect()
}

fn result(done: &Done, home: &str) -> Value {
    let Key { kind, namespace, name } = &done.key;
    let mut result = json!({ "kind": kind.as_str(), "name": name.as_str() });
    if !namespace.is_empty() && namespace != home {
        result["namespace"] = json!(namespace.as_str());
    }
    result["result"] = json!(done.act.word());
    if let Act::Rejected(rejection) = &done.act {
        result["code"] = json!(rejection.code);
        result["reason"] = json!(rejection.reason);
        result["message"] = json!(rejection.message);
        if rejection.code == 422 {
            let causes = rejection.refusals.iter().zip(&rejection.causes);
            result["causes"] = causes
                .map(|(refusal, said)| json!({ "field": refusal.field, "type": refusal.kind, "message": said }))
                .collect();
        }
    }
    match &done.act {
        Act::Evicted { gone: false } => result["gone"] = json!(false),
        Act::NotEvicted(verdict) => not_evicted(&mut result, verdict),
        _ => {}
    }
    if !done.warnings.is_empty() {
        result["warnings"] = json!(done.warnings);
    }
    result
}

/// What the server says to an eviction that it refuses.
/// `createTooManyRequestsError` and `Create`, pkg/registry/core/pod/storage.
fn not_evicted(result: &mut Value, verdict: &Verdict) {
    let (code, reason, message) = match verdict {
        Verdict::NoRoom { .. } => {
            (429, json!("TooManyRequests"), "Cannot evict pod as it would violate the pod's disruption budget.")
        }
        _ => (
            500,
            Value::Null,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ),
    };
    result["code"] = json!(code);
    result["reason"] = reason;
    result["message"] = json!(message);
    if let Verdict::NoRoom { cause, .. } = verdict {
        result["causes"] = json!([{ "field": null, "type": "DisruptionBudget", "message": cause }]);
    }
}

/// The cluster after a step. Objects of `home` are called by their names, others by their namespaces too.
#[must_use]
pub(crate) fn state(state: &State, home: &str) -> Value {
    let State { statefulsets, pods, claims, volumes, endpoints, changes, order, events, fleet } = state;
    let label = |name: &ObjectName| name.seen_from(home).to_string();
    let sorted = |entries: Vec<(String, Value)>| -> Value {
        let mut entries = entries;
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        entries.into_iter().collect::<Map<String, Value>>().into()
    };
    let endpoints = endpoints.iter().map(|(service, list)| (label(service), list.iter().map(endpoint).collect()));
    let order = order.iter().map(|(set, moves)| (label(set), moves.iter().map(moved).collect()));
    let mut whole = json!({
        "statefulsets": statefulsets.iter().map(|one| set(one, home)).collect::<Vec<_>>(),
        "pods": pods.iter().map(|one| pod(one, home, fleet.is_some())).collect::<Vec<_>>(),
        "claims": claims.iter().map(|one| claim(one, home)).collect::<Vec<_>>(),
        "volumes": volumes.iter().map(volume).collect::<Vec<_>>(),
        "endpoints": sorted(endpoints.collect()),
        "changes": {
            "pods": difference(&changes.pods, home),
            "claims": difference(&changes.claims, home),
            "volumes": difference(&changes.volumes, home),
        },
        "order": sorted(order.collect()),
        "events": events.iter().map(|one| event(one, home)).collect::<Vec<_>>(),
    });
    if let Some(fleet) = fleet {
        add_fleet(&mut whole, fleet, home);
    }
    whole
}

/// What is there only where nodes may fail.
fn add_fleet(whole: &mut Value, fleet: &FleetState, home: &str) {
    let label = |name: &ObjectName| name.seen_from(home).to_string();
    let node = |node: &NodeState| {
        let taints: Vec<String> = node.taints.iter().map(|(key, effect)| format!("{key}:{effect}")).collect();
        let ready = if node.ready { "True" } else { "Unknown" };
        let mut value = json!({ "name": node.name.as_str(), "ready": ready, "taints": taints, "in use": node.in_use });
        if node.down {
            value["down"] = true.into();
        }
        value
    };
    whole["nodes"] = fleet.nodes.iter().map(node).collect();
    let attachment =
        |(volume, node): &(Text, Text)| json!({ "volume": volume.as_str(), "node": node.as_str(), "attached": true });
    whole["attachments"] = fleet.attachments.iter().map(attachment).collect();
    if !fleet.deployments.is_empty() {
        let deployment = |one: &DeploymentState| {
            let (spec, ready, updated) = (one.spec, one.ready, one.updated);
            let unavailable = (spec - ready).max(0);
            json!({
                "name": label(&one.name), "spec": spec, "ready": ready, "available": ready, "updated": updated,
                "unavailable": unavailable,
            })
        };
        whole["deployments"] = fleet.deployments.iter().map(deployment).collect();
    }
    if !fleet.budgets.is_empty() {
        let budget = |one: &BudgetState| {
            json!({
                "name": label(&one.name), "currentHealthy": one.healthy, "desiredHealthy": one.needed,
                "disruptionsAllowed": one.allowed, "expectedPods": one.expected,
            })
        };
        whole["budgets"] = fleet.budgets.iter().map(budget).collect();
    }
}

/// A pod that came or went: `+web-0`, `-web-0`.
#[must_use]
pub(crate) fn sign(one: &PodMove) -> String {
    format!("{}{}", if one.came { '+' } else { '-' }, one.pod.name)
}

/// Pods in the order in which they came and went.
#[must_use]
pub(crate) fn signs(moves: &[PodMove]) -> String {
    moves.iter().map(sign).collect::<Vec<_>>().join(" ")
}

fn moved(one: &PodMove) -> Value {
    sign(one).into()
}

fn set(set: &SetState, home: &str) -> Value {
    json!({
        "name": set.name.seen_from(home).to_string(),
        "generation": set.generation,
        "observed": set.observed,
        "spec": set.spec,
        "replicas": set.replicas,
        "ready": set.ready,
        "available": set.available,
        "current": set.current,
        "updated": set.updated,
        "currentRevision": set.current_revision,
        "updateRevision": set.update_revision,
    })
}

fn pod(pod: &PodState, home: &str, with_node: bool) -> Value {
    let mut value = json!({
        "name": pod.name.seen_from(home).to_string(),
        "hostname": optional(pod.hostname.as_ref()),
        "subdomain": optional(pod.subdomain.as_ref()),
        "phase": pod.phase.word(),
        "ready": pod.ready,
        "scheduled": pod.scheduled,
        "revision": pod.revision,
        "images": texts(&pod.images),
        "claims": texts(&pod.claims),
        "owner": owners(&pod.owner),
    });
    state_of(&mut value, pod.why.as_ref(), pod.terminating);
    if with_node {
        value["node"] = json!(optional(pod.node.as_ref()));
        if let Some(disruption) = &pod.disruption {
            value["disruption"] = json!(disruption.as_str());
        }
    }
    value
}

fn claim(claim: &ClaimState, home: &str) -> Value {
    let labels = claim.labels.iter().map(|(key, value)| (key.to_string(), Value::from(value.as_str())));
    let mut value = json!({
        "name": claim.name.seen_from(home).to_string(),
        "phase": claim.phase.word(),
        "volume": optional(claim.volume.as_ref()),
        "class": optional(claim.class.as_ref()),
        "requested": amount(claim.requested.as_ref()),
        "capacity": claim.capacity.as_ref().map(Quantity::to_string),
        "accessModes": texts(&claim.access_modes),
        "volumeMode": optional(claim.volume_mode.as_ref()),
        "labels": labels.collect::<Map<_, _>>(),
        "owner": owners(&claim.owner),
    });
    state_of(&mut value, claim.why.as_ref(), claim.terminating);
    value
}

fn volume(volume: &VolumeState) -> Value {
    let mut value = json!({
        "name": volume.name.as_str(),
        "phase": volume.phase.word(),
        "class": volume.class.as_str(),
        "capacity": amount(volume.capacity.as_ref()),
        "reclaim": volume.reclaim.as_str(),
        "claimRef": volume.claim_ref.as_ref().map(partner),
    });
    state_of(&mut value, None, volume.terminating);
    value
}

/// What is there only where there is something to say.
fn state_of(value: &mut Value, why: Option<&Why>, terminating: bool) {
    if let Some(why) = why {
        value["why"] = json!({ "reason": optional(why.reason.as_ref()), "message": message(why) });
    }
    if terminating {
        value["terminating"] = true.into();
    }
}

/// What was said; where facts are wanting, which.
#[must_use]
pub(crate) fn message(why: &Why) -> Option<String> {
    match &why.cause {
        Cause::NotKnown(gap) => Some(format!("{} is not known", gaps::words(gap))),
        _ => why.message.clone(),
    }
}

fn partner(partner: &Partner) -> Value {
    let tie = partner.tie.map(|tie| match tie {
        Tie::Live => "live",
        Tie::Stale => "stale",
    });
    json!({
        "namespace": optional(partner.namespace.as_ref()),
        "name": optional(partner.name.as_ref()),
        "uid": tie,
    })
}

fn endpoint(endpoint: &EndpointState) -> Value {
    json!({
        "pod": endpoint.pod.as_str(),
        "hostname": optional(endpoint.hostname.as_ref()),
        "ready": endpoint.ready,
    })
}

fn difference(difference: &Difference, home: &str) -> Value {
    let labels = |names: &[ObjectName]| {
        let mut labels: Vec<String> = names.iter().map(|name| name.seen_from(home).to_string()).collect();
        labels.sort();
        labels
    };
    json!({
        "created": labels(&difference.created),
        "removed": labels(&difference.removed),
        "replaced": labels(&difference.replaced),
    })
}

fn event(event: &EventState, home: &str) -> Value {
    json!({
        "kind": event.kind.as_str(),
        "name": event.name.seen_from(home).to_string(),
        "reason": event.reason.as_str(),
        "message": event.message,
    })
}

fn owners(owners: &[Owner]) -> Vec<String> {
    owners.iter().map(|owner| format!("{}/{}", owner.kind, owner.name)).collect()
}

fn texts(list: &[Text]) -> Vec<&str> {
    list.iter().map(Text::as_str).collect()
}

fn optional(text: Option<&Text>) -> Option<&str> {
    text.map(Text::as_str)
}

fn amount(quantity: Option<&Quantity>) -> String {
    quantity.map(Quantity::to_string).unwrap_or_default()
}
