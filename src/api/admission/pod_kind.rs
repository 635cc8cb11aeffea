//! Pods as objects of their own: what is asked of them beyond what is asked of templates, and the little that may
//! change.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePodCreate, ValidatePodUpdate`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::Naming;
use super::names::Names;
use super::pod::{self, APP_ARMOR, Holder};
use super::pod_rules::Rules;
use super::workload::FIELD_RULES;
use super::{Kind, container, deployment, pod_warning, spread};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::{Map, Node};
use std::collections::BTreeSet;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Pod",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::pod::pod,
    prepare,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
const MIRROR: &str = "kubernetes.io/config.mirror";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// A new pod is made ready for the scheduler: the labels that its terms name by key are written into their selectors.
/// `PrepareForCreate`, pkg/registry/core/pod.
fn prepare(object: &mut Node, stored: Option<&Node>, version: Version, _: &mut Causes) {
    if stored.is_some() {
        return;
    }
    let Some(labels) = object.find(&["metadata", "labels"]).and_then(Node::as_map).cloned() else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        if let Some(terms) = object.find_mut(&["spec", "affinity", kind, REQUIRED]) {
            terms.items_mut().for_each(|term| merge_keys(term, &labels));
        }
        if let Some(terms) = object.find_mut(&["spec", "affinity", kind, PREFERRED]) {
            terms
                .items_mut()
                .filter_map(|weighted| weighted.get_mut("podAffinityTerm"))
                .for_each(|term| merge_keys(term, &labels));
        }
    }
    if gate::MATCH_LABEL_KEYS_SELECTOR_MERGE.is_on(version)
        && let Some(constraints) = object.find_mut(&["spec", "topologySpreadConstraints"])
    {
        constraints.items_mut().for_each(|constraint| merge_keys(constraint, &labels));
    }
}

fn merge_keys(term: &mut Node, labels: &Map) {
    let mut added = Vec::new();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in list(term, field) {
            let Some(value) = key.as_str().and_then(|key| labels.get(key)) else { continue };
            let mut expression = Map::new();
            expression.put("key", key.clone());
            expression.put("operator", Node::text(operator, key.at));
            expression.put("values", Node::list(vec![value.clone()], key.at));
            added.push(Node::map(expression, key.at));
        }
    }
    let Some(selector) = term.get_mut("labelSelector") else { return };
    let at = selector.at;
    let Some(map) = selector.as_map_mut().filter(|_| !added.is_empty()) else { return };
    let mut expressions = map.get("matchExpressions").and_then(Node::as_list).unwrap_or_default().to_vec();
    expressions.extend(added);
    map.put("matchExpressions", Node::list(expressions, at));
}

/// `ValidatePodCreate`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let spec = object.get("spec").unwrap_or(&nothing);
    whole(object, spec, &Rules::new(version, true, None), causes);
    if !list(spec, "ephemeralContainers").is_empty() {
        causes.forbidden(&SPEC.child("ephemeralContainers"), "cannot be set on create");
    }
    if !text(spec, "nodeName").is_empty() && !list(spec, "schedulingGates").is_empty() {
        causes.forbidden(&SPEC.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
    pod::profiles_agree(object.find(&["metadata", "annotations"]), spec, &SPEC, causes);
    if causes.refusals.is_empty() {
        deployment::recommend_label(object, "the Pod's hostname", causes);
        pod_warning::warn(object, true, version, &Path::ROOT, causes);
    }
}

/// `ValidatePodCreate` and `validatePodMetadataAndSpec`, pkg/apis/core/validation.
fn whole(object: &Node, spec: &Node, rules: &Rules, causes: &mut Causes) {
    let metadata = object.get("metadata");
    let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
    pod::annotations_of_pod(annotations, spec, rules, &Path::new("metadata.annotations"), causes);
    let given = metadata.map(|metadata| text(metadata, "name")).unwrap_or_default();
    pod::spec(spec, given, Holder::default(), rules, &SPEC, causes);
    if annotations.is_some_and(|annotations| annotations.get(MIRROR).is_some())
        && !list(spec, "resourceClaims").is_empty()
    {
        causes.forbidden(&Path::new(""), "static pods do not support resource claims");
    }
    if text(spec, "serviceAccountName").is_empty() && text(spec, "serviceAccount").is_empty() {
        tokens(spec, causes);
    }
    for kind in ["containers", "initContainers"] {
        let path = SPEC.child(kind);
        for (index, node) in list(spec, kind).iter().enumerate() {
            container::untrimmed_image(node, &path.index(index), causes);
        }
    }
}

/// A token needs an account.
/// `validatePodMetadataAndSpec`, pkg/apis/core/validation.
fn tokens(spec: &Node, causes: &mut Causes) {
    let path = SPEC.child("volumes");
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        let sources = volume.get("projected").map(|projected| list(projected, "sources")).unwrap_or_default();
        let volume_path = path.index(index);
        let path = volume_path.child("projected.sources");
        for (index, source) in sources.iter().enumerate() {
            if some(source, "serviceAccountToken").is_some() {
                let path = path.index(index);
                causes.forbidden(
                    &path.child("serviceAccountToken"),
                    "must not be specified when serviceAccountName is not set",
                );
            }
        }
    }
}

