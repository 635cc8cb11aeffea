//! What comes of each object that differs: off the rehearsal where it shows it, else off the fields that differ.
//! Values; the words are made where reports are.

use super::change::{Change, ChangeKind};
use super::effect::Effect;
use super::policy;
use super::risk::Rehearsed;
use super::set::{Set, When};
use crate::bundle::{Resource, ResourceId};
use crate::cluster::state::VolumePhase;
use crate::k8s::annotation::DEFAULT_CLASS;
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::BTreeSet;

/// What comes of an object, in the order in which it is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// Nothing where there is nothing to add to the fact that it differs.
    pub(super) list: Vec<Effect>,
    /// Whether the cluster keeps what it has.
    pub(super) is_idle: bool,
    /// It goes, and this object, which stays, still names it.
    pub(super) needed_by: Option<ResourceId>,
}

/// What comes of an object.
pub(super) fn effects(change: &Change, step: Rehearsed<'_>) -> Effects {
    let mut effects = Effects::default();
    let mut list = match change.kind {
        ChangeKind::Added => added(change, step, &mut effects),
        ChangeKind::Removed => removed(&change.id, step),
        ChangeKind::Renamed => change.from.iter().cloned().map(Effect::Renamed).collect(),
        ChangeKind::Changed => changed(change, step),
    };
    let gone = if change.kind == ChangeKind::Removed { Some(&change.id) } else { change.from.as_ref() };
    effects.needed_by = gone.and_then(|id| user(id, step)).map(|user| user.id.clone());
    if change.id.kind == "NetworkPolicy" && change.refusals.is_empty() {
        list.extend(policy::traffic(change, step).into_iter().map(Effect::Traffic));
    }
    if let Some(user) = &effects.needed_by {
        list.insert(list.len().min(1), Effect::StillNamed(user.clone()));
    }
    effects.list = list;
    effects
}

