//! A container of a pod template as a spec says it: short forms where they mean exactly the same, Kubernetes' words for
//! the rest. Knows one container at a time; what it has to share with the others of its pod is in [`Pod`].

use super::text::{literal, literal_map, scalar, words};
use crate::app::slug;
use crate::k8s::name::port_name;
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What the containers of a pod share.
pub(super) struct Pod<'p> {
    /// The app's name.
    pub(super) app: &'p str,
    /// The names of the claim templates, in order, and whether each is a raw device.
    pub(super) claims: Vec<(Text, bool)>,
    /// The pod's volumes by name.
    pub(super) volumes: BTreeMap<&'p str, &'p Node>,
    /// The ConfigMaps that may be files of the app: their data, by name.
    pub(super) config_maps: BTreeMap<&'p str, &'p Node>,
    /// Whether volumes may be said where they are mounted, where they have the names that the spec would give them.
    pub(super) owns: bool,
    /// Names of ports that are taken.
    pub(super) ports: BTreeSet<String>,
    /// Volumes that were said where they are mounted.
    pub(super) said: BTreeSet<Text>,
    /// ConfigMaps that were said as files.
    pub(super) files: BTreeSet<Text>,
    /// Fields of containers that only a list can say.
    pub(super) lists: Vec<(Text, &'static str, Node)>,
    /// How the main container mounts claim templates: field by field, by the template's name.
    pub(super) mounts: BTreeMap<Text, Map>,
    /// Asks for a file beside the spec: the name that it would like, and its text. Gives the path.
    pub(super) config_files: &'p mut dyn FnMut(&str, &str, &str) -> String,
}

/// Which container it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The first.
    Main,
    /// Beside it.
    Beside,
    /// Before it.
    Init,
}

/// Fields of Kubernetes that the spec has words of its own for.
const SAID: [&str; 15] = [
    "name",
    "image",
    "imagePullPolicy",
    "workingDir",
    "command",
    "args",
    "ports",
    "env",
    "envFrom",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "resources",
    "volumeMounts",
    "volumeDevices",
];

/// The fields that a spec says of a container.
pub(super) fn container(node: &Node, role: Role, pod: &mut Pod<'_>) -> Map {
    let at = node.at;
    let name: Text = node.get("name").and_then(Node::as_str).unwrap_or_default().into();
    let mut map = Map::new();
    let ports = ports(node.get("ports"), &name, pod);
    for field in ["image", "imagePullPolicy", "workingDir"] {
        if let Some(value) = node.get(field) {
            map.put(field, literal(value));
        }
    }
    for field in ["command", "args"] {
        if let Some(value) = node.get(field).filter(|value| value.items().next().is_some()) {
            map.put(field, words(value));
        }
    }
    if let Some(ports) = ports.node {
        map.put("ports", ports);
    }
    if let Some(env) = node.get("env").filter(|env| env.items().next().is_some()) {
        match variables(env) {
            Some(env) => {
                map.put("env", env);
            }
            None => pod.lists.push((name.clone(), "env", literal(env))),
        }
    }
    if let Some(sources) = node.get("envFrom").filter(|sources| sources.items().next().is_some()) {
        map.put("envFrom", Node::list(sources.items().map(whole_source).collect(), sources.at));
    }
    let mut probes = Map::new();
    for (field, short) in [("startupProbe", "start"), ("readinessProbe", "ready"), ("livenessProbe", "live")] {
        if let Some(probe) = node.get(field) {
            probes.put(short, self::probe(probe, &ports.names));
        }
    }
    if !probes.is_empty() {
        map.put("probes", Node::map(probes, at));
    }
    if let Some(resources) = node.get("resources").filter(|resources| resources.entries().next().is_some()) {
        map.put("resources", self::resources(resources));
    }
    let sidecar = role == Role::Init && node.get("restartPolicy").and_then(Node::as_str) == Some("Always");
    if sidecar {
        map.put("sidecar", Node::bool(true, at));
    }
    mounts(node, role, &name, pod, &mut map);
    for (key, value) in node.entries() {
        if !(SAID.contains(&&*key.name) || sidecar && key.name == "restartPolicy") {
            map.put(key.name.clone(), literal(value));
        }
    }
    map
}

