//! Which objects belong to which StatefulSet: those that it names, and those that speak of it, of its pods or of what
//! they use. Knows no spec.

use crate::bundle::{Bundle, Resource, kind_rank};
use crate::k8s::shape;
use crate::value::{Map, Node};
use std::collections::{BTreeMap, BTreeSet};

/// A StatefulSet and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The set.
    pub(super) set: Resource,
    /// Its governing Service, if it is here.
    pub(super) governing: Option<Resource>,
    /// Other Services that lead to its pods.
    pub(super) services: Vec<Resource>,
    /// Its service account.
    pub(super) account: Option<Resource>,
    /// The budget of its pods.
    pub(super) budget: Option<Resource>,
    /// The ConfigMaps that its pods use.
    pub(super) config_maps: Vec<Resource>,
    /// Volumes that are written out for its claims.
    pub(super) volumes: Vec<Resource>,
    /// Everything else that speaks of it.
    pub(super) others: Vec<Resource>,
    /// Names of Secrets that must exist.
    pub(super) secrets: BTreeSet<String>,
}

/// Why an object is in no spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// What it holds is secret.
    Secret,
    /// Helm runs it at some point of a release, and removes it.
    Hook,
    /// It speaks of no StatefulSet that is imported.
    Unrelated,
    /// All apps share it.
    Shared,
    /// The app that it belongs to cannot be imported.
    Refused,
}

impl Reason {
    /// In a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Secret => "its content is not copied: the Secret must exist on the cluster",
            Self::Hook => "Helm runs it at one point of a release: it is no part of the app",
            Self::Unrelated => "no StatefulSet uses it, and it selects no pods of one",
            Self::Shared => "all apps share it",
            Self::Refused => "its StatefulSet is not imported",
        }
    }
}

/// All groups, and what belongs to none.
pub(super) struct Gathered {
    pub(super) groups: Vec<Group>,
    pub(super) left: Vec<(Resource, Reason)>,
}

/// The label by which the controller of StatefulSets says each pod's name.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

type Name<'n> = (&'n str, &'n str, &'n str);

/// Where an object is, by kind, namespace and name; a namespace that is not said is `home`.
fn name<'n>(resource: &'n Resource, home: &'n str) -> Name<'n> {
    let namespaced = shape::find(&resource.api_version, &resource.id.kind).is_none_or(|known| known.namespaced);
    let namespace = if !namespaced {
        ""
    } else if resource.id.namespace.is_empty() {
        home
    } else {
        &resource.id.namespace
    };
    (&resource.id.kind, namespace, &resource.id.name)
}

/// Gathers what belongs together. `home` is the namespace of objects that name none.
pub(super) fn gather(bundle: &Bundle, home: &str) -> Gathered {
    let mut gathering = Gathering::new(&bundle.resources, home);
    gathering.what_sets_name();
    gathering.what_selects_pods();
    gathering.what_speaks_of_those();
    gathering.collect()
}

/// Objects while they are gathered.
struct Gathering<'b> {
    objects: &'b [Resource],
    home: &'b str,
    by_name: BTreeMap<Name<'b>, usize>,
    /// The positions of the sets, and which set is at a position.
    sets: Vec<usize>,
    set_at: BTreeMap<usize, usize>,
    hooks: Vec<bool>,
    /// For each object, the set that it belongs to and what it is to it.
    owners: Vec<Option<(usize, Role)>>,
    has_budget: BTreeSet<usize>,
    secrets: Vec<BTreeSet<String>>,
}

impl<'b> Gathering<'b> {
    fn new(objects: &'b [Resource], home: &'b str) -> Self {
        let is_hook = |resource: &Resource| resource.node.find(&["metadata", "annotations", "helm.sh/hook"]).is_some();
        let hooks: Vec<bool> = objects.iter().map(is_hook).collect();
        let is_set = |resource: &Resource| resource.id.kind == "StatefulSet" && resource.id.group == "apps";
        let sets: Vec<usize> = (0..objects.len()).filter(|index| is_set(&objects[*index]) && !hooks[*index]).collect();
        Self {
            objects,
            home,
            by_name: objects.iter().enumerate().rev().map(|(index, resource)| (name(resource, home), index)).collect(),
            set_at: sets.iter().enumerate().map(|(owner, index)| (*index, owner)).collect(),
            secrets: vec![BTreeSet::new(); sets.len()],
            owners: vec![None; objects.len()],
            has_budget: BTreeSet::new(),
            sets,
            hooks,
        }
    }

