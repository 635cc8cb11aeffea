//! What a change does to the claim templates of a StatefulSet, and what can be done for the claims that are there:
//! growing and labels.

use super::command::{
    Command, all, await_bound, describe, flag_last, get, get_field, kubectl, named, patch, volume_of, wait_field, word,
};
use super::step::{Fixed, OfClaim, OfObject, OfVolume, Purpose};
use super::{Matter, Plan, disks};
use crate::bundle::Resource;
use crate::cluster::object::{requested, stated_request};
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::StatedAmount;
use crate::review::set::Set;
use crate::stateful_set::pod_name;
use crate::value::Node;
use serde_json::json;
use std::cmp::Ordering;
use std::ops::Range;

/// No runbook goes through more ordinals than this.
const MOST: i64 = 100;

/// A claim template that differs.
#[derive(Clone, Debug)]
pub(super) struct Edit<'r> {
    /// `data`.
    pub(super) template: &'r str,
    /// How it was; how it is where it was not.
    pub(super) old: &'r Node,
    /// How it is; how it was where it is gone.
    pub(super) new: &'r Node,
    /// In which way.
    pub(super) what: What<'r>,
}

/// In which way a claim template differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What<'r> {
    /// It asks for more: so much.
    Grown(StatedAmount),
    /// Another class of attributes, such as a driver's speed; none where it says none any more.
    Attributes(Option<&'r str>),
    /// Labels or annotations.
    Labels,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// A property of its claims that never changes.
    Fixed(Fixed),
}

/// Where the volumes of claims come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// People make them: they are no larger than they were made.
    Static,
    /// A provisioner makes them.
    Dynamic,
}

/// The ordinals of a set, as many as a runbook goes through.
pub(super) fn ordinals(set: Set<'_>) -> Range<i64> {
    let all = set.ordinals();
    all.start..all.end.min(all.start.saturating_add(MOST))
}

/// The pod of an ordinal.
pub(super) fn pod(set: Set<'_>, ordinal: i64) -> String {
    pod_name(set.name(), ordinal).into()
}

/// The claim templates that differ.
pub(super) fn edits<'r>(old: Set<'r>, new: Set<'r>) -> Vec<Edit<'r>> {
    let mut list = Vec::new();
    for (template, node) in new.templates() {
        match old.template(template) {
            None => list.push(Edit { template, old: node, new: node, what: What::Added }),
            Some(before) => {
                let what = difference(before, node);
                let is_fixed = matches!(what, Some(What::Fixed(_)));
                list.extend(what.map(|what| Edit { template, old: before, new: node, what }));
                // A claim that is made anew has them anyway.
                if !is_fixed && attributes(before) != attributes(node) {
                    list.push(Edit { template, old: before, new: node, what: What::Attributes(attributes(node)) });
                }
            }
        }
    }
    let gone = old.templates().filter(|(template, _)| new.template(template).is_none());
    list.extend(gone.map(|(template, node)| Edit { template, old: node, new: node, what: What::Removed }));
    list
}

/// How two claim templates of one name differ, the gravest first.
pub(super) fn difference<'r>(old: &Node, new: &'r Node) -> Option<What<'r>> {
    if let Some(field) = fixed_difference(old, new) {
        return Some(What::Fixed(field));
    }
    if let (Some(before), Some(after)) = (stated_request(old), stated_request(new)) {
        match after.amount.cmp(&before.amount) {
            Ordering::Less => return Some(What::Fixed(Fixed::SmallerSize)),
            Ordering::Greater => return Some(What::Grown(after)),
            Ordering::Equal => {}
        }
    }
    ["labels", "annotations"].iter().any(|field| described(old, field) != described(new, field)).then_some(What::Labels)
}

/// The class of a claim's attributes.
fn attributes(claim: &Node) -> Option<&str> {
    claim.find(&["spec", "volumeAttributesClassName"]).and_then(Node::as_str)
}

/// A field of a claim that never changes, in which the two differ.
pub(super) fn fixed_difference(old: &Node, new: &Node) -> Option<Fixed> {
    let of = |node: &Node, field: &str| node.find(&["spec", field]).cloned();
    let differs = FIXED.iter().find(|(field, _)| of(old, field) != of(new, field)).map(|(_, what)| *what);
    differs.or_else(|| (mode(old) != mode(new)).then_some(Fixed::VolumeMode))
}