/// The ports of a container: as the spec says them, and the names of those that have one, in order.
struct Ports {
    node: Option<Node>,
    names: Vec<Text>,
}

fn ports(list: Option<&Node>, container: &Text, pod: &mut Pod<'_>) -> Ports {
    let Some(list) = list.filter(|list| list.items().next().is_some()) else {
        return Ports { node: None, names: Vec::new() };
    };
    let text = |port: &Node, key: &str| port.get(key).and_then(Node::as_str).map(Text::from);
    let names: Vec<Text> = list.items().filter_map(|port| text(port, "name")).collect();
    let unusable = |name: &Text| !port_name(name).is_empty() || pod.ports.contains(&**name);
    let numbers = list.items().all(|port| port.get("containerPort").and_then(Node::as_int).is_some());
    if names.iter().any(unusable) || names.iter().collect::<BTreeSet<_>>().len() < names.len() || !numbers {
        // Two ports of one name in one pod: the spec's own words have no room for them.
        pod.lists.push((container.clone(), "ports", literal(list)));
        return Ports { node: None, names: Vec::new() };
    }
    pod.ports.extend(names.iter().map(ToString::to_string));
    let mut map = Map::new();
    for port in list.items() {
        let number = port.get("containerPort").cloned().unwrap_or(Node::null(port.at));
        let named = text(port, "name");
        let key = named.clone().unwrap_or_else(|| free_name(&number, &mut pod.ports));
        let mut form = Map::new();
        for (field, value) in port.entries().filter(|(field, _)| !matches!(&*field.name, "name" | "containerPort")) {
            if !(field.name == "protocol" && value.as_str() == Some("TCP")) {
                form.put(field.name.clone(), literal(value));
            }
        }
        if named.is_none() {
            form.put("name", Node::null(port.at));
        }
        map.put(key, number_or_form(number, form));
    }
    Ports { node: Some(Node::map(map, list.at)), names }
}

/// A number, with a form around it where there is more to say.
pub(super) fn number_or_form(number: Node, form: Map) -> Node {
    if form.is_empty() {
        return number;
    }
    let at = number.at;
    let mut long = Map::new();
    long.put("port", number);
    for (key, value) in form {
        long.set(key, value);
    }
    Node::map(long, at)
}

/// A name for a port that has none.
pub(super) fn free_name(number: &Node, taken: &mut BTreeSet<String>) -> Text {
    let number = number.as_int().unwrap_or_default();
    let mut name = format!("p{number}");
    let mut next = 2;
    while !taken.insert(name.clone()) {
        name = format!("p{number}-{next}");
        next += 1;
    }
    name.into()
}

/// The environment as a map; nothing where a name is there twice.
fn variables(list: &Node) -> Option<Node> {
    let mut map = Map::new();
    for item in list.items() {
        let name = item.get("name").and_then(Node::as_str)?;
        let value = match (item.get("valueFrom"), item.get("value")) {
            (Some(_), Some(value)) if value.as_str() != Some("") => return None,
            (Some(from), _) => source(from),
            (None, Some(value)) => scalar(value),
            (None, None) => Node::text("", item.at),
        };
        if item.entries().any(|(key, _)| !matches!(&*key.name, "name" | "value" | "valueFrom"))
            || map.put(name, value).is_some()
        {
            return None;
        }
    }
    Some(Node::map(map, list.at))
}

