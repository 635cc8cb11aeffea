//! One app in one environment as a spec: what its objects say, in the spec's short forms where they mean exactly that,
//! in Kubernetes' words where not. Knows what the compiler makes of a spec, and says whatever is different.

use super::container::{self, Pod, Role, files, is_texts, some_texts, without};
use super::gather::Group;
use super::names::{Names, Said};
use super::service::{self, Reached};
use super::text::literal;
use super::{access, settings, storage, volume};
use crate::bundle::{Resource, ResourceId};
use crate::k8s::shape;
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What is known by now of how the app can be said.
#[derive(Clone, Debug, Default)]
pub(super) struct DraftOptions {
    /// Volumes and files are said where they are mounted only if nothing comes out differently.
    pub(super) plain: bool,
    /// Objects that are said in Kubernetes' words.
    pub(super) whole: BTreeSet<ResourceId>,
    /// Changes to what is made, for what nothing else can say.
    pub(super) patches: Vec<Node>,
    /// Findings that are meant so: they are true of what runs.
    pub(super) allow: BTreeSet<&'static str>,
}

/// A spec of one environment, and the files beside it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// All fields.
    pub(super) spec: Map,
    /// The files beside it, by path.
    pub(super) files: BTreeMap<String, String>,
    /// What its replicas are called, and the texts in which that was looked for.
    pub(super) names: Option<Names>,
    pub(super) said: Vec<Said>,
}

const NAME: &str = "app.kubernetes.io/name";
const MANAGED: &str = "app.kubernetes.io/managed-by";

/// The order of a spec's fields.
const ORDER: &[&str] = &[
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "labels",
    "recommendedLabels",
    "selector",
    "statefulSetLabels",
    "podLabels",
    "annotations",
    "statefulSetAnnotations",
    "podAnnotations",
    "container",
    "image",
    "imagePullPolicy",
    "replicas",
    "ordinals",
    "podManagement",
    "update",
    "minReadySeconds",
    "ports",
    "services",
    "vars",
    "env",
    "envFrom",
    "command",
    "args",
    "workingDir",
    "files",
    "secrets",
    "scratch",
    "mounts",
    "volumeMounts",
    "volumeDevices",
    "probes",
    "resources",
    "lifecycle",
    "securityContext",
    "init",
    "containers",
    "storage",
    "shared",
    "volumes",
    "security",
    "serviceAccount",
    "network",
    "monitor",
    "spread",
    "apart",
    "disruption",
    "retain",
    "grace",
    "pod",
    "statefulSet",
    "configMaps",
    "objects",
    "patches",
    "allow",
    "environments",
];

/// Where a field stands in a spec.
pub(super) fn rank(field: &str) -> usize {
    let other = ORDER.iter().position(|known| *known == "lifecycle").unwrap_or_default();
    ORDER.iter().position(|known| *known == field).unwrap_or(other)
}

/// What the objects of an app share.
struct Shared {
    /// Whether all have the labels that the compiler gives by itself.
    recommended: bool,
    /// The labels of all, without those.
    labels: Map,
    /// The annotations of all.
    annotations: Map,
    /// All labels that an object has of which nothing more is said.
    given: Map,
}

/// Drafts the spec of one app.
pub(super) fn draft(group: &Group, home: &str, options: &DraftOptions) -> Draft {
    let empty = Node::map(Map::new(), group.set.at());
    let mut drafting = Drafting::new(group, home, options, &empty);
    drafting.names_and_labels();
    drafting.set();
    let containers = drafting.containers();
    drafting.storage(&containers.mounts);
    drafting.pod(&containers);
    drafting.account(home);
    drafting.services();
    drafting.reach();
    drafting.budget();
    drafting.config_maps(&containers.files);
    drafting.names_of_replicas(home);
    drafting.rest()
}

/// A spec while it is drafted.
struct Drafting<'g> {
    group: &'g Group,
    options: &'g DraftOptions,
    at: At,
    name: Text,
    /// The StatefulSet's spec, its pod template, and the template's spec.
    of_set: &'g Node,
    template: &'g Node,
    of_pod: &'g Node,
    selector: Map,
    shared: Shared,
    volumes: Option<volume::Backends>,
    spec: Map,
    /// What only Kubernetes' words can say of the set and of the pod.
    set_rest: Map,
    pod_rest: Map,
    /// Objects in Kubernetes' words.
    whole: Vec<&'g Resource>,
    config_files: ConfigFiles,
    names: Option<Names>,
    said: Vec<Said>,
}

