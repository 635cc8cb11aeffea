//! What the objects of a bundle take that others may want too: their names, disks, node ports, addresses. Compares
//! nothing, and knows no app.

use super::disk::{node_of, source_of};
use crate::block::scalar_text;
use crate::bundle::{Bundle, Resource};
use crate::k8s::shape;
use crate::value::{Data, Node};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The name of an object.
    Name,
    /// A disk of a cloud: it is one, from whichever cluster it is asked for.
    CloudDisk,
    /// A disk or directory of a cluster.
    Disk,
    /// A port of all nodes.
    NodePort,
    /// A host and path of an Ingress.
    Address,
    /// A port of an address outside, of a load balancer or of a node.
    Balancer,
}

impl What {
    /// All that can be taken.
    pub(crate) const ALL: [Self; 6] =
        [Self::Name, Self::CloudDisk, Self::Disk, Self::NodePort, Self::Address, Self::Balancer];
}

/// One thing that an object takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// What it is.
    pub what: What,
    /// Which one: the same for the same thing, in one process.
    pub key: u64,
    /// Whose it is: the same for objects of one name that say the same, which can stand for each other.
    pub owner: u64,
    /// Of several, the least is told of.
    pub order: usize,
}

/// An object that takes something.
#[derive(Clone, Debug)]
pub(crate) struct Owner<'b> {
    /// The object.
    pub resource: &'b Resource,
    /// What it takes, in words: `hostPath /srv/a on node-1`.
    pub words: String,
}

/// Objects that run pods, or keep data, or lead to either: two manifests of one are two who count on it, also where
/// they say the same.
const OF_ONE_APP: [&str; 9] = [
    "StatefulSet",
    "Deployment",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Pod",
    "Service",
    "PersistentVolumeClaim",
];

const RUNS_PODS: [&str; 3] = ["StatefulSet", "Deployment", "DaemonSet"];

/// All that the objects of a bundle take. `home` is the namespace of those that name none.
#[must_use]
pub(crate) fn taken(bundle: &Bundle, home: &str) -> Vec<Taken> {
    let mut list = Vec::with_capacity(bundle.resources.len() * 2);
    let mut written = Vec::with_capacity(1000);
    for (position, resource) in bundle.resources.iter().enumerate() {
        // What runs pods stands for all that an app has.
        let order = if RUNS_PODS.contains(&&*resource.id.kind) { 0 } else { position + 1 };
        let is_shared = !OF_ONE_APP.contains(&&*resource.id.kind);
        let own = Called::of(resource, home).key();
        each(resource, home, |what, thing| {
            // What says the same is the same object, whoever applies it.
            let owner = match what {
                What::Name if is_shared => key_of_content(&resource.node, &mut written),
                What::Name => 0,
                _ => own,
            };
            list.push(Taken { what, key: thing.key(), owner, order });
        });
    }
    list
}

/// All that the objects of a bundle take, in words, with who takes it.
#[must_use]
pub(crate) fn uses<'b>(bundle: &'b Bundle, home: &'b str) -> Vec<(What, String, &'b Resource)> {
    let mut list = Vec::new();
    for resource in &bundle.resources {
        each(resource, home, |what, thing| list.push((what, thing.words(), resource)));
    }
    list
}

/// The first object of a bundle that takes that thing.
#[must_use]
pub(crate) fn owner<'b>(bundle: &'b Bundle, home: &str, what: What, key: u64) -> Option<Owner<'b>> {
    bundle.resources.iter().find_map(|resource| {
        let mut found = None;
        each(resource, home, |kind, thing| {
            if kind == what && thing.key() == key {
                found = Some(thing.words());
            }
        });
        found.map(|words| Owner { resource, words })
    })
}

/// A thing that is taken.
enum Thing<'r> {
    Name(Called<'r>),
    /// In words that are equal for equal things.
    Other(String),
}

impl Thing<'_> {
    fn key(&self) -> u64 {
        match self {
            Self::Name(name) => name.key(),
            Self::Other(words) => key_of(words.as_bytes()),
        }
    }

    /// `StatefulSet shop/cache`.
    fn words(self) -> String {
        match self {
            Self::Name(Called { group, kind, namespace, own }) => {
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                let namespace = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
                format!("{kind}{group} {namespace}{own}")
            }
            Self::Other(words) => words,
        }
    }
}

/// What an object is called: the group only of kinds that Kubernetes does not have, the namespace only of those that
/// live in one.
#[derive(Hash)]
struct Called<'r> {
    group: &'r str,
    kind: &'r str,
    namespace: &'r str,
    own: &'r str,
}

impl<'r> Called<'r> {
    fn of(resource: &'r Resource, home: &'r str) -> Self {
        let id = &resource.id;
        let known = shape::find(&resource.api_version, &id.kind);
        let is_namespaced = known.map_or(!id.namespace.is_empty(), |known| known.namespaced);
        let namespace = match (is_namespaced, &*id.namespace) {
            (false, _) => "",
            (true, "") => home,
            (true, said) => said,
        };
        Self { group: if known.is_some() { "" } else { &id.group }, kind: &id.kind, namespace, own: &id.name }
    }

    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Calls back with each thing that an object takes.
fn each<'r>(resource: &'r Resource, home: &'r str, mut take: impl FnMut(What, Thing<'r>)) {
    if resource.id.name.is_empty() {
        return;
    }
    take(What::Name, Thing::Name(Called::of(resource, home)));
    match (&*resource.id.group, &*resource.id.kind) {
        ("", "PersistentVolume") => {
            if let Some((what, words)) = disk(resource) {
                take(what, Thing::Other(words));
            }
        }
        ("", "Service") => {
            for port in resource.node.find(&["spec", "ports"]).into_iter().flat_map(Node::items) {
                let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
                if let Some(number) = port.get("nodePort").and_then(Node::as_int).filter(|number| *number > 0) {
                    take(What::NodePort, Thing::Other(format!("node port {number}/{protocol}")));
                }
                let number = port.get("port").and_then(Node::as_int).unwrap_or_default();
                for address in addresses_outside(resource) {
                    take(What::Balancer, Thing::Other(format!("address {address}:{number}/{protocol}")));
                }
            }
        }
        ("networking.k8s.io", "Ingress") => addresses(resource, &mut take),
        _ => {}
    }
}