/// Where the value of a variable comes from, in short where that says all of it.
fn source(from: &Node) -> Node {
    let at = from.at;
    let mut entries = from.entries();
    let (Some((kind, inner)), None) = (entries.next(), entries.next()) else { return kubernetes_source(from) };
    let only = |fields: &[&str]| inner.entries().all(|(key, _)| fields.contains(&&*key.name));
    let text =
        |key: &str| inner.get(key).and_then(Node::as_str).filter(|text| !text.is_empty() && !text.contains("{{"));
    let short = match &*kind.name {
        "secretKeyRef" | "configMapKeyRef" if only(&["name", "key", "optional"]) => {
            let field = if kind.name == "secretKeyRef" { "secret" } else { "config" };
            text("name").zip(text("key")).map(|(name, key)| (field, format!("{name}/{key}")))
        }
        "fieldRef" if only(&["fieldPath"]) => text("fieldPath").map(|path| ("field", path.to_owned())),
        "resourceFieldRef" if only(&["resource"]) => text("resource").map(|resource| ("resource", resource.to_owned())),
        _ => None,
    };
    let Some((field, value)) = short else { return kubernetes_source(from) };
    Node::of(at, [(field, Some(Node::text(value, at))), ("optional", inner.get("optional").cloned())])
}

fn kubernetes_source(from: &Node) -> Node {
    Node::of(from.at, [("valueFrom", Some(literal(from)))])
}

fn whole_source(item: &Node) -> Node {
    let at = item.at;
    for (kind, field) in [("secretRef", "secret"), ("configMapRef", "config")] {
        let Some(reference) = item.get(kind) else { continue };
        let plain = reference.entries().all(|(key, _)| matches!(&*key.name, "name" | "optional"));
        let other = if kind == "secretRef" { "configMapRef" } else { "secretRef" };
        if let Some(name) = reference.get("name").filter(|_| plain && item.get(other).is_none()) {
            let mut map = Map::new();
            map.put(field, literal(name));
            if let Some(optional) = reference.get("optional") {
                map.put("optional", optional.clone());
            }
            for (key, value) in item.entries().filter(|(key, _)| key.name != kind) {
                map.put(key.name.clone(), literal(value));
            }
            return Node::map(map, at);
        }
    }
    literal(item)
}

/// `{cpu, memory}`, where what is asked for is that, and the memory is limited to what is asked for.
fn resources(node: &Node) -> Node {
    let requests = node.get("requests").and_then(Node::as_map);
    let limits = node.get("limits").and_then(Node::as_map);
    let only = |map: &Map, names: &[&str]| {
        map.iter().all(|(key, value)| names.contains(&&*key.name) && value.as_str().is_some())
    };
    match (requests, limits, node.as_map()) {
        (Some(requests), Some(limits), Some(all))
            if all.len() == 2
                && only(requests, &["cpu", "memory"])
                && only(limits, &["memory"])
                && limits.len() == 1
                && requests.get("memory") == limits.get("memory") =>
        {
            Node::map(requests.iter().map(|(key, value)| (key.clone(), literal(value))).collect(), node.at)
        }
        (Some(requests), None, Some(all)) if all.len() == 1 && only(requests, &["cpu"]) => {
            Node::map(requests.iter().map(|(key, value)| (key.clone(), literal(value))).collect(), node.at)
        }
        _ => literal(node),
    }
}

fn probe(node: &Node, ports: &[Text]) -> Node {
    let at = node.at;
    let mut map = Map::new();
    let only = |handler: &Node, fields: &[&str]| handler.entries().all(|(key, _)| fields.contains(&&*key.name));
    let mut said = "";
    if let Some(get) = node.get("httpGet").filter(|get| only(get, &["path", "port", "scheme"])) {
        if let Some(port) = known(get.get("port"), ports) {
            said = "httpGet";
            map.put("http", get.get("path").map_or_else(|| Node::text("/", at), literal));
            if port.as_str().is_none_or(|name| ports.first().is_none_or(|first| *first != name)) {
                map.put("port", port.clone());
            }
            if let Some(scheme) = get.get("scheme").filter(|scheme| scheme.as_str() != Some("HTTP")) {
                map.put("scheme", literal(scheme));
            }
        }
    } else if let Some(port) =
        node.get("tcpSocket").filter(|tcp| only(tcp, &["port"])).and_then(|tcp| known(tcp.get("port"), ports))
    {
        said = "tcpSocket";
        map.put("tcp", port.clone());
    } else if let Some(command) =
        node.get("exec").filter(|exec| only(exec, &["command"])).and_then(|exec| exec.get("command"))
    {
        said = "exec";
        map.put("exec", words(command));
    } else if let Some(port) = node.get("grpc").filter(|grpc| only(grpc, &["port"])).and_then(|grpc| grpc.get("port")) {
        said = "grpc";
        map.put("grpc", port.clone());
    }
    for (key, value) in node.entries().filter(|(key, _)| key.name != said) {
        map.put(key.name.clone(), literal(value));
    }
    Node::map(map, at)
}

