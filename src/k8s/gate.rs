//! Feature gates of the API server: from which version each is known, and from which it is on where nobody says
//! otherwise. One table.
//!
//! The source is `pkg/features/kube_features.go` of Kubernetes 1.29 to 1.37. What a gate guards is the business of
//! whoever asks.

use super::version::Version;
use std::fmt;

/// A feature gate.
#[derive(Debug)]
pub struct Gate {
    /// As `--feature-gates` names it.
    pub name: &'static str,
    /// The first version that knows it, off by default.
    pub known: Option<u8>,
    /// The first version in which it is on by default; `None`: in none so far.
    pub on: Option<u8>,
    /// The first version in which nobody can switch it off.
    pub stable: Option<u8>,
}

impl Gate {
    /// Whether the servers of a version have it on where nobody says otherwise.
    #[must_use]
    pub fn is_on(&self, version: Version) -> bool {
        self.on.is_some_and(|on| version >= Version::minor(on))
    }

    const fn new(name: &'static str, known: Option<u8>, on: Option<u8>, stable: Option<u8>) -> Self {
        Self { name, known, on, stable }
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Gate {}

impl fmt::Display for Gate {
    /// As a message about a version that has it off says it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.on {
            Some(on) => write!(out, "feature gate {}, on by default from {}", self.name, Version::minor(on)),
            None => write!(out, "feature gate {}, off by default", self.name),
        }
    }
}

