//! The custom kinds that users describe, by CustomResourceDefinitions, or by JSON Schemas. Judges nothing.

use super::json_schema::{Described, Schemas};
use super::schema::Schema;
use crate::value::{Node, Text};
use std::sync::{Arc, OnceLock};

/// The custom kinds that are known.
#[derive(Clone, Debug, Default)]
pub struct Customs {
    kinds: Vec<Arc<Custom>>,
    schemas: Vec<Arc<Schemas>>,
}

/// A custom kind.
#[derive(Debug)]
pub struct Custom {
    group: String,
    kind: String,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    versions: Vec<Served>,
}

/// A version of a custom kind.
#[derive(Debug)]
pub struct Served {
    name: String,
    written: Option<Node>,
    /// Made when the first resource of the version is judged.
    schema: OnceLock<Schema>,
    /// Whether the status is a resource of its own.
    pub has_status: bool,
    /// Where the `scale` resource finds the replicas.
    pub replicas: Option<Text>,
    /// Whether fields that the schema does not know are kept.
    pub keeps_unknown: bool,
}

/// What became of the search for a kind.
#[derive(Debug)]
pub enum Found<'c> {
    /// The kind and the version.
    Version(&'c Custom, &'c Served),
    /// The kind is known, the version is not.
    NoVersion,
}

impl Customs {
    /// Takes the kinds out of CustomResourceDefinitions; passes over everything else.
    pub fn from_crds<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> Self {
        Self::default().with(nodes)
    }

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { kinds: Vec::new(), schemas: Vec::new() }
    }

    /// These kinds, and those that some nodes define: they come first.
    #[must_use]
    pub fn with<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Self {
        let fresh = nodes.into_iter().filter_map(Custom::read).map(Arc::new);
        Self { kinds: fresh.chain(self.kinds.iter().cloned()).collect(), schemas: self.schemas.clone() }
    }

    /// These kinds and others; the others come first.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self {
            kinds: others.kinds.iter().chain(&self.kinds).cloned().collect(),
            schemas: others.schemas.iter().chain(&self.schemas).cloned().collect(),
        }
    }

    /// These kinds, and those that JSON Schemas describe: definitions come before them.
    #[must_use]
    pub fn described_by(mut self, schemas: Schemas) -> Self {
        self.schemas.push(Arc::new(schemas));
        self
    }

    /// The JSON Schema of a kind, where there is one.
    #[must_use]
    pub fn described(&self, api_version: &str, kind: &str) -> Option<Arc<Described>> {
        self.schemas.iter().find_map(|schemas| schemas.find(api_version, kind))
    }

    /// Whether the kind is defined here.
    #[must_use]
    pub fn has(&self, api_version: &str, kind: &str) -> bool {
        self.find(api_version, kind).is_some() || self.described(api_version, kind).is_some()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.schemas.is_empty()
    }

    /// Whether a custom kind lives in a namespace; `None` if it is not known.
    #[must_use]
    pub fn namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        self.custom(api_version, kind).map(|(custom, _)| custom.namespaced)
    }

    /// The definition of a kind; `None` where nobody gave one.
    #[must_use]
    pub fn find(&self, api_version: &str, kind: &str) -> Option<Found<'_>> {
        let (custom, version) = self.custom(api_version, kind)?;
        let served = custom.versions.iter().find(|served| served.name == version);
        Some(served.map_or(Found::NoVersion, |served| Found::Version(custom, served)))
    }

    fn custom<'a>(&self, api_version: &'a str, kind: &str) -> Option<(&Custom, &'a str)> {
        let (group, version) = api_version.split_once('/')?;
        self.kinds.iter().find(|custom| custom.group == group && custom.kind == kind).map(|custom| (&**custom, version))
    }
}

impl Custom {
    fn read(node: &Node) -> Option<Self> {
        let text = |path: &[&str]| node.find(path).and_then(Node::as_str);
        if text(&["kind"])? != "CustomResourceDefinition"
            || !text(&["apiVersion"])?.starts_with("apiextensions.k8s.io/")
        {
            return None;
        }
        let spec = node.get("spec")?;
        // Definitions of v1beta1 say once what v1 says per version, and keep what they do not know.
        let early = text(&["apiVersion"])? == "apiextensions.k8s.io/v1beta1";
        let keeps_unknown = spec.get("preserveUnknownFields").and_then(Node::as_bool).unwrap_or(early);
        let is_served = |version: &&Node| version.get("served").and_then(Node::as_bool).unwrap_or(true);
        let read = |version: &Node| Served::read(version, spec, keeps_unknown);
        let mut versions: Vec<Served> =
            spec.get("versions").into_iter().flat_map(Node::items).filter(is_served).filter_map(read).collect();
        if versions.is_empty()
            && let Some(name) = spec.get("version").and_then(Node::as_str)
        {
            versions.push(Served::named(name, spec, spec, keeps_unknown));
        }
        Some(Self {
            group: text(&["spec", "group"])?.to_owned(),
            kind: text(&["spec", "names", "kind"])?.to_owned(),
            namespaced: text(&["spec", "scope"]).unwrap_or("Namespaced") == "Namespaced",
            versions,
        })
    }
}

impl Served {
    fn read(version: &Node, spec: &Node, keeps_unknown: bool) -> Option<Self> {
        Some(Self::named(version.get("name")?.as_str()?, version, spec, keeps_unknown))
    }

    fn named(name: &str, version: &Node, spec: &Node, keeps_unknown: bool) -> Self {
        let written =
            version.find(&["schema", "openAPIV3Schema"]).or_else(|| spec.find(&["validation", "openAPIV3Schema"]));
        let subresources = version.get("subresources").or_else(|| spec.get("subresources"));
        let has = |field: &str| {
            subresources.and_then(|subresources| subresources.get(field)).filter(|field| !field.is_null())
        };
        Self {
            name: name.to_owned(),
            written: written.cloned(),
            schema: OnceLock::new(),
            has_status: has("status").is_some(),
            replicas: has("scale")
                .and_then(|scale| scale.get("specReplicasPath"))
                .and_then(Node::as_str)
                .map(Text::new),
            keeps_unknown: keeps_unknown || written.is_none(),
        }
    }

    /// The schema; one that says nothing where none was written.
    pub fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| self.written.as_ref().map(Schema::read).unwrap_or_default())
    }
}