/// The items of a list.
fn list<'n>(of: &'n Node, field: &str) -> Vec<&'n Node> {
    of.get(field).and_then(Node::as_list).unwrap_or_default().iter().collect()
}

/// What the containers said, beside themselves.
struct Containers {
    volumes: BTreeSet<Text>,
    files: BTreeSet<Text>,
    lists: Vec<(Text, &'static str, Node)>,
    mounts: BTreeMap<Text, Map>,
    security: Option<Node>,
}

impl<'g> Drafting<'g> {
    fn new(group: &'g Group, home: &str, options: &'g DraftOptions, empty: &'g Node) -> Self {
        let name: Text = group.set.id.name.as_str().into();
        let of_set = group.set.node.get("spec").unwrap_or(empty);
        let template = of_set.get("template").unwrap_or(empty);
        let services =
            group.governing.iter().chain(&group.services).filter(|service| !options.whole.contains(&service.id));
        let shared = shared(group, &services.collect::<Vec<_>>(), &name);
        let volumes =
            if options.plain { None } else { volume::backends(group, &name, home, &shared.given, &shared.annotations) };
        Self {
            group,
            options,
            at: group.set.at(),
            of_set,
            template,
            of_pod: template.get("spec").unwrap_or(empty),
            selector: map_at(of_set, &["selector", "matchLabels"]),
            shared,
            volumes,
            spec: Map::new(),
            set_rest: Map::new(),
            pod_rest: Map::new(),
            whole: group.others.iter().collect(),
            config_files: ConfigFiles::default(),
            names: None,
            said: Vec::new(),
            name,
        }
    }

    fn put(&mut self, field: &'static str, node: impl Into<Option<Node>>) {
        if let Some(node) = node.into() {
            self.spec.put(field, node);
        }
    }

    /// Whether an object has the labels and annotations that all have, and no more.
    fn has_same(&self, resource: &Resource) -> bool {
        labels(resource) == self.shared.given
            && annotations(resource) == self.shared.annotations
            && only_named(resource)
            && !self.options.whole.contains(&resource.id)
    }

    fn names_and_labels(&mut self) {
        let (at, set) = (self.at, &self.group.set);
        for (field, value) in [("apiVersion", "statewright/v1"), ("kind", "App"), ("name", &*set.id.name)] {
            self.spec.put(field, Node::text(value, at));
        }
        let namespace = set.node.find(&["metadata", "namespace"]).and_then(Node::as_str);
        // Volumes that are written out say it by themselves.
        let namespace = namespace.filter(|namespace| !(*namespace == "default" && self.volumes.is_some()));
        self.put("namespace", namespace.map(|namespace| Node::text(namespace, at)));
        self.put("recommendedLabels", (!self.shared.recommended).then(|| Node::bool(false, at)));
        let is_default = self.selector.len() == 1 && self.selector.get(NAME).and_then(Node::as_str) == Some(&self.name);
        let selector = if is_default { Map::new() } else { self.selector.clone() };
        let pod_labels =
            without(&without(&map_at(self.template, &["metadata", "labels"]), &self.selector), &self.shared.given);
        for (field, texts) in [
            ("labels", self.shared.labels.clone()),
            ("selector", selector),
            ("statefulSetLabels", without(&labels(set), &self.shared.given)),
            ("podLabels", pod_labels),
            ("annotations", self.shared.annotations.clone()),
            ("statefulSetAnnotations", without(&annotations(set), &self.shared.annotations)),
        ] {
            self.put(field, some_texts(&texts, at));
        }
    }