fn added(change: &Change, step: Rehearsed<'_>, effects: &mut Effects) -> Vec<Effect> {
    match &*change.id.kind {
        "PersistentVolume" => {
            let list: Vec<Effect> = idle(&change.id, step).into_iter().collect();
            effects.is_idle = !list.is_empty();
            list
        }
        "StorageClass" => default_class(&change.id, step).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A class that becomes the default one.
fn default_class(id: &ResourceId, step: Rehearsed<'_>) -> Option<Effect> {
    let is_default = |bundle: &crate::bundle::Bundle| {
        let said = bundle.get(id)?.node.find(&["metadata", "annotations", DEFAULT_CLASS])?;
        Some(said.as_str() == Some("true"))
    };
    let becomes = is_default(step.fresh) == Some(true) && is_default(step.committed) != Some(true);
    becomes.then_some(Effect::DefaultClass)
}

/// A volume whose claim has found another one.
fn idle(id: &ResourceId, step: Rehearsed<'_>) -> Option<Effect> {
    let volume =
        step.known.volumes_after.get(id.name.as_str()).filter(|volume| volume.phase == VolumePhase::Available)?;
    let reference = volume.claim_ref.as_ref()?;
    let claim = reference.name.as_deref()?;
    let named = ObjectName::new(reference.namespace.clone().unwrap_or_default(), claim);
    let volume = step.known.claims_after.get(&named)?.volume.clone()?;
    Some(Effect::Unclaimed { claim: claim.into(), volume })
}

fn removed(id: &ResourceId, step: Rehearsed<'_>) -> Vec<Effect> {
    let mut list = vec![Effect::Pruned];
    match &*id.kind {
        "StatefulSet" => {
            if let Some(set) = step.committed.get(id).map(Set) {
                let count = set.claims(set.ordinals()).len();
                list.push(Effect::PodsEnd);
                if count > 0 {
                    list.push(Effect::Claims { count, deleted: set.says().deletes_claims(When::Deleted) });
                }
            }
        }
        "PersistentVolume" => list.push(match step.known.volumes_after.get(id.name.as_str()) {
            Some(volume) if volume.terminating => Effect::Terminating,
            _ => Effect::DiskLeft,
        }),
        "Service" => list.push(Effect::NamesGo),
        _ => {}
    }
    list.extend(unprovided(id, step));
    list
}

/// A storage class that goes and is still asked for.
fn unprovided(id: &ResourceId, step: Rehearsed<'_>) -> Option<Effect> {
    if id.kind != "StorageClass" {
        return None;
    }
    let asks = |template: &Node| template.find(&["spec", "storageClassName"]).and_then(Node::as_str) == Some(&id.name);
    let mut sets = step.fresh.of_kind("StatefulSet");
    let set = sets.find(|set| Set(set).templates().any(|(_, template)| asks(template)))?;
    Some(Effect::StillAsked(set.id.clone()))
}

/// Who still names an object that is gone: pods made from now on do not start.
fn user<'a>(id: &'a ResourceId, step: Rehearsed<'a>) -> Option<&'a Resource> {
    let field = match &*id.kind {
        "ServiceAccount" => "serviceAccountName",
        "ConfigMap" => "configMap",
        "Secret" => "secret",
        "PersistentVolumeClaim" => "persistentVolumeClaim",
        _ => return None,
    };
    step.known.user(field, &id.namespace, &id.name)
}

fn changed(change: &Change, step: Rehearsed<'_>) -> Vec<Effect> {
    if !change.refusals.is_empty() {
        return vec![Effect::NotApplied];
    }
    let touched = |field: &str| change.touches(field);
    match &*change.id.kind {
        "Service" => service(change, step),
        "PersistentVolume" => volume(&touched),
        "ConfigMap" | "Secret" if ["data", "binaryData", "stringData"].into_iter().any(touched) => {
            vec![Effect::FilesFollow]
        }
        "PersistentVolumeClaim" if touched("spec.resources") => vec![Effect::Grows],
        "StorageClass" => default_class(&change.id, step).into_iter().collect(),
        "HorizontalPodAutoscaler" if touched("spec") => vec![Effect::Scales],
        _ => Vec::new(),
    }
}

fn volume(touched: &dyn Fn(&str) -> bool) -> Vec<Effect> {
    let fields = [
        ("spec.capacity", Effect::DiskKeepsSize),
        ("spec.mountOptions", Effect::NextMount),
        ("spec.accessModes", Effect::StaysBound),
        ("spec.nodeAffinity", Effect::NextScheduling),
    ];
    fields.into_iter().filter(|(field, _)| touched(field)).map(|(_, effect)| effect).collect()
}

fn service(change: &Change, step: Rehearsed<'_>) -> Vec<Effect> {
    let mut list = Vec::new();
    let (Some(old), Some(new)) = (step.committed.get(&change.id), step.fresh.get(&change.id)) else { return list };
    let kind = |service: &Resource| {
        service.node.find(&["spec", "type"]).and_then(Node::as_str).unwrap_or("ClusterIP").to_owned()
    };
    match (&*kind(old), &*kind(new)) {
        (old, new) if old == new => {}
        ("LoadBalancer", _) => list.push(Effect::BalancerGoes),
        ("NodePort", "ClusterIP" | "ExternalName") => list.push(Effect::NodePortsGo),
        _ => {}
    }
    let ports = |service: &Resource| -> Vec<(i64, String)> {
        let list = service.node.find(&["spec", "ports"]).and_then(Node::as_list).unwrap_or_default();
        let name = |port: &Node| port.get("name").and_then(Node::as_str).unwrap_or_default().to_owned();
        list.iter().filter_map(|port| Some((port.get("port")?.as_int()?, name(port)))).collect()
    };
    let (before, after) = (ports(old), ports(new));
    for (number, name) in &before {
        match after.iter().find(|(other, _)| other == number) {
            None => list.push(Effect::PortCloses(*number)),
            Some((_, other)) if other != name => {
                list.push(Effect::PortRenamed { number: *number, from: name.clone(), to: other.clone() });
            }
            Some(_) => {}
        }
    }
    list.extend(reached(&change.id, step));
    list
}

/// Whom a Service leads to, where that is another than before.
fn reached(id: &ResourceId, step: Rehearsed<'_>) -> Option<Effect> {
    let service = id.object(step.home);
    let pods = |outcome: &crate::cluster::rehearse::Outcome| -> Vec<Text> {
        let list = outcome.state.endpoints.get(&service);
        list.iter().flat_map(|list| list.iter()).map(|endpoint| endpoint.pod.clone()).collect()
    };
    let (before, after) = (pods(step.before), pods(step.after));
    let known: BTreeSet<&Text> = before.iter().collect();
    match (&before[..], &after[..]) {
        (before, after) if before == after => None,
        ([_, ..], []) => Some(Effect::LeadsNowhere(before.len())),
        (_, after) if after.iter().all(|pod| known.contains(pod)) => {
            Some(Effect::LeadsTo { pods: after.len(), before: before.len() })
        }
        _ => None,
    }
}
