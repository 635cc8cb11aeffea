//! Containers as they are meant: short forms made long, mounts gathered, probes and ports tied together.

use super::files::Parts;
use super::storage::Item;
use super::{AMOUNT, COUNT, NAME, PLACE, PORT, VOLUME, amount, key_node, scalar, text};
use crate::block::{Named, Placed, Scalar};
use crate::diagnostic::{Diagnostics, listing, nearest};
use crate::source::At;
use crate::spec::app::Pod;
use crate::spec::container::{
    Container as Written, EnvFrom, EnvSource, EnvValue, Exec, Grpc, Port as WrittenPort, Probe,
};
use crate::spec::files::{Mount, MountForm};
use crate::value::{Data, Key, Map, Node, Text};

/// What a container is to its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one the app is about: storage is mounted here.
    Main,
    /// Beside it.
    Beside,
    /// Before it.
    Init,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// `web`, or as a container of the spec is called.
    pub name: Placed<Text>,
    /// What it is to its pod.
    pub role: Role,
    /// Its ports.
    pub ports: Vec<Port>,
    /// All of it, in Kubernetes' words.
    pub fields: Vec<(&'static str, Node)>,
    /// Fields in Kubernetes' own words, which win.
    pub rest: Map,
    /// Where it is written.
    pub at: At,
}

/// A port of a container.
#[derive(Clone, Debug)]
pub struct Port {
    /// `http`.
    pub name: Key,
    /// Its number.
    pub number: i64,
    /// Default: TCP.
    pub protocol: Text,
    /// In Kubernetes' words.
    pub node: Node,
}

/// Makes the short forms long.
pub(super) fn resolve(
    written: &Written,
    name: &Placed<Text>,
    role: Role,
    storage: &[Item],
    parts: &mut Parts<'_>,
    found: &mut Diagnostics,
) -> Container {
    let at = written.at;
    let ports: Vec<Port> = written
        .ports
        .iter()
        .flat_map(|ports| &ports.entries)
        .filter_map(|(key, port)| self::port(key, port, found))
        .collect();
    let mut fields: Vec<(&'static str, Node)> = vec![("name", text(name))];
    let mut put = |field: &'static str, node: Option<Node>| {
        if let Some(node) = node {
            fields.push((field, node));
        }
    };
    put("image", written.image.as_ref().map(text));
    put("imagePullPolicy", written.image_pull_policy.as_ref().map(text));
    put("command", written.command.as_ref().map(|words| words_node(words, at)));
    put("args", written.args.as_ref().map(|words| words_node(words, at)));
    put("workingDir", written.working_dir.as_ref().map(text));
    put(
        "ports",
        (!ports.is_empty()).then(|| Node::list(ports.iter().map(|port| port.node.clone()).collect(), ports[0].name.at)),
    );
    put("env", written.env.as_ref().filter(|env| !env.entries.is_empty()).map(|env| environment(env, at, found)));
    put("envFrom", written.env_from.as_ref().map(|sources| Node::list(sources.iter().map(whole_source).collect(), at)));
    put(
        "resources",
        written.resources.as_ref().map(|resources| self::resources(&resources.value.0, resources.at, found)),
    );
    for (field, probe) in [
        ("startupProbe", written.probes.as_ref().and_then(|probes| probes.start.as_ref())),
        ("livenessProbe", written.probes.as_ref().and_then(|probes| probes.live.as_ref())),
        ("readinessProbe", written.probes.as_ref().and_then(|probes| probes.ready.as_ref())),
    ] {
        put(field, probe.map(|probe| self::probe(probe, &ports, found)));
    }
    if written.sidecar.as_ref().is_some_and(|sidecar| sidecar.value) {
        let at = written.sidecar.as_ref().map_or(at, |sidecar| sidecar.at);
        if role == Role::Init {
            put("restartPolicy", Some(Node::text("Always", at)));
        } else {
            COUNT
                .report("only an init container can be a sidecar that starts before the others")
                .help(
                    "move it under `init:`, or leave `sidecar` out: what is under `containers:` runs beside the \
                    main one anyway",
                )
                .at(at, found);
        }
    }
    let (mut mounts, mut devices) = (Vec::new(), Vec::new());
    if role == Role::Main {
        for item in storage {
            if let Some(path) = &item.mount {
                if item.block { devices.push(item.device(path)) } else { mounts.push(item.mount_node(path)) }
            }
        }
    }
    let prefix = (role != Role::Main).then_some(&*name.value);
    mounts.extend(parts.mounts(written, prefix, found));
    for (key, mount) in written.mounts.iter().flat_map(|mounts| &mounts.entries) {
        let device = storage.iter().find(|item| item.block && item.name == key.name);
        for (path, rest) in places(mount) {
            match device {
                Some(item) => devices.push(item.device(&path)),
                None => mounts.push(self::mount(key, &path, rest)),
            }
        }
    }
    put("volumeMounts", (!mounts.is_empty()).then(|| Node::list(mounts, at)));
    put("volumeDevices", (!devices.is_empty()).then(|| Node::list(devices, at)));
    Container { name: name.clone(), role, ports, fields, rest: written.rest.clone(), at }
}

