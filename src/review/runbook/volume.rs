//! A PersistentVolume whose source, node or mode is another: the object is made anew, and so is the claim that it is bound to.

use super::command::{await_pod, kubectl, named, patch, retain, word};
use super::{Matter, Plan, claims, migrate, recreate, swap};
use crate::bundle::Resource;
use crate::review::set::Set;
use crate::value::Node;
use std::fmt::Write as _;

/// The steps for one volume.
pub(super) fn plan(matter: Matter<'_>, old: &Resource, new: &Resource) -> Plan {
    let name = named("pv", &old.id.name);
    let same_disk = source(&old.node) == source(&new.node);
    let fate = if same_disk { "its disk and its data stay" } else { "what is on the old disk stays there, nothing is copied" };
    let part = |field| old.node.find(&["spec", "claimRef", field]).and_then(Node::as_str).unwrap_or_default();
    let (namespace, claim) = (part("namespace"), part("name"));
    let what = if old.id == new.id { format!("make {} anew", new.id) } else { format!("put {} in the place of {}", new.id, old.id) };
    let mut plan = Plan::new(format!("{what}: {fate}"));
    if old.node.find(&["spec", "persistentVolumeReclaimPolicy"]).and_then(Node::as_str).is_some_and(|policy| policy != "Retain") {
        plan.run(
            patch("", &name, &retain()),
            "what is on the disk stays, whatever becomes of its objects",
            format!("kubectl get {name} -o jsonpath='{{.spec.persistentVolumeReclaimPolicy}}'"),
        );
    }
    if claim.is_empty() {
        plan.run(
            format!("kubectl get {name} -o jsonpath='{{.spec.claimRef.namespace}}/{{.spec.claimRef.name}}'"),
            "`/`: no claim has it. If it names one, end the pods that mount that claim and delete the claim first",
            "",
        );
        make(&mut plan, matter, old, new);
        return plan;
    }
    let Some((set, ordinal)) = owner(matter, namespace, claim) else {
        standalone(&mut plan, matter, (old, new), namespace, claim);
        return plan;
    };
    let (namespace, pod) = (&*set.0.id.namespace, claims::pod(set, ordinal));
    let _ = write!(plan.title, "; pod {pod} is away meanwhile");
    let kubectl = kubectl(namespace);
    swap::retain_claims(&mut plan, set);
    plan.run(format!("{kubectl} delete {} --wait=false", named("pvc", claim)), "the claim is Terminating until its pod ends", "");
    plan.run(
        format!("{kubectl} delete {} --wait=false", named("pod", &pod)),
        format!("the claim goes with it; the pod and an empty claim come back and wait{}", swap::caution(matter, set)),
        format!("{kubectl} get {}", named("pvc", claim)),
    );
    plan.run(
        format!("kubectl wait --for=jsonpath='{{.status.phase}}'=Released {} --timeout=5m", word(&format!("pv/{}", old.id.name))),
        "`condition met`: no claim has the volume any more",
        "",
    );
    make(&mut plan, matter, old, new);
    plan.run(
        await_pod(namespace, &pod),
        format!("{pod} is ready, its claim {claim} bound to {}", new.id.name),
        format!("{kubectl} get {}", named("pvc", claim)),
    );
    plan
}

/// The steps for a volume under another name, while its claim keeps its own: bound to the old object, it never takes the new one.
pub(super) fn renamed(matter: Matter<'_>, old: &Resource, new: &Resource) -> Option<Plan> {
    let claim = |volume: &Resource| {
        let part = |field| volume.node.find(&["spec", "claimRef", field]).and_then(Node::as_str).map(str::to_owned);
        part("name").map(|name| (part("namespace"), name))
    };
    (claim(old).is_some() && claim(old) == claim(new)).then(|| plan(matter, old, new))
}

/// Deletes the object and makes it anew. From its own text, where its file would bring other changes with it.
fn make(plan: &mut Plan, matter: Matter<'_>, old: &Resource, new: &Resource) {
    let name = named("pv", &new.id.name);
    plan.run(format!("kubectl delete {}", named("pv", &old.id.name)), "the object is gone; the disk is not", "");
    plan.apply_alone(matter, new, "`created`", format!("kubectl get {name}"));
}

/// A claim of its own: whoever mounts it is away meanwhile.
fn standalone(plan: &mut Plan, matter: Matter<'_>, (old, new): (&Resource, &Resource), namespace: &str, claim: &str) {
    let is_it = |resource: &&Resource| {
        resource.id.name == claim
            && (resource.id.namespace == namespace || resource.id.namespace.is_empty() && namespace == matter.setting.namespace)
    };
    let manifest = matter.fresh.of_kind("PersistentVolumeClaim").find(is_it);
    let namespace = manifest.map_or(namespace, |manifest| &manifest.id.namespace);
    let kubectl = kubectl(namespace);
    let users = manifest.map(|manifest| recreate::users(matter.fresh, manifest)).unwrap_or_default();
    users.iter().for_each(|user| migrate::pause(plan, user));
    plan.run(
        format!("{kubectl} delete {}", named("pvc", claim)),
        "gone as soon as no pod mounts it; `kubectl describe pvc` says who does",
        format!("kubectl get {}", named("pv", &old.id.name)),
    );
    make(plan, matter, old, new);
    if let Some(manifest) = manifest {
        plan.apply(vec![manifest.id.clone()], "`created`, and bound to the volume", format!("{kubectl} get {}", named("pvc", claim)));
    }
    users.iter().for_each(|user| migrate::resume(plan, user));
}

/// The set and the ordinal that a claim belongs to.
fn owner<'m>(matter: Matter<'m>, namespace: &str, claim: &str) -> Option<(Set<'m>, i64)> {
    let home = |set: &Set<'_>| {
        let own = &set.0.id.namespace;
        own == namespace || own.is_empty() && namespace == matter.setting.namespace
    };
    matter.fresh.of_kind("StatefulSet").map(Set).filter(home).find_map(|set| {
        let ordinal = claim.rsplit('-').next()?.parse().ok()?;
        let is_its_own =
            claims::ordinals(set).contains(&ordinal) && set.templates().any(|(template, _)| set.claim(template, ordinal) == claim);
        is_its_own.then_some((set, ordinal))
    })
}

/// What is behind a volume, without how it is reached.
pub(super) fn source(volume: &Node) -> Vec<(String, Node)> {
    const OTHERS: [&str; 10] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
        "",
    ];
    let fields = volume.get("spec").into_iter().flat_map(Node::entries).filter(|(key, _)| !OTHERS.contains(&&*key.name));
    fields.map(|(key, node)| (key.name.to_string(), node.clone())).collect()
}
