//! Objects whose fields cannot be changed in place: each is deleted and made anew, in the way that its kind bears best.

use super::claims::What;
use super::command::{Command, delete, get, named, rollout, selector, word};
use super::needs::{mounts, reads};
use super::step::{AllReady, Holds, OfObject, OfPod, Purpose, Recreated, Serving};
use super::{Matter, Plan, claims, migrate, swap};
use crate::bundle::{Bundle, Resource};
use crate::cluster::selector::has_all;
use crate::value::Node;

/// The steps for one object.
pub(super) fn plan(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let is_alone = !matter.setting.files.is_shared(&new.id);
    if is_alone && swap::takes_whole(matter, &old.node, &new.node) {
        let mut plan = Plan::new(Purpose::ReplaceWhole(new.id.clone()));
        swap::replace(&mut plan, matter, &new.id);
        return plan;
    }
    match &*new.id.kind {
        "Deployment" | "DaemonSet" | "ReplicaSet" => workload(old, new),
        "PersistentVolumeClaim" => claim(matter, old, new),
        "ConfigMap" | "Secret" => content(matter, new),
        "Namespace" => Plan::new(Purpose::TakeBack(new.id.clone(), Holds::Namespace)),
        "CustomResourceDefinition" => Plan::new(Purpose::TakeBack(new.id.clone(), Holds::Kind)),
        _ => simple(new),
    }
}

fn deletion(resource: &Resource) -> Command {
    let kind = resource.id.kind.to_lowercase();
    let kind = if resource.id.group.is_empty() { kind } else { format!("{kind}.{}", resource.id.group) };
    delete(&resource.id.namespace, &named(&kind, &resource.id.name))
}

fn shown(resource: &Resource) -> Command {
    get(&resource.id.namespace, &named(&resource.id.kind.to_lowercase(), &resource.id.name))
}

fn simple(new: &Resource) -> Plan {
    let what = match &*new.id.kind {
        "Service" => Recreated::Service,
        "StorageClass" => Recreated::StorageClass,
        "Job" => Recreated::Job,
        "RoleBinding" | "ClusterRoleBinding" => Recreated::Binding,
        "Pod" => Recreated::Pod,
        _ => Recreated::Other,
    };
    let mut plan = Plan::new(Purpose::Recreate(new.id.clone(), what));
    plan.run(deletion(new), OfObject::Deleted(what), None);
    let check = if what == Recreated::Service { endpoints(new) } else { shown(new) };
    plan.apply(vec![new.id.clone()], OfObject::Recreated(what), check);
    plan
}

fn endpoints(service: &Resource) -> Command {
    let label = format!("kubernetes.io/service-name={}", service.id.name);
    get(&service.id.namespace, &format!("endpointslices {}", selector(&label)))
}

/// A selector never changes. Where two copies may run side by side the old pods serve until the new ones do.
fn workload(old: &Resource, new: &Resource) -> Plan {
    let namespace = &new.id.namespace;
    let status = if new.id.kind == "ReplicaSet" {
        shown(new)
    } else {
        rollout(namespace, "status", &format!("{}/{}", new.id.kind.to_lowercase(), word(&new.id.name)))
    };
    let leftover =
        leftover(old, new).filter(|_| new.id.kind == "Deployment" && may_run_twice(old) && may_run_twice(new));
    let Some(leftover) = leftover else {
        let mut plan = Plan::new(Purpose::RecreateWorkload(new.id.clone(), Serving::Nobody));
        plan.run(deletion(new).with("--cascade=foreground"), OfObject::DeletedWithPods, None);
        plan.apply(vec![new.id.clone()], OfObject::Created, shown(new));
        plan.run(status, AllReady::Plain, None);
        return plan;
    };
    let mut plan = Plan::new(Purpose::RecreateWorkload(new.id.clone(), Serving::OldPods));
    plan.run(
        deletion(new).with("--cascade=orphan"),
        OfObject::Orphaned,
        get(namespace, &format!("replicasets {leftover}")),
    );
    plan.apply(vec![new.id.clone()], OfObject::CreatedBeside, shown(new));
    plan.run(status, OfPod::NewReady, None);
    plan.run(delete(namespace, &format!("replicaset {leftover}")), OfPod::OldEnd, shown(new));
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
    let mut plan = Plan::new(Purpose::Content(new.id.clone()));
    plan.run(deletion(new), OfObject::ContentDeleted, None);
    plan.apply(vec![new.id.clone()], OfObject::Created, shown(new));
    for kind in ["StatefulSet", "Deployment", "DaemonSet"] {
        for user in matter.fresh.of_kind(kind).filter(|user| user.id.namespace == new.id.namespace && reads(user, new))
        {
            let user = format!("{}/{}", kind.to_lowercase(), word(&user.id.name));
            let rollout = |verb| rollout(&new.id.namespace, verb, &user);
            plan.run(rollout("restart"), OfPod::RestartForContent, None);
            plan.run(rollout("status").with("--timeout=10m"), AllReady::Plain, None);
        }
    }
    plan
}

/// A claim never changes but in size: another takes its place, and its volume is kept.
fn claim(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let why = match claims::difference(&old.node, &new.node) {
        Some(What::Grown(size)) => return claims::grow_claim(matter, old, new, &size),
        Some(What::Fixed(why)) => Some(why),
        _ => None,
    };
    let fate = migrate::fate(matter, &new.id.namespace, &new.id.name, &old.node, &new.node);
    let mut plan = Plan::new(Purpose::ExchangeClaim(new.id.clone(), why, fate));
    migrate::claim(&mut plan, matter, old, new, &users(matter.fresh, new));
    plan
}

/// The workloads whose pods mount a claim.
pub(super) fn users<'m>(bundle: &'m Bundle, claim: &Resource) -> Vec<&'m Resource> {
    let mounts = |resource: &&Resource| resource.id.namespace == claim.id.namespace && mounts(resource, &claim.id.name);
    let kinds = ["StatefulSet", "Deployment"];
    kinds.into_iter().flat_map(|kind| bundle.of_kind(kind)).filter(mounts).collect()
}
