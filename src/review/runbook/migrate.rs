//! Claims that must become other claims: another class, other modes, a smaller size. The old volume is kept until the
//! new one is looked at, and is reached through a claim of its own meanwhile.

use super::claims::{self, Edit, What};
use super::command::{
    apply_text, await_end, await_set, kubectl, named, patch, retain, set_free, value, volume_of, volumes_of, word,
};
use super::{Matter, Plan, scale, swap};
use crate::bundle::{Resource, ResourceId};
use crate::review::set::Set;
use crate::value::Node;
use serde_json::{Value, json};

/// A claim name with this behind it holds the volume from before.
const BEFORE: &str = "-before";

/// A set goes through it ordinal by ordinal, from the last, so that only one replica is away at a time.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> Plan {
    let namespace = &new.0.id.namespace;
    let moved: Vec<(&Edit<'_>, &str)> = edits
        .iter()
        .filter_map(|edit| match edit.what {
            What::Other(why) => Some((edit, why)),
            _ => None,
        })
        .collect();
    let why = moved.first().map_or("another form", |(_, why)| why);
    let ordinals: Vec<i64> = claims::ordinals(old).filter(|ordinal| claims::ordinals(new).contains(ordinal)).collect();
    let first = |edit: &Edit<'_>| ordinals.first().map(|ordinal| old.claim(edit.template, *ordinal));
    let fates = moved.iter().filter_map(|(edit, _)| Some(fate(matter, namespace, &first(edit)?, edit.old, edit.new)));
    let mut plan = Plan::new(format!(
        "give the claims of {} {why}, one replica after the other: {}",
        new.0.id,
        match fates.max() {
            Some(Fate::Kept | Fate::Told) | None => "each claim is made anew on the volume that it has",
            Some(Fate::Copied) => "the data is copied, and each old volume kept",
            Some(Fate::Empty) => "the app must fill the new volumes, and each old one is kept",
        }
    ));
    claims::prepare(&mut plan, matter, old, edits);
    swap::counted(&mut plan, old);
    scale::leave(&mut plan, old, new);
    needed(&mut plan, matter);
    swap::retain_claims(&mut plan, old);
    let claims = |ordinal: &i64| moved.iter().map(|(edit, _)| old.claim(edit.template, *ordinal)).collect::<Vec<_>>();
    let all: Vec<String> = ordinals.iter().flat_map(claims).collect();
    keep(&mut plan, namespace, &[], &all);
    if ordinals.is_empty() {
        swap::swap(&mut plan, matter, old, new);
    }
    for ordinal in ordinals.iter().rev() {
        swap::orphan(&mut plan, old);
        let pod = claims::pod(old, *ordinal);
        plan.run(
            format!("{} delete {}", kubectl(namespace), named("pod", &pod)),
            format!(
                "it ends and does not come back yet: the app must be able to spare it{}",
                swap::caution(matter, old)
            ),
            "",
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
        plan.run(
            await_set(new),
            format!("all pods ready, {pod} on its new claim: look at its data before you go on"),
            format!("{} get {}", kubectl(namespace), super::command::all("pvc", &shown)),
        );
    }
    plan
}

/// A claim of its own, used by some workloads.
pub(super) fn claim(plan: &mut Plan, matter: Matter<'_>, old: &Resource, new: &Resource, users: &[&Resource]) {
    let namespace = &new.id.namespace;
    needed(plan, matter);
    keep(plan, namespace, &[], std::slice::from_ref(&new.id.name));
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
    let (kind, name) = (user.id.kind.to_lowercase(), word(&user.id.name));
    plan.run(format!("{} scale {kind}/{name} --replicas=0", kubectl(&user.id.namespace)), "its pods end", "");
    plan.run(await_end(user), "no pod is left: nobody writes any more", "");
}

/// A workload is back.
pub(super) fn resume(plan: &mut Plan, user: &Resource) {
    let (kind, name, kubectl) = (user.id.kind.to_lowercase(), word(&user.id.name), kubectl(&user.id.namespace));
    let replicas = user.node.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1);
    plan.run(format!("{kubectl} scale {kind}/{name} --replicas={replicas}"), "its pods come back", "");
    plan.run(format!("{kubectl} rollout status {kind}/{name} --timeout=10m"), "all pods ready: look at their data", "");
}

