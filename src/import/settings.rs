//! Settings of the set and its pods that are one field of a spec: updates, security, spreading, disruption.

use super::container::without;
use super::draft::{map_at, only};
use super::text::literal;
use crate::bundle::Resource;
use crate::value::{Map, Node};
use std::collections::BTreeSet;

/// A strategy, in short where that says all of it.
pub(super) fn update(node: &Node) -> Option<Node> {
    let kind = node.get("type").and_then(Node::as_str);
    let rolling = node.get("rollingUpdate");
    if !only(node, &["type", "rollingUpdate"]) {
        return None;
    }
    match (kind, rolling) {
        (Some(kind), None) => Some(Node::text(kind, node.at)),
        (Some("RollingUpdate") | None, Some(rolling))
            if only(rolling, &["partition", "maxUnavailable"]) && rolling.entries().next().is_some() =>
        {
            Some(literal(rolling))
        }
        _ => None,
    }
}

/// The security settings of the pod, and those that all its containers have.
pub(super) struct Shares {
    /// `security:`.
    pub(super) node: Option<Node>,
    hoisted: Map,
}

impl Shares {
    /// A container without what all have.
    pub(super) fn take(&self, container: &Node) -> Node {
        let (mut container, at) = (container.clone(), container.at);
        if self.hoisted.is_empty() {
            return container;
        }
        if let Some(map) = container.as_map_mut()
            && let Some(context) = map.get("securityContext").and_then(Node::as_map)
        {
            let left = without(context, &self.hoisted);
            if left.is_empty() {
                map.remove("securityContext");
            } else {
                map.put("securityContext", Node::map(left, at));
            }
        }
        container
    }
}

pub(super) fn security(pod: Option<&Node>, containers: &[&Node], inits: &[&Node]) -> Shares {
    const OF_CONTAINERS: [&str; 4] =
        ["readOnlyRootFilesystem", "allowPrivilegeEscalation", "capabilities", "privileged"];
    let contexts: Vec<Map> =
        containers.iter().chain(inits).map(|container| map_at(container, &["securityContext"])).collect();
    let mut hoisted = Map::new();
    if let Some((first, rest)) = contexts.split_first() {
        for (key, value) in first.iter() {
            if OF_CONTAINERS.contains(&&*key.name) && rest.iter().all(|other| other.get(&key.name) == Some(value)) {
                hoisted.set(key.clone(), value.clone());
            }
        }
    }
    let pod_map = pod.and_then(Node::as_map).cloned().unwrap_or_default();
    let Some(at) = pod.map(|node| node.at).or_else(|| hoisted.iter().next().map(|(key, _)| key.at)) else {
        return Shares { node: None, hoisted };
    };
    let mut form = Map::new();
    let is = |map: &Map, key: &str, wanted: bool| map.get(key).and_then(Node::as_bool) == Some(wanted);
    let profile = is(&pod_map, "runAsNonRoot", true)
        && pod_map.get("seccompProfile").is_some_and(|profile| {
            profile.get("type").and_then(Node::as_str) == Some("RuntimeDefault") && only(profile, &["type"])
        })
        && is(&hoisted, "allowPrivilegeEscalation", false)
        && hoisted.get("capabilities").is_some_and(|capabilities| {
            only(capabilities, &["drop"])
                && capabilities.get("drop").is_some_and(|drop| drop.items().map(Node::as_str).eq([Some("ALL")]))
        });
    if profile {
        form.put("profile", Node::text("restricted", at));
    }
    let implied = |key: &str| {
        profile && ["runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation", "capabilities"].contains(&key)
    };
    let of_pod = crate::yaml::in_order(&pod_map);
    let of_all = crate::yaml::in_order(&hoisted);
    for (key, value) in of_pod.iter().chain(of_all.iter()).filter(|(key, _)| !implied(&key.name)) {
        form.put(key.name.clone(), literal(value));
    }
    let node = if form.is_empty() {
        None
    } else if profile && form.len() == 1 {
        Some(Node::text("restricted", at))
    } else {
        Some(Node::map(form, at))
    };
    Shares { node, hoisted }
}

