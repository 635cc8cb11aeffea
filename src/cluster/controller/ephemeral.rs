//! Claims that are made for one pod and go with it: the ephemeral volume controller. Knows neither nodes nor volumes.
//! `handleVolume`, pkg/controller/volume/ephemeral.

use crate::cluster::binder::{self, CLAIM};
use crate::cluster::plugin;
use crate::cluster::store::{self, Key, Owner, controller_uid, is_ending, owner_references, put, uid};
use crate::cluster::world::{OwnClaim, World, own_claims};
use crate::k8s::name;
use crate::value::{Map, Node, Text};

/// Makes the claims that pods lack.
pub(super) fn run(world: &mut World) {
    world.call_on_changes();
    let mut last = None;
    while let Some(key) = world.agenda.inline.next(last.as_ref()) {
        world.spend(1);
        world.agenda.inline.done(&key);
        tend(world, &key);
        world.call_on_changes();
        last = Some(key);
    }
}

/// One volume after the other: the first that cannot be made ends it.
/// `syncHandler`, pkg/controller/volume/ephemeral.
fn tend(world: &mut World, key: &Key) {
    let Some(pod) = world.store.get(key).filter(|pod| !is_ending(pod)).cloned() else { return };
    for own in own_claims(&pod) {
        if let Err(why) = make(world, key, &pod, &own) {
            let message = format!("ephemeral volume {}: {why}", own.volume);
            return world.say(key, true, "FailedBinding", message);
        }
    }
}

/// `handleVolume`, pkg/controller/volume/ephemeral.
fn make(world: &mut World, pod_key: &Key, pod: &Node, own: &OwnClaim<'_>) -> Result<(), String> {
    let key = Key::new(CLAIM, pod_key.namespace.clone(), own.name.as_str());
    if let Some(there) = world.store.get(&key) {
        return is_for(pod_key, pod, &key, there);
    }
    if let Some(fault) = name::dns_subdomain(&key.name).first() {
        let name = &key.name;
        return Err(format!(
            "create PVC {name}: {CLAIM} \"{name}\" is invalid: metadata.name: Invalid value: \"{name}\": {fault}"
        ));
    }
    let mut claim = claim(pod_key, pod, &key, own.template);
    binder::fill(world, &mut claim);
    plugin::admit(world, &key, &mut claim).map_err(|denial| format!("create PVC {}: {}", key.name, denial.message))?;
    world.create(&key, claim);
    Ok(())
}

/// Whether a claim of that name was made for this very pod: `VolumeIsForPod`,
/// k8s.io/component-helpers/storage/ephemeral.
pub(super) fn is_for(pod_key: &Key, pod: &Node, key: &Key, claim: &Node) -> Result<(), String> {
    if controller_uid(claim) == Some(&uid(pod)) {
        return Ok(());
    }
    let (namespace, pod, claim) = (&key.namespace, &pod_key.name, &key.name);
    Err(format!("PVC {namespace}/{claim} was not created for pod {namespace}/{pod} (pod is not owner)"))
}

fn claim(pod_key: &Key, pod: &Node, key: &Key, template: &Node) -> Node {
    let at = template.at;
    let mut claim = Node::map(Map::new(), at);
    let owner = Owner { kind: "Pod".into(), name: pod_key.name.clone(), uid: uid(pod), controller: true };
    for (path, value) in [
        (&["apiVersion"][..], Text::from("v1")),
        (&["kind"], CLAIM.into()),
        (&["metadata", "name"], key.name.clone()),
        (&["metadata", "namespace"], key.namespace.clone()),
        (&["status", "phase"], "Pending".into()),
    ] {
        put(&mut claim, path, Node::text(value, at));
    }
    for field in ["labels", "annotations"] {
        if let Some(stated) = template.find(&["metadata", field]) {
            put(&mut claim, &["metadata", field], stated.clone());
        }
    }
    if let Some(references) = owner_references(&[owner], at) {
        put(&mut claim, &["metadata", "ownerReferences"], Node::new(references, at));
    }
    if let Some(spec) = template.get("spec") {
        store::put(&mut claim, &["spec"], spec.clone());
    }
    claim
}
