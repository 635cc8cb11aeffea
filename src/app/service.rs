//! Services as they are meant: the governing one, those with names, one for each ordinal.

use super::container::{Container, Port, port_reference};
use super::expression::{self, Names};
use super::identity::Identity;
use super::{NAME, PORT, key_node, texts};
use crate::block::{Placed, Read};
use crate::diagnostic::{Diagnostics, Level, listing};
use crate::source::At;
use crate::spec::service::{Governing, Service as Written, ServiceForm, ServicePort, Services};
use crate::value::{Key, Map, Node, Text};
use std::collections::BTreeMap;

/// What a Service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// It gives the pods their names.
    Governing,
    /// It is reached by clients.
    Public,
    /// It leads to one ordinal.
    PerPod(i64),
}

/// A Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// `web-public`.
    pub name: Placed<Text>,
    /// What it is for.
    pub kind: ServiceKind,
    /// Its ports, in Kubernetes' words.
    pub ports: Vec<Node>,
    /// The labels of the pods it leads to.
    pub selector: Map,
    /// Its own labels, over the app's.
    pub labels: Map,
    /// Its own annotations, over the app's.
    pub annotations: Map,
    /// Fields of the ServiceSpec, which win.
    pub rest: Map,
    /// Where it is written.
    pub at: At,
}

/// All Services; the governing one first. `each` is what an object takes beside what is written of it.
#[allow(clippy::too_many_arguments, reason = "they are the parts of an app, each read by itself")]
pub(super) fn services(
    written: Option<&Services>,
    identity: &Identity,
    names: &Names,
    containers: &[Container],
    init: &[Container],
    selector: &Map,
    each: u64,
    found: &mut Diagnostics,
) -> Vec<Service> {
    let ports: Vec<&Port> = containers.iter().chain(init).flat_map(|container| &container.ports).collect();
    let mut services = match written.and_then(|services| services.governing.as_ref()) {
        Some(Governing::Exists | Governing::Nothing) => Vec::new(),
        Some(Governing::Made(written)) => vec![governing_service(Some(written), identity, &ports, selector, found)],
        None => vec![governing_service(None, identity, &ports, selector, found)],
    };
    for (key, written) in written.iter().flat_map(|services| &services.named.entries) {
        let name = name_of(&written.form, || format!("{}-{}", identity.app, key.name), key.at);
        services.push(service(&written.form, name, ServiceKind::Public, &ports, selector.clone(), found));
    }
    if let Some(later) = written.and_then(|services| services.per_pod.as_ref()) {
        let bytes = (each + super::size(&later.node)).saturating_mul(identity.replicas.unsigned_abs());
        if names.pay(bytes, "Services", later.node.at, found) {
            services.extend(per_pod(&later.node, identity, names, &ports, selector, found));
        }
    }
    let mut names: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in &services {
        check(service, names.get(&*service.name.value).copied(), found);
        names.entry(&service.name.value).or_insert(service);
    }
    services
}

fn check(service: &Service, twin: Option<&Service>, found: &mut Diagnostics) {
    let name = &service.name;
    if !crate::k8s::name::is_dns_label(&name.value) {
        NAME.report(format!("`{}` cannot name a Service", name.value))
            .help("use lowercase letters, digits and `-`, at most 63, beginning with a letter")
            .at(name.at, found);
    }
    if let Some(twin) = twin {
        NAME.report(format!("two Services are called `{}`", name.value))
            .see(twin.name.at, "the other is here")
            .help("give one of them another name with `name:`")
            .at(name.at, found);
    }
}

fn name_of(form: &ServiceForm, otherwise: impl FnOnce() -> String, at: At) -> Placed<Text> {
    form.name.clone().unwrap_or_else(|| Placed { value: otherwise().into(), at })
}

fn governing_service(
    written: Option<&Written>,
    identity: &Identity,
    ports: &[&Port],
    selector: &Map,
    found: &mut Diagnostics,
) -> Service {
    let name = Placed { value: identity.governing.clone(), at: identity.at };
    let mut service = match written {
        Some(written) => self::service(&written.form, name, ServiceKind::Governing, ports, selector.clone(), found),
        None => Service {
            name,
            kind: ServiceKind::Governing,
            ports: Vec::new(),
            selector: selector.clone(),
            labels: Map::new(),
            annotations: Map::new(),
            rest: Map::new(),
            at: identity.at,
        },
    };
    if written.is_none_or(|written| written.form.ports.is_none()) {
        // A port without a name has no SRV record: every container port is published under its own.
        service.ports = ports
            .iter()
            .map(|port| port_node(&port.name, port.number, port.name.at, key_node(&port.name), &port.protocol))
            .collect();
    }
    service
}

