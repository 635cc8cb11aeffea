//! Why a version of Kubernetes does not know an apiVersion and kind: gone, not there yet, or never there. Knows no
//! manifest.

use super::shape;
use super::version::Version;

/// Why a version does not have a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Older versions had it.
    Gone {
        /// The first version without it.
        since: Version,
        /// The apiVersion that has the kind now, if any has.
        instead: Option<&'static str>,
    },
    /// Newer versions have it.
    NotYet {
        /// The first version with it.
        since: Version,
    },
    /// No version has this apiVersion, but the kind is known under others.
    ElsewhereOnly {
        /// The apiVersion to write.
        instead: &'static str,
    },
    /// No version has it: a custom resource, or a mistake.
    Never,
}

/// Why `version` does not have a kind. `None` if it does.
#[must_use]
pub(crate) fn absence(api_version: &str, kind: &str, version: Version) -> Option<Absence> {
    let known = shape::find(api_version, kind);
    if known.is_some_and(|known| known.is_in(version)) {
        return None;
    }
    let instead = shape::versions_of(kind)
        .filter(|other| other.is_in(version))
        .map(|other| other.api_version)
        .max_by_key(|other| (is_stable(other), group_of(other) == group_of(api_version)));
    if let Some(known) = known {
        let newer = Version::all().find(|other| *other > version && known.is_in(*other));
        let last = Version::all().rev().find(|other| *other < version && known.is_in(*other));
        let next = last.and_then(|last| Version::all().find(|other| *other > last));
        return Some(match (newer, next) {
            (_, Some(since)) => Absence::Gone { since, instead },
            (Some(since), None) => Absence::NotYet { since },
            (None, None) => Absence::Never,
        });
    }
    let row = RETIRED.iter().find(|(_, gone, kinds)| *gone == api_version && kinds.contains(&kind));
    Some(match (row, instead) {
        (Some((since, ..)), _) => Absence::Gone { since: Version::minor(*since), instead },
        (None, Some(instead)) => Absence::ElsewhereOnly { instead },
        (None, None) => Absence::Never,
    })
}

/// A version that will go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// The first version of Kubernetes without it.
    pub since: Version,
    /// The apiVersion that has the kind there, if any has.
    pub instead: Option<&'static str>,
}

/// When a kind that `version` has goes away, where that is known.
#[must_use]
pub(crate) fn leaves(api_version: &str, kind: &str, version: Version) -> Option<Leaving> {
    if let Some(Absence::Gone { since, instead }) = absence(api_version, kind, Version::NEWEST) {
        return absence(api_version, kind, version).is_none().then_some(Leaving { since, instead });
    }
    let (deprecated, removed, ..) =
        LEAVING.iter().find(|(_, _, leaving, kinds)| *leaving == api_version && kinds.contains(&kind))?;
    let is_there = absence(api_version, kind, version).is_none() && version >= Version::minor(*deprecated);
    is_there.then(|| Leaving { since: Version::minor(*removed), instead: stable(kind, api_version, Version::NEWEST) })
}

/// The stable apiVersion that a version has a kind under beside another one.
#[must_use]
pub(crate) fn stable(kind: &str, api_version: &str, version: Version) -> Option<&'static str> {
    let others = shape::versions_of(kind)
        .filter(|other| other.is_in(version) && group_of(other.api_version) == group_of(api_version));
    others.map(|other| other.api_version).find(|other| is_stable(other))
}

/// Whether API servers serve an apiVersion that they know where nobody switches it on: alphas and betas they do not.
/// The betas that were there before that was decided are gone, but for one.
#[must_use]
pub(crate) fn is_served(api_version: &str) -> bool {
    is_stable(api_version) || api_version == "flowcontrol.apiserver.k8s.io/v1beta3"
}

fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

fn is_stable(api_version: &str) -> bool {
    !api_version.contains("alpha") && !api_version.contains("beta")
}