/// A port by number, or by a name that the container has.
fn known<'n>(port: Option<&'n Node>, ports: &[Text]) -> Option<&'n Node> {
    port.filter(|port| {
        port.as_int().is_some() || port.as_str().is_some_and(|name| ports.iter().any(|port| *port == name))
    })
}

/// In the order in which a spec's mounts are made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Storage(usize),
    Files,
    Secrets,
    Scratch,
    Mounts,
    List,
}

/// The devices of a container, but for those that the main one says at its storage items.
fn devices(node: &Node, role: Role, pod: &mut Pod<'_>) -> Vec<Node> {
    let devices = node.get("volumeDevices").into_iter().flat_map(Node::items);
    let mut level = 0;
    let mut list = Vec::new();
    for device in devices {
        let name = device.get("name").and_then(Node::as_str).unwrap_or_default();
        let position = pod.claims.iter().position(|(claim, block)| claim == name && *block);
        match position.filter(|position| role == Role::Main && *position >= level && list.is_empty()) {
            Some(position) => {
                level = position + 1;
                let mut said = Map::new();
                said.put("mount", literal(device.get("devicePath").unwrap_or(device)));
                pod.mounts.insert(name.into(), said);
            }
            None => list.push(literal(device)),
        }
    }
    list
}

/// Mounts stand in the order in which they were: each goes to the first place that is not before that of the one before
/// it.
fn mounts(node: &Node, role: Role, container: &Text, pod: &mut Pod<'_>, map: &mut Map) {
    let prefix = (role != Role::Main).then_some(&**container);
    let mut level = Place::Storage(0);
    let (mut files, mut secrets, mut scratch, mut mounts, mut list) =
        (Map::new(), Map::new(), Map::new(), Map::new(), Vec::new());
    let mut alone: BTreeSet<Text> = BTreeSet::new();
    let device_list = devices(node, role, pod);
    for mount in node.get("volumeMounts").into_iter().flat_map(Node::items) {
        let name: Text = mount.get("name").and_then(Node::as_str).unwrap_or_default().into();
        let Some(path) = mount.get("mountPath") else { continue };
        let folder: Text = path.as_str().unwrap_or_default().into();
        let more: Vec<_> = mount
            .entries()
            .filter(|(key, value)| {
                !(matches!(&*key.name, "name" | "mountPath")
                    || key.name == "readOnly" && value.as_bool() == Some(false))
            })
            .collect();
        let item = pod.claims.iter().position(|(claim, block)| *claim == name && !block);
        let shadowed = pod.volumes.contains_key(&*name);
        let simple = more.iter().all(|(key, _)| matches!(&*key.name, "subPath" | "readOnly"));
        if let Some(item) = item
            && (role == Role::Main
                && simple
                && !shadowed
                && level <= Place::Storage(item)
                && !pod.mounts.contains_key(&name))
        {
            let mut said = Map::new();
            said.put("mount", literal(path));
            for (key, value) in more {
                said.put(key.name.clone(), literal(value));
            }
            pod.mounts.insert(name, said);
            level = Place::Storage(item + 1);
            continue;
        }
        if alone.contains(&name) {
            continue;
        }
        if level <= Place::Files
            && let Some((folder, value)) = files_alone(node, mount, prefix, pod)
        {
            level = Place::Files;
            pod.files.extend(
                pod.volumes
                    .get(&*name)
                    .and_then(|volume| volume.find(&["configMap", "name"])?.as_str())
                    .map(Text::from),
            );
            files.put(folder, value);
            alone.insert(name.clone());
            pod.said.insert(name);
            continue;
        }
        if let Some((place, value)) = own(&name, &folder, prefix, &more, pod).filter(|(place, _)| *place >= level) {
            level = place;
            let target = match place {
                Place::Files => &mut files,
                Place::Secrets => &mut secrets,
                _ => &mut scratch,
            };
            if let Some(config_map) =
                pod.volumes.get(&*name).and_then(|volume| volume.find(&["configMap", "name"])?.as_str())
            {
                pod.files.insert(config_map.into());
            }
            target.put(folder, value);
            pod.said.insert(name);
            continue;
        }
        // Several places of one volume stand together, as the list of the last one.
        let is_next = mounts.iter().last().is_none_or(|(key, _)| key.name == name) || !mounts.has(&name);
        if level <= Place::Mounts && is_next && !path.as_str().is_some_and(|path| path.contains("{{")) {
            level = Place::Mounts;
            let mut form = Map::new();
            form.put("path", literal(path));
            for (key, value) in more {
                form.put(key.name.clone(), literal(value));
            }
            add_place(&mut mounts, name, form, mount.at);
            continue;
        }
        level = Place::List;
        list.push(literal(mount));
    }
    for (field, said) in [("files", files), ("secrets", secrets), ("scratch", scratch), ("mounts", mounts)] {
        if !said.is_empty() {
            map.put(field, Node::map(said, node.at));
        }
    }
    for (field, list) in [("volumeMounts", list), ("volumeDevices", device_list)] {
        if !list.is_empty() {
            map.put(field, Node::list(list, node.at));
        }
    }
}