/// What a volume names. A directory without a node is on whichever machine its pod comes to, and what many may use is
/// shared on purpose.
fn disk(volume: &Resource) -> Option<(What, String)> {
    let modes = volume.node.find(&["spec", "accessModes"]).and_then(Node::as_list).unwrap_or_default();
    if modes.iter().any(|mode| matches!(mode.as_str(), Some("ReadWriteMany" | "ReadOnlyMany"))) {
        return None;
    }
    let spec = volume.node.get("spec")?;
    let (kind, fields, source) = source_of(spec)?;
    let words: Vec<String> = fields
        .iter()
        .map(|field| scalar_text(source.get(field)?).map(|text| text.to_string()))
        .collect::<Option<_>>()?;
    let last = words.last()?;
    let is_of_a_cloud = match kind {
        "awsElasticBlockStore" | "azureDisk" => true,
        "csi" => match words[0].as_str() {
            "pd.csi.storage.gke.io" => last.starts_with("projects/"),
            "disk.csi.azure.com" => last.starts_with("/subscriptions/"),
            driver => driver == "ebs.csi.aws.com",
        },
        _ => false,
    };
    let path = if matches!(kind, "hostPath" | "local" | "nfs") { last.trim_end_matches('/') } else { last };
    let shown = match kind {
        "csi" => format!("{} disk {path}", words[0]),
        "hostPath" | "local" => format!("directory {path} on {}", node_of(volume)?),
        _ => format!("{kind} {}", [&words[..words.len() - 1], &[path.to_owned()]].concat().join(":")),
    };
    Some((if is_of_a_cloud { What::CloudDisk } else { What::Disk }, shown))
}

/// The addresses outside that a Service asks for.
fn addresses_outside(service: &Resource) -> impl Iterator<Item = &str> {
    let spec = service.node.get("spec");
    let balancer = spec.and_then(|spec| spec.get("loadBalancerIP")).and_then(Node::as_str);
    let external = spec.and_then(|spec| spec.get("externalIPs")).into_iter().flat_map(Node::items);
    balancer.into_iter().chain(external.filter_map(Node::as_str)).filter(|address| !address.is_empty())
}

/// The hosts and paths of an Ingress. One that is made to stand beside another of the same address is passed over.
fn addresses<'r>(ingress: &Resource, take: &mut impl FnMut(What, Thing<'r>)) {
    let mut annotations = ingress.node.find(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
    if annotations.any(|(key, value)| key.name.ends_with("/canary") && value.as_str() == Some("true")) {
        return;
    }
    let class = ingress.node.find(&["spec", "ingressClassName"]).and_then(Node::as_str).unwrap_or_default();
    for rule in ingress.node.find(&["spec", "rules"]).into_iter().flat_map(Node::items) {
        let host = rule.get("host").and_then(Node::as_str).unwrap_or("*");
        for path in rule.find(&["http", "paths"]).into_iter().flat_map(Node::items) {
            let said = |field: &str| path.get(field).and_then(Node::as_str).unwrap_or_default();
            let class = if class.is_empty() { String::new() } else { format!(" of class {class}") };
            let path = if said("path").is_empty() { "/" } else { said("path") };
            take(What::Address, Thing::Other(format!("{host}{path} ({}){class}", said("pathType"))));
        }
    }
}

fn key_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The same for values that say the same, whatever the order of their keys. `written` is room to work in.
fn key_of_content(node: &Node, written: &mut Vec<u8>) -> u64 {
    written.clear();
    write(node, written);
    key_of(written)
}

/// Writes all that a value says, so that no two values are written alike.
fn write(node: &Node, out: &mut Vec<u8>) {
    let mut number = |kind: u8, value: u64| {
        out.push(kind);
        out.extend_from_slice(&value.to_le_bytes());
    };
    match &node.data {
        Data::Null => out.push(0),
        Data::Bool(value) => out.extend_from_slice(&[1, u8::from(*value)]),
        Data::Int(value) => number(2, value.cast_unsigned()),
        Data::Float(value) => number(3, value.to_bits()),
        Data::Text(text) => {
            number(4, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Data::List(items) => {
            number(5, items.len() as u64);
            items.iter().for_each(|item| write(item, out));
        }
        Data::Map(map) => {
            number(6, map.iter().len() as u64);
            let mut entry = |key: &str, value: &Node| {
                out.extend_from_slice(&(key.len() as u64).to_le_bytes());
                out.extend_from_slice(key.as_bytes());
                write(value, out);
            };
            if map.iter().is_sorted_by_key(|(key, _)| key.name.as_str()) {
                map.iter().for_each(|(key, value)| entry(&key.name, value));
            } else {
                let mut entries: Vec<(&str, &Node)> =
                    map.iter().map(|(key, value)| (key.name.as_str(), value)).collect();
                entries.sort_unstable_by_key(|(key, _)| *key);
                entries.into_iter().for_each(|(key, value)| entry(key, value));
            }
        }
    }
}
