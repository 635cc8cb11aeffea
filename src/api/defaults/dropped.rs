//! Fields of features that are off: a server leaves them out of what it stores, without a word. Knows no rule.
//!
//! It follows `DropDisabled…Fields` in `pkg/api/{pod,job,persistentvolume,persistentvolumeclaim}` and the strategies in
//! `pkg/registry`.
//! A field that the stored object has already is kept.
//!
//! Follows `pkg/api/pod/util.go: DropDisabledPodFields, DropDisabledTemplateFields`.

use super::pod::CONTAINERS;
use crate::k8s::gate::{self, Gate};
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};
use std::fmt::Write as _;

/// A field that was stated and is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// `spec.containers[0].resizePolicy`.
    pub field: String,
    /// The feature that is off.
    pub gate: &'static Gate,
    /// It is left out only because another one is: the mount of a volume that is not there.
    pub follows: bool,
}

/// A field and its feature.
struct Feature {
    gate: &'static Gate,
    /// Where it sits, steps through maps; `*` is each item of a list.
    path: &'static [&'static str],
}

const fn feature(gate: &'static Gate, path: &'static [&'static str]) -> Feature {
    Feature { gate, path }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// In the spec of a pod.
static OF_PODS: &[Feature] = &[
    feature(&gate::USER_NAMESPACES_SUPPORT, &["hostUsers"]),
    feature(&gate::SUPPLEMENTAL_GROUPS_POLICY, &["securityContext", "supplementalGroupsPolicy"]),
    feature(&gate::SELINUX_CHANGE_POLICY, &["securityContext", "seLinuxChangePolicy"]),
    feature(&gate::POD_LEVEL_RESOURCES, &["resources"]),
    feature(&gate::DYNAMIC_RESOURCE_ALLOCATION, &["resourceClaims"]),
    feature(&gate::HOSTNAME_OVERRIDE, &["hostnameOverride"]),
    feature(&gate::GENERIC_WORKLOAD, &["schedulingGroup"]),
    feature(&gate::EVICTION_REQUEST_API, &["evictionResponders"]),
    feature(
        &gate::CLUSTER_TRUST_BUNDLE_PROJECTION,
        &["volumes", "*", "projected", "sources", "*", "clusterTrustBundle"],
    ),
    feature(&gate::POD_CERTIFICATE_REQUEST, &["volumes", "*", "projected", "sources", "*", "podCertificate"]),
    feature(&gate::EMPTY_DIR_VOLUME_MODE, &["volumes", "*", "emptyDir", "mode"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "secret", "defaultUser"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "secret", "items", "*", "user"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "configMap", "defaultUser"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "configMap", "items", "*", "user"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "downwardAPI", "defaultUser"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "downwardAPI", "items", "*", "user"]),
    feature(&gate::ATOMIC_WRITE_VOLUME_USER_FIELDS, &["volumes", "*", "projected", "defaultUser"]),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "secret", "items", "*", "user"],
    ),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "configMap", "items", "*", "user"],
    ),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "downwardAPI", "items", "*", "user"],
    ),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "serviceAccountToken", "user"],
    ),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "clusterTrustBundle", "user"],
    ),
    feature(
        &gate::ATOMIC_WRITE_VOLUME_USER_FIELDS,
        &["volumes", "*", "projected", "sources", "*", "podCertificate", "user"],
    ),
    feature(&gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY, &["affinity", "podAffinity", REQUIRED, "*", "matchLabelKeys"]),
    feature(&gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY, &["affinity", "podAffinity", REQUIRED, "*", "mismatchLabelKeys"]),
    feature(&gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY, &["affinity", "podAntiAffinity", REQUIRED, "*", "matchLabelKeys"]),
    feature(
        &gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY,
        &["affinity", "podAntiAffinity", REQUIRED, "*", "mismatchLabelKeys"],
    ),
    feature(
        &gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY,
        &["affinity", "podAffinity", PREFERRED, "*", "podAffinityTerm", "matchLabelKeys"],
    ),
    feature(
        &gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY,
        &["affinity", "podAffinity", PREFERRED, "*", "podAffinityTerm", "mismatchLabelKeys"],
    ),
    feature(
        &gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY,
        &["affinity", "podAntiAffinity", PREFERRED, "*", "podAffinityTerm", "matchLabelKeys"],
    ),
    feature(
        &gate::MATCH_LABEL_KEYS_IN_POD_AFFINITY,
        &["affinity", "podAntiAffinity", PREFERRED, "*", "podAffinityTerm", "mismatchLabelKeys"],
    ),
];

