//! A dump of a cluster, reduced to what rehearsals, reviews and drift need: sorted, the same from whatever layout it was
//! read, without what changes by itself and without what is in Secrets. Reads no file and makes no sentence.

use super::object::{is_ending, owners, text};
use crate::api::live::CLIENT_SIDE;
use crate::api::server_side::managers::NOTE;
use crate::bundle::{Bundle, Resource, ResourceId, kind_rank};
use crate::k8s::custom::is_custom;
use crate::secret::tree;
use crate::value::{Data, Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A dump, reduced.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The objects, in order.
    pub objects: Vec<Node>,
    /// What it lacks.
    pub missing: Vec<Missing>,
    /// How many objects of each kind were left out because no rehearsal reads them.
    pub left_out: BTreeMap<String, usize>,
    /// The objects in which something looks like a credential, though they are no Secrets.
    pub telling: Vec<ResourceId>,
}

/// Something that a dump does not hold, and that answers depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// It has no object of a kind of which every cluster has some.
    Kind(&'static str),
    /// It has sets, and no revision of any.
    Revisions,
    /// It has sets that ask for replicas, and no pod.
    Pods,
    /// Sets have claim templates, and there is no claim.
    Claims,
    /// Claims are bound to volumes that are not there: so many.
    Volumes(usize),
    /// No object says who manages its fields.
    Managers,
    /// Nothing limits what namespaces may hold: there is no quota and no limit, or nobody asked for them.
    Quotas,
    /// Pods name Secrets, and there is none: so many names.
    Secrets(usize),
    /// Claims name a class that is not there.
    Class(String),
}

/// The kinds that something is read of.
const KEPT: [&str; 38] = [
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "CSIDriver",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Job",
    "LimitRange",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PriorityClass",
    "ReplicaSet",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// As `KEPT`, kinds that only a definition knows are kept where somebody applied them.
fn is_kept(resource: &Resource) -> bool {
    let kind = resource.id.kind.as_str();
    if is_custom(&resource.api_version, kind) {
        return !applied_by(&resource.node).is_empty();
    }
    KEPT.contains(&kind) || kind == "VolumeAttributesClass"
}

/// What only a server says of an object and nobody reads.
const DROPPED: [&str; 4] = ["resourceVersion", "selfLink", "generateName", "deletionGracePeriodSeconds"];

/// Annotations by which components talk to each other: they change by themselves.
const OF_COMPONENTS: [&str; 12] = [
    "control-plane.alpha.kubernetes.io/",
    "csi.volume.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/",
    "kubeadm.alpha.kubernetes.io/",
    "kubernetes.io/config.",
    "node.alpha.kubernetes.io/",
    "volumes.kubernetes.io/",
    "cni.projectcalico.org/",
    "k8s.v1.cni.cncf.io/",
    "k8s.ovn.org/",
    "kubernetes.io/psp",
];

/// Secrets that are records of tools, one for each release or token, and that no manifest names.
const OF_TOOLS: [&str; 3] =
    ["helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// Reduces a dump. Of two objects of one name, the last counts.
#[must_use]
pub fn reduce(dump: &Bundle) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut kept: BTreeMap<(u8, &ResourceId), Node> = BTreeMap::new();
    for resource in &dump.resources {
        let kind = &resource.id.kind;
        if resource.id.name.is_empty() {
            continue;
        }
        match is_kept(resource).then(|| reduced(resource)).flatten() {
            Some(node) => drop(kept.insert((kind_rank(kind), &resource.id), node)),
            None => *snapshot.left_out.entry(kind.to_string()).or_default() += 1,
        }
    }
    let is_telling = |(place, node): &(&(u8, &ResourceId), &Node)| place.1.kind != "Secret" && tree::holds_any(node);
    snapshot.telling = kept.iter().filter(is_telling).map(|((_, id), _)| (*id).clone()).collect();
    snapshot.objects = kept.into_values().collect();
    snapshot.missing = missing(&snapshot.objects);
    snapshot
}

/// Who applied an object, or made it by hand: the names of those who do not work for the cluster.
fn applied_by(object: &Node) -> Vec<&str> {
    let entries = object.find(&["metadata", "managedFields"]).into_iter().flat_map(Node::items);
    let is_theirs = |entry: &&Node| {
        text(entry, &["subresource"]).is_empty()
            && (text(entry, &["operation"]) == "Apply" || text(entry, &["manager"]) == CLIENT_SIDE)
    };
    entries.filter(is_theirs).map(|entry| text(entry, &["manager"])).collect()
}

/// An object as far as anybody reads it; nothing where nobody does.
fn reduced(resource: &Resource) -> Option<Node> {
    let mut node = resource.node.clone();
    let kind = resource.id.kind.as_str();
    match kind {
        "Secret" if OF_TOOLS.contains(&text(&node, &["type"])) => return None,
        "ConfigMap" if resource.id.name == "kube-root-ca.crt" => return None,
        _ => {}
    }
    metadata(&mut node, kind);
    match kind {
        "Secret" => empty(&mut node),
        "Node" => machine(&mut node),
        "Pod" => pod(&mut node),
        "EndpointSlice" => endpoints(&mut node),
        _ => {}
    }
    status(&mut node, kind);
    Some(node)
}

fn metadata(node: &mut Node, kind: &str) {
    let is_made = !owners(node).is_empty();
    let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) else { return };
    for field in DROPPED {
        metadata.remove(field);
    }
    // Nobody applies what controllers make, but for claims, which people resize.
    if is_made && kind != "PersistentVolumeClaim" || ["Node", "EndpointSlice", "ControllerRevision"].contains(&kind) {
        metadata.remove("managedFields");
    }
    if let Some(entries) = metadata.get_mut("managedFields").map(|entries| &mut entries.data)
        && let Data::List(entries) = entries
    {
        entries.retain(|entry| text(entry, &["subresource"]) != "status");
        let key = |entry: &Node| {
            ["manager", "operation", "subresource", "apiVersion"].map(|field| text(entry, &[field]).to_owned())
        };
        entries.sort_by_cached_key(key);
        for entry in entries {
            if let Some(entry) = entry.as_map_mut() {
                entry.remove("fieldsType");
            }
        }
    }
    let is_noise = |name: &str| {
        OF_COMPONENTS.iter().any(|prefix| name.starts_with(prefix))
            || kind == "Secret" && name == NOTE
            || kind == "Node"
    };
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) {
        let noise: Vec<Text> =
            annotations.iter().map(|(key, _)| key.name.clone()).filter(|name| is_noise(name)).collect();
        for name in noise {
            annotations.remove(&name);
        }
    }
    for field in ["annotations", "managedFields", "labels"] {
        let is_empty = |node: &Node| node.items().next().is_none() && node.entries().next().is_none();
        if metadata.get(field).is_some_and(is_empty) {
            metadata.remove(field);
        }
    }
}