    fn set(&mut self) {
        for (key, value) in self.of_set.entries() {
            let (field, node) = match &*key.name {
                "serviceName" | "template" | "volumeClaimTemplates" => continue,
                "replicas" if value.as_int() == Some(1) => continue,
                "replicas" => ("replicas", value.clone()),
                "podManagementPolicy" => ("podManagement", literal(value)),
                "minReadySeconds" => ("minReadySeconds", value.clone()),
                "persistentVolumeClaimRetentionPolicy" => ("retain", literal(value)),
                "ordinals" => {
                    let start = value.get("start").filter(|_| value.entries().count() == 1);
                    ("ordinals", start.map_or_else(|| literal(value), Clone::clone))
                }
                "selector" => {
                    let more = value.entries().filter(|(key, _)| key.name != "matchLabels");
                    let more: Map = more.map(|(key, value)| (key.clone(), literal(value))).collect();
                    if !more.is_empty() {
                        self.set_rest.put("selector", Node::map(more, value.at));
                    }
                    continue;
                }
                "updateStrategy" => match settings::update(value) {
                    Some(update) => ("update", update),
                    None => {
                        self.set_rest.put("updateStrategy", literal(value));
                        continue;
                    }
                },
                _ => {
                    self.set_rest.put(key.name.clone(), literal(value));
                    continue;
                }
            };
            self.spec.put(field, node);
        }
        let metadata = self.template.get("metadata").into_iter().flat_map(Node::entries);
        let metadata = metadata.filter(|(key, _)| !matches!(&*key.name, "labels" | "annotations"));
        let metadata: Map = metadata.map(|(key, value)| (key.clone(), literal(value))).collect();
        if !metadata.is_empty() {
            let template = Node::of(self.at, [("metadata", Some(Node::map(metadata, self.at)))]);
            self.set_rest.put("template", template);
        }
    }

    /// The ConfigMaps that need no more said of them than what is in them.
    fn plain_config_maps(&self) -> Vec<&'g Resource> {
        self.group.config_maps.iter().filter(|map| self.has_same(map) && only_data(map)).collect()
    }

    fn containers(&mut self) -> Containers {
        let candidates = self.plain_config_maps();
        let claims = list(self.of_set, "volumeClaimTemplates");
        let is_block = |claim: &Node| claim.find(&["spec", "volumeMode"]).and_then(Node::as_str) == Some("Block");
        let volumes = list(self.of_pod, "volumes");
        let written = as_written(&candidates, &volumes, self.template);
        let data = |map: &&'g Resource| written.get(&*map.id.name).or_else(|| map.node.get("data"));
        let config_files = &mut self.config_files;
        let mut put_in_files = |config_map: &str, key: &str, text: &str| config_files.put(config_map, key, text);
        let mut pod = Pod {
            app: &self.name,
            claims: claims
                .iter()
                .filter_map(|claim| Some((claim.find(&["metadata", "name"])?.as_str()?.into(), is_block(claim))))
                .collect(),
            volumes: volumes.iter().filter_map(|volume| Some((volume.get("name")?.as_str()?, *volume))).collect(),
            config_maps: candidates.iter().filter_map(|map| Some((&*map.id.name, data(map)?))).collect(),
            owns: !self.options.plain,
            ports: BTreeSet::new(),
            said: BTreeSet::new(),
            files: BTreeSet::new(),
            lists: Vec::new(),
            mounts: BTreeMap::new(),
            config_files: &mut put_in_files,
        };
        let (containers, inits) = (list(self.of_pod, "containers"), list(self.of_pod, "initContainers"));
        let shares = settings::security(self.of_pod.get("securityContext"), &containers, &inits);
        let name = |item: &'g Node| item.get("name").and_then(Node::as_str).unwrap_or_default();
        if let Some(main) = containers.first() {
            if name(main) != self.name {
                self.spec.put("container", Node::text(name(main), main.at));
            }
            for (key, value) in container::container(&shares.take(main), Role::Main, &mut pod) {
                self.spec.set(key, value);
            }
        }
        for (field, list, role) in
            [("containers", containers.get(1..).unwrap_or_default(), Role::Beside), ("init", &inits, Role::Init)]
        {
            let mut map = Map::new();
            for item in list {
                map.put(name(item), Node::map(container::container(&shares.take(item), role, &mut pod), item.at));
            }
            if !map.is_empty() {
                self.spec.put(field, Node::map(map, self.at));
            }
        }
        let Pod { said, files, lists, mounts, .. } = pod;
        Containers { volumes: said, files, lists, mounts, security: shares.node }
    }

    fn storage(&mut self, mounts: &BTreeMap<Text, Map>) {
        let claims = list(self.of_set, "volumeClaimTemplates");
        let (storage, more) = storage::storage(&claims, &self.selector, mounts, self.volumes.as_ref());
        if !storage.is_empty() {
            self.put("storage", Node::map(storage, self.at));
        }
        if !more.is_empty() {
            self.set_rest.put("volumeClaimTemplates", Node::list(more, self.at));
        }
        match &self.volumes {
            Some(volumes) => {
                let shared = volumes.shared.clone();
                self.put("volumes", shared);
            }
            None => self.whole.extend(&self.group.volumes),
        }
    }