/// In each container.
static OF_CONTAINERS: &[Feature] = &[
    feature(&gate::IN_PLACE_POD_VERTICAL_SCALING, &["resizePolicy"]),
    feature(&gate::CONTAINER_RESTART_RULES, &["restartPolicyRules"]),
    feature(&gate::DYNAMIC_RESOURCE_ALLOCATION, &["resources", "claims"]),
    feature(&gate::ENV_FILES, &["env", "*", "valueFrom", "fileKeyRef"]),
    feature(&gate::RECURSIVE_READ_ONLY_MOUNTS, &["volumeMounts", "*", "recursiveReadOnly"]),
    feature(&gate::VOLUME_BIND_MOUNT_OPTIONS, &["volumeMounts", "*", "bindMountOptions"]),
    feature(&gate::POD_LIFECYCLE_SLEEP_ACTION, &["lifecycle", "preStop", "sleep"]),
    feature(&gate::POD_LIFECYCLE_SLEEP_ACTION, &["lifecycle", "postStart", "sleep"]),
    feature(&gate::GRPC_CONTAINER_PROBE_TLS, &["livenessProbe", "grpc", "mode"]),
    feature(&gate::GRPC_CONTAINER_PROBE_TLS, &["readinessProbe", "grpc", "mode"]),
    feature(&gate::GRPC_CONTAINER_PROBE_TLS, &["startupProbe", "grpc", "mode"]),
    feature(&gate::H2C_CONTAINER_PROBE, &["livenessProbe", "httpGet", "protocol"]),
    feature(&gate::H2C_CONTAINER_PROBE, &["readinessProbe", "httpGet", "protocol"]),
    feature(&gate::H2C_CONTAINER_PROBE, &["startupProbe", "httpGet", "protocol"]),
    feature(&gate::H2C_CONTAINER_PROBE, &["lifecycle", "preStop", "httpGet", "protocol"]),
    feature(&gate::H2C_CONTAINER_PROBE, &["lifecycle", "postStart", "httpGet", "protocol"]),
];

/// In the objects of a kind, whatever pods it makes.
static OF_KINDS: &[(&str, Feature)] = &[
    (
        "StatefulSet",
        feature(&gate::MAX_UNAVAILABLE_STATEFUL_SET, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"]),
    ),
    ("Service", feature(&gate::SERVICE_TRAFFIC_DISTRIBUTION, &["spec", "trafficDistribution"])),
    ("PersistentVolumeClaim", feature(&gate::VOLUME_ATTRIBUTES_CLASS, &["spec", "volumeAttributesClassName"])),
    ("PersistentVolume", feature(&gate::VOLUME_ATTRIBUTES_CLASS, &["spec", "volumeAttributesClassName"])),
    (
        "HorizontalPodAutoscaler",
        feature(&gate::HPA_CONFIGURABLE_TOLERANCE, &["spec", "behavior", "scaleUp", "tolerance"]),
    ),
    (
        "HorizontalPodAutoscaler",
        feature(&gate::HPA_CONFIGURABLE_TOLERANCE, &["spec", "behavior", "scaleDown", "tolerance"]),
    ),
    ("Job", feature(&gate::JOB_MANAGED_BY, &["spec", "managedBy"])),
    ("Job", feature(&gate::JOB_SUCCESS_POLICY, &["spec", "successPolicy"])),
    ("Job", feature(&gate::WORKLOAD_WITH_JOB, &["spec", "scheduling"])),
    ("CronJob", feature(&gate::WORKLOAD_WITH_JOB, &["spec", "jobTemplate", "spec", "scheduling"])),
];

/// Where the spec of the pods of a kind is.
#[must_use]
pub(crate) fn pod_spec_path(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&["spec"]),
        "StatefulSet" | "Deployment" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            Some(&["spec", "template", "spec"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "PodTemplate" => Some(&["template", "spec"]),
        _ => None,
    }
}

/// Takes out of an object what this version's server would not keep, and gives what was stated.
pub(crate) fn drop_disabled(kind: &str, object: &mut Node, stored: Option<&Node>, version: Version) -> Vec<Dropped> {
    let mut found = Vec::new();
    let off = |feature: &&Feature| !feature.gate.is_on(version);
    let there = |feature: &&Feature| is_there(object, feature.path);
    let features: Vec<&Feature> = OF_KINDS
        .iter()
        .filter(|(known, _)| *known == kind)
        .map(|(_, feature)| feature)
        .filter(off)
        .filter(there)
        .collect();
    for feature in features {
        // At first a server let a changed volume through to its rules, which refuse it.
        let late = kind == "PersistentVolume" && stored.is_some() && version < Version::minor(31);
        if !late && !stored.is_some_and(|stored| is_stated(stored, feature.path)) {
            drop_at(object, feature, feature.path, &mut String::new(), &mut found);
        }
    }
    if let Some(path) = pod_spec_path(kind)
        && let Some(doubtful) =
            object.find(path).map(|spec| Doubtful::new(spec, stored.and_then(|stored| stored.find(path)), version))
        && !doubtful.is_empty()
        && let Some(spec) = object.find_mut(path)
    {
        doubtful.drop_from(spec, &path.join("."), &mut found);
    }
    found
}

/// What a server may leave out of the spec of a pod. It is looked for before anything is touched: hardly any spec has
/// something of it, and what is touched is copied.
struct Doubtful {
    features: Vec<&'static Feature>,
    of_containers: Vec<&'static Feature>,
    special: Vec<Special>,
}

/// What goes in a way of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    ImageVolumes,
    StopSignals,
    RestartPolicies,
    ProcMounts,
}

