//! The Services of an app as a spec says them.

use super::container::{free_name, number_or_form, without};
use super::draft::{annotations, labels, only_named};
use super::gather::Group;
use super::text::{literal, literal_map};
use crate::bundle::{Resource, ResourceId};
use crate::value::{Map, Node, Text};
use std::collections::BTreeSet;

/// What Services lead to.
pub(super) struct Reached<'r> {
    /// The app's name.
    pub(super) app: &'r str,
    /// The labels that every object has.
    pub(super) labels: &'r Map,
    /// The annotations that every object has.
    pub(super) annotations: &'r Map,
    /// The labels by which the set finds its pods.
    pub(super) selector: &'r Map,
    /// The containers of the pod.
    pub(super) containers: &'r [&'r Node],
    /// Those that run before.
    pub(super) inits: &'r [&'r Node],
}

/// `services:`, and what can only be said in Kubernetes' words.
pub(super) struct Said<'g> {
    pub(super) map: Map,
    pub(super) whole: Vec<&'g Resource>,
}

/// A port of the pod.
struct Port {
    name: Text,
    number: i64,
    protocol: Text,
}

pub(super) fn services<'g>(
    service_name: Option<&Node>,
    group: &'g Group,
    reached: &Reached<'_>,
    whole: &BTreeSet<ResourceId>,
) -> Said<'g> {
    let at = group.set.at();
    let mut said = Said { map: Map::new(), whole: Vec::new() };
    let ports = ports(reached);
    let named = service_name.and_then(Node::as_str).filter(|name| !name.is_empty());
    let governing = group.governing.as_ref().filter(|service| !whole.contains(&service.id));
    match (governing.and_then(|service| Some((service, self::service(service, true, reached, &ports)?))), named) {
        (Some((service, mut form)), _) => {
            if service.id.name != reached.app {
                let mut named = Map::new();
                named.put("name", Node::text(service.id.name.as_str(), service.at()));
                for (key, value) in form {
                    named.set(key, value);
                }
                form = named;
            }
            if !form.is_empty() {
                said.map.put("governing", Node::map(form, service.at()));
            }
        }
        (None, Some(name)) => {
            said.map.put("governing", literal(&Node::text(name, service_name.map_or(at, |node| node.at))));
            said.whole.extend(&group.governing);
        }
        (None, None) => {
            said.map.put("governing", Node::bool(false, at));
        }
    }
    let mut per_pod = Vec::new();
    for service in &group.services {
        if !whole.contains(&service.id)
            && let Some(form) = self::service(service, false, reached, &ports)
        {
            let (key, written) = key(&service.id.name, reached.app, &said.map);
            let mut map = Map::new();
            if written {
                map.put("name", Node::text(service.id.name.as_str(), service.at()));
            }
            for (name, value) in form {
                map.set(name, value);
            }
            let short = map.get("ports").filter(|ports| map.len() == 1 && is_short(ports)).cloned();
            said.map.put(key, short.unwrap_or_else(|| Node::map(map, service.at())));
        } else {
            per_pod.push(service);
        }
    }
    said.whole.extend(per_pod);
    said
}

/// Whether ports alone are taken for the short form.
fn is_short(ports: &Node) -> bool {
    const LONG: [&str; 8] = ["name", "ports", "annotations", "labels", "type", "selector", "clusterip", "externalname"];
    ports.entries().all(|(key, _)| !LONG.contains(&&*key.name))
}

/// The key of a Service, and whether its name has to be said beside it.
fn key(name: &str, app: &str, taken: &Map) -> (Text, bool) {
    let rest = name.strip_prefix(app).and_then(|rest| rest.strip_prefix('-'));
    match rest {
        Some(rest) if !matches!(rest, "governing" | "perPod" | "") && !taken.has(rest) => (rest.into(), false),
        _ => {
            let mut key = if name == app { "main".to_owned() } else { name.to_owned() };
            while taken.has(&key) || matches!(&*key, "governing" | "perPod") {
                key.push_str("-service");
            }
            (key.into(), true)
        }
    }
}

fn ports(reached: &Reached<'_>) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for port in reached
        .containers
        .iter()
        .chain(reached.inits)
        .filter_map(|container| container.get("ports"))
        .flat_map(Node::items)
    {
        let name = port.get("name").and_then(Node::as_str);
        let number = port.get("containerPort").and_then(Node::as_int);
        let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
        if let Some((name, number)) = name.zip(number).filter(|(name, _)| ports.iter().all(|port| port.name != *name)) {
            ports.push(Port { name: name.into(), number, protocol: protocol.into() });
        }
    }
    ports
}