impl Container {
    /// A field, wherever it was said.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.rest.get(name).or_else(|| self.fields.iter().find(|(field, _)| *field == name).map(|(_, node)| node))
    }
}

fn port(key: &Key, port: &WrittenPort, found: &mut Diagnostics) -> Option<Port> {
    let (number, form) = match port {
        WrittenPort::Number(number) => (number, None),
        WrittenPort::Form(form) => (form.port.as_ref()?, Some(form)),
    };
    let faults = crate::k8s::name::port_name(&key.name);
    if key.name.len() > 15 {
        NAME.report(format!("the port name `{}` has {} characters; the limit is 15", key.name, key.name.len()))
            .help("a port name is an IANA service name: at most 15 characters")
            .at(key.at, found);
    } else if !faults.is_empty() {
        NAME.report(format!("`{}` cannot name a port", key.name))
            .help("use lowercase letters, digits and single `-`, with at least one letter, at most 15")
            .at(key.at, found);
    }
    if !(1..=65535).contains(&number.value) {
        COUNT.report(format!("{} is not a port; ports are 1 to 65535", number.value)).at(number.at, found);
    }
    let protocol = form.and_then(|form| form.protocol.as_ref());
    let mut node = Node::of(
        key.at.to(number.at),
        [
            ("name", Some(key_node(key))),
            ("containerPort", Some(Node::int(number.value, number.at))),
            ("protocol", protocol.filter(|protocol| protocol.value != "TCP").map(text)),
        ],
    );
    if let (Some(map), Some(form)) = (node.as_map_mut(), form) {
        crate::merge::overlay(map, &form.rest);
    }
    let protocol = protocol.map_or_else(|| "TCP".into(), |protocol| protocol.value.clone());
    Some(Port { name: key.clone(), number: number.value, protocol, node })
}

fn words_node(words: &[Placed<Scalar>], at: At) -> Node {
    Node::list(words.iter().map(scalar).collect(), words.first().map_or(at, |first| first.at))
}

fn environment(env: &Named<Placed<EnvValue>>, at: At, found: &mut Diagnostics) -> Node {
    let variable = |(key, value): &(Key, Placed<EnvValue>)| {
        let (direct, source) = match &value.value {
            EnvValue::Value(value_text) => (Some(Node::text(value_text.0.clone(), value.at)), None),
            EnvValue::Source(form) => (form.value.as_ref().map(scalar), env_source(form, value.at, found)),
        };
        Node::of(key.at.to(value.at), [("name", Some(key_node(key))), ("value", direct), ("valueFrom", source)])
    };
    Node::list(env.entries.iter().map(variable).collect(), env.entries.first().map_or(at, |(key, _)| key.at))
}

fn env_source(form: &EnvSource, at: At, found: &mut Diagnostics) -> Option<Node> {
    let mut reference = |value: &Placed<Text>, what: &str| {
        let (name, key) = value.value.split_once('/').unwrap_or_else(|| {
            VOLUME
                .report(format!("`{}` names no key of the {what}", value.value))
                .help(format!("write `{}/key`", value.value))
                .at(value.at, found);
            (&value.value, "")
        });
        let optional = form.optional.as_ref().map(|optional| Node::bool(optional.value, optional.at));
        Node::of(
            at,
            [
                ("name", Some(Node::text(name, value.at))),
                ("key", Some(Node::text(key, value.at))),
                ("optional", optional),
            ],
        )
    };
    if let Some(secret) = &form.secret {
        return Some(Node::of(at, [("secretKeyRef", Some(reference(secret, "Secret")))]));
    }
    if let Some(config) = &form.config {
        return Some(Node::of(at, [("configMapKeyRef", Some(reference(config, "ConfigMap")))]));
    }
    if let Some(field) = &form.field {
        return Some(Node::of(at, [("fieldRef", Some(Node::of(at, [("fieldPath", Some(text(field)))])))]));
    }
    if let Some(resource) = &form.resource {
        return Some(Node::of(at, [("resourceFieldRef", Some(Node::of(at, [("resource", Some(text(resource)))])))]));
    }
    form.value_from.clone()
}