    /// Gives an object to a set, unless it is another's, or nobody's.
    fn take(&mut self, index: usize, owner: usize, role: Role) -> bool {
        let is_free = self.owners[index].is_none() && !self.hooks[index] && !self.set_at.contains_key(&index);
        if !is_free || self.objects[index].id.kind == "Secret" {
            return false;
        }
        // A second budget is an object like others.
        let role = if role == Role::Budget && !self.has_budget.insert(owner) { Role::Other } else { role };
        self.owners[index] = Some((owner, role));
        true
    }

    fn take_named(&mut self, kind: &str, namespace: &str, named: &str, owner: usize, role: Role) -> Option<usize> {
        let index = *self.by_name.get(&(kind, namespace, named))?;
        self.take(index, owner, role);
        Some(index)
    }

    fn what_sets_name(&mut self) {
        let objects = self.objects;
        for owner in 0..self.sets.len() {
            let set = &objects[self.sets[owner]];
            let namespace = name(set, self.home).1;
            let Some(spec) = set.node.get("spec") else { continue };
            if let Some(service) = spec.get("serviceName").and_then(Node::as_str) {
                self.take_named("Service", namespace, service, owner, Role::Governing);
            }
            let Some(pod) = spec.find(&["template", "spec"]) else { continue };
            let mut used = Used::default();
            used.pod(pod);
            self.secrets[owner].extend(used.secrets.iter().map(|name| (*name).to_owned()));
            for map in used.config_maps {
                self.take_named("ConfigMap", namespace, map, owner, Role::ConfigMap);
            }
            for claim in used.claims {
                let index = self.take_named("PersistentVolumeClaim", namespace, claim, owner, Role::Other);
                let volume =
                    index.and_then(|index| objects[index].node.find(&["spec", "volumeName"])).and_then(Node::as_str);
                if let Some(volume) = volume {
                    self.take_named("PersistentVolume", "", volume, owner, Role::Other);
                }
            }
            let account = pod.get("serviceAccountName").or_else(|| pod.get("serviceAccount")).and_then(Node::as_str);
            let account =
                account.and_then(|account| self.take_named("ServiceAccount", namespace, account, owner, Role::Account));
            for item in
                account.and_then(|index| objects[index].node.get("imagePullSecrets")).into_iter().flat_map(Node::items)
            {
                self.secrets[owner].extend(item.get("name").and_then(Node::as_str).map(str::to_owned));
            }
        }
    }

    fn what_selects_pods(&mut self) {
        let objects = self.objects;
        let pods = Pods::new(objects, &self.sets, self.home);
        let selectors = Selectors::new(objects, &self.sets, self.home);
        let claims = Claims::new(objects, &self.sets, self.home);
        for (index, resource) in objects.iter().enumerate() {
            let namespace = name(resource, self.home).1;
            let spec = resource.node.get("spec");
            let selected = |path: &[&str]| pods.first(namespace, spec?.find(path)?.as_map()?);
            let owner = match &*resource.id.kind {
                "Service" => selected(&["selector"])
                    .or_else(|| selectors.within(namespace, spec?.get("selector")?.as_map()?))
                    .or_else(|| self.set_of_pod(namespace, spec?.find(&["selector", POD_NAME])?.as_str()?))
                    .map(|owner| (owner, Role::Service)),
                "PodDisruptionBudget" => selected(&["selector", "matchLabels"]).map(|owner| (owner, Role::Budget)),
                "NetworkPolicy" => selected(&["podSelector", "matchLabels"]).map(|owner| (owner, Role::Other)),
                "PodMonitor" => selected(&["selector", "matchLabels"]).map(|owner| (owner, Role::Other)),
                "PersistentVolume" => claims.of_volume(resource, self.home).map(|owner| (owner, Role::Volume)),
                "PersistentVolumeClaim" => claims.of(namespace, &resource.id.name).map(|owner| (owner, Role::Other)),
                _ => None,
            };
            if let Some((owner, role)) = owner {
                self.take(index, owner, role);
            }
        }
    }

