//! What rules look at: the manifests sorted by what they are, and who belongs to whom. Judges nothing.

use crate::bundle::{Bundle, Resource};
use crate::cluster::facts::ClusterFacts;
use crate::cluster::selector;
use crate::diagnostic::{listing_of, nearest};
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::source::SourceId;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All that a rule may know.
pub(crate) struct Context<'a> {
    /// Kubernetes version to validate against.
    pub version: Version,
    /// Cluster description.
    pub facts: &'a ClusterFacts,
    /// Whether the manifests were compiled from a spec, in which nothing is left out by accident.
    pub compiled: bool,
    /// Everything, as read.
    pub bundle: &'a Bundle,
    /// What runs pods.
    pub workloads: Vec<Workload<'a>>,
    /// The Services.
    pub services: Vec<Placed<'a>>,
    /// The PersistentVolumes.
    pub volumes: Vec<Placed<'a>>,
    /// The PersistentVolumeClaims.
    pub claims: Vec<Placed<'a>>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<Placed<'a>>,
    /// The StorageClasses.
    pub classes: Vec<Placed<'a>>,
    /// Objects of other kinds that name objects, or are named.
    pub referring: Referring<'a>,
    /// Which folder and namespace each object of the bundle belongs to.
    places: Vec<u32>,
    groups: Vec<Group<'a>>,
    /// The workloads by the keys and values of their labels.
    by_label: BTreeMap<&'a str, BTreeMap<&'a str, Vec<u32>>>,
    first_words: OnceLock<BTreeMap<(u32, &'a str), Vec<u32>>>,
    service_names: BTreeMap<&'a str, Vec<u32>>,
    workload_names: OnceLock<BTreeMap<&'a str, Vec<u32>>>,
    /// How many more times a selector may be compared with the labels of a workload.
    comparisons: AtomicUsize,
}

/// So many times selectors are compared with labels, over all rules: what a repository of thousands of apps does not
/// come near.
const MOST_COMPARED: usize = 5_000_000;

/// An object, and the objects that it stands among.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    /// The object.
    pub resource: &'a Resource,
    group: u32,
}

/// An object that runs pods.
#[derive(Clone, Copy)]
pub(crate) struct Workload<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// The spec of its pods.
    pub pod: &'a Node,
    /// The labels of its pods.
    pub labels: Option<&'a Node>,
    group: u32,
}

/// The objects of one folder and namespace: they were written to work together.
struct Group<'a> {
    folder: &'a str,
    workloads: Vec<u32>,
    /// Its Services and objects that name others, by kind, as numbers.
    members: BTreeMap<&'static str, Vec<u32>>,
    /// A custom resource whose operator may run pods that nobody sees here.
    has_operator: bool,
    /// A Kustomization lies there: labels, names and images may be others in the end.
    is_kustomized: bool,
}

/// Objects of the kinds that name others, or are named by them, each kind in the order of the files.
#[derive(Default)]
pub(crate) struct Referring<'a> {
    kinds: BTreeMap<&'static str, Vec<Placed<'a>>>,
    names: OnceLock<BTreeMap<&'static str, BTreeMap<&'a str, Vec<u32>>>>,
}

impl<'a> Referring<'a> {
    /// Adds an object, and gives its number among those of its kind.
    fn add(&mut self, kind: &'static str, object: Placed<'a>) -> u32 {
        let list = self.kinds.entry(kind).or_default();
        list.push(object);
        number(list.len() - 1)
    }

    /// The numbers of those of a kind and name.
    fn numbers(&self, kind: &str, name: &str) -> Option<&Vec<u32>> {
        let names = self.names.get_or_init(|| {
            let mut names: BTreeMap<&'static str, BTreeMap<&'a str, Vec<u32>>> = BTreeMap::new();
            for (kind, list) in &self.kinds {
                for (index, object) in list.iter().enumerate() {
                    names.entry(*kind).or_default().entry(&object.resource.id.name).or_default().push(number(index));
                }
            }
            names
        });
        names.get(kind)?.get(name)
    }