fn whole_source(source: &EnvFrom) -> Node {
    let optional = source.optional.as_ref().map(|optional| Node::bool(optional.value, optional.at));
    let reference =
        |name: &Placed<Text>| Node::of(source.at, [("name", Some(text(name))), ("optional", optional.clone())]);
    let mut node = Node::of(
        source.at,
        [("secretRef", source.secret.as_ref().map(reference)), ("configMapRef", source.config.as_ref().map(reference))],
    );
    if let Some(map) = node.as_map_mut() {
        crate::merge::overlay(map, &source.rest);
    }
    node
}

/// `{cpu, memory}` asks for both and limits the memory; Kubernetes' form is taken as it is.
fn resources(map: &Map, at: At, found: &mut Diagnostics) -> Node {
    if map.iter().any(|(key, _)| matches!(&*key.name, "requests" | "limits" | "claims")) {
        return Node::map(map.clone(), at);
    }
    let mut requests = Map::new();
    for (key, node) in map.iter() {
        let Some(value) = crate::block::scalar_text(node) else {
            AMOUNT.report(format!("`{}` is {}; it must be an amount", key.name, node.noun())).at(node.at, found);
            continue;
        };
        amount(&Placed { value: Scalar(value.clone()), at: node.at }, found);
        requests.set(key.clone(), Node::text(value, node.at));
    }
    let limits = requests.get("memory").map(|memory| Node::of(memory.at, [("memory", Some(memory.clone()))]));
    Node::of(at, [("requests", Some(Node::map(requests, at))), ("limits", limits)])
}

fn probe(probe: &Probe, ports: &[Port], found: &mut Diagnostics) -> Node {
    let at = probe.at;
    let mut known = |port: &Placed<Scalar>| {
        port_reference(port, &ports.iter().map(|port| &*port.name.name), "this container", found)
    };
    let handler = if let Some(path) = &probe.http {
        let port = match (&probe.port, ports.first()) {
            (Some(port), _) => known(port),
            (None, Some(first)) => key_node(&first.name),
            (None, None) => {
                PORT.report("this probe asks over HTTP, but the container has no port")
                    .help("add `ports:` to the container, or `port:` to the probe")
                    .at(at, found);
                Node::null(at)
            }
        };
        let scheme = probe.scheme.as_ref().map(text);
        Some(("httpGet", Node::of(at, [("path", Some(text(path))), ("port", Some(port)), ("scheme", scheme)])))
    } else if let Some(port) = &probe.tcp {
        Some(("tcpSocket", Node::of(at, [("port", Some(known(port)))])))
    } else if let Some(exec) = &probe.exec {
        let command = match &exec.value {
            Exec::Words(words) => Node::of(at, [("command", Some(words_node(words, exec.at)))]),
            Exec::Form(open) => Node::map(open.0.clone(), exec.at),
        };
        Some(("exec", command))
    } else {
        probe.grpc.as_ref().map(|grpc| {
            let node = match &grpc.value {
                Grpc::Form(open) => Node::map(open.0.clone(), grpc.at),
                Grpc::Port(port) => {
                    // The API takes a number only; a name is looked up for the user.
                    let number = ports.iter().find(|known| known.name.name == port.0).map(|known| known.number);
                    let number = number.or_else(|| port.0.parse().ok());
                    if number.is_none() {
                        known(&Placed { value: port.clone(), at: grpc.at });
                    }
                    Node::of(grpc.at, [("port", number.map(|number| Node::int(number, grpc.at)))])
                }
            };
            ("grpc", node)
        })
    };
    let mut map = Map::new();
    if let Some((field, node)) = handler {
        map.put(field, node);
    }
    crate::merge::overlay(&mut map, &probe.rest);
    Node::map(map, at)
}

