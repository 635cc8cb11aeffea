//! What is known of a cluster beforehand: its nodes, its storage classes, its version. Read from a file, or given with
//! a recording.

use super::residents::Residents;
use super::world::Machine;
use crate::api::custom::Customs;
use crate::bundle::inventory::Inventory;
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Code, Diagnostics, Level, nearest};
use crate::k8s::quantity::Quantity;
use crate::k8s::version::{NoVersion, Version};
use crate::k8s::way::Way;
use crate::source::At;
use crate::value::{Key, Map, Node, Text};
use std::sync::Arc;

/// A file about a cluster that cannot be understood.
pub static CLUSTER_FACTS: Code =
    Code { id: "SW0301", name: "cluster-facts", level: Level::Error, page: include_str!("pages/cluster-facts.md") };

/// The provisioner of a storage class that nobody has described, and that is taken to be there.
pub const PRESUMED: &str = "not-known.example";

/// What is known of a cluster beforehand.
#[derive(Clone, Debug, Default)]
pub struct ClusterFacts {
    /// Its version, if said.
    pub kubernetes: Option<Version>,
    /// Its nodes; `None` where nothing is said about them.
    pub nodes: Option<Vec<Machine>>,
    /// Its storage classes, as manifests; `None` where nothing is said about them.
    pub classes: Option<Vec<Node>>,
    /// The custom kinds that somebody has defined.
    pub customs: Customs,
    /// What else is there before anything is applied: namespaces, quotas, classes, accounts, policies.
    pub objects: Arc<Inventory>,
    /// What lives there: claims, volumes, pods.
    pub residents: Arc<Residents>,
    /// How manifests are applied to it; `None` where nothing is said about that.
    pub apply: Option<Way>,
}

/// The kinds of which objects are taken from a cluster as they are. What apps bring themselves is no fact about it.
const TAKEN: [&str; 15] = [
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "RuntimeClass",
    "ServiceAccount",
    "ConfigMap",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "VolumeAttributesClass",
    "CSIDriver",
];

impl ClusterFacts {
    /// Nothing but the version is known.
    #[must_use]
    pub fn of_version(version: Version) -> Self {
        Self { kubernetes: Some(version), ..Self::default() }
    }

    /// Takes the facts from objects of a cluster, as `kubectl get … -o yaml` prints them, or from manifests that are
    /// applied to it.
    #[must_use]
    pub fn of_objects(inventory: &Inventory) -> Self {
        let definitions = inventory.of_kind("CustomResourceDefinition");
        let mut facts = Self {
            customs: Customs::none().with(definitions.map(|definition| &definition.resource().node)),
            ..Self::default()
        };
        for node in inventory.of_kind("Node") {
            facts.nodes.get_or_insert_default().push(machine_of(node.resource()));
        }
        let (mut residents, mut objects) = (Residents::default(), Inventory::default());
        for object in inventory.all() {
            let is_live = object.is_printed();
            match object.id().kind.as_str() {
                "StorageClass" if is_live => {
                    facts.classes.get_or_insert_default().push(object.resource().node.clone());
                }
                kind if Residents::has(kind) && is_live => residents.add(object),
                kind if kind == "StorageClass" || TAKEN.contains(&kind) => objects.add(Arc::clone(object)),
                _ => {}
            }
        }
        (facts.objects, facts.residents) = (Arc::new(objects), Arc::new(residents));
        facts
    }

