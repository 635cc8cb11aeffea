//! Volumes that are written out for the claims of a set, as the one backend that makes them all. Only those that have
//! the very names that the spec would give them.

use super::draft::{annotations, labels, only_named};
use super::gather::Group;
use super::text::literal;
use crate::bundle::Resource;
use crate::value::{Data, Map, Node, Text};
use std::collections::BTreeMap;

/// Where the volumes of all storage items come from.
pub(super) struct Backends {
    /// `volumes:`, where it is one for all.
    pub(super) shared: Option<Node>,
    items: BTreeMap<Text, Node>,
}

impl Backends {
    /// `volume:` of a storage item, where it is not shared.
    pub(super) fn of(&self, item: &str) -> Option<&Node> {
        self.items.get(item).filter(|_| self.shared.is_none())
    }

    /// Whether the class of the claims follows from the backend.
    pub(super) fn says_class(&self, item: &str) -> bool {
        self.items.contains_key(item)
    }
}

/// One replica's names.
struct Replica {
    ordinal: i64,
    pod: String,
    claim: String,
}

/// The backends; nothing where a volume is not as the spec would make it.
pub(super) fn backends(group: &Group, app: &str, home: &str, given: &Map, noted: &Map) -> Option<Backends> {
    if group.volumes.is_empty() {
        return None;
    }
    let spec = group.set.node.get("spec")?;
    let start = spec.find(&["ordinals", "start"]).and_then(Node::as_int).unwrap_or(0);
    let replicas = spec.get("replicas").and_then(Node::as_int).unwrap_or(1).clamp(0, 1000);
    let namespace = if group.set.id.namespace.is_empty() { home } else { &group.set.id.namespace };
    let by_name: BTreeMap<&str, &Resource> = group.volumes.iter().map(|volume| (&*volume.id.name, volume)).collect();
    let (mut items, mut used) = (BTreeMap::new(), 0);
    for claim in spec.get("volumeClaimTemplates")?.items() {
        let name = claim.find(&["metadata", "name"])?.as_str()?;
        let mut forms = Vec::new();
        for ordinal in start..start + replicas {
            let pod = format!("{app}-{ordinal}");
            let replica = Replica { ordinal, claim: format!("{name}-{pod}"), pod };
            let Some(volume) = by_name.get(&*format!("{namespace}.{}", replica.claim)) else { break };
            used += 1;
            forms.push((form(volume, claim, given, noted)?, replica));
        }
        if forms.is_empty() {
            continue;
        }
        if forms.len() < usize::try_from(replicas).unwrap_or(0) {
            return None;
        }
        items.insert(Text::from(name), Node::map(pattern(&forms)?.as_map()?.clone(), claim.at));
    }
    if used < group.volumes.len() || items.is_empty() {
        return None;
    }
    let all = spec.get("volumeClaimTemplates")?.items().count() == items.len();
    let mut different = items.values();
    let first = different.next().cloned();
    let shared = first.filter(|first| all && different.all(|other| other == first));
    Some(Backends { shared, items })
}

/// What a backend says of one volume.
fn form(volume: &Resource, claim: &Node, given: &Map, noted: &Map) -> Option<Node> {
    let spec = volume.node.get("spec")?;
    let text = |node: &Node, path: &[&str]| node.find(path).and_then(Node::as_str).map(Text::from);
    let at = volume.at();
    if annotations(volume) != *noted || !only_named(volume) {
        return None;
    }
    let more = super::container::without(&labels(volume), given);
    let (label, values) = match spec.get("nodeAffinity") {
        None => (None, Vec::new()),
        Some(affinity) => {
            let [term] = affinity.find(&["required", "nodeSelectorTerms"])?.as_list()? else { return None };
            let [expression] = term.get("matchExpressions")?.as_list()? else { return None };
            (text(expression, &["key"]), expression.get("values")?.items().cloned().collect())
        }
    };
    let one = || <[Node; 1]>::try_from(values.clone()).ok().map(|[value]| literal(&value));
    let on_node = || label.as_ref().filter(|label| **label == "kubernetes.io/hostname").and_then(|_| one());
    let (field, inner) = spec
        .entries()
        .map(|(key, value)| (&*key.name, value))
        .find(|(key, _)| ["hostPath", "local", "nfs", "csi", "gcePersistentDisk"].contains(key))?;
    let mut map: Map = inner.entries().map(|(key, value)| (key.clone(), literal(value))).collect();
    let mut backend = field;
    match field {
        "hostPath" => {
            if map.get("type").and_then(Node::as_str) == Some("DirectoryOrCreate") {
                map.remove("type");
            }
            if let Some(node) = on_node() {
                map.put("node", node);
            }
        }
        "local" => {
            map.put("node", on_node()?);
        }
        "nfs" => {}
        "csi" if text(inner, &["driver"]).as_deref() == Some("pd.csi.storage.gke.io") => {
            backend = "gcePersistentDisk";
            let handle = text(inner, &["volumeHandle"])?;
            let [_, project, place, zones, _, disk] = handle.split('/').collect::<Vec<_>>()[..] else { return None };
            map = Map::new();
            map.put("disk", literal(&Node::text(disk, at)));
            map.put("project", literal(&Node::text(project, at)));
            disk_rest(inner, &mut map);
            if place == "zones" {
                map.put("zone", Node::text(zones, at));
            } else {
                map.put("zones", Node::list(values.iter().map(literal).collect(), at));
            }
            if let Some(partition) = inner.find(&["volumeAttributes", "partition"]).and_then(Node::as_str) {
                map.put("partition", Node::int(partition.parse().ok()?, at));
            }
        }
        "csi" => match label.as_deref() {
            None => {}
            Some("kubernetes.io/hostname") => {
                map.put("node", on_node()?);
            }
            Some(label) => {
                map.put("zone", one()?);
                if label != "topology.kubernetes.io/zone" {
                    map.put("zoneLabel", Node::text(label, at));
                }
            }
        },
        _ => {
            map = Map::new();
            map.put("disk", literal(inner.get("pdName")?));
            map.put("driver", Node::text("in-tree", at));
            disk_rest(inner, &mut map);
            if let Some(partition) = inner.get("partition") {
                map.put("partition", partition.clone());
            }
            let zones: Vec<Node> = values.iter().map(literal).collect();
            match &zones[..] {
                [zone] => map.put("zone", zone.clone()),
                _ => map.put("zones", Node::list(zones, at)),
            };
        }
    }
    let _ = more;
    let mut form = Map::new();
    form.put(backend, Node::map(map, at));
    if let Some(policy) = spec.get("persistentVolumeReclaimPolicy").filter(|policy| policy.as_str() != Some("Retain")) {
        form.put("reclaimPolicy", policy.clone());
    }
    let class = spec.get("storageClassName").and_then(Node::as_str).unwrap_or_default();
    if claim.find(&["spec", "storageClassName"]).and_then(Node::as_str) != Some(class) {
        return None;
    }
    if !class.is_empty() {
        form.put("class", Node::text(class, at));
    }
    if let Some(options) = spec.get("mountOptions") {
        form.put("mountOptions", literal(options));
    }
    Some(Node::map(form, at))
}

