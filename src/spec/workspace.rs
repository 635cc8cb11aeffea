//! The workspace: what all apps of a repository share. Optional.

use super::app::Environment;
use super::settings::{Acknowledge, Apply};
use crate::block::{Block, KubernetesFields, Later, Named, Open, Placed, Read, Scalar, Shape, block, unknown_fields};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

block! {
    /// What all apps of a repository share.
    pub struct Workspace = "the workspace", needs ["apiVersion", "kind"] {
        /// The language: always `statewright/v1`.
        /// Example: `statewright/v1`
        api_version as "apiVersion": Placed<Text>,
        /// Always `Workspace`.
        /// Example: `Workspace`
        kind: Placed<Text>,
        /// Where manifests are written, beside this file. `{env}` and `{app}` stand for the two names.
        /// Example: `deploy/{env}/{app}`
        output: Placed<Text>,
        /// What each environment gives to every app that runs in it: any field of an app.
        /// Example: `{prod: {namespace: pets, cluster: eu}}`
        environments: Named<Later<Environment>>,
        /// How manifests are applied to every cluster that does not say so itself: `client` as `kubectl apply` does it, `server` as `kubectl apply --server-side`,
        /// `server-forced` as the same with `--force-conflicts`, which is what Flux does; default: `client`.
        /// Example: `server-forced`
        apply: Apply,
        /// What is known of each cluster.
        /// Example: `{eu: {kubernetes: "1.33", nodes: [{name: n1}]}}`
        clusters: Named<Later<Cluster>>,
        /// Findings that matter more or less here: `error`, `warning`, `note` or `off`.
        /// Example: `{image-tag-floating: error}`
        rules: Named<Placed<Text>>,
        /// Changes that put data at risk and are meant so, of any app: where an app is removed, its own spec cannot say
        /// it.
        /// Example: `[{change: "remove StatefulSet/pets/kubia", reason: "moved to the archive"}]`
        acknowledge: Vec<Acknowledge>,
        /// Templates rendered for every app, ordinal or Service.
        /// Example: `[{file: templates/monitor.yaml, each: service}]`
        templates: Vec<Extra>,
        /// Files and folders that hold CustomResourceDefinitions; objects of those kinds are validated against them.
        /// Example: `[crds]`
        crds: Vec<Placed<Text>>,
        /// JSON Schemas of custom kinds, as kubeconform is given them: a file, a folder, or a path in which
        /// `{{.Group}}`, `{{.ResourceKind}}`, `{{.ResourceAPIVersion}}` and `{{.KindSuffix}}` stand for the kind. A
        /// definition in `crds` says more, and comes first.
        /// Example: `["schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"]`
        schemas: Vec<Placed<Text>>,
    }
}

block! {
    /// What is known of a cluster.
    pub struct Cluster = "a cluster" {
        /// Its Kubernetes version.
        /// Example: `"1.33"`
        kubernetes: Placed<Text>,
        /// Its DNS domain.
        /// Example: `cluster.local`
        domain: Placed<Text>,
        /// How manifests are applied to it: `client`, `server` or `server-forced`.
        /// Example: `server-forced`
        apply: Apply,
        /// Its nodes, with their labels.
        /// Example: `[{name: node-1, labels: {topology.kubernetes.io/zone: eu-1}}]`
        nodes: Vec<ClusterNode>,
        /// Its storage classes.
        /// Example: `[{name: standard, default: true}]`
        storage_classes as "storageClasses": Vec<ClusterClass>,
        /// Its objects as they are: a file that `statewright snapshot` wrote, beside the workspace.
        /// Example: `clusters/eu.yaml`
        snapshot: Placed<Text>,
        /// What else is applied to it, or its objects as `kubectl get -o yaml` prints them: files, folders or
        /// patterns beside the workspace.
        /// Example: `[platform, "apps/*/namespace.yaml"]`
        manifests: Vec<Placed<Text>>,
    }
}

block! {
    /// A node.
    pub struct ClusterNode = "a node", needs ["name"] {
        /// Its name.
        /// Example: `node-1`
        name: Placed<Text>,
        /// Its labels.
        /// Example: `{topology.kubernetes.io/zone: eu-1}`
        labels: Open,
        /// The processors that it has for pods.
        /// Example: `4`
        cpu: Placed<Scalar>,
        /// The memory that it has for pods.
        /// Example: `16Gi`
        memory: Placed<Scalar>,
        /// What keeps pods away that do not tolerate it.
        /// Example: `[{key: gpu, effect: NoSchedule}]`
        taints: Vec<Open>,
    }
}