/// Whether two claims differ in nothing that is fixed but in how many pods of one node may use them: the volume can
/// stay, and only has to be told so.
pub(super) fn is_same_volume(old: &Node, new: &Node) -> bool {
    const SINGLE: [&str; 2] = ["ReadWriteOnce", "ReadWriteOncePod"];
    let modes = |claim: &Node| {
        let modes = claim.find(&["spec", "accessModes"]).and_then(Node::as_list).unwrap_or_default();
        !modes.is_empty() && modes.iter().all(|mode| mode.as_str().is_some_and(|mode| SINGLE.contains(&mode)))
    };
    let others = FIXED.iter().filter(|(field, _)| *field != "accessModes");
    let is_alike = others.clone().all(|(field, _)| old.find(&["spec", field]) == new.find(&["spec", field]))
        && mode(old) == mode(new);
    modes(old) && modes(new) && is_alike && requested(old) == requested(new)
}

/// Whether a claim is a raw device.
pub(super) fn is_block(claim: &Node) -> bool {
    mode(claim) == "Block"
}

fn mode(claim: &Node) -> &str {
    claim.find(&["spec", "volumeMode"]).and_then(Node::as_str).unwrap_or("Filesystem")
}

/// Fields of a claim that never change.
const FIXED: [(&str, Fixed); 6] = [
    ("storageClassName", Fixed::StorageClass),
    ("accessModes", Fixed::AccessModes),
    ("selector", Fixed::Selector),
    ("dataSource", Fixed::Source),
    ("dataSourceRef", Fixed::Source),
    ("volumeName", Fixed::Volume),
];

/// Where the volume of a claim comes from, as far as the manifests and the facts tell.
pub(super) fn origin(matter: Matter<'_>, namespace: &str, claim: &str, template: &Node) -> Origin {
    let reserved =
        matter.volume(matter.fresh, namespace, claim).or_else(|| matter.volume(matter.committed, namespace, claim));
    let class = template.find(&["spec", "storageClassName"]).and_then(Node::as_str);
    let provisioner =
        class.and_then(|class| matter.class(class)).and_then(|class| class.get("provisioner")).and_then(Node::as_str);
    let is_made_by_people = class == Some("") || provisioner == Some("kubernetes.io/no-provisioner");
    if reserved.is_some() || is_made_by_people { Origin::Static } else { Origin::Dynamic }
}