/// One line per gate: its name here and there, since when it is known (off), on, and on for good, and what it guards.
macro_rules! gates {
    ($($(#[$guards:meta])+ $constant:ident = $name:literal: $known:tt, $on:tt, $stable:tt;)+) => {
        $($(#[$guards])+ pub(crate) static $constant: Gate = Gate::new($name, gates!(@ $known), gates!(@ $on), gates!(@ $stable));)+

        /// All gates, by name.
        #[cfg(test)]
        static GATES: &[&Gate] = &[$(&$constant),+];
    };
    (@ -) => { None };
    (@ $minor:literal) => { Some($minor) };
}

gates! {
    /// `defaultUser` and `user` of volumes made of files (KEP 5936).
    ATOMIC_WRITE_VOLUME_USER_FIELDS = "AtomicWriteVolumeUserFields": 37, -, -;
    /// What a custom resource was before a change it may stay (KEP 4008).
    CRD_VALIDATION_RATCHETING = "CRDValidationRatcheting": 28, 30, 33;
    /// `clusterTrustBundle` in projected volumes.
    CLUSTER_TRUST_BUNDLE_PROJECTION = "ClusterTrustBundleProjection": 29, 37, 37;
    /// `restartPolicy` and `restartPolicyRules` of any container (KEP 5307).
    CONTAINER_RESTART_RULES = "ContainerRestartRules": 34, 35, -;
    /// `lifecycle.stopSignal` (KEP 4960).
    CONTAINER_STOP_SIGNALS = "ContainerStopSignals": 33, -, -;
    /// `resourceClaims` of pods, `resources.claims` of containers (KEP 4381).
    DYNAMIC_RESOURCE_ALLOCATION = "DynamicResourceAllocation": 26, 34, 35;
    /// `emptyDir.mode` (KEP 5502).
    EMPTY_DIR_VOLUME_MODE = "EmptyDirVolumeMode": 37, -, -;
    /// `env[].valueFrom.fileKeyRef` (KEP 3721).
    ENV_FILES = "EnvFiles": 34, 35, -;
    /// `evictionResponders` of pods (KEP 4563).
    EVICTION_REQUEST_API = "EvictionRequestAPI": 37, -, -;
    /// `grpc.mode` of probes (KEP 4939).
    GRPC_CONTAINER_PROBE_TLS = "GRPCContainerProbeTLS": 37, -, -;
    /// `schedulingGroup` of pods.
    GENERIC_WORKLOAD = "GenericWorkload": 35, -, -;
    /// `httpGet.protocol` of probes and hooks (KEP 5999).
    H2C_CONTAINER_PROBE = "H2CContainerProbe": 37, -, -;
    /// `behavior.scaleUp.tolerance` and `scaleDown.tolerance` of autoscalers (KEP 4951).
    HPA_CONFIGURABLE_TOLERANCE = "HPAConfigurableTolerance": 33, 35, 37;
    /// `minReplicas: 0` of autoscalers (KEP 2021).
    HPA_SCALE_TO_ZERO = "HPAScaleToZero": 16, 37, -;
    /// `hostnameOverride` of pods (KEP 4762).
    HOSTNAME_OVERRIDE = "HostnameOverride": 34, 35, 37;
    /// Volumes made of an image (KEP 4639).
    IMAGE_VOLUME = "ImageVolume": 31, 35, 36;
    /// `resizePolicy` of containers (KEP 1287).
    IN_PLACE_POD_VERTICAL_SCALING = "InPlacePodVerticalScaling": 27, 33, 35;
    /// `managedBy` of Jobs (KEP 4368).
    JOB_MANAGED_BY = "JobManagedBy": 30, 32, 35;
    /// `successPolicy` of Jobs (KEP 3998).
    JOB_SUCCESS_POLICY = "JobSuccessPolicy": 30, 31, 33;
    /// `matchLabelKeys` and `mismatchLabelKeys` of pod affinity (KEP 3633).
    MATCH_LABEL_KEYS_IN_POD_AFFINITY = "MatchLabelKeysInPodAffinity": 29, 31, 33;
    /// `matchLabelKeys` of spread constraints are written into their selectors (KEP 3243).
    MATCH_LABEL_KEYS_SELECTOR_MERGE = "MatchLabelKeysInPodTopologySpreadSelectorMerge": -, 34, -;
    /// `rollingUpdate.maxUnavailable` of StatefulSets (KEP 961).
    MAX_UNAVAILABLE_STATEFUL_SET = "MaxUnavailableStatefulSet": 24, 37, -;
    /// New resources for the pods of a suspended Job (KEP 5440).
    MUTABLE_POD_RESOURCES_FOR_SUSPENDED_JOBS = "MutablePodResourcesForSuspendedJobs": 35, 36, -;
    /// New rules of scheduling for the pods of a suspended Job that has run (KEP 5440).
    MUTABLE_SCHEDULING_DIRECTIVES_FOR_SUSPENDED_JOBS = "MutableSchedulingDirectivesForSuspendedJobs": 35, 36, -;
    /// `podCertificate` in projected volumes (KEP 4317).
    POD_CERTIFICATE_REQUEST = "PodCertificateRequest": 34, 37, 37;
    /// `resources` of pods (KEP 2837).
    POD_LEVEL_RESOURCES = "PodLevelResources": 32, 34, -;
    /// `sleep` in hooks (KEP 3960).
    POD_LIFECYCLE_SLEEP_ACTION = "PodLifecycleSleepAction": 29, 30, 34;
    /// A hook that sleeps for no time (KEP 4818).
    POD_LIFECYCLE_SLEEP_ACTION_ALLOW_ZERO = "PodLifecycleSleepActionAllowZero": 32, 33, 34;
    /// `PreferSameZone` and `PreferSameNode` of Services (KEP 3015).
    PREFER_SAME_TRAFFIC_DISTRIBUTION = "PreferSameTrafficDistribution": 33, 34, 35;
    /// `procMount` of containers.
    PROC_MOUNT_TYPE = "ProcMountType": 12, 33, 36;
    /// A claim whose volume failed to grow may ask for less again (KEP 1790).
    RECOVER_VOLUME_EXPANSION_FAILURE = "RecoverVolumeExpansionFailure": 23, 32, 34;
    /// `recursiveReadOnly` of mounts (KEP 3857).
    RECURSIVE_READ_ONLY_MOUNTS = "RecursiveReadOnlyMounts": 30, 31, 33;
    /// Search domains with underscores, or of one dot (KEP 4427).
    RELAXED_DNS_SEARCH_VALIDATION = "RelaxedDNSSearchValidation": 32, 33, 34;
    /// Names of variables may hold nearly anything (KEP 4369).
    RELAXED_ENVIRONMENT_VARIABLE_VALIDATION = "RelaxedEnvironmentVariableValidation": 30, 32, 34;
    /// Names of Services may begin with a digit (KEP 5311).
    RELAXED_SERVICE_NAME_VALIDATION = "RelaxedServiceNameValidation": 34, 36, 37;
    /// The action `RestartAllContainers` (KEP 5532).
    RESTART_ALL_CONTAINERS = "RestartAllContainersOnContainerExits": 35, 36, -;
    /// `securityContext.seLinuxChangePolicy` of pods (KEP 1710).
    SELINUX_CHANGE_POLICY = "SELinuxChangePolicy": 32, 33, 36;
    /// `seLinuxChangePolicy: MountOption` (KEP 1710).
    SELINUX_MOUNT = "SELinuxMount": 30, 37, 37;
    /// `trafficDistribution` of Services (KEP 4444).
    SERVICE_TRAFFIC_DISTRIBUTION = "ServiceTrafficDistribution": 30, 31, 33;
    /// Addresses and networks must be written as they should (KEP 4858).
    STRICT_IP_CIDR_VALIDATION = "StrictIPCIDRValidation": 33, 36, -;
    /// `securityContext.supplementalGroupsPolicy` of pods (KEP 3619).
    SUPPLEMENTAL_GROUPS_POLICY = "SupplementalGroupsPolicy": 31, 33, 35;
    /// The operators `Lt` and `Gt` in tolerations (KEP 5471).
    TAINT_TOLERATION_COMPARISON_OPERATORS = "TaintTolerationComparisonOperators": 35, -, -;
    /// `hostNetwork` in a user namespace (KEP 5607).
    USER_NAMESPACES_HOST_NETWORK_SUPPORT = "UserNamespacesHostNetworkSupport": 35, -, -;
    /// `hostUsers` of pods (KEP 127).
    USER_NAMESPACES_SUPPORT = "UserNamespacesSupport": 25, 33, 36;
    /// `volumeAttributesClassName` of claims and volumes (KEP 3751).
    VOLUME_ATTRIBUTES_CLASS = "VolumeAttributesClass": 29, 34, 36;
    /// `bindMountOptions` of mounts (KEP 5855).
    VOLUME_BIND_MOUNT_OPTIONS = "VolumeBindMountOptions": 37, -, -;
    /// `scheduling` of Jobs (KEP 5547).
    WORKLOAD_WITH_JOB = "WorkloadWithJob": 36, -, -;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_open_in_order() {
        let mut names: Vec<&str> = GATES.iter().map(|gate| gate.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        names.dedup();
        assert_eq!(names.len(), GATES.len());
        for gate in GATES {
            let known = gate.known.unwrap_or_default();
            let (on, stable) = (gate.on.unwrap_or(u8::MAX), gate.stable.unwrap_or(u8::MAX));
            assert!(known <= on && on <= stable, "{gate:?}");
        }
    }

    #[test]
    fn what_a_message_says_of_them() {
        assert_eq!(
            MAX_UNAVAILABLE_STATEFUL_SET.to_string(),
            "feature gate MaxUnavailableStatefulSet, on by default from 1.37"
        );
        assert_eq!(CONTAINER_STOP_SIGNALS.to_string(), "feature gate ContainerStopSignals, off by default");
        assert!(
            MAX_UNAVAILABLE_STATEFUL_SET.is_on(Version::minor(37))
                && !MAX_UNAVAILABLE_STATEFUL_SET.is_on(Version::minor(36))
        );
        assert!(!CONTAINER_STOP_SIGNALS.is_on(Version::NEWEST));
    }
}