    /// The set that makes a pod of this name.
    fn set_of_pod(&self, namespace: &str, pod: &str) -> Option<usize> {
        let (set, ordinal) = pod.rsplit_once('-')?;
        ordinal.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        self.set_at.get(self.by_name.get(&("StatefulSet", namespace, set))?).copied()
    }

    /// The set that an object is, or belongs to.
    fn owner_of(&self, kind: &str, namespace: &str, named: &str) -> Option<usize> {
        let index = self.by_name.get(&(kind, namespace, named))?;
        self.set_at.get(index).copied().or_else(|| self.owners[*index].map(|(owner, _)| owner))
    }

    fn what_speaks_of_those(&mut self) {
        let objects = self.objects;
        let services = Services::new(objects, &self.owners, self.home);
        let mut roles = Vec::new();
        for (index, resource) in objects.iter().enumerate() {
            let Some(owner) = self.spoken_of(resource, &services) else { continue };
            if self.take(index, owner, Role::Other)
                && let Some(role) = resource.node.get("roleRef")
            {
                let text = |key: &str| role.get(key).and_then(Node::as_str).unwrap_or_default();
                let place = if text("kind") == "Role" { name(resource, self.home).1 } else { "" };
                roles.push((text("kind"), place, text("name"), owner));
            }
        }
        for (kind, place, named, owner) in roles {
            self.take_named(kind, place, named, owner, Role::Other);
        }
    }

    /// The set that an object speaks of, by itself or by what belongs to it.
    fn spoken_of(&self, resource: &Resource, services: &Services<'_>) -> Option<usize> {
        let namespace = name(resource, self.home).1;
        match &*resource.id.kind {
            "HorizontalPodAutoscaler" | "ScaledObject" | "VerticalPodAutoscaler" => {
                let target =
                    ["scaleTargetRef", "targetRef"].iter().find_map(|field| resource.node.find(&["spec", field]))?;
                let kind = target.get("kind").and_then(Node::as_str).unwrap_or("Deployment");
                self.owner_of(kind, namespace, target.get("name")?.as_str()?)
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let account = |subject: &Node| {
                    let text = |key: &str| subject.get(key).and_then(Node::as_str);
                    let other = text("namespace").unwrap_or(if namespace.is_empty() { self.home } else { namespace });
                    (text("kind") == Some("ServiceAccount"))
                        .then(|| self.owner_of("ServiceAccount", other, text("name")?))
                        .flatten()
                };
                resource.node.get("subjects")?.items().find_map(account)
            }
            "ServiceMonitor" => {
                services.first(namespace, resource.node.find(&["spec", "selector", "matchLabels"])?.as_map()?)
            }
            "Ingress" | "IngressRoute" | "HTTPRoute" | "TCPRoute" | "GRPCRoute" | "TLSRoute" | "Route" => {
                let mut named = Vec::new();
                backends(resource.node.get("spec")?, 0, &mut named);
                named.into_iter().find_map(|service| self.owner_of("Service", namespace, service))
            }
            _ => None,
        }
    }

    fn collect(self) -> Gathered {
        let group = |(set, secrets): (&usize, BTreeSet<String>)| Group {
            set: self.objects[*set].clone(),
            governing: None,
            services: Vec::new(),
            account: None,
            budget: None,
            config_maps: Vec::new(),
            volumes: Vec::new(),
            others: Vec::new(),
            secrets,
        };
        let mut groups: Vec<Group> = self.sets.iter().zip(self.secrets).map(group).collect();
        let mut left = Vec::new();
        let mut order: Vec<usize> = (0..self.objects.len()).filter(|index| !self.set_at.contains_key(index)).collect();
        order.sort_by_key(|index| (kind_rank(&self.objects[*index].id.kind), &self.objects[*index].id));
        for index in order {
            let resource = self.objects[index].clone();
            let Some((owner, role)) = self.owners[index] else {
                let reason = match &*resource.id.kind {
                    _ if self.hooks[index] => Reason::Hook,
                    "Secret" => Reason::Secret,
                    "Namespace" | "CustomResourceDefinition" | "StorageClass" => Reason::Shared,
                    _ => Reason::Unrelated,
                };
                left.push((resource, reason));
                continue;
            };
            let group = &mut groups[owner];
            match role {
                Role::Governing => group.governing = Some(resource),
                Role::Service => group.services.push(resource),
                Role::Account => group.account = Some(resource),
                Role::Budget => group.budget = Some(resource),
                Role::ConfigMap => group.config_maps.push(resource),
                Role::Volume => group.volumes.push(resource),
                Role::Other => group.others.push(resource),
            }
        }
        Gathered { groups, left }
    }
}

