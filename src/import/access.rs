//! What an account may do, who reaches the pods, and where metrics are read, in the spec's short forms: where an object
//! is as the spec would make it, up to what only a compilation shows.

use super::container::without;
use super::draft::{labels, map_at, only};
use super::text::literal;
use crate::bundle::Resource;
use crate::value::{Map, Node, Text};

/// What is said of an account, and the objects that say no more than that.
#[derive(Default)]
pub(super) struct Access<'g> {
    /// `rules`, `clusterRules` and `clusterRoles`.
    pub(super) fields: Vec<(&'static str, Node)>,
    /// The objects that these make.
    pub(super) made: Vec<&'g Resource>,
}

/// What an account may do by objects that have the names that the spec would give them. `others` say nothing beside
/// what they are for.
pub(super) fn access<'g>(account: &Resource, namespace: &str, others: &[&'g Resource]) -> Access<'g> {
    let mut access = Access::default();
    let name = &*account.id.name;
    let own = format!("{namespace}.{name}");
    for (field, kind, named) in [("rules", "Role", name), ("clusterRules", "ClusterRole", &own)] {
        let role = others.iter().find(|other| other.id.kind == kind && other.id.name == named);
        let binding = format!("{kind}Binding");
        let binding = others.iter().find(|other| {
            other.id.kind == binding && other.id.name == named && bound(other, name) == Some((kind, named))
        });
        if let (Some(role), Some(binding)) = (role, binding)
            && only(&role.node, &["apiVersion", "kind", "metadata", "rules"])
            && let Some(rules) = role.node.get("rules").filter(|rules| rules.as_list().is_some())
        {
            access.fields.push((field, literal(rules)));
            access.made.extend([role, binding]);
        }
    }
    let mut roles = Vec::new();
    for other in others.iter().filter(|other| other.id.kind == "ClusterRoleBinding") {
        if let Some(("ClusterRole", role)) = bound(other, name)
            && other.id.name == format!("{own}.{role}")
        {
            roles.push(Node::text(role, other.at()));
            access.made.push(other);
        }
    }
    if !roles.is_empty() {
        access.fields.push(("clusterRoles", Node::list(roles, account.at())));
    }
    access
}

/// The kind and the name of what a binding gives to an account and to nobody else.
fn bound<'n>(binding: &'n Resource, account: &str) -> Option<(&'n str, &'n str)> {
    let [subject] = binding.node.get("subjects")?.as_list()? else { return None };
    let text = |node: &'n Node, key: &str| node.get(key).and_then(Node::as_str);
    let role = binding.node.get("roleRef")?;
    (text(subject, "kind") == Some("ServiceAccount") && text(subject, "name") == Some(account))
        .then(|| text(role, "kind").zip(text(role, "name")))?
}

/// Who may connect to which port.
pub(super) fn network(policy: &Resource, selector: &Map, ports: &[&Node]) -> Option<Node> {
    let spec = policy.node.get("spec")?;
    let selected = spec.get("podSelector")?;
    let is_ours = only(spec, &["podSelector", "policyTypes", "ingress"])
        && only(selected, &["matchLabels"])
        && map_at(selected, &["matchLabels"]) == *selector
        && spec.get("policyTypes")?.items().map(Node::as_str).eq([Some("Ingress")]);
    if !is_ours {
        return None;
    }
    let mut network = Map::new();
    for rule in spec.get("ingress").into_iter().flat_map(Node::items) {
        let from = match rule.get("from") {
            None => Node::text("any", rule.at),
            Some(from) => clients(from, selector),
        };
        if !only(rule, &["from", "ports"]) {
            return None;
        }
        for port in rule.get("ports")?.items() {
            let name: Text = match (port.get("port")?.as_str(), port.get("port")?.as_int()) {
                (Some(name), _) => {
                    ports.iter().find(|known| known.get("name").and_then(Node::as_str) == Some(name))?;
                    name.into()
                }
                (_, Some(number)) => number.to_string().into(),
                _ => return None,
            };
            if network.put(name, from.clone()).is_some() {
                return None;
            }
        }
    }
    Some(Node::map(network, policy.at()))
}

/// The clients of a rule: words where there are some, one or several.
fn clients(from: &Node, selector: &Map) -> Node {
    let client = |item: &Node| {
        let pods = item.get("podSelector").filter(|_| only(item, &["podSelector"]));
        match pods {
            Some(pods) if pods.as_map().is_some_and(Map::is_empty) => Node::text("namespace", item.at),
            Some(pods) if only(pods, &["matchLabels"]) && map_at(pods, &["matchLabels"]) == *selector => {
                Node::text("peers", item.at)
            }
            _ => literal(item),
        }
    };
    let mut all: Vec<Node> = from.items().map(client).collect();
    if all.len() == 1 { all.remove(0) } else { Node::list(all, from.at) }
}

/// Where metrics are read.
pub(super) fn monitor(monitor: &Resource, selector: &Map, given: &Map) -> Option<Node> {
    let spec = monitor.node.get("spec")?;
    let selected = spec.get("selector")?;
    let [endpoint] = spec.get("podMetricsEndpoints")?.as_list()? else { return None };
    let is_ours = monitor.api_version == "monitoring.coreos.com/v1"
        && only(spec, &["selector", "podMetricsEndpoints"])
        && only(selected, &["matchLabels"])
        && map_at(selected, &["matchLabels"]) == *selector
        && only(endpoint, &["port", "path", "scheme", "interval", "scrapeTimeout"])
        && endpoint.entries().all(|(_, value)| value.as_str().is_some());
    if !is_ours {
        return None;
    }
    let mut form: Map = endpoint.entries().map(|(key, value)| (key.clone(), literal(value))).collect();
    let more = without(&labels(monitor), given);
    if more.is_empty() && form.len() == 1 {
        return form.remove("port");
    }
    if !more.is_empty() {
        form.put(
            "labels",
            Node::map(more.iter().map(|(key, value)| (key.clone(), literal(value))).collect(), endpoint.at),
        );
    }
    Some(Node::map(form, endpoint.at))
}