/// A port by name or number; a name must be one of `known`.
pub(super) fn port_reference<'p>(
    port: &Placed<Scalar>,
    known: &(impl Iterator<Item = &'p str> + Clone),
    whose: &str,
    found: &mut Diagnostics,
) -> Node {
    let text = &port.value.0;
    if let Ok(number) = text.parse::<i64>() {
        return Node::int(number, port.at);
    }
    if !known.clone().any(|name| name == text) {
        let otherwise = || {
            if known.clone().next().is_none() {
                "it has no ports: add them under `ports:`".to_owned()
            } else {
                format!("it has {}", listing(known.clone(), 8))
            }
        };
        PORT.report(format!("{whose} has no port `{text}`"))
            .meant(nearest(text, known.clone()), port.at, otherwise)
            .at(port.at, found);
    }
    Node::text(text.clone(), port.at)
}

/// Where a volume is seen, and what else is said of each place.
fn places(mount: &Placed<Mount>) -> Vec<(Placed<Text>, Option<&Map>)> {
    let of_form = |form: &'_ MountForm| form.path.clone().unwrap_or(Placed { value: "".into(), at: form.at });
    match &mount.value {
        Mount::Path(path) => vec![(Placed { value: path.clone(), at: mount.at }, None)],
        Mount::Form(form) => vec![(of_form(form), Some(&form.rest))],
        Mount::Several(forms) => forms.iter().map(|form| (of_form(form), Some(&form.rest))).collect(),
    }
}

fn mount(key: &Key, path: &Placed<Text>, rest: Option<&Map>) -> Node {
    let mut node = Node::of(path.at, [("name", Some(key_node(key))), ("mountPath", Some(text(path)))]);
    if let (Some(map), Some(rest)) = (node.as_map_mut(), rest) {
        crate::merge::overlay(map, rest);
    }
    node
}

/// Names of containers must differ.
pub(super) fn check_names(containers: &[Container], init: &[Container], found: &mut Diagnostics) {
    let all: Vec<&Container> = containers.iter().chain(init).collect();
    for (index, container) in all.iter().enumerate() {
        if let Some(first) = all[..index].iter().find(|other| other.name.value == container.name.value) {
            NAME.report(format!("two containers are called `{}`", container.name.value))
                .see(first.name.at, "the other is here")
                .help("the main container has the app's name; give it another with `container:`, or rename this one")
                .at(container.name.at, found);
        }
    }
    let mut ports: Vec<&Port> = Vec::new();
    for port in all.iter().flat_map(|container| &container.ports) {
        if let Some(first) = ports.iter().find(|other| other.name.name == port.name.name) {
            NAME.report(format!(
                "two ports of the pod are called `{}`; a Service could not tell them apart",
                port.name.name
            ))
            .see(first.name.at, "the other is here")
            .help("give one of them another name")
            .at(port.name.at, found);
        }
        ports.push(port);
    }
}

/// Every mount must name a volume, and no two may share a path.
pub(super) fn check_mounts(
    containers: &[Container],
    init: &[Container],
    storage: &[Item],
    parts: &Parts<'_>,
    pod: Option<&Placed<Pod>>,
    found: &mut Diagnostics,
) {
    let own = pod.and_then(|pod| pod.value.0.get("volumes")).into_iter().flat_map(Node::items);
    let mut volumes: Vec<&str> = storage.iter().map(|item| &*item.name).collect();
    volumes.extend(parts.volumes.iter().chain(own).filter_map(|volume| volume.get("name").and_then(Node::as_str)));
    for container in containers.iter().chain(init) {
        let mut paths: Vec<(&str, At)> = Vec::new();
        let fields =
            container.fields.iter().filter(|(field, _)| *field == "volumeMounts").flat_map(|(_, node)| node.items());
        let rest = container.rest.get("volumeMounts").into_iter().flat_map(Node::items);
        for mount in fields.chain(rest) {
            let (Some(name), Some(path)) = (mount.get("name"), mount.get("mountPath")) else { continue };
            if let Some(text) = name.as_str().filter(|text| !volumes.contains(text)) {
                let near = nearest(text, volumes.iter().copied());
                let otherwise = || {
                    if volumes.is_empty() {
                        "there are no volumes: add one under `storage:`".to_owned()
                    } else {
                        format!("there are {}", listing(volumes.iter().copied(), 8))
                    }
                };
                VOLUME
                    .report(format!("there is no volume `{text}`"))
                    .meant(near, name.at, otherwise)
                    .at(name.at, found);
            }
            let Data::Text(text) = &path.data else { continue };
            if let Some((_, first)) = paths.iter().find(|(other, _)| other == text) {
                PLACE
                    .report(format!("something else is mounted at `{text}` already"))
                    .see(*first, "here")
                    .help("only one thing can be mounted at a path: move one of them")
                    .at(path.at, found);
            }
            paths.push((text, path.at));
        }
    }
}
