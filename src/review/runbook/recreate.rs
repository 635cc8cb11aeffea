//! Objects whose fields cannot be changed in place: each is deleted and made anew, in the way that its kind bears best.

use super::claims::What;
use super::command::{kubectl, named, selector, word};
use super::needs::{mounts, reads};
use super::{Matter, Plan, claims, migrate, swap};
use crate::bundle::{Bundle, Resource};
use crate::cluster::selector::has_all;
use crate::value::Node;

/// The steps for one object.
pub(super) fn plan(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let is_alone = !matter.setting.files.is_shared(&new.id);
    if is_alone && swap::takes_whole(matter, &old.node, &new.node) {
        let mut plan = Plan::new(format!(
            "give {} its new form as a whole: a merge of the two forms is refused, the new one is not",
            new.id
        ));
        swap::replace(&mut plan, matter, &new.id);
        return plan;
    }
    match &*new.id.kind {
        "Deployment" | "DaemonSet" | "ReplicaSet" => workload(old, new),
        "PersistentVolumeClaim" => claim(matter, old, new),
        "ConfigMap" | "Secret" => content(matter, new),
        "Namespace" | "CustomResourceDefinition" => {
            let what = if new.id.kind == "Namespace" { "everything in it" } else { "every object of its kind" };
            Plan::new(format!(
                "take that change back: {} could only be deleted and made anew, and {what} would go with it",
                new.id
            ))
        }
        _ => simple(new),
    }
}

fn delete(resource: &Resource) -> String {
    let kind = resource.id.kind.to_lowercase();
    let kind = if resource.id.group.is_empty() { kind } else { format!("{kind}.{}", resource.id.group) };
    format!("{} delete {}", kubectl(&resource.id.namespace), named(&kind, &resource.id.name))
}

fn shown(resource: &Resource) -> String {
    format!("{} get {}", kubectl(&resource.id.namespace), named(&resource.id.kind.to_lowercase(), &resource.id.name))
}

fn simple(new: &Resource) -> Plan {
    let (effect, gone, made) = match &*new.id.kind {
        "Service" => (
            "its clients find nobody meanwhile",
            "its names and addresses are gone, with every port and outside address that was allocated to it; the \
                pods run on",
            "`created`; within seconds its endpoints are the same pods as before",
        ),
        "StorageClass" => (
            "volumes that it made are not touched",
            "the class is gone; claims that are bound stay bound, new ones wait until it is back",
            "`created`; it holds for volumes that are made from now on",
        ),
        "Job" => ("it runs again", "the job is gone, and its pods with it", "`created`; it runs from the beginning"),
        "RoleBinding" | "ClusterRoleBinding" => (
            "its subjects lack these rights meanwhile",
            "its subjects have lost these rights",
            "`created`; they have the rights of the new role",
        ),
        "Pod" => ("it is away meanwhile", "the pod has ended", "`created`"),
        _ => ("it is away meanwhile", "it is gone", "`created`"),
    };
    let mut plan = Plan::new(format!("make {} anew: {effect}", new.id));
    plan.run(delete(new), gone, "");
    plan.apply(vec![new.id.clone()], made, if new.id.kind == "Service" { endpoints(new) } else { shown(new) });
    plan
}

fn endpoints(service: &Resource) -> String {
    let label = format!("kubernetes.io/service-name={}", service.id.name);
    format!("{} get endpointslices {}", kubectl(&service.id.namespace), selector(&label))
}

/// A selector never changes. Where two copies may run side by side the old pods serve until the new ones do.
fn workload(old: &Resource, new: &Resource) -> Plan {
    let (kind, name) = (new.id.kind.to_lowercase(), word(&new.id.name));
    let kubectl = kubectl(&new.id.namespace);
    let status =
        if new.id.kind == "ReplicaSet" { shown(new) } else { format!("{kubectl} rollout status {kind}/{name}") };
    let leftover =
        leftover(old, new).filter(|_| new.id.kind == "Deployment" && may_run_twice(old) && may_run_twice(new));
    let Some(leftover) = leftover else {
        let mut plan = Plan::new(format!("make {} anew: its pods are away for a short while", new.id));
        plan.run(
            format!("{} --cascade=foreground", delete(new)),
            "it is gone, and all its pods have ended: no two copies ever share a volume",
            "",
        );
        plan.apply(vec![new.id.clone()], "`created`", shown(new));
        plan.run(status, "all pods ready", "");
        return plan;
    };
    let mut plan = Plan::new(format!("make {} anew: its old pods serve until the new ones are ready", new.id));
    plan.run(
        format!("{} --cascade=orphan", delete(new)),
        "it is gone; its pods run on",
        format!("{kubectl} get replicasets {leftover}"),
    );
    plan.apply(vec![new.id.clone()], "`created`, with pods of its own beside the old ones", shown(new));
    plan.run(status, "the new pods are ready", "");
    plan.run(
        format!("{kubectl} delete replicaset {leftover}"),
        "the old pods end, the new ones serve alone. See before that every Service finds the new pods",
        shown(new),
    );
    plan
}