    /// Those of one kind.
    #[must_use]
    pub(crate) fn of_kind(&self, kind: &str) -> &[Placed<'a>] {
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// The kinds among them, where they are Kubernetes' own.
fn referring_kind(resource: &Resource) -> Option<&'static str> {
    let kinds: &[&str] = match &*resource.id.group {
        "" => &["ConfigMap", "Secret", "ServiceAccount"],
        "networking.k8s.io" | "extensions" => &["Ingress", "NetworkPolicy"],
        "rbac.authorization.k8s.io" => &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
        "autoscaling" => &["HorizontalPodAutoscaler"],
        _ => return None,
    };
    kinds.iter().find(|kind| **kind == resource.id.kind).copied()
}

/// Custom resources of these groups run no pods.
const WITHOUT_PODS: [&str; 9] = [
    "monitoring.coreos.com",
    "cert-manager.io",
    "networking.istio.io",
    "security.istio.io",
    "kustomize.config.k8s.io",
    "external-secrets.io",
    "gateway.networking.k8s.io",
    "traefik.containo.us",
    "bitnami.com",
];

impl<'a> Context<'a> {
    /// Sorts the manifests. `folder` gives the folder that a file lies in.
    pub(crate) fn new(
        bundle: &'a Bundle,
        version: Version,
        facts: &'a ClusterFacts,
        compiled: bool,
        folder: impl Fn(SourceId) -> &'a str,
    ) -> Self {
        let mut context = Self {
            version,
            facts,
            compiled,
            bundle,
            workloads: Vec::new(),
            services: Vec::new(),
            volumes: Vec::new(),
            claims: Vec::new(),
            budgets: Vec::new(),
            classes: Vec::new(),
            referring: Referring::default(),
            places: Vec::with_capacity(bundle.resources.len()),
            groups: Vec::new(),
            by_label: BTreeMap::new(),
            first_words: OnceLock::new(),
            service_names: BTreeMap::new(),
            workload_names: OnceLock::new(),
            comparisons: AtomicUsize::new(MOST_COMPARED),
        };
        let mut numbers: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let mut kustomized: BTreeSet<&str> = BTreeSet::new();
        let mut last = None;
        for resource in &bundle.resources {
            let place = (folder(resource.at().source), &*resource.id.namespace);
            let group = match last {
                Some((same, group)) if same == place => group,
                _ => *numbers.entry(place).or_insert_with(|| context.group(place.0)),
            };
            last = Some((place, group));
            if resource.id.group == "kustomize.config.k8s.io" {
                kustomized.insert(place.0);
            }
            context.places.push(group);
            context.sort(resource, group);
        }
        for group in &mut context.groups {
            group.is_kustomized = kustomized.contains(group.folder);
        }
        context
    }

    fn group(&mut self, folder: &'a str) -> u32 {
        self.groups.push(Group {
            folder,
            workloads: Vec::new(),
            members: BTreeMap::new(),
            has_operator: false,
            is_kustomized: false,
        });
        number(self.groups.len() - 1)
    }

    fn sort(&mut self, resource: &'a Resource, group: u32) {
        let placed = Placed { resource, group };
        match resource.id.kind.as_str() {
            "Service" if resource.id.group.is_empty() => {
                self.groups[group as usize].members.entry("Service").or_default().push(number(self.services.len()));
                self.service_names.entry(&resource.id.name).or_default().push(number(self.services.len()));
                self.services.push(placed);
            }
            "PersistentVolume" => self.volumes.push(placed),
            "PersistentVolumeClaim" => self.claims.push(placed),
            "PodDisruptionBudget" => self.budgets.push(placed),
            "StorageClass" => self.classes.push(placed),
            _ if referring_kind(resource).is_some() => {
                let Some(kind) = referring_kind(resource) else { return };
                let number = self.referring.add(kind, placed);
                self.groups[group as usize].members.entry(kind).or_default().push(number);
            }
            _ => match Workload::of(resource, group) {
                Some(workload) => {
                    let index = number(self.workloads.len());
                    for (key, value) in workload.labels.into_iter().flat_map(Node::entries) {
                        self.by_label
                            .entry(&key.name)
                            .or_default()
                            .entry(value.as_str().unwrap_or_default())
                            .or_default()
                            .push(index);
                    }
                    self.groups[group as usize].workloads.push(index);
                    self.workloads.push(workload);
                }
                None => {
                    let custom = resource.id.group.contains('.')
                        && !WITHOUT_PODS.contains(&&*resource.id.group)
                        && shape::find(&resource.api_version, &resource.id.kind).is_none();
                    self.groups[group as usize].has_operator |= custom;
                }
            },
        }
    }

    /// The workloads whose pods a map of labels means, wherever they are: a namespace that is not said can be any.
    pub(crate) fn selected(&self, selector: &'a Node, namespace: &'a str) -> impl Iterator<Item = &Workload<'a>> {
        let wanted = move |workload: &&Workload<'a>| workload.is_in(namespace) && leads_to(selector, workload.labels);
        self.labelled(selector).filter(wanted)
    }

