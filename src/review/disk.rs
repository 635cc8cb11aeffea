//! What a PersistentVolume names: a disk or a directory, in the words of its kind, and the node that it is tied to.

use crate::block::scalar_text;
use crate::bundle::Resource;
use crate::value::Node;

/// Where the name of the disk stands in each kind of source.
pub(crate) const SOURCES: [(&str, &[&str]); 10] = [
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("azureDisk", &["diskURI"]),
    ("cinder", &["volumeID"]),
    ("vsphereVolume", &["volumePath"]),
    ("csi", &["driver", "volumeHandle"]),
    ("iscsi", &["targetPortal", "iqn", "lun"]),
    ("hostPath", &["path"]),
    ("local", &["path"]),
    ("nfs", &["server", "path"]),
];

/// What a volume's source is called, the fields that name the disk in it, and the source itself.
#[must_use]
pub(crate) fn source_of(spec: &Node) -> Option<(&'static str, &'static [&'static str], &Node)> {
    let known = |key: &str| SOURCES.iter().position(|(kind, _)| *kind == key);
    let (place, source) =
        spec.entries().filter_map(|(key, source)| Some((known(&key.name)?, source))).min_by_key(|(place, _)| *place)?;
    let (kind, fields) = SOURCES[place];
    Some((kind, fields, source))
}

/// What a volume names, and on which node if it is tied to one: `hostPath /srv/disk-0 on node-1`.
#[must_use]
pub(crate) fn disk(volume: &Resource) -> String {
    let on = node_of(volume).map(|node| format!(" on {node}")).unwrap_or_default();
    source(volume).map(|source| format!("{source}{on}")).unwrap_or_default()
}

/// What a volume names. A CSI driver goes without saying: its handles tell disks apart.
#[must_use]
pub(crate) fn source(volume: &Resource) -> Option<String> {
    let spec = volume.node.get("spec")?;
    let (kind, fields, source) = source_of(spec)?;
    let said = fields.iter().filter(|field| **field != "driver");
    let parts: Vec<_> = said.filter_map(|field| source.get(field).and_then(scalar_text)).collect();
    Some(format!("{kind} {}", parts.join(":")))
}

/// The node that a volume is tied to, when it is just one.
#[must_use]
pub(crate) fn node_of(volume: &Resource) -> Option<String> {
    let terms = volume.node.find(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"])?;
    let [term] = terms.as_list()? else { return None };
    let [rule] = term.get("matchExpressions")?.as_list()? else { return None };
    let [node] = rule.get("values")?.as_list()? else { return None };
    rule.get("key").and_then(Node::as_str).filter(|key| *key == "kubernetes.io/hostname")?;
    scalar_text(node).map(|name| name.to_string())
}