impl Doubtful {
    fn new(spec: &Node, stored: Option<&Node>, version: Version) -> Self {
        let off = |feature: &&'static Feature| !feature.gate.is_on(version);
        let kept = |path: &[&str]| stored.is_some_and(|stored| is_stated(stored, path));
        let kept_in_container = |path: &[&str]| {
            stored.is_some_and(|stored| {
                CONTAINERS.iter().any(|list| items(stored, list).any(|container| is_stated(container, path)))
            })
        };
        // Features lie in the order of their first step: each is looked up once.
        let within = |features: &'static [Feature], has: &dyn Fn(&[&str]) -> bool| -> Vec<&'static Feature> {
            let groups = features.chunk_by(|one, next| one.path[0] == next.path[0]);
            let groups = groups.filter(|group| group.iter().any(|feature| off(&feature)) && has(&group[0].path[..1]));
            groups.flatten().filter(off).filter(|feature| has(feature.path)).collect()
        };
        let in_container =
            |path: &[&str]| CONTAINERS.iter().any(|list| items(spec, list).any(|container| is_there(container, path)));
        let mut features = within(OF_PODS, &|path| is_there(spec, path));
        features.retain(|feature| !kept(feature.path));
        let mut of_containers = within(OF_CONTAINERS, &in_container);
        of_containers.retain(|feature| !kept_in_container(feature.path));
        let may_go = |path: &[&str]| in_container(path) && !kept_in_container(path);
        let special = [
            (
                Special::ImageVolumes,
                !gate::IMAGE_VOLUME.is_on(version)
                    && is_there(spec, &["volumes", "*", "image"])
                    && !kept(&["volumes", "*", "image"]),
            ),
            (
                Special::StopSignals,
                !gate::CONTAINER_STOP_SIGNALS.is_on(version) && may_go(&["lifecycle", "stopSignal"]),
            ),
            (
                Special::RestartPolicies,
                version == Version::minor(34)
                    && in_container(&["restartPolicy"])
                    && !kept_in_container(&["restartPolicyRules"]),
            ),
            (Special::ProcMounts, !gate::PROC_MOUNT_TYPE.is_on(version) && may_go(&["securityContext", "procMount"])),
        ];
        let special = special.into_iter().filter(|(_, is_met)| *is_met).map(|(special, _)| special).collect();
        Self { features, of_containers, special }
    }

    const fn is_empty(&self) -> bool {
        self.features.is_empty() && self.of_containers.is_empty() && self.special.is_empty()
    }

    fn drop_from(&self, spec: &mut Node, at: &str, found: &mut Vec<Dropped>) {
        for feature in &self.features {
            drop_at(spec, feature, feature.path, &mut at.to_owned(), found);
        }
        if self.special.contains(&Special::ImageVolumes) {
            image_volumes(spec, at, found);
        }
        for list in CONTAINERS {
            for (index, container) in spec.get_mut(list).into_iter().flat_map(Node::items_mut).enumerate() {
                for feature in &self.of_containers {
                    drop_at(container, feature, feature.path, &mut format!("{at}.{list}[{index}]"), found);
                }
                if self.special.contains(&Special::StopSignals) {
                    stop_signal(container, || format!("{at}.{list}[{index}]"), found);
                }
                if self.special.contains(&Special::RestartPolicies) {
                    restart_policy(container, list, || format!("{at}.{list}[{index}]"), found);
                }
                if self.special.contains(&Special::ProcMounts)
                    && let Some(mount) = container.find_mut(&["securityContext", "procMount"])
                    && !mount.is_null()
                {
                    *mount = Node::text("Default", mount.at);
                }
            }
        }
    }
}

fn items<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = &'n Node> {
    node.get(key).and_then(Node::as_list).unwrap_or_default().iter()
}

/// Whether a value says something: a server keeps no empty list.
fn says_something(node: &Node) -> bool {
    match &node.data {
        Data::Null => false,
        Data::List(items) => !items.is_empty(),
        _ => true,
    }
}

fn is_stated(node: &Node, path: &[&str]) -> bool {
    match path {
        [] => says_something(node),
        ["*", rest @ ..] => node.as_list().unwrap_or_default().iter().any(|item| is_stated(item, rest)),
        [field, rest @ ..] => node.get(field).is_some_and(|inner| is_stated(inner, rest)),
    }
}

