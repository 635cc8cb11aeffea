//! Settings that are one line each: security, placement, updates, retention, ordinals.

use super::files::Texts;
use crate::block::{Open, Placed, block, either, kubernetes, words};
use crate::value::{Node, Text};

words! {
    /// How manifests are applied.
    pub enum Apply {
        /// By `kubectl apply`.
        Client = "client",
        /// By server-side apply; what another manager has set is a conflict.
        Server = "server",
        /// By server-side apply, which takes fields from other managers.
        ServerForced = "server-forced",
    }
}

words! {
    /// A profile of Kubernetes' Pod Security Standards.
    pub(crate) enum Profile {
        /// What the restricted profile asks for.
        Restricted = "restricted",
    }
}

either! {
    /// Security: a profile, or fields.
    pub(crate) enum Security {
        /// A profile.
        Profile(Profile),
        /// Fields of both security contexts; each goes where it belongs.
        Fields(SecurityForm),
    }
}

block! {
    /// Security settings. Fields of Kubernetes' PodSecurityContext go to the pod, those that only containers have to
    /// every container.
    pub(crate) struct SecurityForm = "`security`", rest "core.v1.PodSecurityContext" {
        /// A profile of the Pod Security Standards, to start from.
        /// Example: `restricted`
        profile: Profile,
        /// Whether the root file system can only be read.
        /// Example: `true`
        read_only_root_filesystem as "readOnlyRootFilesystem": Placed<bool>,
        /// Whether a process can gain more rights than its parent.
        /// Example: `false`
        allow_privilege_escalation as "allowPrivilegeEscalation": Placed<bool>,
        /// Rights that are added and dropped.
        /// Example: `{drop: [ALL]}`
        capabilities: Placed<Open>,
        /// Whether it has all rights on the node.
        /// Example: `false`
        privileged: Placed<bool>,
    }
}

either! {
    /// A service account: one that exists, or one that is made.
    pub(crate) enum ServiceAccount {
        /// The name of one that exists.
        Name(Text),
        /// One that is made.
        Made(ServiceAccountForm),
    }
}

block! {
    /// A service account that is made for the app.
    pub(crate) struct ServiceAccountForm = "`serviceAccount`" {
        /// Its name; default: the app's.
        /// Example: `kubia`
        name: Placed<Text>,
        /// Its annotations: what it may do in the cloud.
        /// Example: `{iam.gke.io/gcp-service-account: kubia@acme.iam.gserviceaccount.com}`
        annotations: Texts,
        /// Whether pods get a token for the API server.
        /// Example: `false`
        automount as "automountServiceAccountToken": Placed<bool>,
        /// What it may do in its namespace: rules of a Role, which is bound to it.
        /// Example: `[{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}]`
        rules: Placed<Vec<Rule>>,
        /// What it may do in the whole cluster: rules of a ClusterRole, which is bound to it.
        /// Example: `[{apiGroups: [""], resources: [nodes], verbs: [get]}]`
        cluster_rules as "clusterRules": Placed<Vec<Rule>>,
        /// ClusterRoles that exist already and are bound to it in the whole cluster.
        /// Example: `["system:auth-delegator"]`
        cluster_roles as "clusterRoles": Vec<Placed<Text>>,
    }
}

kubernetes! {
    /// What may be done: any field of a PolicyRule.
    Rule = "rbac.v1.PolicyRule";
}

words! {
    /// What pods are spread over.
    pub(crate) enum Over {
        /// Nodes.
        Host = "host",
        /// Zones.
        Zone = "zone",
    }
}

either! {
    /// How pods are spread: over what, or more.
    pub(crate) enum Spread {
        /// Over what.
        Over(Over),
        /// The long form.
        Form(SpreadForm),
        /// Several.
        Several(Vec<Placed<SpreadItem>>),
    }
}

either! {
    /// One of several spreads.
    pub(crate) enum SpreadItem {
        /// Over what.
        Over(Over),
        /// The long form.
        Form(SpreadForm),
    }
}

block! {
    /// How pods are spread.
    pub(crate) struct SpreadForm = "`spread`", needs ["over"], rest "core.v1.TopologySpreadConstraint" {
        /// Over what.
        /// Example: `host`
        over: Over,
        /// Whether a pod waits rather than break it; default: true.
        /// Example: `false`
        required: Placed<bool>,
    }
}

either! {
    /// What no two pods share: one thing, or more.
    pub(crate) enum Apart {
        /// Over what.
        Over(Over),
        /// The long form.
        Form(ApartForm),
        /// Several.
        Several(Vec<Placed<ApartItem>>),
    }
}