block! {
    /// A storage class.
    pub struct ClusterClass = "a storage class", needs ["name"] {
        /// Its name.
        /// Example: `standard`
        name: Placed<Text>,
        /// Whether claims without a class get it.
        /// Example: `true`
        default: bool,
        /// The driver that makes its volumes.
        /// Example: `pd.csi.storage.gke.io`
        provisioner: Placed<Text>,
        /// Immediate or WaitForFirstConsumer.
        /// Words: `Immediate`, `WaitForFirstConsumer`
        /// Example: `WaitForFirstConsumer`
        binding as "volumeBindingMode": Placed<Text>,
        /// What becomes of its volumes.
        /// Words: `Delete`, `Retain`
        /// Example: `Delete`
        reclaim as "reclaimPolicy": Placed<Text>,
        /// Whether claims can grow.
        /// Example: `true`
        expansion as "allowVolumeExpansion": bool,
    }
}

block! {
    /// A template of the repository's own: a manifest with holes.
    pub struct Extra = "a template", needs ["file"] {
        /// The file, beside the workspace.
        /// Example: `templates/monitor.yaml`
        file: Placed<Text>,
        /// How often it is filled: once per `app`, per `ordinal` or per `service`; default: per app.
        /// Example: `service`
        each: Placed<Text>,
    }
}

/// All blocks of a workspace, from the top down.
#[must_use]
pub fn root() -> &'static Block {
    &Workspace::BLOCK
}

/// Reads a workspace.
pub fn parse(root: &Node, kubernetes: KubernetesFields<'_>, found: &mut Diagnostics) -> Option<Workspace> {
    super::header(root, "Workspace", "init --workspace", found)?;
    unknown_fields(root, Shape::Block(&Workspace::BLOCK), kubernetes, found);
    Workspace::read(root, found)
}

impl Workspace {
    /// What it gives to an environment: the environment's fields, and the version and domain of the cluster that an app
    /// names for it, or else the environment itself.
    #[must_use]
    pub fn shared(&self, environment: &str, named: Option<&str>) -> Option<Node> {
        let layers = self.environments.iter().flat_map(|environments| &environments.entries);
        let layer = layers.into_iter().find(|(key, _)| key.name == environment).map(|(_, layer)| &layer.node);
        let cluster = named.or_else(|| layer?.get("cluster")?.as_str()).and_then(|name| self.cluster(name));
        if layer.is_none() && cluster.is_none() && self.apply.is_none() {
            return None;
        }
        let mut node =
            layer.filter(|layer| !layer.is_null()).cloned().unwrap_or_else(|| Node::map(Map::new(), self.at));
        if let Some(cluster) = cluster
            && let Some(map) = node.as_map_mut()
        {
            for (field, said) in [("kubernetes", "kubernetes"), ("clusterDomain", "domain"), ("apply", "apply")] {
                if let Some(value) = cluster.get(said).filter(|_| !map.has(field)) {
                    map.put(field, value.clone());
                }
            }
        }
        if let (Some(apply), Some(map)) = (self.apply, node.as_map_mut())
            && !map.has("apply")
        {
            map.put("apply", Node::text(apply.word(), self.at));
        }
        Some(node)
    }

    /// The cluster of that name.
    #[must_use]
    pub(crate) fn cluster(&self, name: &str) -> Option<&Node> {
        self.clusters.as_ref()?.entries.iter().find(|(key, _)| key.name == name).map(|(_, cluster)| &cluster.node)
    }

    /// What is known of each cluster, without its name in DNS.
    pub fn clusters(&self) -> impl Iterator<Item = (&str, Node)> {
        self.clusters.iter().flat_map(|clusters| &clusters.entries).map(|(key, cluster)| {
            let known = cluster.node.entries().filter(|(key, _)| key.name != "domain");
            (&*key.name, Node::map(known.map(|(key, node)| (key.clone(), node.clone())).collect(), cluster.node.at))
        })
    }

    /// The environments that it declares.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().flat_map(|environments| environments.entries.iter().map(|(key, _)| &*key.name))
    }
}