/// What is to be done to the claims that are there before their set can be made anew.
pub(super) fn prepare(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, edits: &[Edit<'_>]) {
    for edit in edits {
        match &edit.what {
            What::Grown(size) => grow(plan, matter, old, edit, size),
            What::Labels => label(plan, old, edit),
            What::Attributes(class) => modify(plan, old, edit, *class),
            What::Added | What::Removed | What::Fixed(_) => {}
        }
    }
}

fn grow(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, edit: &Edit<'_>, size: &StatedAmount) {
    let namespace = &old.0.id.namespace;
    let all = ordinals(old).map(|ordinal| old.claim(edit.template, ordinal));
    let claims: Vec<String> = all.filter(|claim| is_smaller(matter, namespace, claim, size)).collect();
    let Some(first) = claims.first() else { return };
    if origin(matter, namespace, first, edit.old) == Origin::Static {
        grow_disks(plan, matter, namespace, &claims, size);
        return;
    }
    expandable(plan, matter, namespace, first, edit.old);
    for claim in &claims {
        plan.run(
            patch(
                namespace,
                &named("pvc", claim),
                &json!({"spec": {"resources": {"requests": {"storage": size.to_string()}}}}),
            ),
            OfClaim::Grows,
            None,
        );
    }
    await_size(plan, namespace, &claims, size);
}

/// Whether a claim that is there has yet to be asked for so much: what somebody has grown already is not grown again.
fn is_smaller(matter: Matter<'_>, namespace: &str, claim: &str, size: &StatedAmount) -> bool {
    let home = matter.setting.namespace;
    let name = ObjectName::new(if namespace.is_empty() { home } else { namespace }, claim);
    let known = matter.before.state.claims.iter().find(|known| known.name == name);
    known.and_then(|known| known.requested.as_ref()).is_none_or(|requested| *requested < size.amount)
}

fn await_size(plan: &mut Plan, namespace: &str, claims: &[String], size: &StatedAmount) {
    let size = size.amount.to_string();
    let names: Vec<String> = claims.iter().map(|claim| word(&format!("pvc/{claim}"))).collect();
    let names = names.join(" ");
    plan.run(
        wait_field(namespace, "{.status.capacity.storage}", &size, &names, "30m"),
        OfClaim::Grown,
        describe(namespace, &names),
    );
}

/// The steps for a claim of its own that may not grow as it stands.
pub(super) fn grow_claim(matter: Matter<'_>, old: &Resource, new: &Resource, size: &StatedAmount) -> Plan {
    let (namespace, claims) = (&new.id.namespace, [new.id.name.to_string()]);
    if origin(matter, namespace, &new.id.name, &old.node) == Origin::Static {
        return Plan::new(Purpose::KeepSize(new.id.clone()));
    }
    let mut plan = Plan::new(Purpose::Grow(new.id.clone()));
    plan.run(await_bound(namespace, &new.id.name), OfClaim::BoundToGrow, None);
    expandable(&mut plan, matter, namespace, &new.id.name, &old.node);
    plan.apply_alone(matter, new, OfClaim::GrowsApplied, None);
    await_size(&mut plan, namespace, &claims, size);
    plan
}

/// Whether the storage class lets claims grow, and how to let it.
fn expandable(plan: &mut Plan, matter: Matter<'_>, namespace: &str, claim: &str, template: &Node) {
    let class = template.find(&["spec", "storageClassName"]).and_then(Node::as_str);
    let is_known = class.and_then(|class| matter.class(class));
    let allows = is_known.and_then(|class| class.get("allowVolumeExpansion")).and_then(Node::as_bool).unwrap_or(false);
    match (class, is_known) {
        (Some(_), Some(_)) if allows => {}
        (Some(class), Some(_)) => plan.run(
            patch("", &named("storageclass", class), &json!({"allowVolumeExpansion": true})),
            OfObject::Expandable,
            get("", &named("storageclass", class)),
        ),
        _ => {
            let class = class.map_or_else(
                || {
                    let class = get_field(namespace, &named("pvc", claim), "{.spec.storageClassName}");
                    format!("storageclass \"$({class})\"")
                },
                |class| named("storageclass", class),
            );
            plan.run(get_field("", &class, "{.allowVolumeExpansion}"), OfObject::ExpandableIf, None);
        }
    }
}

/// Claims that are there get the attributes of their template by hand: the driver changes their volumes under the
/// running pods.
fn modify(plan: &mut Plan, old: Set<'_>, edit: &Edit<'_>, class: Option<&str>) {
    let namespace = &old.0.id.namespace;
    // Nothing takes a class away from a claim that has one.
    let Some(class) = class else { return };
    let claims: Vec<String> = ordinals(old).map(|ordinal| old.claim(edit.template, ordinal)).collect();
    for claim in &claims {
        plan.run(
            patch(namespace, &named("pvc", claim), &json!({"spec": {"volumeAttributesClassName": class}})),
            OfClaim::Modified,
            None,
        );
    }
    if !claims.is_empty() {
        let names: Vec<String> = claims.iter().map(|claim| word(&format!("pvc/{claim}"))).collect();
        let names = names.join(" ");
        plan.run(
            wait_field(namespace, "{.status.currentVolumeAttributesClassName}", class, &names, "30m"),
            OfClaim::ModifiedAll,
            describe(namespace, &names),
        );
    }
}

/// Volumes that people made are as large as their disks: the claims cannot grow, and need not.
fn grow_disks(plan: &mut Plan, matter: Matter<'_>, namespace: &str, claims: &[String], size: &StatedAmount) {
    for claim in claims {
        let Some(volume) =
            matter.volume(matter.fresh, namespace, claim).or_else(|| matter.volume(matter.committed, namespace, claim))
        else {
            let volume = get("", &format!("pv {}", volume_of(namespace, claim)));
            plan.run(volume, OfVolume::GrowByHand(size.clone()), None);
            continue;
        };
        if let Some(command) = disks::grow(&volume.node, &size.amount) {
            let shown = describe("", &named("pv", &volume.id.name));
            plan.run(command, OfVolume::DiskGrown(size.clone()), shown);
        }
    }
}

/// The labels or annotations of a claim template, in order.
fn described(template: &Node, field: &str) -> Vec<(String, String)> {
    let entries = template.find(&["metadata", field]).into_iter().flat_map(Node::entries);
    let mut list: Vec<_> =
        entries.map(|(key, value)| (key.name.to_string(), value.as_str().unwrap_or_default().to_owned())).collect();
    list.sort();
    list
}

/// Claims that are there get the labels and annotations of their template by hand.
fn label(plan: &mut Plan, old: Set<'_>, edit: &Edit<'_>) {
    let namespace = &old.0.id.namespace;
    let claims: Vec<String> = ordinals(old).map(|ordinal| old.claim(edit.template, ordinal)).collect();
    if claims.is_empty() {
        return;
    }
    for (verb, field) in [("label", "labels"), ("annotate", "annotations")] {
        let (before, after) = (described(edit.old, field), described(edit.new, field));
        let set = after.iter().filter(|entry| !before.contains(entry)).map(|(key, value)| format!("{key}={value}"));
        let gone = before
            .iter()
            .filter(|(key, _)| !after.iter().any(|(other, _)| other == key))
            .map(|(key, _)| format!("{key}-"));
        let words: Vec<String> = set.chain(gone).collect();
        if !words.is_empty() {
            let labelled = flag_last(&all("pvc", &claims), &words, "--overwrite");
            plan.run(Command::line(format!("{} {verb} {labelled}", kubectl(namespace))), OfClaim::Labelled, None);
        }
    }
}