    fn pod(&mut self, said: &Containers) {
        let mut annotations = map_at(self.template, &["metadata", "annotations"]);
        if !said.files.is_empty() {
            annotations.remove("statewright/files");
        }
        self.put("podAnnotations", some_texts(&annotations, self.at));
        for (key, value) in self.of_pod.entries() {
            match &*key.name {
                "containers" | "initContainers" | "serviceAccountName" | "securityContext" => {}
                "volumes" => self.volumes_of_pod(value, &said.volumes),
                "terminationGracePeriodSeconds" => self.put("grace", value.clone()),
                "topologySpreadConstraints" => match settings::spread(value, &self.selector) {
                    Some(spread) => self.put("spread", spread),
                    None => {
                        self.pod_rest.put("topologySpreadConstraints", literal(value));
                    }
                },
                "affinity" => match settings::apart(value, &self.selector) {
                    Some(apart) => self.put("apart", apart),
                    None => {
                        self.pod_rest.put("affinity", literal(value));
                    }
                },
                _ => {
                    self.pod_rest.put(key.name.clone(), literal(value));
                }
            }
        }
        self.put("security", said.security.clone());
        let inits = list(self.of_pod, "initContainers");
        for (container, field, list) in &said.lists {
            let is_init = inits.iter().any(|item| item.get("name").and_then(Node::as_str) == Some(container));
            let target = if is_init { "initContainers" } else { "containers" };
            let item = Node::of(
                list.at,
                [("name", Some(Node::text(container.clone(), list.at))), (field, Some(list.clone()))],
            );
            match self.pod_rest.get_mut(target).map(|node| &mut node.data) {
                Some(Data::List(items)) => items.push(item),
                _ => {
                    self.pod_rest.put(target, Node::list(vec![item], self.at));
                }
            }
        }
        if !self.pod_rest.is_empty() {
            let rest = std::mem::take(&mut self.pod_rest);
            self.put("pod", Node::map(rest, self.at));
        }
    }

    /// The pod's volumes that are not said where they are mounted: first the folders that containers share.
    fn volumes_of_pod(&mut self, volumes: &Node, said: &BTreeSet<Text>) {
        let mut shared = Map::new();
        let mut left = Vec::new();
        let mut are_first = !self.options.plain;
        for volume in volumes.items() {
            let name = volume.get("name").and_then(Node::as_str).unwrap_or_default();
            if said.contains(name) {
                are_first = false;
                continue;
            }
            match container::scratch(volume).filter(|_| are_first && only(volume, &["name", "emptyDir"])) {
                Some(folder) => {
                    shared.put(name, folder);
                }
                None => {
                    are_first = false;
                    left.push(literal(volume));
                }
            }
        }
        if !shared.is_empty() {
            self.put("shared", Node::map(shared, volumes.at));
        }
        if !left.is_empty() {
            self.pod_rest.put("volumes", Node::list(left, volumes.at));
        }
    }

    /// Takes out of what is said in Kubernetes' words what is said otherwise.
    fn made(&mut self, made: &[&Resource]) {
        self.whole.retain(|resource| made.iter().all(|other| !std::ptr::eq(*other, *resource)));
    }

    /// Who reaches the pods, and where metrics are read.
    fn reach(&mut self) {
        let containers = [list(self.of_pod, "containers"), list(self.of_pod, "initContainers")].concat();
        let ports: Vec<&Node> = containers.iter().flat_map(|container| list(container, "ports")).collect();
        let group = self.group;
        let name = self.name.clone();
        let named = |kind: &str| group.others.iter().find(|other| other.id.kind == kind && other.id.name == *name);
        if let Some(policy) = named("NetworkPolicy").filter(|policy| self.has_same(policy))
            && let Some(network) = access::network(policy, &self.selector, &ports)
        {
            self.made(&[policy]);
            self.put("network", network);
        }
        let is_labelled = |monitor: &&Resource| {
            self.shared.given.iter().all(|(key, value)| labels(monitor).get(&key.name) == Some(value))
                && annotations(monitor) == self.shared.annotations
                && only_named(monitor)
                && !self.options.whole.contains(&monitor.id)
        };
        if let Some(resource) = named("PodMonitor").filter(is_labelled)
            && let Some(monitor) = access::monitor(resource, &self.selector, &self.shared.given)
        {
            self.made(&[resource]);
            self.put("monitor", monitor);
        }
    }

