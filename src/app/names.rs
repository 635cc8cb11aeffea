//! What the names in an app's expressions stand for, and so who its replicas are: read first, because everything else
//! asks.

use super::evaluator::OTHER_APP;
use super::expression::{self, Names, to_value};
use super::identity::Identity;
use super::others::Apps;
use super::{COUNT, MOST_REPLICAS, NAME};
use crate::block::wrong_type;
use crate::budget::REPLICAS_OF_OTHERS;
use crate::diagnostic::Diagnostics;
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use minijinja::{Error, ErrorKind, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads the few fields that all names are made of.
pub(super) fn identify(
    merged: &Node,
    environment: &str,
    mut names: Names,
    apps: Option<Arc<dyn Apps>>,
    found: &mut Diagnostics,
) -> Option<(Identity, Names)> {
    names.set("env", environment);
    if let Some(apps) = apps {
        let environment = environment.to_owned();
        // Each is asked for once, however often it is named.
        let known = Mutex::new((BTreeMap::<String, Value>::new(), 0_i64));
        names.set(
            OTHER_APP,
            Value::from_function(move |name: String| {
                let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let (apps_known, replicas) = &mut *known;
                if let Some(value) = apps_known.get(&name) {
                    return Ok(value.clone());
                }
                let identity = apps.identity(&name, &environment).map_err(wrong)?;
                *replicas += identity.replicas;
                if *replicas > REPLICAS_OF_OTHERS {
                    let message =
                        format!("the apps that are named here have more than {REPLICAS_OF_OTHERS} replicas together");
                    return Err(wrong(message));
                }
                let value = other(&identity);
                apps_known.insert(name, value.clone());
                Ok(value)
            }),
        );
    }
    names.set("vars", Value::from(BTreeMap::<String, Value>::new()));
    let (app, at) = named(merged.get("name"), &names, merged, "name", found)?;
    check_app_name(&app, at, found);
    names.set("app", app.as_str());
    if let Some(vars) = merged.get("vars") {
        names.set("vars", to_value(&expression::evaluate(vars, &names, found)));
    }
    let namespace = match merged.get("namespace") {
        Some(node) if !node.is_null() => Some(named(Some(node), &names, merged, "namespace", found)?),
        _ => None,
    };
    let written = namespace.is_some();
    let namespace = match namespace {
        Some((namespace, at)) => {
            if !crate::k8s::name::is_dns_label(&namespace) {
                NAME.report(format!("`{namespace}` cannot be a namespace"))
                    .help(
                        "use lowercase letters, digits and `-`, at most 63, beginning and ending with a \
                        letter or digit",
                    )
                    .at(at, found);
            }
            namespace
        }
        None => "default".into(),
    };
    names.set("namespace", namespace.as_str());
    let replicas = number(merged.get("replicas"), 1, &names, found)?;
    let start = match merged.get("ordinals") {
        Some(Node { data: Data::Map(map), .. }) => number(map.get("start"), 0, &names, found)?,
        other => number(other, 0, &names, found)?,
    };
    let governing = match merged.find(&["services", "governing"]) {
        Some(Node { data: Data::Bool(false), .. }) => "".into(),
        Some(node @ Node { data: Data::Text(_), .. }) => named(Some(node), &names, merged, "governing", found)?.0,
        other => match other.and_then(|node| node.get("name")) {
            Some(node) => named(Some(node), &names, merged, "name", found)?.0,
            None => app.clone(),
        },
    };
    let domain = match merged.get("clusterDomain") {
        Some(node) => named(Some(node), &names, merged, "clusterDomain", found)?.0,
        None => "cluster.local".into(),
    };
    let identity = Identity { app, namespace, namespace_written: written, governing, domain, start, replicas, at };
    complete(&mut names, &identity);
    Some((identity, names))
}

/// What an expression gets for another app.
fn other(identity: &Identity) -> Value {
    let mut names = Names::default();
    complete(&mut names, identity);
    names.set("name", identity.app.as_str());
    names.set("namespace", identity.namespace.as_str());
    let fields = ["name", "namespace", "replicas", "peers", "fqdn", "srv", "service"];
    let known = fields.into_iter().filter_map(|field| Some((field.to_owned(), names.get(field)?.clone())));
    Value::from(known.collect::<BTreeMap<String, Value>>())
}

/// Adds what follows from the identity: peers, and the functions that make DNS names.
fn complete(names: &mut Names, identity: &Identity) {
    names.set("replicas", identity.replicas);
    let peer = |ordinal: i64| {
        Value::from(BTreeMap::from([
            ("name".to_owned(), Value::from(identity.pod(ordinal))),
            ("host".to_owned(), Value::from(identity.host(ordinal))),
            ("fqdn".to_owned(), Value::from(identity.fqdn(ordinal))),
            ("ordinal".to_owned(), Value::from(ordinal)),
        ]))
    };
    names.set("peers", Value::from(identity.ordinals().map(peer).collect::<Vec<_>>()));
    let shared = Arc::new(identity.clone());
    let identity = Arc::clone(&shared);
    names.set(
        "fqdn",
        Value::from_function(move |which: Option<Value>| -> Result<String, Error> {
            match which {
                None => Ok(identity.service(&identity.governing)),
                Some(value) => match (value.as_i64(), value.as_str()) {
                    (Some(ordinal), _) => Ok(identity.fqdn(ordinal)),
                    (_, Some(pod)) => Ok(format!("{pod}.{}", identity.service(&identity.governing))),
                    _ => Err(Error::new(ErrorKind::InvalidOperation, "fqdn() takes an ordinal or the name of a pod")),
                },
            }
        }),
    );
    let identity = Arc::clone(&shared);
    names.set(
        "srv",
        Value::from_function(move |port: String, protocol: Option<String>| {
            identity.srv(&port, protocol.as_deref().unwrap_or("TCP"))
        }),
    );
    names.set("service", Value::from_function(move |name: String| shared.service(&format!("{}-{name}", shared.app))));
}

/// A text that a name is made of.
fn named(
    node: Option<&Node>,
    names: &Names,
    merged: &Node,
    field: &str,
    found: &mut Diagnostics,
) -> Option<(Text, At)> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        crate::block::MISSING
            .report(format!("the app has no `{field}`"))
            .help(format!("add `{field}:`"))
            .at(merged.at, found);
        return None;
    };
    let node = expression::evaluate(node, names, found);
    match node.data {
        Data::Text(text) => Some((text, node.at)),
        Data::Null => None,
        _ => {
            wrong_type(&node, "text", found);
            None
        }
    }
}