fn disk_rest(inner: &Node, map: &mut Map) {
    if let Some(kind) = inner.get("fsType").filter(|kind| kind.as_str() != Some("ext4")) {
        map.put("fsType", literal(kind));
    }
    if let Some(read_only) = inner.get("readOnly") {
        map.put("readOnly", read_only.clone());
    }
}

/// One form that gives each replica its own.
fn pattern(forms: &[(Node, Replica)]) -> Option<Node> {
    let (first, _) = forms.first()?;
    let of = |key: &str| -> Option<Node> {
        let inner: Option<Vec<(Node, Replica)>> =
            forms.iter().map(|(node, replica)| Some((node.get(key)?.clone(), replica.copy()))).collect();
        pattern(&inner?)
    };
    let data = match &first.data {
        Data::Map(map) => {
            if forms.iter().any(|(node, _)| node.as_map().is_none_or(|other| other.len() != map.len())) {
                return None;
            }
            let entries: Option<Map> = map.iter().map(|(key, _)| Some((key.clone(), of(&key.name)?))).collect();
            Data::Map(entries?)
        }
        Data::Text(text) => Data::Text(text_pattern(text, forms)?),
        other if forms.iter().all(|(node, _)| node.data == *other) => other.clone(),
        _ => return None,
    };
    Some(Node::new(data, first.at))
}

impl Replica {
    fn copy(&self) -> Self {
        Self { ordinal: self.ordinal, pod: self.pod.clone(), claim: self.claim.clone() }
    }
}

fn text_pattern(text: &str, forms: &[(Node, Replica)]) -> Option<Text> {
    let (_, first) = forms.first()?;
    let same = |template: &str| {
        forms.iter().all(|(node, replica)| {
            let filled = template
                .replace("{{ claim }}", &replica.claim)
                .replace("{{ pod }}", &replica.pod)
                .replace("{{ ordinal }}", &replica.ordinal.to_string());
            node.as_str() == Some(&filled)
        })
    };
    if !text.contains("{{") {
        for (name, hole) in [(&first.claim, "{{ claim }}"), (&first.pod, "{{ pod }}")] {
            if text.contains(&**name) {
                let template = text.replace(&**name, hole);
                if same(&template) {
                    return Some(template.into());
                }
            }
        }
    }
    if same(text) {
        return Some(text.into());
    }
    if text.contains("{{") {
        return None;
    }
    let number = first.ordinal.to_string();
    for (position, _) in text.match_indices(&number) {
        let template = format!("{}{{{{ ordinal }}}}{}", &text[..position], &text[position + number.len()..]);
        if same(&template) {
            return Some(template.into());
        }
    }
    // Nothing that they have in common: a list, from which each takes its own.
    let texts: Option<Vec<&str>> =
        forms.iter().map(|(node, _)| node.as_str().filter(|text| !text.contains(['\'', '\\', '{', '}']))).collect();
    let index = if first.ordinal == 0 { "ordinal".to_owned() } else { format!("ordinal - {}", first.ordinal) };
    Some(format!("{{{{ ['{}'][{index}] }}}}", texts?.join("', '")).into())
}