    fn account(&mut self, home: &str) {
        let named = self.of_pod.get("serviceAccountName");
        let has_noted = |account: &Resource| {
            let own = annotations(account);
            self.shared.annotations.iter().all(|(key, value)| own.get(&key.name) == Some(value))
        };
        let made = self.group.account.as_ref().filter(|account| {
            named.and_then(Node::as_str) == Some(&*account.id.name)
                && labels(account) == self.shared.given
                && only_account(account)
                && !self.options.whole.contains(&account.id)
                && has_noted(account)
        });
        let Some(account) = made else {
            self.whole.extend(&self.group.account);
            return self.put("serviceAccount", named.map(literal));
        };
        let at = account.at();
        let other = (account.id.name != *self.name).then(|| Node::text(account.id.name.as_str(), at));
        let namespace = if account.id.namespace.is_empty() { home } else { &account.id.namespace };
        let others: Vec<&'g Resource> = self.group.others.iter().filter(|other| self.has_same(other)).collect();
        let access = access::access(account, namespace, &others);
        let mut form = Map::new();
        let said = [
            ("name", other),
            ("annotations", some_texts(&without(&annotations(account), &self.shared.annotations), at)),
            ("automountServiceAccountToken", account.node.get("automountServiceAccountToken").cloned()),
        ];
        let said = said.into_iter().filter_map(|(field, node)| Some((field, node?)));
        for (field, node) in said.chain(access.fields) {
            form.put(field, node);
        }
        self.made(&access.made);
        self.put("serviceAccount", Node::map(form, at));
    }

    fn services(&mut self) {
        let (containers, inits) = (list(self.of_pod, "containers"), list(self.of_pod, "initContainers"));
        let reached = Reached {
            app: &self.name,
            labels: &self.shared.given,
            annotations: &self.shared.annotations,
            selector: &self.selector,
            containers: &containers,
            inits: &inits,
        };
        let said = service::services(self.of_set.get("serviceName"), self.group, &reached, &self.options.whole);
        self.whole.extend(said.whole);
        if !said.map.is_empty() {
            self.put("services", Node::map(said.map, self.at));
        }
    }

    fn budget(&mut self) {
        match &self.group.budget {
            Some(budget) if self.has_same(budget) && budget_selector(budget) == self.selector => {
                let disruption = settings::disruption(budget, &self.name);
                self.put("disruption", disruption);
            }
            other => self.whole.extend(other),
        }
    }

    fn config_maps(&mut self, filed: &BTreeSet<Text>) {
        let plain: BTreeSet<&ResourceId> = self.plain_config_maps().into_iter().map(|map| &map.id).collect();
        let mut config_maps = Map::new();
        for map in self.group.config_maps.iter().filter(|map| !filed.contains(&*map.id.name)) {
            let data = map.node.get("data").filter(|data| plain.contains(&map.id) && data.entries().next().is_some());
            let Some(data) = data else {
                self.whole.push(map);
                continue;
            };
            let said = files(&sorted(data), &map.id.name, &mut |config_map, key, text| {
                self.config_files.put(config_map, key, text)
            });
            config_maps.put(map.id.name.as_str(), said);
        }
        if !config_maps.is_empty() {
            self.put("configMaps", Node::map(config_maps, self.at));
        }
    }

