//! Claims that must become other claims: another class, other modes, a smaller size. The old volume is kept until the
//! new one is looked at, and is reached through a claim of its own meanwhile.

use super::claims::{self, Edit, What};
use super::command::{
    self, Command, all, apply_text, await_bound, await_end, await_set, delete, get, named, patch, retain, rollout,
    set_free, volume_of, volumes_of, wait, word,
};
use super::step::{AllReady, Fate, Fixed, OfClaim, OfObject, OfPod, OfVolume, Purpose};
use super::{Matter, Plan, scale, swap};
use crate::bundle::{Resource, ResourceId};
use crate::json::from_node;
use crate::review::set::Set;
use crate::value::Node;
use serde_json::{Value, json};

/// A claim name with this behind it holds the volume from before.
const BEFORE: &str = "-before";

/// A set goes through it ordinal by ordinal, from the last, so that only one replica is away at a time.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> Plan {
    let namespace = &new.0.id.namespace;
    let moved: Vec<(&Edit<'_>, Fixed)> = edits
        .iter()
        .filter_map(|edit| match edit.what {
            What::Fixed(why) => Some((edit, why)),
            _ => None,
        })
        .collect();
    let why = moved.first().map(|(_, why)| *why);
    let ordinals: Vec<i64> = claims::ordinals(old).filter(|ordinal| claims::ordinals(new).contains(ordinal)).collect();
    let first = |edit: &Edit<'_>| ordinals.first().map(|ordinal| old.claim(edit.template, *ordinal));
    let fates = moved.iter().filter_map(|(edit, _)| Some(fate(matter, namespace, &first(edit)?, edit.old, edit.new)));
    let fate = fates.max().unwrap_or(Fate::Kept);
    let mut plan = Plan::new(Purpose::ExchangeClaims(new.0.id.clone(), why, fate));
    claims::prepare(&mut plan, matter, old, edits);
    swap::counted(&mut plan, old);
    scale::leave(&mut plan, old, new);
    needed(&mut plan, matter);
    swap::retain_claims(&mut plan, old);
    let claims = |ordinal: &i64| moved.iter().map(|(edit, _)| old.claim(edit.template, *ordinal)).collect::<Vec<_>>();
    let moving: Vec<String> = ordinals.iter().flat_map(claims).collect();
    keep(&mut plan, namespace, &[], &moving);
    if ordinals.is_empty() {
        swap::swap(&mut plan, matter, old, new);
    }
    for ordinal in ordinals.iter().rev() {
        swap::orphan(&mut plan, old);
        let pod = claims::pod(old, *ordinal);
        plan.run(
            delete(namespace, &named("pod", &pod)),
            OfPod::EndsForNow { budget: swap::is_budgeted(matter, old) },
            None,
        );
        for (edit, _) in &moved {
            let claim = old.claim(edit.template, *ordinal);
            let object = new_claim(new, &claim, edit.new);
            exchange(
                &mut plan,
                matter,
                &Exchange { namespace, claim: &claim, old: edit.old, new: edit.new, made: Ok(object) },
            );
        }
        swap::make(&mut plan, matter, (old, new), 1);
        let shown: Vec<String> = moved.iter().map(|(edit, _)| old.claim(edit.template, *ordinal)).collect();
        plan.run(await_set(new), AllReady::OnNewClaim(pod), get(namespace, &all("pvc", &shown)));
    }
    plan
}

/// A claim of its own, used by some workloads.
pub(super) fn claim(plan: &mut Plan, matter: Matter<'_>, old: &Resource, new: &Resource, users: &[&Resource]) {
    let namespace = &new.id.namespace;
    needed(plan, matter);
    keep(plan, namespace, &[], &[new.id.name.to_string()]);
    users.iter().for_each(|user| pause(plan, user));
    exchange(
        plan,
        matter,
        &Exchange { namespace, claim: &new.id.name, old: &old.node, new: &new.node, made: Err(new.id.clone()) },
    );
    users.iter().for_each(|user| resume(plan, user));
}

/// Nobody mounts the claims of a workload.
pub(super) fn pause(plan: &mut Plan, user: &Resource) {
    let namespace = &user.id.namespace;
    plan.run(command::scale(namespace, &workload(user), 0), OfPod::End, None);
    plan.run(await_end(user), OfPod::NoWriter, None);
}