/// All that a spec says of a Service beside its name; nothing where it has no words for it.
fn service(service: &Resource, governing: bool, reached: &Reached<'_>, ports: &[Port]) -> Option<Map> {
    let at = service.at();
    let has_given = |given: &Map, all: &Map| given.iter().all(|(key, value)| all.get(&key.name) == Some(value));
    let (own_labels, own_annotations) = (labels(service), annotations(service));
    if !only_named(service)
        || !has_given(reached.labels, &own_labels)
        || !has_given(reached.annotations, &own_annotations)
        || service.node.entries().any(|(key, _)| !matches!(&*key.name, "apiVersion" | "kind" | "metadata" | "spec"))
    {
        return None;
    }
    let empty = Node::map(Map::new(), at);
    let spec = service.node.get("spec").unwrap_or(&empty);
    let mut form = Map::new();
    let listed: Vec<&Node> = spec.get("ports").into_iter().flat_map(Node::items).collect();
    let external = spec.get("type").and_then(Node::as_str) == Some("ExternalName");
    if listed.is_empty() && !governing && !external {
        return None;
    }
    if !(governing && publishes_all(&listed, ports)) {
        let mut taken = BTreeSet::new();
        let mut map = Map::new();
        for port in &listed {
            let (key, value) = self::port(port, ports, &mut taken)?;
            if map.put(key, value).is_some() {
                return None;
            }
        }
        if !map.is_empty() || governing {
            form.put("ports", Node::map(map, at));
        }
    }
    let mut selector = Map::new();
    match spec.get("selector").and_then(Node::as_map) {
        Some(own) => {
            for (key, _) in reached.selector.iter().filter(|(key, _)| !own.has(&key.name)) {
                selector.put(key.name.clone(), Node::null(at));
            }
            for (key, value) in without(own, reached.selector) {
                selector.set(key, literal(&value));
            }
            if !selector.is_empty() {
                form.put("selector", Node::map(selector, at));
            }
        }
        None => {
            form.put("selector", Node::null(at));
        }
    }
    for (key, value) in spec.entries() {
        match &*key.name {
            "ports" | "selector" => {}
            "clusterIP" if governing && value.as_str() == Some("None") => {}
            "publishNotReadyAddresses" if governing && value.as_bool() == Some(true) => {}
            "publishNotReadyAddresses" if !governing && value.as_bool() == Some(false) => {}
            _ => {
                form.put(key.name.clone(), literal(value));
            }
        }
    }
    if governing {
        for field in ["clusterIP", "publishNotReadyAddresses"] {
            let is_same = match field {
                "clusterIP" => spec.get(field).is_some(),
                _ => spec.get(field).and_then(Node::as_bool).is_some(),
            };
            if !is_same {
                form.put(field, Node::null(at));
            }
        }
    }
    for (field, own, given) in
        [("labels", own_labels, reached.labels), ("annotations", own_annotations, reached.annotations)]
    {
        let more = without(&own, given);
        if !more.is_empty() {
            form.put(field, literal_map(&more, at));
        }
    }
    Some(form)
}

/// Whether ports are those that the governing Service has by itself: every port of the pod under its own name.
fn publishes_all(listed: &[&Node], ports: &[Port]) -> bool {
    let same = |(listed, port): (&&Node, &Port)| {
        let target = listed.get("targetPort");
        let leads = target.and_then(Node::as_str) == Some(&port.name);
        listed.get("name").and_then(Node::as_str) == Some(&port.name)
            && listed.get("port").and_then(Node::as_int) == Some(port.number)
            && leads
            && listed.get("protocol").and_then(Node::as_str).unwrap_or("TCP") == port.protocol
            && listed.entries().all(|(key, _)| matches!(&*key.name, "name" | "port" | "targetPort" | "protocol"))
    };
    listed.len() == ports.len() && listed.iter().zip(ports).all(same)
}

/// A port: its key, and its number or more.
fn port(port: &Node, ports: &[Port], taken: &mut BTreeSet<String>) -> Option<(Text, Node)> {
    let number = port.get("port").filter(|number| number.as_int().is_some())?;
    let name = port.get("name").and_then(Node::as_str);
    let target = port
        .get("targetPort")
        .filter(|target| !target.is_null() && target.as_str() != Some("") && target.as_int() != Some(0));
    let mut form = Map::new();
    let known = |name: &str| ports.iter().any(|port| port.name == name);
    let key: Text = match name {
        Some(name) => name.into(),
        None => match target.and_then(Node::as_str).filter(|target| !taken.contains(*target)) {
            Some(target) => target.into(),
            None => free_name(number, taken),
        },
    };
    taken.insert(key.to_string());
    // None said is the number itself.
    let leads = match target {
        Some(target) if target.as_str() == Some(&key) && known(&key) => None,
        Some(target) => Some(target.clone()),
        None => Some(number.clone()),
    };
    if let Some(target) = leads {
        if target.as_str().is_some_and(|target| !known(target)) {
            return None;
        }
        form.put("targetPort", target);
    }
    // The protocol is that of the port which it leads to.
    let target = form.get("targetPort").cloned().unwrap_or_else(|| Node::text(key.clone(), port.at));
    let leads = |port: &&Port| target.as_str() == Some(&port.name) || target.as_int() == Some(port.number);
    let implied = ports.iter().find(leads).map_or("TCP", |port| &port.protocol);
    let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
    if protocol != implied {
        form.put("protocol", Node::text(protocol, port.at));
    }
    if name.is_none() {
        form.put("name", Node::null(port.at));
    }
    for (field, value) in port.entries() {
        if !matches!(&*field.name, "name" | "port" | "targetPort" | "protocol") {
            form.put(field.name.clone(), literal(value));
        }
    }
    Some((key, number_or_form(number.clone(), form)))
}