/// What an object is to its set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Governing,
    Service,
    Account,
    Budget,
    ConfigMap,
    Volume,
    Other,
}

impl Group {
    /// All its objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Resource> {
        let Self { set, governing, services, account, budget, config_maps, volumes, others, .. } = self;
        std::iter::once(set)
            .chain(governing)
            .chain(services)
            .chain(account)
            .chain(budget)
            .chain(config_maps)
            .chain(volumes)
            .chain(others)
    }
}

/// What a pod names.
#[derive(Default)]
struct Used<'n> {
    config_maps: BTreeSet<&'n str>,
    secrets: BTreeSet<&'n str>,
    claims: BTreeSet<&'n str>,
}

impl<'n> Used<'n> {
    fn pod(&mut self, pod: &'n Node) {
        let text = |node: &'n Node, path: &[&str]| node.find(path).and_then(Node::as_str);
        for volume in pod.get("volumes").into_iter().flat_map(Node::items) {
            self.config_maps.extend(text(volume, &["configMap", "name"]));
            self.secrets.extend(text(volume, &["secret", "secretName"]));
            self.claims.extend(text(volume, &["persistentVolumeClaim", "claimName"]));
            for source in volume.find(&["projected", "sources"]).into_iter().flat_map(Node::items) {
                self.config_maps.extend(text(source, &["configMap", "name"]));
                self.secrets.extend(text(source, &["secret", "name"]));
            }
        }
        for item in pod.get("imagePullSecrets").into_iter().flat_map(Node::items) {
            self.secrets.extend(text(item, &["name"]));
        }
        for list in ["containers", "initContainers"] {
            for container in pod.get(list).into_iter().flat_map(Node::items) {
                for variable in container.get("env").into_iter().flat_map(Node::items) {
                    self.config_maps.extend(text(variable, &["valueFrom", "configMapKeyRef", "name"]));
                    self.secrets.extend(text(variable, &["valueFrom", "secretKeyRef", "name"]));
                }
                for source in container.get("envFrom").into_iter().flat_map(Node::items) {
                    self.config_maps.extend(text(source, &["configMapRef", "name"]));
                    self.secrets.extend(text(source, &["secretRef", "name"]));
                }
            }
        }
    }
}

/// Labels of things, to find the first thing that has all of some.
struct Labelled<'n> {
    by_pair: BTreeMap<(&'n str, &'n str, &'n str), Vec<usize>>,
    labels: Vec<(usize, &'n Map)>,
}

impl<'n> Labelled<'n> {
    fn new(things: impl Iterator<Item = (usize, &'n str, &'n Map)>) -> Self {
        let mut all = Self { by_pair: BTreeMap::new(), labels: Vec::new() };
        for (owner, namespace, labels) in things {
            for (key, value) in labels.iter() {
                if let Some(value) = value.as_str() {
                    all.by_pair.entry((namespace, &key.name, value)).or_default().push(all.labels.len());
                }
            }
            all.labels.push((owner, labels));
        }
        all
    }

    /// The first that has them all, found through the label that the fewest have.
    fn first(&self, namespace: &str, selector: &Map) -> Option<usize> {
        let mut fewest: Option<&Vec<usize>> = None;
        for (key, value) in selector.iter() {
            let having = self.by_pair.get(&(namespace, &*key.name, value.as_str()?))?;
            if fewest.is_none_or(|few| having.len() < few.len()) {
                fewest = Some(having);
            }
        }
        let (owner, _) = fewest?
            .iter()
            .take(1000)
            .map(|thing| &self.labels[*thing])
            .find(|(_, labels)| selector.iter().all(|(key, value)| labels.get(&key.name) == Some(value)))?;
        Some(*owner)
    }
}

/// The selectors of sets.
struct Selectors<'n>(Labelled<'n>);