/// Adds a place where a volume is seen: alone a path or a form, beside others an item of a list.
fn add_place(mounts: &mut Map, name: Text, form: Map, at: At) {
    let Some(said) = mounts.get_mut(&name) else {
        let path = form.get("path").filter(|_| form.len() == 1).cloned();
        mounts.put(name, path.unwrap_or_else(|| Node::map(form, at)));
        return;
    };
    match &mut said.data {
        Data::List(items) => items.push(Node::map(form, at)),
        _ => {
            let first = match said.as_map() {
                Some(_) => said.clone(),
                None => Node::of(said.at, [("path", Some(said.clone()))]),
            };
            *said = Node::list(vec![first, Node::map(form, at)], at);
        }
    }
}

/// A volume that has the very name that the spec would give it, said where it is mounted.
fn own(
    name: &Text,
    folder: &Text,
    prefix: Option<&str>,
    more: &[(&crate::value::Key, &Node)],
    pod: &mut Pod<'_>,
) -> Option<(Place, Node)> {
    let (kind, rest) = name.split_once('-')?;
    if !pod.owns || rest != slug(prefix, folder) || pod.said.contains(name) {
        return None;
    }
    let volume = *pod.volumes.get(&**name)?;
    let only = |node: &Node, fields: &[&str]| node.entries().all(|(key, _)| fields.contains(&&*key.name));
    match kind {
        "files" if more.is_empty() => {
            let source = volume.get("configMap").filter(|source| only(source, &["name"]))?;
            let config_map = source.get("name")?.as_str()?;
            let data = *pod.config_maps.get(config_map).filter(|_| config_map == format!("{}-{rest}", pod.app))?;
            Some((Place::Files, files(data, config_map, pod.config_files)))
        }
        "secret" => {
            let [(key, value)] = more else { return None };
            if key.name != "readOnly" || value.as_bool() != Some(true) {
                return None;
            }
            let source = volume
                .get("secret")
                .filter(|source| only(source, &["secretName", "items", "defaultMode", "optional"]))?;
            let secret = literal(source.get("secretName")?);
            if source.as_map()?.len() == 1 {
                return Some((Place::Secrets, secret));
            }
            let mut form = Map::new();
            form.put("secret", secret);
            if let Some(items) = source.get("items") {
                let mut named = Map::new();
                for item in items.items() {
                    if !only(item, &["key", "path"])
                        || named.put(item.get("key")?.as_str()?, literal(item.get("path")?)).is_some()
                    {
                        return None;
                    }
                }
                form.put("items", Node::map(named, items.at));
            }
            for (field, short) in [("defaultMode", "mode"), ("optional", "optional")] {
                if let Some(value) = source.get(field) {
                    form.put(short, value.clone());
                }
            }
            Some((Place::Secrets, Node::map(form, source.at)))
        }
        "scratch" if more.is_empty() => Some((Place::Scratch, self::scratch(volume)?)),
        _ => None,
    }
}