/// What pods are spread over, where it is over nodes or zones.
pub(super) fn spread(node: &Node, selector: &Map) -> Option<Node> {
    let mut items = Vec::new();
    for item in node.items() {
        let over = match item.get("topologyKey")?.as_str()? {
            "kubernetes.io/hostname" => "host",
            "topology.kubernetes.io/zone" => "zone",
            _ => return None,
        };
        let same = item.get("labelSelector")?;
        if !only(same, &["matchLabels"]) || map_at(same, &["matchLabels"]) != *selector {
            return None;
        }
        let mut form = Map::new();
        form.put("over", Node::text(over, item.at));
        match item.get("whenUnsatisfiable")?.as_str()? {
            "DoNotSchedule" => {}
            _ => {
                form.put("required", Node::bool(false, item.at));
            }
        }
        for (key, value) in item.entries() {
            match &*key.name {
                "topologyKey" | "labelSelector" | "whenUnsatisfiable" => {}
                "maxSkew" if value.as_int() == Some(1) => {}
                _ => {
                    form.put(key.name.clone(), literal(value));
                }
            }
        }
        let short = form.get("over").filter(|_| form.len() == 1).cloned();
        items.push(short.unwrap_or_else(|| Node::map(form, item.at)));
    }
    let overs: BTreeSet<Option<&str>> =
        node.items().map(|item| item.get("topologyKey").and_then(Node::as_str)).collect();
    if overs.len() < items.len() {
        return None;
    }
    match items.len() {
        0 => None,
        1 => items.pop(),
        _ => Some(Node::list(items, node.at)),
    }
}

/// What pods are kept apart by, where it is by nodes or zones and nothing else is said of where they run.
pub(super) fn apart(affinity: &Node, selector: &Map) -> Option<Node> {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let terms = affinity.get("podAntiAffinity")?;
    if !only(affinity, &["podAntiAffinity"]) || !only(terms, &[REQUIRED, PREFERRED]) {
        return None;
    }
    let over = |term: &Node| {
        let same = term.get("labelSelector")?;
        let is_ours = only(term, &["labelSelector", "topologyKey"])
            && only(same, &["matchLabels"])
            && map_at(same, &["matchLabels"]) == *selector;
        let word = match term.get("topologyKey")?.as_str()? {
            "kubernetes.io/hostname" => "host",
            "topology.kubernetes.io/zone" => "zone",
            _ => return None,
        };
        is_ours.then(|| Node::text(word, term.at))
    };
    let mut items = Vec::new();
    for term in terms.get(REQUIRED).into_iter().flat_map(Node::items) {
        items.push(over(term)?);
    }
    for preferred in terms.get(PREFERRED).into_iter().flat_map(Node::items) {
        if preferred.get("weight")?.as_int() != Some(100) || !only(preferred, &["weight", "podAffinityTerm"]) {
            return None;
        }
        let over = over(preferred.get("podAffinityTerm")?)?;
        let at = preferred.at;
        items.push(Node::of(at, [("over", Some(over)), ("required", Some(Node::bool(false, at)))]));
    }
    match items.len() {
        0 => None,
        1 => items.pop(),
        _ => Some(Node::list(items, affinity.at)),
    }
}

/// The budget of an app.
pub(super) fn disruption(budget: &Resource, app: &str) -> Node {
    let at = budget.at();
    let spec = map_at(&budget.node, &["spec"]);
    let fields: Vec<_> = spec.iter().filter(|(key, _)| key.name != "selector").collect();
    if budget.id.name == app
        && let [(key, value)] = fields[..]
        && key.name == "maxUnavailable"
    {
        return value.clone();
    }
    let mut form = Map::new();
    if budget.id.name != app {
        form.put("name", Node::text(budget.id.name.as_str(), at));
    }
    for (key, value) in fields {
        form.put(key.name.clone(), literal(value));
    }
    Node::map(form, at)
}