/// Labels that all old pods have and no new one, as an option.
fn leftover(old: &Resource, new: &Resource) -> Option<String> {
    let wanted = old.node.find(&["spec", "selector", "matchLabels"])?;
    let labels = |resource: &'_ Resource| resource.node.find(&["spec", "template", "metadata", "labels"]).cloned();
    let (before, after) = (labels(old)?, labels(new)?);
    let pairs: Vec<String> =
        wanted.entries().map(|(key, value)| format!("{}={}", key.name, value.as_str().unwrap_or_default())).collect();
    if pairs.is_empty() {
        return None;
    }
    if !has_all(wanted, Some(&after)) {
        return Some(selector(&pairs.join(",")));
    }
    let apart = new
        .node
        .find(&["spec", "selector", "matchLabels"])?
        .entries()
        .find(|(key, value)| before.get(&key.name) != Some(value))?;
    Some(selector(&format!("{},{}!={}", pairs.join(","), apart.0.name, apart.1.as_str().unwrap_or_default())))
}

/// Whether two copies of its pods do no harm to each other.
fn may_run_twice(resource: &Resource) -> bool {
    let volumes = resource.node.find(&["spec", "template", "spec", "volumes"]);
    let claims = volumes.into_iter().flat_map(Node::items).any(|volume| volume.get("persistentVolumeClaim").is_some());
    !claims && resource.node.find(&["spec", "strategy", "type"]).and_then(Node::as_str) != Some("Recreate")
}

/// Fixed content: pods that have read it keep what they have read.
fn content(matter: Matter<'_>, new: &Resource) -> Plan {
    let mut plan = Plan::new(format!(
        "replace the fixed content of {}, and restart those who read it; a new name would be the safer way",
        new.id
    ));
    plan.run(
        delete(new),
        "it is gone; pods that run keep what they have read, pods that start meanwhile wait for it",
        "",
    );
    plan.apply(vec![new.id.clone()], "`created`", shown(new));
    for kind in ["StatefulSet", "Deployment", "DaemonSet"] {
        for user in matter.fresh.of_kind(kind).filter(|user| user.id.namespace == new.id.namespace && reads(user, new))
        {
            let user = format!("{}/{}", kind.to_lowercase(), word(&user.id.name));
            let kubectl = kubectl(&new.id.namespace);
            plan.run(format!("{kubectl} rollout restart {user}"), "its pods restart and read the new content", "");
            plan.run(format!("{kubectl} rollout status {user} --timeout=10m"), "all pods ready", "");
        }
    }
    plan
}

/// A claim never changes but in size: another takes its place, and its volume is kept.
fn claim(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let why = match claims::difference(&old.node, &new.node) {
        Some(What::Other(why)) => why,
        Some(What::Grown(size)) => return claims::grow_claim(matter, old, new, size),
        _ => "another form",
    };
    let end = match migrate::fate(matter, &new.id.namespace, &new.id.name, &old.node, &new.node) {
        migrate::Fate::Kept | migrate::Fate::Told => "it is made anew on the volume that it has",
        migrate::Fate::Copied => "another claim takes its place, its volume is kept, the data is copied",
        migrate::Fate::Empty => "another claim takes its place, its volume is kept, and the app must fill the new one",
    };
    let mut plan = Plan::new(format!("give {} {why}: {end}", new.id));
    migrate::claim(&mut plan, matter, old, new, &users(matter.fresh, new));
    plan
}

/// The workloads whose pods mount a claim.
pub(super) fn users<'m>(bundle: &'m Bundle, claim: &Resource) -> Vec<&'m Resource> {
    let mounts = |resource: &&Resource| resource.id.namespace == claim.id.namespace && mounts(resource, &claim.id.name);
    let kinds = ["StatefulSet", "Deployment"];
    kinds.into_iter().flat_map(|kind| bundle.of_kind(kind)).filter(mounts).collect()
}
