//! How to do what cannot just be applied: commands with the real names, in order, each with what to expect.

use super::{Change, ChangeKind};
use crate::bundle::{Bundle, Resource};
use crate::value::Node;

/// Steps that carry one change out.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// What they do.
    pub title: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to run.
    pub command: String,
    /// What to expect of it.
    pub expect: String,
}

fn step(command: impl Into<String>, expect: impl Into<String>) -> Step {
    Step { command: command.into(), expect: expect.into() }
}

/// One runbook for each change that is refused as it stands.
#[must_use]
pub fn runbooks(committed: &Bundle, fresh: &Bundle, changes: &[Change], namespace: &str) -> Vec<Runbook> {
    let refused = changes.iter().filter(|change| change.kind == ChangeKind::Changed && !change.refusals.is_empty());
    refused
        .filter_map(|change| {
            let (old, new) = (committed.get(&change.id)?, fresh.get(&change.id)?);
            match &*change.id.kind {
                "StatefulSet" => Some(stateful_set(old, new, change, namespace)),
                "PersistentVolume" => Some(volume(old)),
                "Service" | "StorageClass" | "ConfigMap" | "Secret" => Some(recreate(old, namespace)),
                _ => None,
            }
        })
        .collect()
}

fn home<'r>(resource: &'r Resource, namespace: &'r str) -> &'r str {
    if resource.id.namespace.is_empty() { namespace } else { &resource.id.namespace }
}

fn stateful_set(old: &Resource, new: &Resource, change: &Change, namespace: &str) -> Runbook {
    let name = &old.id.name;
    let namespace = home(old, namespace);
    let touched = |field: &str| change.fields.iter().any(|change| change.path.starts_with(field));
    let swap = [
        step(
            format!("kubectl -n {namespace} delete statefulset {name} --cascade=orphan"),
            "the set is gone, its pods and claims stay and keep serving",
        ),
        step(
            format!("kubectl apply -f StatefulSet-{name}.yaml"),
            format!("`statefulset.apps/{name} created`; it adopts the pods by their labels"),
        ),
        step(
            format!("kubectl -n {namespace} rollout status statefulset/{name}"),
            "all pods ready; those whose template changed restart, highest ordinal first",
        ),
    ];
    if touched("spec.selector") {
        return Runbook {
            title: format!("change the selector of {name}: a short outage, data kept"),
            steps: vec![
                step(format!("kubectl -n {namespace} delete statefulset {name}"), "the set and its pods go; the claims stay"),
                step(format!("kubectl -n {namespace} wait --for=delete pod/{name}-0 --timeout=5m"), "no pod of the old set is left"),
                step(
                    format!("kubectl apply -f StatefulSet-{name}.yaml"),
                    "pods come back under the new labels and take up their claims by name",
                ),
            ],
        };
    }
    if touched("spec.volumeClaimTemplates") {
        return claims(old, new, namespace, &swap);
    }
    Runbook { title: format!("change an immutable field of {name}: no outage"), steps: swap.to_vec() }
}

/// Claim templates: growing can be done in place, anything else is a migration.
fn claims(old: &Resource, new: &Resource, namespace: &str, swap: &[Step]) -> Runbook {
    let name = &old.id.name;
    let templates = |resource: &Resource| -> Vec<Node> {
        resource.node.find(&["spec", "volumeClaimTemplates"]).map(|list| list.items().cloned().collect()).unwrap_or_default()
    };
    let title_of = |template: &Node| template.find(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default().to_owned();
    let size = |template: &Node| {
        template.find(&["spec", "resources", "requests", "storage"]).and_then(crate::block::scalar_text).unwrap_or_default()
    };
    let quantity = |text: &str| text.parse::<crate::k8s::quantity::Quantity>().ok();
    let replicas = old.node.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1);
    let start = old.node.find(&["spec", "ordinals", "start"]).and_then(Node::as_int).unwrap_or(0);
    let mut steps = Vec::new();
    let mut grows = true;
    for template in templates(new) {
        let item = title_of(&template);
        let Some(before) = templates(old).into_iter().find(|other| title_of(other) == item) else { continue };
        if before == template {
            continue;
        }
        let (from, to) = (size(&before), size(&template));
        grows &= quantity(&from).zip(quantity(&to)).is_some_and(|(from, to)| to > from);
        for ordinal in start..start + replicas {
            let claim = format!("{item}-{name}-{ordinal}");
            steps.push(step(
                format!("kubectl -n {namespace} patch pvc {claim} --type merge -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{to}\"}}}}}}}}'"),
                format!("accepted if its storage class allows expansion; `kubectl -n {namespace} get pvc {claim}` shows {to} after a while"),
            ));
        }
    }
    if grows && !steps.is_empty() {
        steps.extend_from_slice(swap);
        return Runbook { title: format!("grow the claims of {name}, then swap the set: no outage"), steps };
    }
    Runbook {
        title: format!("move {name} to other claims, ordinal by ordinal: a claim cannot shrink, nor change its class or modes"),
        steps: vec![
            step(format!("kubectl -n {namespace} delete statefulset {name} --cascade=orphan"), "the set is gone, its pods and claims stay"),
            step(format!("kubectl apply -f StatefulSet-{name}.yaml"), "new ordinals get claims of the new form; the old ones keep theirs"),
            step(
                format!("kubectl -n {namespace} delete pvc CLAIM --wait=false; kubectl -n {namespace} delete pod POD"),
                "for one ordinal at a time, after its data is copied or rebuilt from its peers: the claim goes with the pod and comes back in the new form",
            ),
        ],
    }
}

fn volume(old: &Resource) -> Runbook {
    let name = &old.id.name;
    let part = |field| old.node.find(&["spec", "claimRef", field]).and_then(Node::as_str).unwrap_or("CLAIM");
    let (namespace, claim) = (part("namespace"), part("name"));
    let pod = claim.split_once('-').map_or(claim, |(_, pod)| pod);
    Runbook {
        title: format!("point {name} at another source: the pod of that ordinal is away meanwhile, and data is not moved"),
        steps: vec![
            step(
                format!("kubectl patch pv {name} --type merge -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'"),
                "what is on the old disk stays",
            ),
            step(format!("kubectl -n {namespace} delete pvc {claim} --wait=false"), "the claim is Terminating until its pod ends"),
            step(format!("kubectl -n {namespace} delete pod {pod}"), "the claim goes; the pod comes back and waits"),
            step(format!("kubectl delete pv {name}"), "the object goes, the disk stays"),
            step(
                format!("kubectl apply -f PersistentVolume-{name}.yaml"),
                format!("`kubectl -n {namespace} get pvc {claim}` shows it bound to {name}, and the pod starts"),
            ),
        ],
    }
}

fn recreate(old: &Resource, namespace: &str) -> Runbook {
    let (kind, name) = (&old.id.kind, &old.id.name);
    let scope = if kind == "StorageClass" { String::new() } else { format!(" -n {}", home(old, namespace)) };
    Runbook {
        title: format!("make {kind} {name} anew: it is away for a moment"),
        steps: vec![
            step(format!("kubectl{scope} delete {} {name}", kind.to_lowercase()), "it is gone, and what it allocated with it"),
            step(format!("kubectl apply -f {kind}-{name}.yaml"), "created"),
        ],
    }
}