    /// The workloads that have the rarest of some labels: all that have every one of them, and others.
    fn labelled(&self, selector: &'a Node) -> impl Iterator<Item = &Workload<'a>> {
        let candidates = selector
            .entries()
            .filter(|(key, _)| !GIVEN_LATER.contains(&&*key.name))
            .map(|(key, value)| self.with_label(&key.name, value))
            .min_by_key(|list| list.len())
            .unwrap_or_default();
        candidates.iter().take_while(|_| self.may_compare()).map(|index| &self.workloads[*index as usize])
    }

    /// Pays for one comparison of a selector with labels.
    fn may_compare(&self) -> bool {
        self.comparisons.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Whether so much was compared that what finds nothing may have something after all.
    #[must_use]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.comparisons.load(Ordering::Relaxed) == 0
    }

    /// A workload of the same folder whose pods a map of labels would mean, but for their namespace, which is another
    /// one.
    pub(crate) fn selected_elsewhere(&self, selector: &'a Node, object: &Placed<'_>) -> Option<&Workload<'a>> {
        let own = &self.groups[object.group as usize];
        let is_near = |workload: &&Workload<'a>| {
            let group = &self.groups[workload.group as usize];
            group.folder == own.folder && !workload.is_in(&object.resource.id.namespace)
        };
        if own.is_kustomized || own.has_operator {
            return None;
        }
        self.labelled(selector).filter(is_near).find(|workload| leads_to(selector, workload.labels))
    }

    /// The workloads of a namespace that a label selector (`matchLabels`, `matchExpressions`) means.
    pub(crate) fn meant(&self, selector: &'a Node, namespace: &'a str) -> impl Iterator<Item = &Workload<'a>> {
        let some = self.candidates(selector);
        let all = if some.is_none() { 0..self.workloads.len() } else { 0..0 };
        let numbers = some.into_iter().flatten().map(|number| number as usize).chain(all);
        let workloads = numbers.take_while(|_| self.may_compare()).map(|number| &self.workloads[number]);
        workloads
            .filter(move |workload| workload.is_in(namespace) && selector::matches(Some(selector), workload.labels))
    }

    /// The workloads that pass the narrowest condition of a label selector; none if it has none that narrows.
    fn candidates(&self, selector: &Node) -> Option<Vec<u32>> {
        let stated = selector.get("matchLabels").into_iter().flat_map(Node::entries);
        let stated = stated.map(|(key, value)| self.with_label(&key.name, value).to_vec());
        let expressions = selector.get("matchExpressions").into_iter().flat_map(Node::items).filter_map(|expression| {
            let key = text(expression, "key")?;
            match text(expression, "operator")? {
                "In" => {
                    let values = expression.get("values").into_iter().flat_map(Node::items);
                    Some(values.flat_map(|value| self.with_label(key, value).iter().copied()).collect())
                }
                "Exists" => {
                    Some(self.by_label.get(key).into_iter().flat_map(BTreeMap::values).flatten().copied().collect())
                }
                _ => None,
            }
        });
        stated.chain(expressions).min_by_key(Vec::len)
    }

    /// The workloads that have a label.
    fn with_label(&self, key: &str, value: &Node) -> &[u32] {
        let values = self.by_label.get(key);
        values.and_then(|values| values.get(value.as_str().unwrap_or_default())).map_or(&[], Vec::as_slice)
    }

    /// The workloads written next to an object that have all labels of a selector but one, and none of that one's key.
    pub(crate) fn lacking_one(&self, selector: &'a Node, object: &Placed<'_>) -> bool {
        let mut lists: Vec<&[u32]> = selector.entries().map(|(key, value)| self.with_label(&key.name, value)).collect();
        if lists.len() < 2 {
            return false;
        }
        // Whoever lacks one label has one of any two.
        lists.sort_by_key(|list| list.len());
        let candidates = lists[..2].iter().copied().flatten().take_while(|_| self.may_compare());
        let lacks_one = |workload: &Workload<'_>| {
            let mut others = selector
                .entries()
                .filter(|(key, value)| workload.labels.and_then(|labels| labels.get(&key.name)) != Some(*value));
            let is_new = others
                .next()
                .is_some_and(|(key, _)| workload.labels.is_none_or(|labels| labels.get(&key.name).is_none()));
            is_new && others.next().is_none()
        };
        candidates
            .map(|number| &self.workloads[*number as usize])
            .any(|workload| workload.group == object.group && lacks_one(workload))
    }

    /// A workload written next to an object whose name begins with the same word.
    pub(crate) fn namesake(&self, object: &Placed<'_>) -> Option<&Workload<'a>> {
        let words = self.first_words.get_or_init(|| {
            let mut words: BTreeMap<(u32, &str), Vec<u32>> = BTreeMap::new();
            for (index, workload) in self.workloads.iter().enumerate() {
                words.entry((workload.group, first_word(&workload.resource.id.name))).or_default().push(number(index));
            }
            words
        });
        let first = words.get(&(object.group, first_word(&object.resource.id.name)))?.first()?;
        Some(&self.workloads[*first as usize])
    }

    /// The names of the workloads written next to an object: the first few, and how many there are more.
    #[must_use]
    pub(crate) fn workloads_beside(&self, object: &Placed<'_>) -> String {
        let names = self.neighbours(object).map(|workload| workload.resource.id.name.as_str());
        listing_of(names, self.groups[object.group as usize].workloads.len(), 3)
    }

    /// What a name that leads nowhere may have been meant to be, among the objects of a kind written next to another.
    #[must_use]
    pub(crate) fn meant_beside(&self, object: &Placed<'_>, kind: &str, name: &str) -> String {
        let names = || self.beside(object, kind).map(|other| other.resource.id.name.as_str());
        let count = self.groups[object.group as usize].members.get(kind).map_or(0, Vec::len);
        match nearest(name, names().take(MOST_NEAR)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("here are {}", listing_of(names(), count, 4)),
        }
    }

    /// The object of a kind and name that something in a namespace may mean, wherever it lies.
    pub(crate) fn named(&self, kind: &str, name: &str, namespace: &str) -> Option<Placed<'a>> {
        let (list, numbers) = match kind {
            "Service" => (&self.services[..], self.service_names.get(name)),
            _ => (self.referring.of_kind(kind), self.referring.numbers(kind, name)),
        };
        let mut all = numbers.into_iter().flatten().map(|number| list[*number as usize]);
        all.find(|object| may_be_one(&object.resource.id.namespace, namespace))
    }

    /// Objects of a kind that were written next to another, in its namespace.
    pub(crate) fn beside<'s>(
        &'s self,
        object: &Placed<'_>,
        kind: &str,
    ) -> impl Iterator<Item = Placed<'a>> + use<'s, 'a> {
        let list = if kind == "Service" { &self.services } else { self.referring.of_kind(kind) };
        let numbers = self.groups[object.group as usize].members.get(kind);
        numbers.into_iter().flatten().map(|number| list[*number as usize])
    }

    /// Whether a tool may still change what is written next to an object: a Kustomization, an operator.
    #[must_use]
    pub(crate) fn may_be_changed(&self, object: &Placed<'_>) -> bool {
        self.groups[object.group as usize].is_kustomized
    }

    /// The autoscalers with their folder and namespace, as a number.
    pub(crate) fn autoscalers(&self) -> impl Iterator<Item = (u32, &'a Resource)> {
        self.referring
            .of_kind("HorizontalPodAutoscaler")
            .iter()
            .map(|autoscaler| (autoscaler.group, autoscaler.resource))
    }

    /// The workload that an autoscaler scales.
    pub(crate) fn scaled_by(&self, autoscaler: &Resource) -> Option<&Workload<'a>> {
        let target = autoscaler.node.find(&["spec", "scaleTargetRef"])?;
        let (kind, name) = (text(target, "kind")?, text(target, "name")?);
        let is_it = |workload: &&Workload<'a>| {
            let id = &workload.resource.id;
            id.kind == kind && id.name == name && workload.is_in(&autoscaler.id.namespace)
        };
        let by_name = self.workload_names.get_or_init(|| {
            let mut names: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
            for (index, workload) in self.workloads.iter().enumerate() {
                names.entry(&workload.resource.id.name).or_default().push(number(index));
            }
            names
        });
        by_name.get(name)?.iter().map(|index| &self.workloads[*index as usize]).find(is_it)
    }

    /// Each object of the bundle with its folder and namespace, as a number; without those that a Kustomization may
    /// still change.
    pub(crate) fn by_place(&self) -> impl Iterator<Item = (u32, &'a Resource)> {
        let places = self.places.iter().copied().zip(&self.bundle.resources);
        places.filter(|(place, _)| !self.groups[*place as usize].is_kustomized)
    }

    /// Whether workloads were written next to an object, so that one that it needs should be among them; false where a
    /// tool may still change labels, or an operator may run the pods.
    #[must_use]
    pub(crate) fn stands_among_workloads(&self, object: &Placed<'_>) -> bool {
        let group = &self.groups[object.group as usize];
        !group.workloads.is_empty() && !group.has_operator && !group.is_kustomized
    }

    /// Whether a Kustomization may still change a workload.
    #[must_use]
    pub(crate) fn is_kustomized(&self, workload: &Workload<'_>) -> bool {
        self.groups[workload.group as usize].is_kustomized
    }

    /// The workloads written next to an object, in its namespace.
    pub(crate) fn neighbours(&self, object: &Placed<'_>) -> impl Iterator<Item = &Workload<'a>> {
        self.groups[object.group as usize].workloads.iter().map(|index| &self.workloads[*index as usize])
    }

    /// Whether two objects lie in one folder.
    #[must_use]
    pub(crate) fn share_folder(&self, one: &Placed<'_>, other: &Placed<'_>) -> bool {
        self.groups[one.group as usize].folder == self.groups[other.group as usize].folder
    }

    /// Whether two objects lie in one folder and namespace.
    #[must_use]
    pub(crate) const fn stand_together(one: &Placed<'_>, other: &Placed<'_>) -> bool {
        one.group == other.group
    }

    /// The StatefulSets.
    pub(crate) fn stateful_sets(&self) -> impl Iterator<Item = &Workload<'a>> {
        self.workloads.iter().filter(|workload| workload.resource.id.kind == "StatefulSet")
    }
}