impl<'n> Selectors<'n> {
    fn new(objects: &'n [Resource], sets: &[usize], home: &'n str) -> Self {
        Self(Labelled::new(sets.iter().enumerate().filter_map(|(owner, set)| {
            let set = &objects[*set];
            Some((owner, name(set, home).1, set.node.find(&["spec", "selector", "matchLabels"])?.as_map()?))
        })))
    }

    /// The first set whose selector is a part of another: that one leads to some of its pods, by labels that they get
    /// while they run, such as who is the primary.
    fn within(&self, namespace: &str, selector: &Map) -> Option<usize> {
        selector.iter().find_map(|(key, value)| {
            let having = self.0.by_pair.get(&(namespace, &*key.name, value.as_str()?))?;
            let is_part = |labels: &Map| labels.iter().all(|(key, value)| selector.get(&key.name) == Some(value));
            let of_part = |thing: &usize| Some(&self.0.labels[*thing]).filter(|(_, labels)| is_part(labels));
            having.iter().take(1000).find_map(of_part).map(|(owner, _)| *owner)
        })
    }
}

struct Pods<'n>(Labelled<'n>);

impl<'n> Pods<'n> {
    fn new(objects: &'n [Resource], sets: &[usize], home: &'n str) -> Self {
        Self(Labelled::new(sets.iter().enumerate().filter_map(|(owner, set)| {
            let set = &objects[*set];
            let labels = set.node.find(&["spec", "template", "metadata", "labels"])?.as_map()?;
            Some((owner, name(set, home).1, labels))
        })))
    }

    fn first(&self, namespace: &str, selector: &Map) -> Option<usize> {
        self.0.first(namespace, selector)
    }
}

struct Services<'n>(Labelled<'n>);

impl<'n> Services<'n> {
    fn new(objects: &'n [Resource], owners: &[Option<(usize, Role)>], home: &'n str) -> Self {
        Self(Labelled::new(objects.iter().zip(owners).filter_map(|(object, owner)| {
            let labels = object.node.find(&["metadata", "labels"])?.as_map()?;
            (object.id.kind == "Service").then_some(((*owner)?.0, name(object, home).1, labels))
        })))
    }

    fn first(&self, namespace: &str, selector: &Map) -> Option<usize> {
        self.0.first(namespace, selector)
    }
}

/// The claims that sets will make.
struct Claims<'n> {
    prefixes: BTreeMap<(&'n str, String), usize>,
}

impl<'n> Claims<'n> {
    fn new(objects: &'n [Resource], sets: &[usize], home: &'n str) -> Self {
        let mut prefixes = BTreeMap::new();
        for (owner, set) in sets.iter().enumerate() {
            let set = &objects[*set];
            for template in set.node.find(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items) {
                if let Some(template) = template.find(&["metadata", "name"]).and_then(Node::as_str) {
                    prefixes.insert((name(set, home).1, format!("{template}-{}", set.id.name)), owner);
                }
            }
        }
        Self { prefixes }
    }

    fn of(&self, namespace: &str, claim: &str) -> Option<usize> {
        let (prefix, ordinal) = claim.rsplit_once('-')?;
        ordinal.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        self.prefixes.get(&(namespace, prefix.to_owned())).copied()
    }

    fn of_volume(&self, volume: &Resource, home: &str) -> Option<usize> {
        let claim = volume.node.find(&["spec", "claimRef"])?;
        let namespace = claim.get("namespace").and_then(Node::as_str).unwrap_or(home);
        self.of(namespace, claim.get("name")?.as_str()?)
    }
}

/// The names of what routes lead to.
fn backends<'n>(node: &'n Node, depth: usize, named: &mut Vec<&'n str>) {
    if depth > 12 || named.len() > 100 {
        return;
    }
    for (key, value) in node.entries() {
        if key.name == "serviceName" {
            named.extend(value.as_str());
        }
        if matches!(&*key.name, "service" | "defaultBackend" | "to") {
            named.extend(value.get("name").and_then(Node::as_str));
        }
        if matches!(&*key.name, "backendRefs" | "services") {
            named.extend(value.items().filter_map(|item| item.get("name").and_then(Node::as_str)));
        }
        backends(value, depth + 1, named);
    }
    node.items().for_each(|item| backends(item, depth + 1, named));
}