/// A workload is back.
pub(super) fn resume(plan: &mut Plan, user: &Resource) {
    let (namespace, workload) = (&user.id.namespace, workload(user));
    let replicas = user.node.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1);
    plan.run(command::scale(namespace, &workload, replicas), OfPod::ComeBack, None);
    let status = rollout(namespace, "status", &workload).with("--timeout=10m");
    plan.run(status, AllReady::LookAtData, None);
}

/// `deployment/web`
fn workload(user: &Resource) -> String {
    format!("{}/{}", user.id.kind.to_lowercase(), word(&user.id.name))
}

/// What new claims need before they can be made: their storage class.
fn needed(plan: &mut Plan, matter: Matter<'_>) {
    let is_new = |class: &&Resource| matter.committed.get(&class.id).is_none();
    for class in matter.fresh.of_kind("StorageClass").filter(is_new) {
        plan.apply_alone(matter, class, OfObject::Created, get("", &named("storageclass", &class.id.name)));
    }
}

/// Nothing happens to volumes when their claims go: to those that are known by name, and to those of some claims.
pub(super) fn keep(plan: &mut Plan, namespace: &str, known: &[String], claims: &[String]) {
    let of_claims = (!claims.is_empty()).then(|| volumes_of(namespace, claims));
    // No volume has a name that kubectl would take for an option.
    let known = known.iter().filter(|volume| !volume.starts_with('-'));
    let volumes: Vec<String> = known.map(|volume| word(volume)).chain(of_claims).collect();
    if volumes.is_empty() {
        return;
    }
    let volumes = volumes.join(" ");
    plan.run(
        patch("", &format!("pv {volumes}"), &retain()),
        OfVolume::Retained,
        get("", &format!("pv {volumes}"))
            .with("-o custom-columns=NAME:.metadata.name,POLICY:.spec.persistentVolumeReclaimPolicy"),
    );
}

/// A claim that gives way to another of the same name.
struct Exchange<'r> {
    namespace: &'r str,
    claim: &'r str,
    /// The manifest or template of the claim that is there.
    old: &'r Node,
    /// The manifest or template of the one that takes its place.
    new: &'r Node,
    /// What makes it: its text, or its manifest.
    made: Result<Value, ResourceId>,
}

/// What becomes of the data of a claim.
pub(super) fn fate(matter: Matter<'_>, namespace: &str, claim: &str, old: &Node, new: &Node) -> Fate {
    if kept(matter, namespace, claim).is_some() {
        Fate::Kept
    } else if claims::is_same_volume(old, new) && matter.volume(matter.fresh, namespace, claim).is_none() {
        Fate::Told
    } else if claims::is_block(old) == claims::is_block(new) {
        Fate::Copied
    } else {
        Fate::Empty
    }
}

/// The volume that stays the claim's own, before and after.
fn kept<'m>(matter: Matter<'m>, namespace: &str, claim: &str) -> Option<&'m Resource> {
    let after = matter.volume(matter.fresh, namespace, claim)?;
    let before = matter.volume(matter.committed, namespace, claim)?;
    (after.id == before.id).then_some(after)
}