/// `ValidatePodUpdate` and `ValidateContainerUpdates`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let rules = Rules::new(version, true, Some(stored));
    whole(object, new, &rules, causes);
    if let Some(metadata) = object.get("metadata") {
        super::meta::names(metadata, Naming::Subdomain, causes);
    }
    annotations(object, stored, causes);
    for kind in ["containers", "initContainers"] {
        let path = SPEC.child(kind);
        if list(new, kind).len() != list(old, kind).len() {
            return causes.forbidden(&path, "pod updates may not add or remove containers");
        }
    }
    if !deadline(new, old, causes) {
        return;
    }
    tolerations(new, old, &rules, causes);
    gates(new, old, causes);
    if version < Version::minor(32) && quality(new) != quality(old) && !FIELD_RULES.same(Some(new), Some(old)) {
        causes.invalid(&Path::new("metadata"), "Pod QoS is immutable");
    }
    let mut fixed = new.clone();
    take_back(&mut fixed, new, old, causes);
    if !FIELD_RULES.same(Some(&fixed), Some(old)) {
        causes.forbidden(
            &SPEC,
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        );
    }
}

/// How well a pod is kept on a full node.
#[derive(PartialEq, Eq)]
enum Quality {
    BestEffort,
    Burstable,
    Guaranteed,
}

/// `ComputePodQOS`, of what the containers ask for.
fn quality(spec: &Node) -> Quality {
    let amount = |container: &Node, kind: &str, name: &str| {
        let amount = container.find(&["resources", kind, name]).map(|node| Quantity::stored(Some(node)));
        amount.filter(|amount| amount.sign().is_gt())
    };
    let mut quality = None;
    for container in ["containers", "initContainers"].iter().flat_map(|kind| list(spec, kind)) {
        let own = match ["cpu", "memory"]
            .map(|name| (amount(container, "requests", name), amount(container, "limits", name)))
        {
            [(None, None), (None, None)] => Quality::BestEffort,
            [(cpu, Some(most_cpu)), (memory, Some(most_memory))]
                if cpu.as_ref().is_none_or(|cpu| *cpu == most_cpu)
                    && memory.as_ref().is_none_or(|memory| *memory == most_memory) =>
            {
                Quality::Guaranteed
            }
            _ => Quality::Burstable,
        };
        quality = Some(match quality {
            None => own,
            Some(before) if before == own => own,
            Some(_) => Quality::Burstable,
        });
    }
    quality.unwrap_or(Quality::BestEffort)
}

/// Some annotations are the server's own once the pod is there.
/// `ValidatePodSpecificAnnotationUpdates`, pkg/apis/core/validation.
fn annotations(object: &Node, stored: &Node, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let [new, old] = [object, stored].map(|node| node.find(&["metadata", "annotations"]).unwrap_or(&nothing));
    let path = Path::new("metadata.annotations");
    let (words, mirror_words) = ("AppArmor annotations", "mirror pod annotation");
    let words_of =
        |key: &str| if key == MIRROR { Some(mirror_words) } else { key.starts_with(APP_ARMOR).then_some(words) };
    for (key, _) in old.entries().filter(|(key, value)| new.get(&key.name) != Some(value)) {
        if let Some(words) = words_of(&key.name) {
            causes.forbidden(&path.key(&key.name), format!("may not remove or update {words}"));
        }
    }
    for (key, _) in new.entries().filter(|(key, _)| old.get(&key.name).is_none()) {
        if let Some(words) = words_of(&key.name) {
            causes.forbidden(&path.key(&key.name), format!("may not add {words}"));
        }
    }
}

