//! Who reaches the pods, as it is meant: one rule for all ports that the same clients may connect to.

use super::container::{Container, Port, port_reference};
use super::{key_node, text, texts};
use crate::block::{Placed, Scalar};
use crate::diagnostic::Diagnostics;
use crate::source::At;
use crate::spec::network::{Client, Clients, Known, Monitor as Written, Network as Rules};
use crate::value::{Map, Node};
use std::collections::BTreeMap;

/// Who may connect to the pods.
#[derive(Clone, Debug)]
pub struct Network {
    /// Rules of a NetworkPolicy; a port that is in none takes no connection.
    pub ingress: Vec<Node>,
    /// Where it is written.
    pub at: At,
}

/// Where metrics are read.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// The endpoint, in the operator's words.
    pub endpoint: Node,
    /// Labels of the monitor beside the app's.
    pub labels: Map,
    /// Where it is written.
    pub at: At,
}

/// So many rules before it a port may join, where it is for the same clients.
const COMPARED: usize = 32;

/// The ports of all containers.
fn ports<'c>(containers: &'c [Container], init: &'c [Container]) -> impl Iterator<Item = &'c Port> + Clone {
    containers.iter().chain(init).flat_map(|container| &container.ports)
}

pub(super) fn network(
    written: &Placed<Rules>,
    containers: &[Container],
    init: &[Container],
    selector: &Map,
    found: &mut Diagnostics,
) -> Network {
    let known: BTreeMap<&str, &Port> = ports(containers, init).map(|port| (&*port.name.name, port)).collect();
    let mut rules: Vec<(Option<Node>, Vec<Node>, At)> = Vec::new();
    for (key, clients) in &written.value.entries {
        let port = known.get(&*key.name);
        let named = port.map_or_else(
            || {
                let name = Placed { value: Scalar(key.name.clone()), at: key.at };
                port_reference(&name, &known.keys().copied(), "the pod", found)
            },
            |_| key_node(key),
        );
        let protocol = port.map(|port| &port.protocol).filter(|protocol| **protocol != "TCP");
        let port = Node::of(
            key.at,
            [("port", Some(named)), ("protocol", protocol.map(|protocol| Node::text(protocol.clone(), key.at)))],
        );
        let from = from(clients, selector);
        // Only the last are compared, so that many rules take no longer than their number.
        match rules.iter_mut().rev().take(COMPARED).find(|(other, _, _)| *other == from) {
            Some((_, ports, _)) => ports.push(port),
            None => rules.push((from, vec![port], key.at)),
        }
    }
    let rule = |(from, ports, at): (Option<Node>, Vec<Node>, At)| {
        Node::of(at, [("from", from), ("ports", Some(Node::list(ports, at)))])
    };
    Network { ingress: rules.into_iter().map(rule).collect(), at: written.at }
}

/// The clients as a rule lists them; nothing where it is everybody.
fn from(clients: &Placed<Clients>, selector: &Map) -> Option<Node> {
    let at = clients.at;
    let several = match &clients.value {
        Clients::Known(known) => vec![self::known(*known, at, selector)],
        Clients::Described(described) => vec![Some(Node::map(described.0.clone(), at))],
        Clients::Several(several) => several
            .iter()
            .map(|client| match &client.value {
                Client::Known(known) => self::known(*known, client.at, selector),
                Client::Described(described) => Some(Node::map(described.0.clone(), client.at)),
            })
            .collect(),
    };
    // An empty list would let everybody in: it is what somebody writes who lets nobody in.
    several.into_iter().collect::<Option<Vec<Node>>>().map(|several| Node::list(several, at))
}

fn known(known: Known, at: At, selector: &Map) -> Option<Node> {
    match known {
        Known::Any => None,
        Known::Namespace => Some(Node::of(at, [("podSelector", Some(Node::map(Map::new(), at)))])),
        Known::Peers => Some(Node::of(
            at,
            [("podSelector", Some(Node::of(at, [("matchLabels", Some(Node::map(selector.clone(), at)))])))],
        )),
    }
}

pub(super) fn monitor(
    written: &Placed<Written>,
    containers: &[Container],
    init: &[Container],
    found: &mut Diagnostics,
) -> Option<Monitor> {
    let at = written.at;
    let (port, form) = match &written.value {
        Written::Port(port) => (port, None),
        Written::Form(form) => (form.port.as_ref()?, Some(form)),
    };
    let ports = ports(containers, init);
    let name = Placed { value: Scalar(port.value.clone()), at: port.at };
    port_reference(&name, &ports.map(|port| &*port.name.name), "the pod", found);
    let field = |value: Option<&Placed<crate::value::Text>>| value.map(text);
    let endpoint = Node::of(
        at,
        [
            ("port", Some(text(port))),
            ("path", field(form.and_then(|form| form.path.as_ref()))),
            ("scheme", field(form.and_then(|form| form.scheme.as_ref()))),
            ("interval", field(form.and_then(|form| form.interval.as_ref()))),
            ("scrapeTimeout", field(form.and_then(|form| form.scrape_timeout.as_ref()))),
        ],
    );
    let labels = form.and_then(|form| form.labels.as_ref()).map(texts).unwrap_or_default();
    Some(Monitor { endpoint, labels, at })
}
