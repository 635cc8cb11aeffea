//! What becomes of each object that differs, in a few words: off the rehearsal where it shows it, else off the fields that differ.

use super::policy;
use super::risk::Step;
use super::set::Set;
use super::{Change, ChangeKind};
use crate::bundle::{Resource, ResourceId};
use crate::cluster::state::VolumePhase;
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::BTreeSet;

/// What becomes of an object.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// In a few words; empty when there is nothing to add to the fact that it differs.
    pub words: String,
    /// Whether the cluster keeps what it has.
    pub is_idle: bool,
    /// It goes, and this object, which stays, still names it.
    pub needed_by: Option<ResourceId>,
}

/// What becomes of an object.
#[must_use]
pub fn effect(change: &Change, step: Step<'_>) -> Effect {
    let mut effect = Effect::default();
    let mut words = match change.kind {
        ChangeKind::Added => added(change, step, &mut effect),
        ChangeKind::Removed => removed(&change.id, step),
        ChangeKind::Renamed => renamed(change),
        ChangeKind::Changed => changed(change, step),
    };
    let gone = if change.kind == ChangeKind::Removed { Some(&change.id) } else { change.from.as_ref() };
    effect.needed_by = gone.and_then(|id| user(id, step)).map(|user| user.id.clone());
    if change.id.kind == "NetworkPolicy" && change.refusals.is_empty() {
        words.extend(policy::effect(change, step));
    }
    if let Some(user) = &effect.needed_by {
        words.insert(words.len().min(1), format!("{user} still names it: its next pod does not start"));
    }
    effect.words = words.join("; ");
    effect
}

fn added(change: &Change, step: Step<'_>, effect: &mut Effect) -> Vec<String> {
    let mut words = Vec::new();
    match &*change.id.kind {
        "PersistentVolume" => {
            words.extend(idle(&change.id, step));
            effect.is_idle = !words.is_empty();
        }
        "StorageClass" => words.extend(default_class(&change.id, step)),
        _ => {}
    }
    words
}

/// A class that becomes the default one.
fn default_class(id: &ResourceId, step: Step<'_>) -> Option<String> {
    let is_default = |bundle: &crate::bundle::Bundle| {
        let said = bundle.get(id)?.node.find(&["metadata", "annotations", "storageclass.kubernetes.io/is-default-class"])?;
        Some(said.as_str() == Some("true"))
    };
    let becomes = is_default(step.fresh) == Some(true) && is_default(step.committed) != Some(true);
    becomes.then(|| "claims that name no class get this one, those that wait for a volume too".to_owned())
}

/// A volume whose claim has found another one.
fn idle(id: &ResourceId, step: Step<'_>) -> Option<String> {
    let volume = step.known.volumes_after.get(id.name.as_str()).filter(|volume| volume.phase == VolumePhase::Available)?;
    let reference = volume.claim_ref.as_ref()?;
    let claim = reference.name.as_deref()?;
    let named = ObjectName::new(reference.namespace.clone().unwrap_or_default(), claim);
    let bound = step.known.claims_after.get(&named)?.volume.as_deref()?;
    Some(format!("no effect: it stays Available, for the claim {claim} is bound to {bound}"))
}

fn removed(id: &ResourceId, step: Step<'_>) -> Vec<String> {
    let mut words = vec!["pruned".to_owned()];
    let old = step.committed.get(id);
    match &*id.kind {
        "StatefulSet" => {
            if let Some(set) = old.map(Set) {
                let claims = set.claims(set.ordinals());
                words.push("its pods end at once".into());
                if !claims.is_empty() {
                    let fate = if set.deletes_claims("whenDeleted") { "are deleted too" } else { "are left behind, with their volumes" };
                    words.push(format!("{} {fate}", counted(claims.len(), "claim")));
                }
            }
        }
        "PersistentVolume" => words.push(match step.known.volumes_after.get(id.name.as_str()) {
            Some(volume) if volume.terminating => "it is Terminating until its claim goes".into(),
            _ => "the disk that it names stays, with no volume for it".into(),
        }),
        "Service" => words.push("its address and its DNS names go".into()),
        _ => {}
    }
    words.extend(unprovided(id, step));
    words
}