    /// Says by expressions what the replicas are called, in the texts of the containers.
    fn names_of_replicas(&mut self, home: &str) {
        if self.options.plain {
            return;
        }
        let text = |key: &str| self.of_set.get(key).and_then(Node::as_str).unwrap_or_default();
        let start = self.of_set.find(&["ordinals", "start"]).and_then(Node::as_int).unwrap_or(0);
        let replicas = self.of_set.get("replicas").and_then(Node::as_int).unwrap_or(1);
        let namespace = if self.group.set.id.namespace.is_empty() { home } else { &self.group.set.id.namespace };
        let Some(names) = Names::new(&self.name, text("serviceName"), namespace, start, replicas) else { return };
        let said = &mut self.said;
        let mut say = |map: &mut Map, path: &[&str]| {
            for (key, value) in map.iter_mut().filter(|(key, _)| matches!(&*key.name, "env" | "args" | "command")) {
                let mut path: Vec<Text> = path.iter().copied().chain([&*key.name]).map(Text::from).collect();
                names.say(value, &mut path, said);
            }
        };
        say(&mut self.spec, &[]);
        for field in ["containers", "init"] {
            for (key, container) in
                self.spec.get_mut(field).and_then(Node::as_map_mut).into_iter().flat_map(Map::iter_mut)
            {
                if let Some(map) = container.as_map_mut() {
                    say(map, &[field, &key.name]);
                }
            }
        }
        self.names = Some(names);
    }

    /// What only Kubernetes' words can say, and the spec with its fields in order.
    fn rest(mut self) -> Draft {
        let at = self.at;
        if !self.set_rest.is_empty() {
            let rest = std::mem::take(&mut self.set_rest);
            self.put("statefulSet", Node::map(rest, at));
        }
        if !self.whole.is_empty() {
            let mut whole = std::mem::take(&mut self.whole);
            whole.sort_by_key(|resource| (crate::bundle::kind_rank(&resource.id.kind), &resource.id));
            let namespace = self.group.set.node.find(&["metadata", "namespace"]).and_then(Node::as_str);
            self.put(
                "objects",
                Node::list(whole.into_iter().map(|resource| object(resource, namespace)).collect(), at),
            );
        }
        if !self.options.patches.is_empty() {
            self.put("patches", Node::list(self.options.patches.clone(), at));
        }
        if !self.options.allow.is_empty() {
            let text = |text: &str| Some(Node::text(text, at));
            let item = |rule: &&str| Node::of(at, [("rule", text(rule)), ("reason", text("it is so where it runs"))]);
            self.put("allow", Node::list(self.options.allow.iter().map(item).collect(), at));
        }
        let mut entries: Vec<_> = self.spec.into_iter().collect();
        entries.sort_by_key(|(key, _)| rank(&key.name));
        Draft {
            spec: entries.into_iter().collect(),
            files: self.config_files.files,
            names: self.names,
            said: self.said,
        }
    }
}

/// So many orders of files are looked at, and so many bytes of them.
const ORDERS: usize = 5000;
const HASHED: usize = 20_000_000;

/// The files of the app's own ConfigMaps in the order in which its spec had them, which only their checksum says.
fn as_written<'g>(candidates: &[&'g Resource], volumes: &[&Node], template: &Node) -> BTreeMap<&'g str, Node> {
    let mut own = Vec::new();
    for volume in volumes {
        let name = volume.find(&["configMap", "name"]).and_then(Node::as_str);
        let is_own = volume.get("name").and_then(Node::as_str).is_some_and(|name| name.starts_with("files-"));
        let map = candidates.iter().find(|map| is_own && name == Some(&*map.id.name));
        if let Some((map, data)) = map.and_then(|map| Some((map, map.node.get("data")?))) {
            own.push((&*map.id.name, data.as_map().cloned().unwrap_or_default(), data.at));
        }
    }
    let Some(wanted) = template.find(&["metadata", "annotations", "statewright/files"]).and_then(Node::as_str) else {
        return BTreeMap::new();
    };
    let bytes: usize =
        own.iter().flat_map(|(_, data, _)| data.iter()).map(|(_, value)| value.as_str().map_or(1, str::len)).sum();
    let mut left = (HASHED / (bytes + 1)).clamp(1, ORDERS);
    if ordered(&mut own, 0, 0, wanted, &mut left) {
        return own.into_iter().map(|(name, data, at)| (name, Node::map(data, at))).collect();
    }
    BTreeMap::new()
}

/// Tries the orders of the files of each ConfigMap from one place on, until the checksum is the one that is wanted.
fn ordered(own: &mut [(&str, Map, At)], which: usize, place: usize, wanted: &str, left: &mut usize) -> bool {
    let Some((_, data, _)) = own.get(which) else {
        *left = left.saturating_sub(1);
        return crate::app::checksum(own.iter().map(|(name, data, _)| (*name, data))) == wanted;
    };
    if place + 1 >= data.len() {
        return ordered(own, which + 1, 0, wanted, left);
    }
    for other in place..data.len() {
        let kept = own[which].1.clone();
        let mut entries: Vec<_> = kept.clone().into_iter().collect();
        entries.swap(place, other);
        own[which].1 = entries.into_iter().collect();
        if ordered(own, which, place + 1, wanted, left) {
            return true;
        }
        own[which].1 = kept;
        if *left == 0 {
            return false;
        }
    }
    false
}

