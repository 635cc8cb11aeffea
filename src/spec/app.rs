//! The app: all that a spec may say.

use super::container::Container;
use super::files::{Files, Scratch, Texts};
use super::network::{Monitor, Network};
use super::service::Services;
use super::settings::{
    Acknowledge, Allow, Apart, Apply, Disruption, Ordinals, Patch, Retain, Security, ServiceAccount, Spread, Update,
};
use super::storage::Storage;
use crate::block::{Later, Named, Placed, block, kubernetes};
use crate::value::{Node, Text};
use crate::volume::Volumes;

kubernetes! {
    /// Any field of a PodSpec.
    Pod = "core.v1.PodSpec";
    /// Any field of a StatefulSetSpec.
    StatefulSet = "apps.v1.StatefulSetSpec";
}

block! {
    /// One stateful app: what runs, what it keeps, how it is reached, and where it differs between environments. The
    /// main container's fields are written here too.
    pub(crate) struct App = "the app", needs ["apiVersion", "kind", "name", "image"], with [Container] {
        /// The language: always `statewright/v1`.
        /// Example: `statewright/v1`
        api_version as "apiVersion": Placed<Text>,
        /// Always `App`.
        /// Example: `App`
        kind: Placed<Text>,
        /// The app's name, and so its StatefulSet's and its governing Service's. The selector is made of it and can
        /// never change.
        /// Example: `kubia`
        name: Placed<Text>,
        /// The namespace of all its objects.
        /// Example: `pets`
        namespace: Placed<Text>,
        /// Labels for every object and pod. Never part of the selector.
        /// Example: `{team: storage}`
        labels: Texts,
        /// Whether every object and pod gets `app.kubernetes.io/name` and `app.kubernetes.io/managed-by`; default:
        /// true. An app that ran before it had a spec may have other labels, and pods restart when theirs change.
        /// Example: `false`
        recommended_labels as "recommendedLabels": Placed<bool>,
        /// Annotations for every object.
        /// Example: `{example.com/owner: storage}`
        annotations: Texts,
        /// The pod labels by which the StatefulSet finds its pods, for an app that exists already: a selector cannot
        /// change.
        /// Example: `{app: kubia}`
        selector: Texts,
        /// The main container's name; default: the app's.
        /// Example: `kubia`
        container: Placed<Text>,
        /// How many replicas; default: 1.
        /// Example: `3`
        replicas: Placed<i64>,
        /// What each replica keeps, by name.
        /// Example: `{data: {mount: /var/data, size: 1Gi}}`
        storage: Named<Storage>,
        /// Where volumes come from, for every storage item that does not say so itself.
        /// Example: `{dynamic: standard}`
        volumes: Later<Volumes>,
        /// Folders that containers of one pod share, by name; empty when the pod starts and gone when it ends. Each
        /// container says under `mounts` where it sees them.
        /// Example: `{conf: 16Mi}`
        shared: Named<Placed<Scratch>>,
        /// How it is reached. `governing` and `perPod` are the governing Service and one for each ordinal; the others
        /// have names of your own.
        /// `governing: NAME` is one that exists and is not made here, `governing: false` none at all.
        /// Example: `{public: {http: 80}}`
        services: Services,
        /// Containers beside the main one, by name.
        /// Example: `{metrics: {image: "example.com/exporter:1.0"}}`
        containers: Named<Container>,
        /// Containers that run before the others, in this order; with `sidecar: true` beside them.
        /// Example: `{migrate: {image: "example.com/migrate:1.0"}}`
        init: Named<Container>,
        /// Security: a profile, or fields of Kubernetes' security contexts.
        /// Example: `{runAsUser: 999, fsGroup: 999}`
        security: Placed<Security>,
        /// The service account: the name of one that exists, or `{}` for one of its own.
        /// Example: `kubia`
        service_account as "serviceAccount": Placed<ServiceAccount>,
        /// Who may connect to which port; makes a NetworkPolicy, and a port that is not named takes no connection. `peers`
        /// are the app's own pods, `namespace` all pods of its namespace, `any` is everybody; others are described in
        /// Kubernetes' words.
        /// Example: `{peer: peers, client: namespace}`
        network: Placed<Network>,
        /// The port at which the Prometheus Operator reads metrics; makes a PodMonitor.
        /// Example: `metrics`
        monitor: Placed<Monitor>,
        /// What pods are spread over: `host`, `zone`, or both.
        /// Example: `host`
        spread: Placed<Spread>,
        /// What no two pods share: `host`, `zone`, or both; makes a pod anti-affinity.
        /// Example: `host`
        apart: Placed<Apart>,
        /// How many pods may be away at once when nodes are drained; makes a PodDisruptionBudget.
        /// Example: `1`
        disruption: Placed<Disruption>,
        /// How a new version is rolled out.
        /// Example: `{partition: 2}`
        update: Placed<Update>,
        /// `OrderedReady` (one after the other) unless `Parallel`.
        /// Words: `OrderedReady`, `Parallel`
        /// Example: `Parallel`
        pod_management as "podManagement": Placed<Text>,
        /// What becomes of the claims.
        /// Example: `{whenDeleted: Retain, whenScaled: Retain}`
        retain: Retain,
        /// Where ordinals begin; default: 0.
        /// Example: `1`
        ordinals: Ordinals,
        /// Seconds that a pod gets to end.
        /// Example: `30`
        grace: Placed<i64>,
        /// Seconds that a pod must be ready before it counts as available.
        /// Example: `10`
        min_ready_seconds as "minReadySeconds": Placed<i64>,
        /// Values for expressions. An environment overrides them.
        /// Example: `{heap: 2g}`
        vars: Node,
        /// Any field of Kubernetes' PodSpec; wins over what the short forms produce.
        /// Example: `{priorityClassName: high}`
        pod: Placed<Pod>,
        /// Any field of Kubernetes' StatefulSetSpec; wins over what the short forms produce.
        /// Example: `{revisionHistoryLimit: 3}`
        stateful_set as "statefulSet": Placed<StatefulSet>,
        /// Labels of the StatefulSet, beside the app's.
        /// Example: `{chart: kubia-1.0.0}`
        stateful_set_labels as "statefulSetLabels": Texts,
        /// Annotations of the StatefulSet, beside the app's.
        /// Example: `{example.com/restart: never}`
        stateful_set_annotations as "statefulSetAnnotations": Texts,
        /// Labels of the pods, beside the app's and the selector.
        /// Example: `{role: primary}`
        pod_labels as "podLabels": Texts,
        /// Annotations of the pods.
        /// Example: `{prometheus.io/scrape: "true"}`
        pod_annotations as "podAnnotations": Texts,
        /// ConfigMaps by their full names, and what is in them. Unlike with `files`, a change does not restart the
        /// pods.
        /// Example: `{kubia-config: {app.conf: {from: conf/app.conf}}}`
        config_maps as "configMaps": Named<Files>,
        /// Extra objects, in Kubernetes' own words.
        /// Example: `[{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}]`
        objects: Vec<Node>,
        /// Changes to objects that the spec makes, when nothing else can express them.
        /// Example: `[{kind: Service, name: kubia-public, patch: {spec: {type: NodePort}}}]`
        patches: Vec<Patch>,
        /// Findings that are meant so, each with a reason.
        /// Example: `[{rule: image-tag-floating, reason: a demo}]`
        allow: Vec<Allow>,
        /// Changes that put data at risk and are meant so, each bound to exactly that change.
        /// Example: `[{change: "scale-down StatefulSet/pets/kubia 5 to 3", reason: drained}]`
        acknowledge: Vec<Acknowledge>,
        /// The Kubernetes version whose rules judge; default: the newest known.
        /// Example: `"1.33"`
        kubernetes: Placed<Text>,
        /// How manifests are applied: `client` as `kubectl apply` does it, `server` as `kubectl apply --server-side`,
        /// `server-forced` as the same with `--force-conflicts`, which is what Flux does; default: `client`.
        /// Example: `server-forced`
        apply: Apply,
        /// The cluster's DNS domain; default: `cluster.local`.
        /// Example: `cluster.local`
        cluster_domain as "clusterDomain": Placed<Text>,
        /// The cluster that the workspace describes under this name.
        /// Example: `eu-prod`
        cluster: Placed<Text>,
        /// Where it runs. Each environment overrides any field of the app: maps by key, lists of named things by name,
        /// others whole; `null` removes.
        /// Example: `{dev: {}, prod: {replicas: 5}}`
        environments: Named<Later<Environment>>,
    }
}

block! {
    /// An environment: any field of the app, and where it starts from.
    pub struct Environment = "an environment", with [App] {
        /// Another environment to start from.
        /// Example: `prod`
        base: Placed<Text>,
    }
}

impl App {
    /// The main container, out of the same map.
    pub(crate) fn main(node: &Node, found: &mut crate::diagnostic::Diagnostics) -> Option<Container> {
        Container::read_beside(node, &[&Environment::BLOCK], found)
    }
}