either! {
    /// One of several things that no two pods share.
    pub(crate) enum ApartItem {
        /// Over what.
        Over(Over),
        /// The long form.
        Form(ApartForm),
    }
}

block! {
    /// What no two pods of the app share: a pod anti-affinity.
    pub(crate) struct ApartForm = "`apart`", needs ["over"] {
        /// Of what each pod has its own.
        /// Example: `host`
        over: Over,
        /// Whether a pod stays Pending rather than share it; default: true.
        /// Example: `false`
        required: Placed<bool>,
    }
}

either! {
    /// How many pods may be away at once.
    pub(crate) enum Disruption {
        /// A number.
        Number(Placed<i64>),
        /// A share.
        Share(Placed<Text>),
        /// Kubernetes' form.
        Form(DisruptionForm),
    }
}

block! {
    /// How many pods may be away at once when nodes are drained.
    pub(crate) struct DisruptionForm = "`disruption`", one_of ["maxUnavailable", "minAvailable"], rest "policy.v1.PodDisruptionBudgetSpec" {
        /// Its name; default: the app's.
        /// Example: `kubia-budget`
        name: Placed<Text>,
        /// At most so many away.
        /// Example: `1`
        max_unavailable as "maxUnavailable": Node,
        /// At least so many there.
        /// Example: `2`
        min_available as "minAvailable": Node,
    }
}

either! {
    /// How a new version is rolled out: a word, or more.
    pub(crate) enum Update {
        /// The type.
        Kind(Placed<Text>),
        /// The long form.
        Form(UpdateForm),
    }
}

block! {
    /// How a new version is rolled out.
    pub(crate) struct UpdateForm = "`update`" {
        /// RollingUpdate or OnDelete.
        /// Words: `RollingUpdate`, `OnDelete`
        /// Example: `RollingUpdate`
        kind as "type": Placed<Text>,
        /// Ordinals below it keep the old version.
        /// Example: `2`
        partition: Placed<i64>,
        /// How many may be away at once during a roll-out.
        /// Example: `1`
        max_unavailable as "maxUnavailable": Node,
    }
}

block! {
    /// What becomes of the claims, and so of the data.
    pub(crate) struct Retain = "`retain`" {
        /// When the StatefulSet is deleted.
        /// Words: `Retain`, `Delete`
        /// Example: `Retain`
        when_deleted as "whenDeleted": Placed<Text>,
        /// When an ordinal is scaled away.
        /// Words: `Retain`, `Delete`
        /// Example: `Retain`
        when_scaled as "whenScaled": Placed<Text>,
    }
}

either! {
    /// Where ordinals begin.
    pub(crate) enum Ordinals {
        /// The first.
        Start(Placed<i64>),
        /// The long form.
        Form(OrdinalsForm),
    }
}

block! {
    /// Where ordinals begin.
    pub(crate) struct OrdinalsForm = "`ordinals`", needs ["start"] {
        /// The first.
        /// Example: `1`
        start: Placed<i64>,
    }
}

block! {
    /// A finding that is meant so.
    pub(crate) struct Allow = "an item of `allow`", needs ["rule", "reason"] {
        /// The finding's name or id.
        /// Example: `image-tag-floating`
        rule: Placed<Text>,
        /// Why it is meant so. Reviewers see it.
        /// Example: `"a demo: always the newest"`
        reason: Placed<Text>,
    }
}

block! {
    /// A change that puts data at risk, and is meant so.
    pub struct Acknowledge = "an item of `acknowledge`", needs ["change", "reason"] {
        /// The change, as the review names it. `{2..4}` in it stands for the changes of these numbers, all of which
        /// must happen.
        /// Example: `"scale-down StatefulSet/pets/kubia 5 to 3"`
        change: Placed<Text>,
        /// Why it is safe.
        /// Example: `"ordinals 3 and 4 were drained"`
        reason: Placed<Text>,
    }
}

block! {
    /// A change to one of the objects that the spec makes, when nothing else can express it.
    pub(crate) struct Patch = "a patch", needs ["kind", "patch"] {
        /// The object's kind.
        /// Example: `Service`
        kind: Placed<Text>,
        /// The object's name; default: all of the kind.
        /// Example: `kubia-public`
        name: Placed<Text>,
        /// What is merged over it; `null` removes.
        /// Example: `{spec: {loadBalancerClass: example.com/lb}}`
        patch: Placed<Open>,
    }
}