/// What new claims need before they can be made: their storage class.
fn needed(plan: &mut Plan, matter: Matter<'_>) {
    let is_new = |class: &&Resource| matter.committed.get(&class.id).is_none();
    for class in matter.fresh.of_kind("StorageClass").filter(is_new) {
        plan.apply_alone(matter, class, "`created`", format!("kubectl get {}", named("storageclass", &class.id.name)));
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
        "the volumes and their data are kept, whatever becomes of the claims",
        format!(
            "kubectl get pv {volumes} -o custom-columns=NAME:.metadata.name,POLICY:.spec.persistentVolumeReclaimPolicy"
        ),
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

/// What becomes of the data of a claim that gives way to another, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It stays on the volume that the manifests reserve for both.
    Kept,
    /// It stays on the volume, which is told how it may be used from now on.
    Told,
    /// It is copied.
    Copied,
    /// It stays on the old volume: nothing turns files into a raw device, or back.
    Empty,
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
    let (kubectl, name, before) = (kubectl(namespace), named("pvc", claim), format!("{claim}{BEFORE}"));
    let make = |plan: &mut Plan, expect: &str| match made {
        Ok(object) => plan.run(apply_text(namespace, object), expect, ""),
        Err(id) => plan.apply(vec![id.clone()], expect, ""),
    };
    if let Some(volume) = kept(matter, namespace, claim) {
        plan.run(
            format!("{kubectl} delete {name}"),
            format!("the claim is gone; {} is Released, with all its data", volume.id.name),
            "",
        );
        let changed = matter.changes.iter().any(|change| change.id == volume.id && change.refusals.is_empty());
        if changed {
            plan.apply_alone(matter, volume, "the volume has its new form", "");
        }
        plan.run(
            patch("", &named("pv", &volume.id.name), &set_free()),
            "the volume is Available again, for a claim of that name",
            format!("kubectl get {}", named("pv", &volume.id.name)),
        );
        make(plan, "the claim has its new form");
        bound(plan, namespace, claim);
        return;
    }
    if fate == Fate::Told {
        let modes = new.find(&["spec", "accessModes"]).map(value).unwrap_or_default();
        let told = json!({"spec": {"accessModes": modes, "claimRef": {"uid": null, "resourceVersion": null}}});
        plan.run(
            format!(
                "volume={} && {kubectl} delete {name} && {}",
                volume_of(namespace, claim),
                patch(
                    "",
                    "pv \
                \"$volume\"",
                    &told
                )
            ),
            "the claim is gone; its volume is kept with all its data, has the new access modes, and is Available for \
                a claim of that name",
            "",
        );
        make(plan, "the claim has its new form");
        bound(plan, namespace, claim);
        return;
    }
    plan.run(
        patch(
            "",
            &format!("pv {}", volume_of(namespace, claim)),
            &json!({"spec": {"claimRef": {"name": before, "uid": null, "resourceVersion": null}}}),
        ),
        format!("the volume is reserved for a claim {before}; {claim} says Lost, and goes next"),
        "",
    );
    plan.run(format!("{kubectl} delete {name}"), "the old claim is gone, its volume and its data are not", "");
    let mut spec = old.get("spec").map(value).unwrap_or_default();
    if let Some(map) = spec.as_object_mut() {
        map.retain(|field, _| ["accessModes", "resources", "storageClassName", "volumeMode"].contains(&&**field));
    }
    plan.run(
        apply_text(
            namespace,
            &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": before}, "spec": spec}),
        ),
        format!("{before} is Bound to the old volume"),
        format!("{kubectl} get {}", named("pvc", &before)),
    );
    bound(plan, namespace, &before);
    if let Some(volume) = matter.volume(matter.fresh, namespace, claim) {
        plan.apply_alone(
            matter,
            volume,
            "the new volume is there",
            format!("kubectl get {}", named("pv", &volume.id.name)),
        );
    }
    if fate == Fate::Empty {
        make(
            plan,
            &format!(
                "the new claim, empty: files and a raw device cannot be copied into each other. The data stays on \
                    {before}, from which or from its peers the app must fill it"
            ),
        );
        return;
    }
    make(plan, "the new claim, empty");
    copy(plan, namespace, &before, claim, claims::is_block(old));
}

fn bound(plan: &mut Plan, namespace: &str, claim: &str) {
    plan.run(
        format!(
            "{} wait --for=jsonpath='{{.status.phase}}'=Bound pvc/{} --timeout=5m",
            kubectl(namespace),
            word(claim)
        ),
        "`condition met`",
        "",
    );
}

/// Copies all that is on one claim to another.
fn copy(plan: &mut Plan, namespace: &str, from: &str, to: &str, is_block: bool) {
    let job = format!("copy-{to}");
    let (kubectl, name) = (kubectl(namespace), word(&format!("job/{job}")));
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
        format!(
            "a pod copies all of {from} to {to}. An app that rebuilds a replica from its peers can do without \
            this and the next step"
        ),
        format!("{kubectl} get {}", named("job", &job)),
    );
    plan.run(
        format!("{kubectl} wait --for=condition=Complete {name} --timeout=24h"),
        "`condition met`: everything is copied",
        "",
    );
    plan.run(
        format!("{kubectl} delete {}", named("job", &job)),
        format!(
            "its pod lets go of both claims. Keep {from} until you have seen that nothing is missing; its volume \
                outlives it, until you \
             delete that too"
        ),
        "",
    );
}

/// The claim that the set would make itself.
fn new_claim(set: Set<'_>, claim: &str, template: &Node) -> Value {
    let mut labels = template.find(&["metadata", "labels"]).map_or_else(|| json!({}), value);
    let selected = set.0.node.find(&["spec", "selector", "matchLabels"]).map(value);
    if let (Some(labels), Some(Value::Object(selected))) = (labels.as_object_mut(), selected) {
        labels.extend(selected);
    }
    let mut metadata = json!({"name": claim, "labels": labels});
    if let Some(annotations) = template.find(&["metadata", "annotations"]) {
        metadata["annotations"] = value(annotations);
    }
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template.get("spec").map(value)})
}