/// A deadline may be set, or come nearer. `false` when nothing else is worth saying.
/// `ValidatePodUpdate`, pkg/apis/core/validation.
fn deadline(new: &Node, old: &Node, causes: &mut Causes) -> bool {
    let path = SPEC.child("activeDeadlineSeconds");
    let [now, before] = [new, old].map(|spec| spec.get("activeDeadlineSeconds").and_then(Node::as_int));
    match (now, before) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => {
            causes.invalid(&path, name::between(0, i32::MAX));
            false
        }
        (Some(now), Some(before)) if before < now => {
            causes.invalid(&path, "must be less than or equal to previous value");
            false
        }
        (None, Some(_)) => {
            causes.invalid(&path, "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

/// `validateOnlyAddedTolerations`, pkg/apis/core/validation.
fn tolerations(new: &Node, old: &Node, rules: &Rules, causes: &mut Causes) {
    let path = SPEC.child("tolerations");
    let now = list(new, "tolerations");
    let parts =
        |toleration: &'_ Node| ["key", "operator", "value", "effect"].map(|field| text(toleration, field).to_owned());
    let known: BTreeSet<[String; 4]> = now.iter().map(parts).collect();
    let is_kept = |before: &Node| known.contains(&parts(before));
    if list(old, "tolerations").iter().all(is_kept) {
        spread::tolerations(now, rules, &path, causes);
    } else {
        causes.forbidden(&path, "existing toleration can not be modified except its tolerationSeconds");
    }
}

/// `validateOnlyDeletedSchedulingGates`, pkg/apis/core/validation.
fn gates(new: &Node, old: &Node, causes: &mut Causes) {
    let path = SPEC.child("schedulingGates");
    let before: Names<'_> = list(old, "schedulingGates").iter().map(|gate| text(gate, "name")).collect();
    for (index, gate) in list(new, "schedulingGates").iter().enumerate() {
        let given = text(gate, "name");
        if !before.has(given) {
            let path = path.index(index);
            causes.forbidden(
                &path.child("name"),
                format!("only deletion is allowed, but found new scheduling gate '{given}'"),
            );
        }
    }
}

/// Undoes every change that is allowed, so that what is left is not.
/// `ValidatePodUpdate`, pkg/apis/core/validation.
fn take_back(fixed: &mut Node, new: &Node, old: &Node, causes: &mut Causes) {
    for kind in ["containers", "initContainers"] {
        let Some(containers) = fixed.get_mut(kind) else { continue };
        for (container, before) in containers.items_mut().zip(list(old, kind)) {
            restore(container, "image", before.get("image"));
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        restore(fixed, field, old.get(field));
    }
    let seconds = |spec: &Node| spec.get("terminationGracePeriodSeconds").and_then(Node::as_int);
    if seconds(new) == Some(1) && seconds(old).is_some_and(|before| before < 0) {
        restore(fixed, "terminationGracePeriodSeconds", old.get("terminationGracePeriodSeconds"));
    }
    if !list(old, "schedulingGates").is_empty() {
        take_back_of_gated(fixed, new, old, causes);
    }
}

/// As long as gates hold a pod back, more may be asked of its node.
/// `validateNodeSelectorMutation` and `validateNodeAffinityMutation`, pkg/apis/core/validation.
fn take_back_of_gated(fixed: &mut Node, new: &Node, old: &Node, causes: &mut Causes) {
    let [now, before] = [new, old].map(|spec| spec.get("nodeSelector"));
    let kept = |spec: Option<&Node>| {
        before
            .into_iter()
            .flat_map(Node::entries)
            .all(|(key, value)| spec.and_then(|spec| spec.get(&key.name)) == Some(value))
    };
    if !kept(now) {
        causes.invalid(
            &SPEC.child("nodeSelector"),
            "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        );
    }
    restore(fixed, "nodeSelector", before);
    let [now, before] = [new, old].map(|spec| spec.find(&["affinity", "nodeAffinity"]).filter(|node| !node.is_null()));
    if FIELD_RULES.same_fields("nodeAffinity", now, before) {
        return;
    }
    node_affinity(now, before, causes);
    let others = |spec: &Node| {
        ["podAffinity", "podAntiAffinity"]
            .iter()
            .any(|kind| spec.find(&["affinity", kind]).is_some_and(|it| !it.is_null()))
    };
    if old.get("affinity").is_none_or(Node::is_null) && !others(new) {
        restore(fixed, "affinity", None);
        return;
    }
    if fixed.get("affinity").is_none_or(Node::is_null) {
        restore(fixed, "affinity", Some(&Node::map(Map::new(), old.at)));
    }
    if let Some(affinity) = fixed.get_mut("affinity") {
        restore(affinity, "nodeAffinity", before);
    }
}

/// `validateNodeAffinityMutation`, pkg/apis/core/validation.
fn node_affinity(now: Option<&Node>, before: Option<&Node>, causes: &mut Causes) {
    let terms = |node: Option<&'_ Node>| -> Vec<Node> {
        node.and_then(|node| node.get(REQUIRED))
            .map(|required| list(required, "nodeSelectorTerms").to_vec())
            .unwrap_or_default()
    };
    let (now, before) = (terms(now), terms(before));
    if before.is_empty() {
        return;
    }
    let path = SPEC.child("affinity.nodeAffinity");
    let path = path.child(REQUIRED);
    let path = path.child("nodeSelectorTerms");
    if now.len() != before.len() {
        return causes.invalid(&path, "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    }
    let fields = ["matchExpressions", "matchFields"];
    for (index, (now, before)) in now.iter().zip(&before).enumerate() {
        let filled = fields.iter().all(|field| list(before, field).is_empty())
            && fields.iter().any(|field| !list(now, field).is_empty());
        let kept = fields.iter().all(|field| list(now, field).starts_with(list(before, field)));
        if filled || !kept {
            causes.invalid(&path.index(index), "only additions are allowed (no mutations or deletions)");
        }
    }
}

fn restore(node: &mut Node, field: &str, before: Option<&Node>) {
    let Some(map) = node.as_map_mut() else { return };
    match before {
        Some(before) => drop(map.put(field, before.clone())),
        None => drop(map.remove(field)),
    }
}