/// What is there still in the newest version, and will not be in one that nobody has yet: since when it is deprecated,
/// the first version without it. The source is `APILifecycleDeprecated` and `APILifecycleRemoved` of `k8s.io/api`.
static LEAVING: &[(u8, u8, &str, &[&str])] = &[
    (35, 38, "admissionregistration.k8s.io/v1alpha1", &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
    (37, 40, "admissionregistration.k8s.io/v1beta1", &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
    (37, 40, "certificates.k8s.io/v1beta1", &["ClusterTrustBundle", "PodCertificateRequest"]),
    (35, 38, "coordination.k8s.io/v1alpha2", &["LeaseCandidate"]),
    (36, 39, "coordination.k8s.io/v1beta1", &["LeaseCandidate"]),
    (36, 39, "resource.k8s.io/v1alpha3", &["DeviceTaintRule"]),
    (35, 38, "resource.k8s.io/v1beta1", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"]),
    (36, 39, "resource.k8s.io/v1beta2", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"]),
    (37, 40, "storagemigration.k8s.io/v1beta1", &["StorageVersionMigration"]),
];

/// What went before the oldest version whose shapes are here: the first minor version without it, the apiVersion, the
/// kinds.
static RETIRED: &[(u8, &str, &[&str])] = &[
    (16, "apps/v1beta1", &["ControllerRevision", "Deployment", "StatefulSet"]),
    (16, "apps/v1beta2", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    (16, "extensions/v1beta1", &["DaemonSet", "Deployment", "NetworkPolicy", "PodSecurityPolicy", "ReplicaSet"]),
    (20, "settings.k8s.io/v1alpha1", &["PodPreset"]),
    (21, "batch/v2alpha1", &["CronJob"]),
    (22, "admissionregistration.k8s.io/v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    (22, "apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    (22, "apiregistration.k8s.io/v1beta1", &["APIService"]),
    (22, "authentication.k8s.io/v1beta1", &["TokenReview"]),
    (
        22,
        "authorization.k8s.io/v1beta1",
        &["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
    ),
    (22, "certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    (22, "coordination.k8s.io/v1beta1", &["Lease"]),
    (22, "extensions/v1beta1", &["Ingress"]),
    (22, "networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    (22, "rbac.authorization.k8s.io/v1alpha1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    (22, "rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    (22, "scheduling.k8s.io/v1alpha1", &["PriorityClass"]),
    (22, "scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    (22, "storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    (25, "autoscaling/v2beta1", &["HorizontalPodAutoscaler"]),
    (25, "batch/v1beta1", &["CronJob"]),
    (25, "discovery.k8s.io/v1beta1", &["EndpointSlice"]),
    (25, "events.k8s.io/v1beta1", &["Event"]),
    (25, "node.k8s.io/v1beta1", &["RuntimeClass"]),
    (25, "policy/v1beta1", &["PodDisruptionBudget", "PodSecurityPolicy"]),
    (26, "autoscaling/v2beta2", &["HorizontalPodAutoscaler"]),
    (26, "flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    (27, "storage.k8s.io/v1beta1", &["CSIStorageCapacity"]),
    (29, "flowcontrol.apiserver.k8s.io/v1beta2", &["FlowSchema", "PriorityLevelConfiguration"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_gone_not_there_yet_or_elsewhere() {
        let gone = |since, instead| Some(Absence::Gone { since: Version::minor(since), instead });
        let at = |api_version, kind, minor| absence(api_version, kind, Version::minor(minor));
        assert_eq!(at("apps/v1", "StatefulSet", 36), None);
        assert_eq!(at("apps/v1beta1", "StatefulSet", 36), gone(16, Some("apps/v1")));
        assert_eq!(at("policy/v1beta1", "PodSecurityPolicy", 36), gone(25, None));
        assert_eq!(at("autoscaling/v2beta2", "HorizontalPodAutoscaler", 30), gone(26, Some("autoscaling/v2")));
        assert_eq!(
            at("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 33),
            gone(32, Some("flowcontrol.apiserver.k8s.io/v1"))
        );
        let not_yet = Some(Absence::NotYet { since: Version::minor(33) });
        assert_eq!(at("networking.k8s.io/v1", "ServiceCIDR", 30), not_yet);
        assert_eq!(at("apps/v2", "StatefulSet", 36), Some(Absence::ElsewhereOnly { instead: "apps/v1" }));
        assert_eq!(at("example.com/v1", "Widget", 36), Some(Absence::Never));
    }

    #[test]
    fn what_goes_away_and_what_is_off() {
        let at = |api_version, kind, minor| leaves(api_version, kind, Version::minor(minor));
        let leaving = |since, instead| Some(Leaving { since: Version::minor(since), instead });
        assert_eq!(at("resource.k8s.io/v1beta1", "ResourceClaim", 37), leaving(38, Some("resource.k8s.io/v1")));
        assert_eq!(at("resource.k8s.io/v1beta1", "ResourceClaim", 34), None);
        assert_eq!(
            at("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 31),
            leaving(32, Some("flowcontrol.apiserver.k8s.io/v1"))
        );
        assert_eq!(at("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 32), None);
        assert_eq!(at("apps/v1", "Deployment", 37), None);
        assert!(
            is_served("v1")
                && is_served("flowcontrol.apiserver.k8s.io/v1beta3")
                && !is_served("resource.k8s.io/v1beta1")
        );
        for (_, _, api_version, kinds) in LEAVING {
            assert!(
                kinds
                    .iter()
                    .all(|kind| shape::find(api_version, kind).is_some_and(|known| known.is_in(Version::NEWEST))),
                "{api_version}"
            );
        }
    }
}