fn service(
    form: &ServiceForm,
    name: Placed<Text>,
    kind: ServiceKind,
    ports: &[&Port],
    selector: Map,
    found: &mut Diagnostics,
) -> Service {
    let list = form.ports.as_ref().map(|ports| &ports.entries[..]).unwrap_or_default();
    let external = form.rest.get("type").and_then(Node::as_str) == Some("ExternalName");
    if list.is_empty() && kind != ServiceKind::Governing && !external {
        PORT.report(format!("the Service `{}` has no port", name.value))
            .help(ports.first().map_or_else(
                || "give the container ports first, then name one here".to_owned(),
                |port| format!("add one, as in `{{{}: 80}}`", port.name.name),
            ))
            .at(form.at, found);
    }
    Service {
        name,
        kind,
        ports: list.iter().filter_map(|(key, port)| self::port(key, port, ports, found)).collect(),
        selector,
        labels: form.labels.as_ref().map(texts).unwrap_or_default(),
        annotations: form.annotations.as_ref().map(texts).unwrap_or_default(),
        rest: form.rest.clone(),
        at: form.at,
    }
}

fn port(key: &Key, written: &ServicePort, ports: &[&Port], found: &mut Diagnostics) -> Option<Node> {
    let (number, form) = match written {
        ServicePort::Number(number) => (number, None),
        ServicePort::Form(form) => (form.port.as_ref()?, Some(form)),
    };
    let names = ports.iter().map(|port| &*port.name.name);
    let target = match form.and_then(|form| form.target_port.as_ref()) {
        Some(target) => port_reference(target, &names, "no container of this pod", found),
        None => {
            if !ports.iter().any(|port| port.name.name == key.name) {
                let near = crate::diagnostic::nearest(&key.name, names.clone());
                let otherwise = || {
                    if ports.is_empty() {
                        format!("name the port of the container first: `ports: {{{}: …}}`", key.name)
                    } else {
                        format!(
                            "there are {}; or say where it leads: `{}: {{port: {}, targetPort: …}}`",
                            listing(names, 8),
                            key.name,
                            number.value
                        )
                    }
                };
                PORT.report(format!("no container has a port `{}` that this Service could lead to", key.name))
                    .meant(near, key.at, otherwise)
                    .at(key.at, found);
            }
            key_node(key)
        }
    };
    let leads = |port: &&&Port| target.as_str() == Some(&port.name.name) || target.as_int() == Some(port.number);
    let protocol = ports.iter().find(leads).map_or("TCP", |port| &port.protocol);
    let mut node = port_node(key, number.value, number.at, target, protocol);
    if let (Some(map), Some(form)) = (node.as_map_mut(), form) {
        crate::merge::overlay(map, &form.rest);
    }
    Some(node)
}

fn port_node(name: &Key, number: i64, at: At, target: Node, protocol: &str) -> Node {
    let protocol = (protocol != "TCP").then(|| Node::text(protocol, at));
    Node::of(
        name.at.to(at),
        [
            ("name", Some(key_node(name))),
            ("port", Some(Node::int(number, at))),
            ("targetPort", Some(target)),
            ("protocol", protocol),
        ],
    )
}

/// One Service for each ordinal, each with its own names in its expressions.
fn per_pod(
    node: &Node,
    identity: &Identity,
    names: &Names,
    ports: &[&Port],
    selector: &Map,
    found: &mut Diagnostics,
) -> Vec<Service> {
    let mut services = Vec::new();
    for ordinal in identity.ordinals() {
        let before = found.len();
        let pod = identity.pod(ordinal);
        let names = names.with([("ordinal", ordinal.into()), ("pod", pod.as_str().into())]);
        let evaluated = expression::evaluate(node, &names, found);
        let Some(written) = Written::read(&evaluated, found) else { break };
        let name = name_of(&written.form, || pod.clone(), written.at);
        let mut selector = selector.clone();
        selector.put("statefulset.kubernetes.io/pod-name", Node::text(pod.as_str(), written.at));
        services.push(service(&written.form, name, ServiceKind::PerPod(ordinal), ports, selector, found));
        if found.iter().skip(before).any(|diagnostic| diagnostic.level == Level::Error) {
            break;
        }
    }
    services
}