    /// The same cluster, with what others say of it too.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.nodes = match (self.nodes, more.nodes) {
            (Some(own), Some(more)) => Some([own, more].concat()),
            (own, more) => own.or(more),
        };
        self.classes = match (self.classes, more.classes) {
            (Some(own), Some(more)) => Some([own, more].concat()),
            (own, more) => own.or(more),
        };
        self.customs = self.customs.and(&more.customs);
        if !more.objects.is_empty() {
            Arc::make_mut(&mut self.objects).extend(&more.objects);
        }
        if !more.residents.is_empty() {
            Arc::make_mut(&mut self.residents).extend(&more.residents);
        }
        self.kubernetes = self.kubernetes.or(more.kubernetes);
        self.apply = self.apply.or(more.apply);
        self
    }

    /// Whether all namespaces are among the objects: those of a cluster are printed together, manifests need not be.
    #[must_use]
    pub fn knows_namespaces(&self) -> bool {
        self.objects.of_kind("Namespace").any(|namespace| namespace.is_printed())
    }

    /// The same cluster, judged by the rules of another version.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.kubernetes = Some(version);
        self
    }

    /// How manifests are applied to it.
    #[must_use]
    pub fn way(&self) -> Way {
        self.apply.unwrap_or_default()
    }

    /// The same cluster, to which manifests are applied in that way, where one is named.
    #[must_use]
    pub fn applied(mut self, way: Option<Way>) -> Self {
        self.apply = way.or(self.apply);
        self
    }

    /// The same cluster, with custom kinds.
    #[must_use]
    pub fn with_customs(mut self, customs: Customs) -> Self {
        self.customs = customs;
        self
    }

    /// The same cluster, and the custom kinds that bundles define.
    #[must_use]
    pub fn with_definitions_of<'b>(mut self, bundles: impl IntoIterator<Item = &'b Bundle>) -> Self {
        let resources = bundles.into_iter().flat_map(|bundle| &bundle.resources);
        self.customs = self.customs.with(resources.map(|resource| &resource.node));
        self
    }

    /// Reads the facts from a document such as
    /// `{kubernetes: "1.36", nodes: [{name: a, labels: {…}, cpu: 4, memory: 16Gi}], storageClasses: [{name: ssd,
    /// provisioner: …, default: true}]}`.
    pub fn read(document: &Node, found: &mut Diagnostics) -> Self {
        let mut facts = Self::default();
        for (key, value) in document.entries() {
            match key.name.as_str() {
                "kubernetes" => facts.kubernetes = read_version(value, found),
                "nodes" => facts.nodes = Some(value.items().filter_map(|node| read_machine(node, found)).collect()),
                "storageClasses" => {
                    facts.classes = Some(value.items().filter_map(|class| read_class(class, found)).collect());
                }
                "apply" => facts.apply = read_way(value, found),
                // Files, which whoever reads files reads.
                "manifests" | "snapshot" => {}
                _ => unknown(key, &["kubernetes", "nodes", "storageClasses", "apply"], found),
            }
        }
        facts
    }
}

/// A node as the API server shows it.
fn machine_of(resource: &Resource) -> Machine {
    let node = &resource.node;
    let amount = |name: &str| {
        let stated = ["allocatable", "capacity"].iter().find_map(|field| node.find(&["status", field, name]));
        stated.and_then(Quantity::of)
    };
    Machine {
        name: (*resource.id.name).into(),
        labels: node.find(&["metadata", "labels"]).cloned().unwrap_or_else(|| Node::map(Map::new(), node.at)),
        cpu: amount("cpu").map(|cpu| cpu.milli()),
        memory: amount("memory").map(|memory| memory.value()),
        taints: node.find(&["spec", "taints"]).cloned(),
        closed: node.find(&["spec", "unschedulable"]).and_then(Node::as_bool) == Some(true),
    }
}

fn unknown(key: &Key, known: &[&str], found: &mut Diagnostics) {
    let report = CLUSTER_FACTS.report(format!("`{}` says nothing about a cluster", key.name));
    let report = match nearest(&key.name, known.iter().copied()) {
        Some(name) => report.help(format!("did you mean `{name}`?")),
        None => report.help(format!("what can be said here: {}", known.join(", "))),
    };
    report.at(key.at, found);
}

fn wrong(at: At, message: String, found: &mut Diagnostics) {
    CLUSTER_FACTS.report(message).at(at, found);
}

fn read_version(node: &Node, found: &mut Diagnostics) -> Option<Version> {
    let text = match (node.as_str(), &node.data) {
        (Some(text), _) => text.to_owned(),
        (None, crate::value::Data::Float(number)) => number.to_string(),
        _ => String::new(),
    };
    text.parse().map_err(|error: NoVersion| wrong(node.at, error.to_string(), found)).ok()
}