fn exchange(plan: &mut Plan, matter: Matter<'_>, exchange: &Exchange<'_>) {
    let Exchange { namespace, claim, old, new, made } = exchange;
    let fate = fate(matter, namespace, claim, old, new);
    let (name, before) = (named("pvc", claim), format!("{claim}{BEFORE}"));
    let make = |plan: &mut Plan, expect: OfClaim| match made {
        Ok(object) => plan.run(apply_text(namespace, object), expect, None),
        Err(id) => plan.apply(vec![id.clone()], expect, None),
    };
    let bound = |plan: &mut Plan, claim: &str| plan.run(await_bound(namespace, claim), OfClaim::Bound, None);
    if let Some(volume) = kept(matter, namespace, claim) {
        plan.run(delete(namespace, &name), OfClaim::DeletedReleased(volume.id.name.to_string()), None);
        let changed = matter.changes.iter().any(|change| change.id == volume.id && change.refusals.is_empty());
        if changed {
            plan.apply_alone(matter, volume, OfVolume::NewForm, None);
        }
        let object = named("pv", &volume.id.name);
        plan.run(patch("", &object, &set_free()), OfVolume::Available, get("", &object));
        make(plan, OfClaim::NewForm);
        bound(plan, claim);
        return;
    }
    if fate == Fate::Told {
        let modes = new.find(&["spec", "accessModes"]).map(from_node).unwrap_or_default();
        let told = json!({"spec": {"accessModes": modes, "claimRef": {"uid": null, "resourceVersion": null}}});
        let (volume, deleted) = (volume_of(namespace, claim), delete(namespace, &name));
        let told = patch("", "pv \"$volume\"", &told);
        plan.run(Command::line(format!("volume={volume} && {deleted} && {told}")), OfClaim::DeletedTold, None);
        make(plan, OfClaim::NewForm);
        bound(plan, claim);
        return;
    }
    plan.run(
        patch(
            "",
            &format!("pv {}", volume_of(namespace, claim)),
            &json!({"spec": {"claimRef": {"name": before, "uid": null, "resourceVersion": null}}}),
        ),
        OfVolume::ReservedBefore(before.clone(), (*claim).to_owned()),
        None,
    );
    plan.run(delete(namespace, &name), OfClaim::Deleted, None);
    let mut spec = old.get("spec").map(from_node).unwrap_or_default();
    if let Some(map) = spec.as_object_mut() {
        map.retain(|field, _| ["accessModes", "resources", "storageClassName", "volumeMode"].contains(&&**field));
    }
    plan.run(
        apply_text(
            namespace,
            &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": before}, "spec": spec}),
        ),
        OfClaim::BoundToOld(before.clone()),
        get(namespace, &named("pvc", &before)),
    );
    bound(plan, &before);
    if let Some(volume) = matter.volume(matter.fresh, namespace, claim) {
        plan.apply_alone(matter, volume, OfVolume::New, get("", &named("pv", &volume.id.name)));
    }
    if fate == Fate::Empty {
        make(plan, OfClaim::EmptyForGood(before));
        return;
    }
    make(plan, OfClaim::Empty);
    copy(plan, namespace, &before, claim, claims::is_block(old));
}

/// Copies all that is on one claim to another.
fn copy(plan: &mut Plan, namespace: &str, from: &str, to: &str, is_block: bool) {
    let job = format!("copy-{to}");
    let (script, uses) = if is_block {
        ("dd if=/old of=/new bs=4M && sync", "devicePath")
    } else {
        ("cp -a /old/. /new/ && sync", "mountPath")
    };
    let mounts = json!([{"name": "old", uses: "/old"}, {"name": "new", uses: "/new"}]);
    let mut container =
        json!({"name": "copy", "image": "docker.io/library/busybox:1.37", "command": ["sh", "-c", script]});
    container[if is_block { "volumeDevices" } else { "volumeMounts" }] = mounts;
    let volume = |name: &str, claim: &str| json!({"name": name, "persistentVolumeClaim": {"claimName": claim}});
    let pod = json!({"restartPolicy": "Never", "containers": [container], "volumes": [volume("old", from), volume("new", to)]});
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job}, "spec": {"template": {"spec": pod}}});
    plan.run(
        apply_text(namespace, &object),
        OfClaim::Copying(from.to_owned(), to.to_owned()),
        get(namespace, &named("job", &job)),
    );
    plan.run(wait(namespace, "condition=Complete", &word(&format!("job/{job}")), "24h"), OfClaim::Copied, None);
    plan.run(delete(namespace, &named("job", &job)), OfClaim::CopyEnded(from.to_owned()), None);
}

/// The claim that the set would make itself.
fn new_claim(set: Set<'_>, claim: &str, template: &Node) -> Value {
    let mut labels = template.find(&["metadata", "labels"]).map_or_else(|| json!({}), from_node);
    let selected = set.0.node.find(&["spec", "selector", "matchLabels"]).map(from_node);
    if let (Some(labels), Some(Value::Object(selected))) = (labels.as_object_mut(), selected) {
        labels.extend(selected);
    }
    let mut metadata = json!({"name": claim, "labels": labels});
    if let Some(annotations) = template.find(&["metadata", "annotations"]) {
        metadata["annotations"] = from_node(annotations);
    }
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template.get("spec").map(from_node)})
}