/// A Secret keeps the names of its keys.
fn empty(secret: &mut Node) {
    let at = secret.at;
    let mut keys: BTreeSet<Text> = BTreeSet::new();
    for field in ["data", "stringData"] {
        keys.extend(secret.get(field).into_iter().flat_map(Node::entries).map(|(key, _)| key.name.clone()));
    }
    let word = |field: &str| secret.get(field).cloned();
    let mut kept = Map::new();
    for field in ["apiVersion", "kind", "metadata", "type", "immutable"] {
        if let Some(value) = word(field) {
            kept.put(Text::new(field), value);
        }
    }
    if !keys.is_empty() {
        let mut data = Map::new();
        for key in keys {
            data.put(key, Node::text("", at));
        }
        kept.put("data", Node::map(data, at));
    }
    // Whatever else somebody wrote into its annotations may hold the same once more.
    if let Some(metadata) = kept.get_mut("metadata").and_then(Node::as_map_mut) {
        metadata.remove("annotations");
    }
    *secret = Node::map(kept, at);
}

fn machine(node: &mut Node) {
    keep(node, "spec", &["taints", "unschedulable", "providerID"]);
    keep(node, "status", &["allocatable", "capacity", "conditions", "nodeInfo"]);
    let Some(status) = node.get_mut("status") else { return };
    keep(status, "nodeInfo", &["kubeletVersion", "architecture", "operatingSystem"]);
    conditions(status, &["Ready"]);
}

/// The volume by which each pod gets its token has another name in each.
fn pod(pod: &mut Node) {
    const TOKEN: &str = "kube-api-access-";
    let is_token = |item: &Node| text(item, &["name"]).starts_with(TOKEN);
    let Some(spec) = pod.get_mut("spec") else { return };
    retain(spec, "volumes", |volume| !is_token(volume));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(list).into_iter().flat_map(Node::items_mut) {
            retain(container, "volumeMounts", |mount| !is_token(mount));
        }
    }
}

/// Addresses change with each pod.
fn endpoints(slice: &mut Node) {
    for endpoint in slice.get_mut("endpoints").into_iter().flat_map(Node::items_mut) {
        if let Some(endpoint) = endpoint.as_map_mut() {
            endpoint.remove("addresses");
        }
    }
}

/// What controllers and reviews read of a status.
fn status(node: &mut Node, kind: &str) {
    let kept: &[&str] = match kind {
        "StatefulSet" => &[
            "availableReplicas",
            "collisionCount",
            "currentReplicas",
            "currentRevision",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "updateRevision",
            "updatedReplicas",
        ],
        "Deployment" | "ReplicaSet" => &["availableReplicas", "observedGeneration", "readyReplicas", "replicas"],
        "DaemonSet" => &["desiredNumberScheduled", "numberReady", "observedGeneration"],
        "Pod" => &["phase", "reason", "conditions", "qosClass"],
        "PersistentVolumeClaim" => &["phase", "capacity", "accessModes", "conditions", "allocatedResources"],
        "PersistentVolume" => &["phase", "reason"],
        "Namespace" => &["phase"],
        "ResourceQuota" => &["hard", "used"],
        "VolumeAttachment" => &["attached"],
        "Job" => &["succeeded", "failed"],
        "Node" => return,
        _ => &[],
    };
    keep(node, "status", kept);
    if let Some(status) = node.get_mut("status") {
        let known: &[&str] = match kind {
            "Pod" => &["PodScheduled", "Ready", "DisruptionTarget"],
            _ => &["Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError"],
        };
        conditions(status, known);
    }
}