/// Whether a field is there, whatever it says.
fn is_there(node: &Node, path: &[&str]) -> bool {
    match path {
        [] => true,
        ["*", rest @ ..] => node.as_list().unwrap_or_default().iter().any(|item| is_there(item, rest)),
        [field, rest @ ..] => node.get(field).is_some_and(|inner| is_there(inner, rest)),
    }
}

fn drop_at(node: &mut Node, feature: &Feature, path: &[&str], at: &mut String, found: &mut Vec<Dropped>) {
    let length = at.len();
    match path {
        [] => {}
        [field] => {
            if node.as_map_mut().and_then(|map| map.remove(field)).is_some_and(|value| says_something(&value)) {
                found.push(Dropped { field: joined(at, field), gate: feature.gate, follows: false });
            }
        }
        ["*", rest @ ..] => {
            for (index, item) in node.items_mut().enumerate() {
                _ = write!(at, "[{index}]");
                drop_at(item, feature, rest, at, found);
                at.truncate(length);
            }
        }
        [field, rest @ ..] => {
            if let Some(inner) = node.get_mut(field) {
                *at = joined(at, field);
                drop_at(inner, feature, rest, at, found);
                at.truncate(length);
            }
        }
    }
}

fn joined(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

/// A lifecycle that held nothing but the signal goes with it.
fn stop_signal(container: &mut Node, at: impl Fn() -> String, found: &mut Vec<Dropped>) {
    let Some(lifecycle) = container.get_mut("lifecycle").and_then(Node::as_map_mut) else { return };
    let Some(signal) = lifecycle.remove("stopSignal") else { return };
    let whole = lifecycle.iter().all(|(_, value)| value.is_null());
    if says_something(&signal) {
        let field = if whole { "lifecycle" } else { "lifecycle.stopSignal" };
        found.push(Dropped { field: format!("{}.{field}", at()), gate: &gate::CONTAINER_STOP_SIGNALS, follows: false });
    }
    if whole {
        super::forget(container, "lifecycle");
    }
}

/// In 1.34 only an init container may have a restart policy, and only `Always`: earlier servers refuse others.
fn restart_policy(container: &mut Node, list: &str, at: impl Fn() -> String, found: &mut Vec<Dropped>) {
    let Some(policy) = container.get("restartPolicy").filter(|policy| !policy.is_null()) else { return };
    if list != "initContainers" || policy.as_str() != Some("Always") {
        found.push(Dropped {
            field: format!("{}.restartPolicy", at()),
            gate: &gate::CONTAINER_RESTART_RULES,
            follows: false,
        });
        super::forget(container, "restartPolicy");
    }
}

/// A volume made of an image goes, with its mounts.
fn image_volumes(spec: &mut Node, at: &str, found: &mut Vec<Dropped>) {
    let is_image = |volume: &Node| volume.get("image").is_some_and(|image| !image.is_null());
    if !items(spec, "volumes").any(is_image) {
        return;
    }
    let names: Vec<String> = items(spec, "volumes")
        .filter(|volume| is_image(volume))
        .map(|volume| volume.get("name").and_then(Node::as_str).unwrap_or_default().to_owned())
        .collect();
    let gone = |field: String, follows| Dropped { field, gate: &gate::IMAGE_VOLUME, follows };
    found.extend(take_out(spec, "volumes", is_image).into_iter().map(|field| gone(joined(at, &field), false)));
    for list in CONTAINERS {
        for (index, container) in spec.get_mut(list).into_iter().flat_map(Node::items_mut).enumerate() {
            let mounts = take_out(container, "volumeMounts", |mount| {
                let name = mount.get("name").and_then(Node::as_str).unwrap_or_default();
                names.iter().any(|gone| gone == name)
            });
            found.extend(mounts.into_iter().map(|field| gone(format!("{at}.{list}[{index}].{field}"), true)));
        }
    }
}

/// Takes items out of a list, and gives their fields; the list itself if nothing is left.
fn take_out(node: &mut Node, key: &str, gone: impl Fn(&Node) -> bool) -> Vec<String> {
    let Some(list) = node.get_mut(key) else { return Vec::new() };
    let fields = |(index, item): (usize, &Node)| gone(item).then(|| format!("{key}[{index}]"));
    let found: Vec<String> = list.as_list().unwrap_or_default().iter().enumerate().filter_map(fields).collect();
    let Data::List(all) = &mut list.data else { return Vec::new() };
    all.retain(|item| !gone(item));
    if all.is_empty() && !found.is_empty() {
        if let Some(map) = node.as_map_mut() {
            Map::remove(map, key);
        }
        return vec![key.to_owned()];
    }
    found
}
