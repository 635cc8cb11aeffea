//! What the objects of a bundle take that others may want too: their names, disks, node ports, addresses. Compares nothing, and knows no app.

use super::disk::{SOURCES, node_of};
use crate::block::scalar_text;
use crate::bundle::{Bundle, Resource};
use crate::k8s::shape;
use crate::value::{Data, Node};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
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
}

/// One thing that an object takes.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
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
pub struct Owner<'b> {
    /// The object.
    pub resource: &'b Resource,
    /// What it takes, in words: `hostPath /srv/a on node-1`.
    pub words: String,
}

/// Objects that run pods, or keep data, or lead to either: two manifests of one are two who count on it, also where they say the same.
const OF_ONE_APP: [&str; 9] =
    ["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod", "Service", "PersistentVolumeClaim"];

const RUNS_PODS: [&str; 3] = ["StatefulSet", "Deployment", "DaemonSet"];

/// All that the objects of a bundle take. `home` is the namespace of those that name none.
#[must_use]
pub fn taken(bundle: &Bundle, home: &str) -> Vec<Taken> {
    let mut list = Vec::with_capacity(bundle.resources.len() * 2);
    for (position, resource) in bundle.resources.iter().enumerate() {
        // What runs pods stands for all that an app has.
        let order = if RUNS_PODS.contains(&&*resource.id.kind) { 0 } else { position + 1 };
        let is_shared = !OF_ONE_APP.contains(&&*resource.id.kind);
        each(resource, home, |what, words| {
            // What says the same is the same object, whoever applies it.
            let owner = match what {
                What::Name if is_shared => hash_of(&resource.node),
                What::Name => 0,
                _ => hash_of_text(&name(resource, home)),
            };
            list.push(Taken { what, key: hash_of_text(words), owner, order });
        });
    }
    list
}

/// The first object of a bundle that takes that thing.
#[must_use]
pub fn owner<'b>(bundle: &'b Bundle, home: &str, what: What, key: u64) -> Option<Owner<'b>> {
    bundle.resources.iter().find_map(|resource| {
        let mut found = None;
        each(resource, home, |kind, words| {
            if kind == what && hash_of_text(words) == key {
                found = Some(words.to_owned());
            }
        });
        found.map(|words| Owner { resource, words })
    })
}

/// Calls back with each thing that an object takes, in words that are equal for equal things.
fn each(resource: &Resource, home: &str, mut take: impl FnMut(What, &str)) {
    if resource.id.name.is_empty() {
        return;
    }
    take(What::Name, &name(resource, home));
    match (&*resource.id.group, &*resource.id.kind) {
        ("", "PersistentVolume") => {
            if let Some((what, words)) = disk(resource) {
                take(what, &words);
            }
        }
        ("", "Service") => {
            for port in resource.node.find(&["spec", "ports"]).into_iter().flat_map(Node::items) {
                let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
                if let Some(number) = port.get("nodePort").and_then(Node::as_int).filter(|number| *number > 0) {
                    take(What::NodePort, &format!("node port {number}/{protocol}"));
                }
            }
        }
        ("networking.k8s.io", "Ingress") => addresses(resource, &mut take),
        _ => {}
    }
}

/// `StatefulSet shop/cache`.
fn name(resource: &Resource, home: &str) -> String {
    let id = &resource.id;
    let is_namespaced = shape::find(&resource.api_version, &id.kind).map_or(!id.namespace.is_empty(), |known| known.namespaced);
    let group = if id.group.is_empty() || shape::find(&resource.api_version, &id.kind).is_some() {
        String::new()
    } else {
        format!(".{}", id.group)
    };
    let namespace = match (is_namespaced, &*id.namespace) {
        (false, _) => String::new(),
        (true, "") => format!("{home}/"),
        (true, said) => format!("{said}/"),
    };
    format!("{}{group} {namespace}{}", id.kind, id.name)
}

/// What a volume names. A directory without a node is on whichever machine its pod comes to, and what many may use is shared on purpose.
fn disk(volume: &Resource) -> Option<(What, String)> {
    let modes = volume.node.find(&["spec", "accessModes"]).and_then(Node::as_list).unwrap_or_default();
    if modes.iter().any(|mode| matches!(mode.as_str(), Some("ReadWriteMany" | "ReadOnlyMany"))) {
        return None;
    }
    let spec = volume.node.get("spec")?;
    let (kind, fields) = SOURCES.iter().find(|(kind, _)| spec.get(kind).is_some())?;
    let source = spec.get(kind)?;
    let words: Vec<String> =
        fields.iter().map(|field| scalar_text(source.get(field)?).map(|text| text.to_string())).collect::<Option<_>>()?;
    let last = words.last()?;
    let is_of_a_cloud = match *kind {
        "awsElasticBlockStore" | "azureDisk" => true,
        "csi" => match words[0].as_str() {
            "pd.csi.storage.gke.io" => last.starts_with("projects/"),
            "disk.csi.azure.com" => last.starts_with("/subscriptions/"),
            driver => driver == "ebs.csi.aws.com",
        },
        _ => false,
    };
    let path = if matches!(*kind, "hostPath" | "local" | "nfs") { last.trim_end_matches('/') } else { last };
    let shown = match *kind {
        "csi" => format!("{} disk {path}", words[0]),
        "hostPath" | "local" => format!("directory {path} on {}", node_of(volume)?),
        _ => format!("{kind} {}", [&words[..words.len() - 1], &[path.to_owned()]].concat().join(":")),
    };
    Some((if is_of_a_cloud { What::CloudDisk } else { What::Disk }, shown))
}

/// The hosts and paths of an Ingress. One that is made to stand beside another of the same address is passed over.
fn addresses(ingress: &Resource, take: &mut impl FnMut(What, &str)) {
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
            take(
                What::Address,
                &format!("{host}{} ({}){class}", if said("path").is_empty() { "/" } else { said("path") }, said("pathType")),
            );
        }
    }
}

fn hash_of_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn hash_of(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    add(node, &mut hasher);
    hasher.finish()
}

/// Adds all that a value says, whatever the order of its keys.
fn add(node: &Node, hasher: &mut DefaultHasher) {
    match &node.data {
        Data::Null => 0u8.hash(hasher),
        Data::Bool(value) => (1u8, value).hash(hasher),
        Data::Int(value) => (2u8, value).hash(hasher),
        Data::Float(value) => (3u8, value.to_bits()).hash(hasher),
        Data::Text(text) => (4u8, text.as_str()).hash(hasher),
        Data::List(items) => {
            (5u8, items.len()).hash(hasher);
            items.iter().for_each(|item| add(item, hasher));
        }
        Data::Map(map) => {
            let mut sum = 0u64;
            for (key, value) in map.iter() {
                let mut own = DefaultHasher::new();
                key.name.as_str().hash(&mut own);
                add(value, &mut own);
                sum = sum.wrapping_add(own.finish());
            }
            (6u8, sum).hash(hasher);
        }
    }
}