fn read_way(node: &Node, found: &mut Diagnostics) -> Option<Way> {
    let way = node.as_str().and_then(Way::of_word);
    if way.is_none() {
        let words = Way::ALL.map(Way::word).join(", ");
        wrong(node.at, format!("manifests are not applied in this way; the ways are {words}"), found);
    }
    way
}

fn read_machine(node: &Node, found: &mut Diagnostics) -> Option<Machine> {
    let mut machine = Machine {
        name: Text::default(),
        labels: Node::map(Map::new(), node.at),
        cpu: None,
        memory: None,
        taints: None,
        closed: false,
    };
    for (key, value) in node.entries() {
        match key.name.as_str() {
            "name" => machine.name = value.as_str().unwrap_or_default().into(),
            "labels" => machine.labels = value.clone(),
            "taints" => machine.taints = Some(value.clone()),
            "cpu" => machine.cpu = read_quantity(value, found).map(|cpu| cpu.milli()),
            "memory" => machine.memory = read_quantity(value, found).map(|memory| memory.value()),
            _ => unknown(key, &["name", "labels", "taints", "cpu", "memory"], found),
        }
    }
    if machine.name.is_empty() {
        wrong(node.at, "a node needs a name".to_owned(), found);
        return None;
    }
    let own = machine.name.clone();
    if let Some(labels) = machine.labels.as_map_mut() {
        if !labels.has("kubernetes.io/hostname") {
            labels.put("kubernetes.io/hostname", Node::text(own, node.at));
        }
        // Each driver has a label of its own for the zone, which its part on the node sets: few of them are written by
        // hand.
        if let Some(zone) = ZONES.iter().find_map(|label| labels.get(label)).cloned() {
            for label in ZONES {
                if !labels.has(label) {
                    labels.put(label, zone.clone());
                }
            }
        }
    }
    Some(machine)
}

/// Labels of a node for its zone: Kubernetes' own, the older one that it keeps equal, and those that CSI drivers set.
pub(crate) const ZONES: [&str; 6] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.gke.io/zone",
    "topology.ebs.csi.aws.com/zone",
    "topology.disk.csi.azure.com/zone",
    "topology.cinder.csi.openstack.org/zone",
];

fn read_quantity(node: &Node, found: &mut Diagnostics) -> Option<Quantity> {
    let quantity = node.as_int().map(Quantity::whole).or_else(|| node.as_str()?.parse().ok());
    if quantity.is_none() {
        wrong(node.at, "this is no amount; write it like 4, 500m or 16Gi".to_owned(), found);
    }
    quantity
}

/// A storage class in few words becomes the manifest it stands for.
fn read_class(node: &Node, found: &mut Diagnostics) -> Option<Node> {
    const FIELDS: [&str; 8] = [
        "name",
        "default",
        "provisioner",
        "volumeBindingMode",
        "reclaimPolicy",
        "allowVolumeExpansion",
        "allowedTopologies",
        "mountOptions",
    ];
    let mut class = Node::map(Map::new(), node.at);
    let text = |value: &str| Node::text(value, node.at);
    super::store::put(&mut class, &["apiVersion"], text("storage.k8s.io/v1"));
    super::store::put(&mut class, &["kind"], text("StorageClass"));
    for (key, value) in node.entries() {
        match key.name.as_str() {
            "name" => super::store::put(&mut class, &["metadata", "name"], value.clone()),
            "default" if value.as_bool() == Some(true) => {
                super::store::put(
                    &mut class,
                    &["metadata", "annotations", crate::k8s::annotation::DEFAULT_CLASS],
                    text("true"),
                );
            }
            "default" => {}
            name if FIELDS.contains(&name) => super::store::put(&mut class, &[name], value.clone()),
            _ => unknown(key, &FIELDS, found),
        }
    }
    for (field, value) in [("volumeBindingMode", "Immediate"), ("reclaimPolicy", "Delete")] {
        if class.get(field).is_none() {
            super::store::put(&mut class, &[field], text(value));
        }
    }
    for field in ["name", "provisioner"] {
        if node.get(field).and_then(Node::as_str).is_none() {
            wrong(node.at, format!("a storage class needs a {field}"), found);
            return None;
        }
    }
    Some(class)
}