fn number(node: Option<&Node>, otherwise: i64, names: &Names, found: &mut Diagnostics) -> Option<i64> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Some(otherwise) };
    let node = expression::evaluate(node, names, found);
    if node.is_null() {
        return None;
    }
    let Some(value) = node.as_int() else {
        wrong_type(&node, "a whole number", found);
        return None;
    };
    if (0..=MOST_REPLICAS).contains(&value) {
        return Some(value);
    }
    COUNT
        .report(format!("{value} is not a number that can stand here; it may be 0 to {MOST_REPLICAS}"))
        .at(node.at, found);
    None
}

/// What the StatefulSet controller can make pods of: a DNS label of at most 52 characters.
fn check_app_name(name: &str, at: At, found: &mut Diagnostics) {
    if !crate::k8s::name::is_dns_label(name) {
        NAME.report(format!("`{name}` cannot name an app: its pods are hosts, and hosts have DNS names"))
            .help("use lowercase letters, digits and `-`, beginning and ending with a letter or digit")
            .at(at, found);
    } else if name.len() > 52 {
        NAME.report(format!("this name has {} characters; pods of a StatefulSet can be made up to 52", name.len()))
            .help(
                "each pod carries the label `controller-revision-hash`, the name and up to 11 characters more; a \
                label ends at 63",
            )
            .at(at, found);
    } else if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        NAME.report(format!("`{name}` begins with a digit; its Services cannot before Kubernetes 1.34"))
            .help("begin it with a letter")
            .at(at, found);
    }
}

/// Evaluates all that does not depend on an ordinal.
pub(super) fn evaluate(merged: &Node, names: &Names, found: &mut Diagnostics) -> Node {
    let mut map = Map::new();
    for (key, value) in merged.entries() {
        let value = match &*key.name {
            "volumes" => value.clone(),
            "storage" => each(value, |item| except(item, "volume", names, found)),
            "services" => except(value, "perPod", names, found),
            _ => expression::evaluate(value, names, found),
        };
        map.set(key.clone(), value);
    }
    Node::map(map, merged.at)
}

fn each(node: &Node, mut change: impl FnMut(&Node) -> Node) -> Node {
    match &node.data {
        Data::Map(map) => Node::map(map.iter().map(|(key, value)| (key.clone(), change(value))).collect(), node.at),
        _ => node.clone(),
    }
}

fn except(node: &Node, later: &str, names: &Names, found: &mut Diagnostics) -> Node {
    match &node.data {
        Data::Map(map) => {
            let entry = |(key, value): (&crate::value::Key, &Node)| {
                (key.clone(), if key.name == later { value.clone() } else { expression::evaluate(value, names, found) })
            };
            Node::map(map.iter().map(entry).collect(), node.at)
        }
        _ => expression::evaluate(node, names, found),
    }
}