/// Conditions without times, and only some.
fn conditions(status: &mut Node, known: &[&str]) {
    retain(status, "conditions", |condition| known.contains(&text(condition, &["type"])));
    let Some(Data::List(items)) = status.get_mut("conditions").map(|list| &mut list.data) else { return };
    items.sort_by_cached_key(|condition| text(condition, &["type"]).to_owned());
    for condition in items {
        let kept = ["type", "status", "reason", "message"];
        let at = condition.at;
        let fields = condition.entries().filter(|(key, _)| kept.contains(&key.name.as_str()));
        let fields = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
        *condition = Node::map(fields, at);
    }
}

/// Keeps some fields of a part; all of it goes where none is left.
fn keep(node: &mut Node, part: &str, fields: &[&str]) {
    let Some(inner) = node.get(part) else { return };
    let at = inner.at;
    let kept: Map = inner
        .entries()
        .filter(|(key, _)| fields.contains(&key.name.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let Some(map) = node.as_map_mut() else { return };
    if kept.is_empty() {
        map.remove(part);
    } else {
        map.put(Text::new(part), Node::map(kept, at));
    }
}

fn retain(node: &mut Node, list: &str, is_kept: impl Fn(&Node) -> bool) {
    let Some(Data::List(items)) = node.get_mut(list).map(|list| &mut list.data) else { return };
    items.retain(is_kept);
    if items.is_empty()
        && let Some(map) = node.as_map_mut()
    {
        map.remove(list);
    }
}

/// What answers depend on and is not there.
fn missing(objects: &[Node]) -> Vec<Missing> {
    let of = |kind: &'static str| objects.iter().filter(move |object| text(object, &["kind"]) == kind);
    let has = |kind| of(kind).next().is_some();
    let mut list: Vec<Missing> = ["Node", "Namespace", "StorageClass", "ServiceAccount"]
        .into_iter()
        .filter(|kind| !has(kind))
        .map(Missing::Kind)
        .collect();
    let asks = |set: &Node| set.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1) > 0;
    let has_templates =
        |set: &Node| set.find(&["spec", "volumeClaimTemplates"]).is_some_and(|list| list.items().next().is_some());
    if has("StatefulSet") && !has("ControllerRevision") {
        list.push(Missing::Revisions);
    }
    if of("StatefulSet").any(asks) && !has("Pod") {
        list.push(Missing::Pods);
    }
    if of("StatefulSet").any(|set| asks(set) && has_templates(set)) && !has("PersistentVolumeClaim") {
        list.push(Missing::Claims);
    }
    let volumes: BTreeSet<&str> = of("PersistentVolume").map(|volume| text(volume, &["metadata", "name"])).collect();
    let bound =
        of("PersistentVolumeClaim").filter(|claim| !is_ending(claim)).map(|claim| text(claim, &["spec", "volumeName"]));
    let lost = bound.filter(|volume| !volume.is_empty() && !volumes.contains(volume)).count();
    if lost > 0 {
        list.push(Missing::Volumes(lost));
    }
    let is_managed = |object: &Node| object.find(&["metadata", "managedFields"]).is_some();
    if !objects.is_empty() && !objects.iter().any(is_managed) {
        list.push(Missing::Managers);
    }
    if !has("ResourceQuota") && !has("LimitRange") {
        list.push(Missing::Quotas);
    }
    if !has("Secret") {
        let volumes = of("Pod").flat_map(|pod| pod.find(&["spec", "volumes"]).into_iter().flat_map(Node::items));
        let named: BTreeSet<&str> =
            volumes.map(|volume| text(volume, &["secret", "secretName"])).filter(|name| !name.is_empty()).collect();
        if !named.is_empty() {
            list.push(Missing::Secrets(named.len()));
        }
    }
    let classes: BTreeSet<&str> = of("StorageClass").map(|class| text(class, &["metadata", "name"])).collect();
    if !classes.is_empty() {
        let named: BTreeSet<&str> = of("PersistentVolumeClaim")
            .filter(|claim| text(claim, &["status", "phase"]) == "Pending")
            .map(|claim| text(claim, &["spec", "storageClassName"]))
            .filter(|class| !class.is_empty() && !classes.contains(class))
            .collect();
        list.extend(named.into_iter().map(|class| Missing::Class(class.to_owned())));
    }
    list
}