/// Files that are mounted one by one: all of a ConfigMap, in one folder, one after the other from this mount on. Gives
/// the folder and its files.
fn files_alone(container: &Node, first: &Node, prefix: Option<&str>, pod: &mut Pod<'_>) -> Option<(Text, Node)> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(Text::from);
    let name = text(first, "name")?;
    let file = text(first, "subPath")?;
    let folder: Text = text(first, "mountPath")?.strip_suffix(&*format!("/{file}"))?.into();
    if !pod.owns || pod.said.contains(&name) || name != format!("files-{}", slug(prefix, &folder)) {
        return None;
    }
    let source = pod.volumes.get(&*name)?.get("configMap").filter(|source| source.entries().count() == 1)?;
    let config_map = source.get("name")?.as_str()?;
    let data =
        *pod.config_maps.get(config_map).filter(|_| config_map == format!("{}-{}", pod.app, slug(prefix, &folder)))?;
    let mounts: Vec<&Node> =
        container.get("volumeMounts")?.items().filter(|mount| text(mount, "name") == Some(name.clone())).collect();
    let is_mounted = |(key, _): (&crate::value::Key, &Node)| {
        mounts.iter().any(|mount| {
            mount.entries().count() == 3
                && text(mount, "subPath").as_deref() == Some(&*key.name)
                && text(mount, "mountPath").as_deref() == Some(&*format!("{folder}/{}", key.name))
        })
    };
    if mounts.len() != data.entries().count() || !data.entries().all(is_mounted) {
        return None;
    }
    let Data::Map(said) = files(data, config_map, pod.config_files).data else { return None };
    let alone = |node: Node| {
        let at = node.at;
        let mut form = match node.data {
            Data::Map(form) => form,
            data => {
                let mut form = Map::new();
                form.put("text", Node::new(data, at));
                form
            }
        };
        form.put("alone", Node::bool(true, at));
        Node::map(form, at)
    };
    let said: Map = said.into_iter().map(|(key, node)| (key, alone(node))).collect();
    Some((folder, Node::map(said, data.at)))
}

/// A volume that is empty when the pod starts.
pub(super) fn scratch(volume: &Node) -> Option<Node> {
    let source = volume.get("emptyDir")?;
    if source.entries().any(|(key, _)| !matches!(&*key.name, "sizeLimit" | "medium")) {
        return None;
    }
    Some(match (source.get("sizeLimit"), source.get("medium")) {
        (Some(size), None) if size.as_str().is_some() => literal(size),
        (size, medium) => Node::of(source.at, [("size", size.map(literal)), ("medium", medium.map(literal))]),
    })
}

/// The files of a ConfigMap: what has several lines becomes a file beside the spec.
pub(super) fn files(data: &Node, config_map: &str, config_files: &mut dyn FnMut(&str, &str, &str) -> String) -> Node {
    let mut map = Map::new();
    for (key, value) in data.entries() {
        let text = value.as_str().unwrap_or_default();
        let file = if text.trim_end_matches('\n').contains('\n') {
            let path = config_files(config_map, &key.name, text);
            Node::of(value.at, [("from", Some(Node::text(path, value.at)))])
        } else {
            literal(value)
        };
        map.put(key.name.clone(), file);
    }
    Node::map(map, data.at)
}

/// Whether all values of a map are texts.
pub(super) fn is_texts(node: &Node) -> bool {
    node.entries().all(|(_, value)| matches!(value.data, Data::Text(_)))
}

/// A map without what it shares with another.
pub(super) fn without(map: &Map, other: &Map) -> Map {
    map.iter()
        .filter(|(key, value)| other.get(&key.name) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Texts, where there are any.
pub(super) fn some_texts(map: &Map, at: At) -> Option<Node> {
    (!map.is_empty()).then(|| literal_map(map, at))
}