/// The files beside a spec.
#[derive(Default)]
struct ConfigFiles {
    files: BTreeMap<String, String>,
}

impl ConfigFiles {
    fn put(&mut self, config_map: &str, key: &str, text: &str) -> String {
        let near = format!("conf/{key}");
        let path = if self.files.contains_key(&near) { format!("conf/{config_map}/{key}") } else { near };
        self.files.insert(path.clone(), text.to_owned());
        path
    }
}

fn sorted(data: &Node) -> Node {
    Node::map(data.as_map().map(crate::yaml::in_order).unwrap_or_default(), data.at)
}

pub(super) fn map_at(node: &Node, path: &[&str]) -> Map {
    node.find(path).and_then(Node::as_map).cloned().unwrap_or_default()
}

pub(super) fn labels(resource: &Resource) -> Map {
    map_at(&resource.node, &["metadata", "labels"])
}

pub(super) fn annotations(resource: &Resource) -> Map {
    map_at(&resource.node, &["metadata", "annotations"])
}

/// Whether the metadata says nothing that the spec has no word for.
pub(super) fn only_named(resource: &Resource) -> bool {
    let known = ["name", "namespace", "labels", "annotations"];
    resource.node.get("metadata").into_iter().flat_map(Node::entries).all(|(key, _)| known.contains(&&*key.name))
}

pub(super) fn only(node: &Node, fields: &[&str]) -> bool {
    node.entries().all(|(key, _)| fields.contains(&&*key.name))
}

fn only_data(resource: &Resource) -> bool {
    only(&resource.node, &["apiVersion", "kind", "metadata", "data"]) && resource.node.get("data").is_some_and(is_texts)
}

fn only_account(resource: &Resource) -> bool {
    only_named(resource) && only(&resource.node, &["apiVersion", "kind", "metadata", "automountServiceAccountToken"])
}

fn budget_selector(budget: &Resource) -> Map {
    let selector = budget.node.find(&["spec", "selector"]);
    selector
        .filter(|selector| only(selector, &["matchLabels"]))
        .map(|selector| map_at(selector, &["matchLabels"]))
        .unwrap_or_default()
}

/// What the set, its pods and its Services have in common.
fn shared(group: &Group, services: &[&Resource], name: &str) -> Shared {
    let pod_labels = map_at(&group.set.node, &["spec", "template", "metadata", "labels"]);
    let all: Vec<Map> =
        std::iter::once(&group.set).chain(services.iter().copied()).map(labels).chain([pod_labels]).collect();
    let is_given = |map: &Map| {
        map.get(NAME).and_then(Node::as_str) == Some(name)
            && map.get(MANAGED).and_then(Node::as_str) == Some("statewright")
    };
    let recommended = all.iter().all(is_given);
    let common = |all: &[Map]| -> Map {
        let Some((first, rest)) = all.split_first() else { return Map::new() };
        let everywhere = |key: &str, value: &Node| rest.iter().all(|map| map.get(key) == Some(value));
        first
            .iter()
            .filter(|(key, value)| everywhere(&key.name, value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let given = common(&all);
    let mut labels = given.clone();
    if recommended {
        labels.remove(NAME);
        labels.remove(MANAGED);
    }
    let others = group.account.iter().chain(&group.budget).chain(&group.config_maps);
    let all: Vec<Map> =
        std::iter::once(&group.set).chain(services.iter().copied()).chain(others).map(annotations).collect();
    Shared { recommended, labels, annotations: common(&all), given }
}

/// A whole object; its namespace is the app's where it says that one.
pub(super) fn object(resource: &Resource, namespace: Option<&str>) -> Node {
    let mut node = literal(&resource.node);
    let namespaced = shape::find(&resource.api_version, &resource.id.kind).is_none_or(|known| known.namespaced);
    if namespaced
        && let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut)
        && metadata.get("namespace").and_then(Node::as_str).is_some_and(|said| Some(said) == namespace)
    {
        metadata.remove("namespace");
    }
    node
}