/// A storage class that goes and is still asked for.
fn unprovided(id: &ResourceId, step: Step<'_>) -> Option<String> {
    if id.kind != "StorageClass" {
        return None;
    }
    let asks = |template: &Node| template.find(&["spec", "storageClassName"]).and_then(Node::as_str) == Some(&id.name);
    let mut sets = step.fresh.of_kind("StatefulSet");
    let set = sets.find(|set| Set(set).templates().any(|(_, template)| asks(template)))?;
    Some(format!("{} still asks for it: new claims get no volume", set.id))
}

/// Who still names an object that is gone: pods made from now on do not start.
fn user<'a>(id: &'a ResourceId, step: Step<'a>) -> Option<&'a Resource> {
    let field = match &*id.kind {
        "ServiceAccount" => "serviceAccountName",
        "ConfigMap" => "configMap",
        "Secret" => "secret",
        "PersistentVolumeClaim" => "persistentVolumeClaim",
        _ => return None,
    };
    step.known.user(field, &id.namespace, &id.name)
}

fn renamed(change: &Change) -> Vec<String> {
    change.from.iter().map(|old| format!("made under the new name, and {old} is pruned")).collect()
}

fn changed(change: &Change, step: Step<'_>) -> Vec<String> {
    if !change.refusals.is_empty() {
        return vec!["not applied".into()];
    }
    let touched = |field: &str| change.fields.iter().any(|change| change.path.starts_with(field));
    match &*change.id.kind {
        "Service" => service(change, step),
        "PersistentVolume" => volume(&touched),
        "ConfigMap" | "Secret" if ["data", "binaryData", "stringData"].into_iter().any(touched) => vec![
            "mounted files follow within a minute or two, environment variables and subPath mounts only when a pod is recreated".into(),
        ],
        "PersistentVolumeClaim" if touched("spec.resources") => {
            vec!["its volume is grown if the storage class and its driver can; some need the pod to restart for it".into()]
        }
        "StorageClass" => default_class(&change.id, step).into_iter().collect(),
        "HorizontalPodAutoscaler" if touched("spec") => vec!["it may scale at once".into()],
        _ => Vec::new(),
    }
}

fn volume(touched: &dyn Fn(&str) -> bool) -> Vec<String> {
    const WORDS: [(&str, &str); 4] = [
        ("spec.capacity", "the disk itself keeps its size"),
        ("spec.mountOptions", "mount options hold from the next mount on"),
        ("spec.accessModes", "the binding stays as it is"),
        ("spec.nodeAffinity", "the node affinity holds when a pod is next scheduled"),
    ];
    WORDS.iter().filter(|(field, _)| touched(field)).map(|(_, words)| (*words).to_owned()).collect()
}

fn service(change: &Change, step: Step<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let (Some(old), Some(new)) = (step.committed.get(&change.id), step.fresh.get(&change.id)) else { return words };
    let kind = |service: &Resource| service.node.find(&["spec", "type"]).and_then(Node::as_str).unwrap_or("ClusterIP").to_owned();
    match (&*kind(old), &*kind(new)) {
        (old, new) if old == new => {}
        ("LoadBalancer", _) => words.push("its load balancer is given back, and the address with it".into()),
        ("NodePort", "ClusterIP" | "ExternalName") => words.push("its node ports are given back".into()),
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
            None => words.push(format!("connections to port {number} fail")),
            Some((_, other)) if other != name => {
                words.push(format!("port {number} is called {other} instead of {name}: its SRV record too, and who names it finds nobody"));
            }
            Some(_) => {}
        }
    }
    words.extend(reached(&change.id, step));
    words
}

/// Whom a Service leads to, where that is another than before.
fn reached(id: &ResourceId, step: Step<'_>) -> Option<String> {
    let service = id.object(step.home);
    let pods = |outcome: &crate::cluster::rehearse::Outcome| -> Vec<Text> {
        let list = outcome.state.endpoints.get(&service);
        list.iter().flat_map(|list| list.iter()).map(|endpoint| endpoint.pod.clone()).collect()
    };
    let (before, after) = (pods(step.before), pods(step.after));
    let known: BTreeSet<&Text> = before.iter().collect();
    match (&before[..], &after[..]) {
        (before, after) if before == after => None,
        ([_, ..], []) => Some(format!("it leads to no pod any more: {} lost", counted(before.len(), "endpoint"))),
        (_, after) if after.iter().all(|pod| known.contains(pod)) => {
            Some(format!("it leads to {} instead of {}", counted(after.len(), "pod"), before.len()))
        }
        _ => None,
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
