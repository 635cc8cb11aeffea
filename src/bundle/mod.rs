//! The manifests as data, in canonical order: ours or anyone's, the type is the same.

pub mod inventory;
pub mod pieces;
pub mod read;

use crate::diagnostic::{Code, Subject};
use crate::k8s::object::ObjectName;
use crate::source::At;
use crate::value::{Data, Node, Text};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// The codes of this module.
pub static CODES: &[&Code] = read::CODES;

/// What an object is called: two objects with the same are one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// `apps`; empty for the core group.
    pub group: Text,
    /// `StatefulSet`.
    pub kind: Text,
    /// Empty where none is said or the kind has none.
    pub namespace: Text,
    /// `web`.
    pub name: Text,
}

impl ResourceId {
    /// How a finding names it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let [kind, namespace, name] = [&self.kind, &self.namespace, &self.name].map(ToString::to_string);
        Subject { kind, namespace, name }
    }

    /// What it is called in a cluster, where objects that name no namespace go to that one.
    #[must_use]
    pub fn object(&self, home: &str) -> ObjectName {
        let namespace = if self.namespace.is_empty() { Text::new(home) } else { self.namespace.clone() };
        ObjectName::new(namespace.clone(), self.name.clone())
    }
}

/// One manifest, with what caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// What it is called.
    pub id: ResourceId,
    /// `apps/v1`.
    pub api_version: String,
    /// All of it.
    pub node: Node,
}

/// Manifests that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// In canonical order for what we compile, as read for what others wrote.
    pub resources: Vec<Resource>,
    /// Where each is, once somebody has asked.
    places: Places,
}

/// The positions of a bundle's manifests by what they are called. A copy begins without: it is about to be changed.
#[derive(Debug, Default)]
struct Places(OnceLock<BTreeMap<ResourceId, usize>>);

impl Clone for Places {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl From<Vec<Resource>> for Bundle {
    fn from(resources: Vec<Resource>) -> Self {
        Self { resources, places: Places::default() }
    }
}

impl Resource {
    /// Takes a manifest that has an apiVersion, a kind and a name. Gives the node back if it lacks one.
    ///
    /// # Errors
    /// The node itself, when it is not an object.
    pub fn new(node: Node) -> Result<Self, Node> {
        let word = |keys: &[&str]| match node.find(keys).map(|node| &node.data) {
            Some(Data::Text(text)) => text.clone(),
            _ => Text::default(),
        };
        let (api_version, kind) = (word(&["apiVersion"]).to_string(), word(&["kind"]));
        if api_version.is_empty() || kind.is_empty() {
            return Err(node);
        }
        let group = api_version.split_once('/').map_or("", |(group, _)| group).into();
        let (namespace, name) = (word(&["metadata", "namespace"]), word(&["metadata", "name"]));
        let id = ResourceId { group, kind, namespace, name };
        Ok(Self { id, api_version, node })
    }

    /// Where it comes from.
    #[must_use]
    pub const fn at(&self) -> At {
        self.node.at
    }

    /// How a finding names it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.id.subject()
    }
}

/// The order in which objects can be created, and are shown: what others need comes first.
#[must_use]
pub fn kind_rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        "StorageClass" => 2,
        "PersistentVolume" => 3,
        "ServiceAccount" => 4,
        "Secret" => 5,
        "ConfigMap" => 6,
        "PersistentVolumeClaim" => 7,
        "Service" => 8,
        "StatefulSet" => 9,
        "Deployment" | "DaemonSet" => 10,
        "PodDisruptionBudget" => 11,
        _ => 12,
    }
}

impl Bundle {
    /// Puts the manifests in canonical order.
    pub fn sort(&mut self) {
        self.resources.sort_by(|a, b| {
            let key = |resource: &Resource| kind_rank(&resource.id.kind);
            key(a)
                .cmp(&key(b))
                .then_with(|| a.id.kind.cmp(&b.id.kind))
                .then_with(|| natural(&a.id.name, &b.id.name))
                .then_with(|| a.id.namespace.cmp(&b.id.namespace))
        });
    }

    /// The manifest of that name.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Resource> {
        const FEW: usize = 32;
        let scan = || self.resources.iter().find(|resource| resource.id == *id);
        if self.resources.len() <= FEW {
            return scan();
        }
        let places = self.places.0.get_or_init(|| {
            let positions = self.resources.iter().enumerate().rev();
            positions.map(|(position, resource)| (resource.id.clone(), position)).collect()
        });
        // Manifests may have come, gone or been renamed since.
        match places.get(id).map(|position| self.resources.get(*position)) {
            Some(Some(resource)) if resource.id == *id => Some(resource),
            None if places.len() == self.resources.len() => None,
            _ => scan(),
        }
    }

    /// The manifests by what they are called; of two with one name, the last.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&ResourceId, &Resource> {
        self.resources.iter().map(|resource| (&resource.id, resource)).collect()
    }

    /// All of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.id.kind == kind)
    }
}

/// `a-2` before `a-10`.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    fn split(name: &str) -> (&str, Option<u64>) {
        let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
        (&name[..digits], name[digits..].parse().ok())
    }
    split(a).cmp(&split(b)).then_with(|| a.cmp(b))
}

impl fmt::Display for ResourceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/", self.kind)?;
        if !self.namespace.is_empty() {
            write!(out, "{}/", self.namespace)?;
        }
        out.write_str(&self.name)
    }
}