impl<'a> Workload<'a> {
    /// Where it stands.
    #[must_use]
    pub(crate) const fn placed(&self) -> Placed<'a> {
        Placed { resource: self.resource, group: self.group }
    }

    fn of(resource: &'a Resource, group: u32) -> Option<Self> {
        let node = &resource.node;
        let (pod, labels) = match resource.id.kind.as_str() {
            "Pod" => (node.get("spec")?, node.find(&["metadata", "labels"])),
            "CronJob" => {
                let template = node.find(&["spec", "jobTemplate", "spec", "template"])?;
                (template.get("spec")?, template.find(&["metadata", "labels"]))
            }
            _ => {
                let template = node.find(&["spec", "template"])?;
                (template.get("spec")?, template.find(&["metadata", "labels"]))
            }
        };
        pod.get("containers")?.as_list()?;
        Some(Self { resource, pod, labels, group })
    }

    /// Whether it may be in a namespace.
    #[must_use]
    pub(crate) fn is_in(&self, namespace: &str) -> bool {
        may_be_one(&self.resource.id.namespace, namespace)
    }

    /// The containers that run beside each other.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.pod.get("containers").into_iter().flat_map(Node::items)
    }

    /// All containers, those that run before the others first.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.pod.get("initContainers").into_iter().flat_map(Node::items).chain(self.containers())
    }

    /// How many pods it runs.
    pub(crate) fn replicas(&self) -> i64 {
        self.resource.node.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1)
    }

    /// The volumes of its pods.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.pod.get("volumes").into_iter().flat_map(Node::items)
    }

    /// Its claim templates.
    pub(crate) fn claim_templates(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.resource.node.find(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items)
    }

    /// The volumes that any container uses.
    #[must_use]
    pub(crate) fn mounted(&self) -> BTreeSet<&'a str> {
        let lists = self
            .all_containers()
            .flat_map(|container| ["volumeMounts", "volumeDevices"].map(|list| container.get(list)));
        lists.flatten().flat_map(Node::items).filter_map(|item| text(item, "name")).collect()
    }

    /// The names of its claim templates.
    #[must_use]
    pub(crate) fn template_names(&self) -> BTreeSet<&'a str> {
        self.claim_templates().filter_map(|claim| claim.find(&["metadata", "name"])?.as_str()).collect()
    }
}

/// Labels that controllers give to pods: no template has them.
const GIVEN_LATER: [&str; 5] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "pod-template-hash",
    "batch.kubernetes.io/job-name",
];

/// Whether pods made from a template can have the labels that a Service asks for.
#[must_use]
pub(crate) fn leads_to(selector: &Node, labels: Option<&Node>) -> bool {
    let value = |key: &str| labels.and_then(|labels| text(labels, key));
    selector.entries().all(|(key, wanted)| GIVEN_LATER.contains(&&*key.name) || value(&key.name) == wanted.as_str())
}

/// `kubia` of `kubia-public`.
#[must_use]
pub(crate) fn first_word(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// A name is compared with so many others, not with thousands.
pub(crate) const MOST_NEAR: usize = 500;

/// A namespace that is not said may turn out to be any.
fn may_be_one(one: &str, other: &str) -> bool {
    one == other || one.is_empty() || other.is_empty()
}

/// A field's text.
#[must_use]
pub(crate) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.as_str()
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
