//! Stage 2, resolve: what a spec means in one environment. Defaults in, expressions evaluated, references tied; every
//! node still knows the line that caused it. Knows no manifest file and no template.

pub(crate) mod container;
mod evaluator;
pub mod expression;
mod files;
pub(crate) mod identity;
mod names;
mod network;
pub mod others;
mod service;
mod settings;
mod storage;

use crate::block::{Placed, Read, Scalar};
use crate::budget::{Account, OBJECT, VALUE};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::version::{NoVersion, Version};
use crate::k8s::way::Way;
use crate::source::At;
use crate::spec::app as written;
use crate::spec::settings::{Acknowledge, Allow, Apply};
use crate::spec::{self, Spec};
use crate::value::{Key, Map, Node, Text};
use container::Container;
use expression::Names;
pub use files::ConfigMap;
pub(crate) use files::{checksum, slug};
use identity::{Claim, Identity, Replica, Srv};
pub use network::{Monitor, Network};
use others::Apps;
pub use service::{Service, ServiceKind};
use std::collections::BTreeMap;
use std::sync::Arc;
pub use storage::{Item, Volume};

/// A name that Kubernetes refuses, or with which pods cannot be made later.
static NAME: Code =
    Code { id: "SW0110", name: "unusable-name", level: Level::Error, page: include_str!("pages/unusable-name.md") };
/// A port that nobody has.
static PORT: Code =
    Code { id: "SW0111", name: "unknown-port", level: Level::Error, page: include_str!("pages/unknown-port.md") };
/// Two things in one place.
static PLACE: Code =
    Code { id: "SW0112", name: "path-taken", level: Level::Error, page: include_str!("pages/path-taken.md") };
/// An amount that cannot be read.
static AMOUNT: Code = Code {
    id: "SW0113",
    name: "unreadable-amount",
    level: Level::Error,
    page: include_str!("pages/unreadable-amount.md"),
};
/// A file that is not there.
static FILE: Code =
    Code { id: "SW0114", name: "missing-file", level: Level::Error, page: include_str!("pages/missing-file.md") };
/// A volume that nobody defines.
static VOLUME: Code =
    Code { id: "SW0115", name: "unknown-volume", level: Level::Error, page: include_str!("pages/unknown-volume.md") };
/// Two ordinals on one disk.
static SHARED: Code =
    Code { id: "SW0116", name: "shared-disk", level: Level::Error, page: include_str!("pages/shared-disk.md") };
/// A version whose rules are not known.
static VERSION: Code = Code {
    id: "SW0117",
    name: "unknown-kubernetes-version",
    level: Level::Error,
    page: include_str!("pages/unknown-kubernetes-version.md"),
};
/// More than can be written out.
static COUNT: Code =
    Code { id: "SW0118", name: "unusable-number", level: Level::Error, page: include_str!("pages/unusable-number.md") };
/// A folder of no files.
static NO_FILES: Code = Code {
    id: "SW0126",
    name: "folder-without-files",
    level: Level::Error,
    page: include_str!("pages/folder-without-files.md"),
};

/// The codes of this module, without those of expressions.
pub static CODES: &[&Code] = &[&NAME, &PORT, &PLACE, &AMOUNT, &FILE, &VOLUME, &SHARED, &VERSION, &COUNT, &NO_FILES];

/// Replicas whose names can be listed.
const MOST_REPLICAS: i64 = 10_000;

/// What surrounds an app: nothing here reads a disk.
pub trait Surroundings {
    /// A file beside the spec, by its path from there.
    ///
    /// # Errors
    /// A few words on why it cannot be had.
    fn file(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The other apps that expressions can ask for.
    fn apps(&self) -> Option<Arc<dyn Apps>> {
        None
    }
}

/// An app in one environment.
#[derive(Debug)]
pub struct App {
    /// Where its name is written.
    pub at: At,
    /// The environment.
    pub environment: Text,
    /// Kubernetes version to validate against.
    pub kubernetes: Version,
    /// How its manifests are applied, where that is said.
    pub apply: Option<Way>,
    /// The workspace's name for the cluster.
    pub cluster: Option<Text>,
    /// Who the replicas are.
    pub identity: Identity,
    /// What its expressions know.
    pub names: Names,
    /// Labels of every object.
    pub labels: Map,
    /// Annotations of every object.
    pub annotations: Map,
    /// Labels of the StatefulSet, beside those of every object.
    pub stateful_set_labels: Map,
    /// Annotations of the StatefulSet, beside those of every object.
    pub stateful_set_annotations: Map,
    /// Labels of the pods, beside those of every object and the selector.
    pub pod_labels: Map,
    /// Annotations of the pods.
    pub pod_annotations: Map,
    /// The labels by which everything finds the pods.
    pub selector: Map,
    /// The main container, then the others.
    pub containers: Vec<Container>,
    /// Those that run before.
    pub init: Vec<Container>,
    /// Volumes of the pod beside the claims.
    pub pod_volumes: Vec<Node>,
    /// What each replica keeps.
    pub storage: Vec<Item>,
    /// The volumes that are written out.
    pub volumes: Vec<Volume>,
    /// How it is reached; the governing Service first, where it is made.
    pub services: Vec<Service>,
    /// The files of its containers.
    pub config_maps: Vec<ConfigMap>,
    /// Who may connect to the pods, where that is said.
    pub network: Option<Network>,
    /// Where metrics are read, where that is said.
    pub monitor: Option<Monitor>,
    /// Everything that is one field of the StatefulSet, the pod or an object of its own.
    pub settings: settings::Settings,
    /// Extra objects.
    pub objects: Vec<Node>,
    /// Changes to what is made.
    pub(crate) patches: Vec<crate::spec::settings::Patch>,
    /// Findings that are meant so.
    pub(crate) allow: Vec<Allow>,
    /// Changes that are meant so.
    pub(crate) acknowledge: Vec<Acknowledge>,
}

/// Resolves a spec for one environment. `shared` is what the workspace gives to it.
pub fn resolve(
    spec: &Spec,
    environment: &str,
    shared: Option<&Node>,
    surroundings: &dyn Surroundings,
    found: &mut Diagnostics,
) -> Option<App> {
    let before = found.len();
    let names = Names::paid_from(Account::of_environment(spec.environments.len()));
    let (written, what) = (size(&spec.root), "fields");
    if !names.pay(written, what, spec.at(), found) {
        return None;
    }
    let merged = spec.layered(environment, shared, found)?;
    if !names.pay(size(&merged).saturating_sub(written), what, merged.at, found) {
        return None;
    }
    let (identity, names) = names::identify(&merged, environment, names, surroundings.apps(), found)?;
    let evaluated = names::evaluate(&merged, &names, found);
    if found.iter().skip(before).any(|diagnostic| diagnostic.level == Level::Error) {
        return None;
    }
    let app = written::App::read(&evaluated, found)?;
    let main = written::App::main(&evaluated, found)?;
    if found.iter().skip(before).any(|diagnostic| diagnostic.level == Level::Error) {
        return None;
    }
    tie(app, &main, environment, identity, names, surroundings, found)
}

/// Who the replicas of an app are in one environment, as other apps see them.
#[must_use]
pub fn identity(spec: &Spec, environment: &str, shared: Option<&Node>, found: &mut Diagnostics) -> Option<Identity> {
    let merged = spec.layered(environment, shared, found)?;
    let names = Names::paid_from(Account::of_environment(spec.environments.len()));
    names::identify(&merged, environment, names, None, found).map(|(identity, _)| identity)
}

/// What a tree takes in memory, as its values are counted.
pub(crate) fn size(node: &Node) -> u64 {
    VALUE + node.items().map(size).sum::<u64>() + node.entries().map(|(_, value)| size(value)).sum::<u64>()
}

/// Ties the parts to each other.
fn tie(
    app: written::App,
    main: &crate::spec::container::Container,
    environment: &str,
    mut identity: Identity,
    names: Names,
    surroundings: &dyn Surroundings,
    found: &mut Diagnostics,
) -> Option<App> {
    let kubernetes = version(app.kubernetes.as_ref(), found)?;
    let mut parts = files::Parts::new(&identity.app, surroundings, &names);
    let storage = storage::items(app.storage.as_ref(), app.volumes.as_ref(), &identity, &names, found);
    let main_name = app.container.clone().unwrap_or_else(|| Placed {
        value: identity.app.clone(),
        at: app.name.as_ref().map_or(app.at, |name| name.at),
    });
    parts.shared(app.shared.as_ref(), &storage, found);
    let mut containers = vec![container::resolve(main, &main_name, container::Role::Main, &storage, &mut parts, found)];
    for (key, other) in app.containers.iter().flat_map(|containers| &containers.entries) {
        let name = Placed { value: key.name.clone(), at: key.at };
        containers.push(container::resolve(other, &name, container::Role::Beside, &storage, &mut parts, found));
    }
    let mut init = Vec::new();
    for (key, other) in app.init.iter().flat_map(|containers| &containers.entries) {
        let name = Placed { value: key.name.clone(), at: key.at };
        init.push(container::resolve(other, &name, container::Role::Init, &storage, &mut parts, found));
    }
    container::check_names(&containers, &init, found);
    container::check_mounts(&containers, &init, &storage, &parts, app.pod.as_ref(), found);
    let selector = app.selector.as_ref().map_or_else(
        || {
            let mut map = Map::new();
            map.put("app.kubernetes.io/name", Node::text(identity.app.clone(), identity.at));
            map
        },
        texts,
    );
    let mut labels = Map::new();
    if app.recommended_labels.as_ref().is_none_or(|recommended| recommended.value) {
        labels.put("app.kubernetes.io/name", Node::text(identity.app.clone(), identity.at));
        labels.put("app.kubernetes.io/managed-by", Node::text("statewright", identity.at));
    }
    crate::merge::overlay(&mut labels, &app.labels.as_ref().map(texts).unwrap_or_default());
    let annotations = app.annotations.as_ref().map(texts).unwrap_or_default();
    let each = OBJECT + VALUE * (labels.len() + annotations.len() + selector.len()) as u64;
    let volumes = storage::volumes(&storage, &identity, &names, each, found);
    identity.namespace_written |= !volumes.is_empty();
    let services =
        service::services(app.services.as_ref(), &identity, &names, &containers, &init, &selector, each, found);
    let network = app.network.as_ref().map(|network| network::network(network, &containers, &init, &selector, found));
    let monitor = app.monitor.as_ref().and_then(|monitor| network::monitor(monitor, &containers, &init, found));
    let settings = settings::settings(&app, &identity, &selector, found);
    // What is bound in the whole cluster is bound to an account of a namespace.
    identity.namespace_written |= settings.service_account.as_ref().is_some_and(settings::Account::is_known_to_cluster);
    let mut pod_annotations = app.pod_annotations.as_ref().map(texts).unwrap_or_default();
    if let Some(checksum) = parts.checksum() {
        pod_annotations.put("statewright/files", checksum);
    }
    parts.config_maps(app.config_maps.as_ref(), found);
    let files::Parts { volumes: pod_volumes, config_maps, .. } = parts;
    let more = |written: &Option<crate::spec::files::Texts>| written.as_ref().map(texts).unwrap_or_default();
    Some(App {
        at: identity.at,
        environment: environment.into(),
        kubernetes,
        apply: app.apply.map(|apply| match apply {
            Apply::Client => Way::Client,
            Apply::Server => Way::Server,
            Apply::ServerForced => Way::ServerForced,
        }),
        cluster: app.cluster.map(|cluster| cluster.value),
        names,
        labels,
        annotations,
        stateful_set_labels: more(&app.stateful_set_labels),
        stateful_set_annotations: more(&app.stateful_set_annotations),
        pod_labels: more(&app.pod_labels),
        pod_annotations,
        selector,
        containers,
        init,
        pod_volumes,
        storage,
        volumes,
        services,
        config_maps,
        network,
        monitor,
        settings,
        objects: app.objects.unwrap_or_default(),
        patches: app.patches.unwrap_or_default(),
        allow: app.allow.unwrap_or_default(),
        acknowledge: app.acknowledge.unwrap_or_default(),
        identity,
    })
}

fn version(written: Option<&Placed<Text>>, found: &mut Diagnostics) -> Option<Version> {
    let Some(written) = written else { return Some(Version::default()) };
    written
        .value
        .parse()
        .map_err(|error: NoVersion| {
            let help = match error {
                NoVersion::Unknown(_) => {
                    format!("name one of them, or leave it out for the newest, {}", Version::NEWEST)
                }
                NoVersion::Unreadable(_) => format!("write it in quotes: \"{}\"", Version::NEWEST),
            };
            VERSION.report(error.to_string()).help(help).at(written.at, found);
        })
        .ok()
}

/// A map of texts, each with its place.
pub(crate) fn texts(map: &crate::spec::files::Texts) -> Map {
    map.entries.iter().map(|(key, value)| (key.clone(), Node::text(value.value.0.clone(), value.at))).collect()
}

/// A placed text as a node.
pub(crate) fn text(value: &Placed<Text>) -> Node {
    Node::text(value.value.clone(), value.at)
}

/// A placed text or number, kept as text.
pub(crate) fn scalar(value: &Placed<Scalar>) -> Node {
    Node::text(value.value.0.clone(), value.at)
}

/// A key as a node: where a name of the spec becomes a value of a manifest.
pub(crate) fn key_node(key: &Key) -> Node {
    Node::text(key.name.clone(), key.at)
}

/// Checks that an amount can be read.
pub(crate) fn amount(value: &Placed<Scalar>, found: &mut Diagnostics) {
    let text = &value.value.0;
    if let Err(error) = text.parse::<crate::k8s::quantity::Quantity>() {
        let digits: String = text.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
        let unit = &text[digits.len()..];
        let mend = match unit.to_ascii_lowercase().as_str() {
            "kb" | "kib" => Some("Ki"),
            "mb" | "mib" => Some("Mi"),
            "gb" | "gib" | "g" => Some("Gi"),
            "tb" | "tib" | "t" => Some("Ti"),
            _ => None,
        };
        let help = mend.filter(|_| !digits.is_empty()).map_or_else(
            || "write a number and one of Ki, Mi, Gi, Ti (1024), k, M, G, T (1000) or m (a thousandth)".to_owned(),
            |mend| format!("write `{digits}{mend}`"),
        );
        let _ = error;
        AMOUNT.report(format!("`{text}` is not an amount that Kubernetes can read")).help(help).at(value.at, found);
    }
}

impl App {
    /// The replicas with all their names.
    #[must_use]
    pub fn replicas(&self) -> Vec<Replica> {
        let volumes: BTreeMap<(&str, i64), &Volume> =
            self.volumes.iter().rev().map(|volume| ((&*volume.item, volume.ordinal), volume)).collect();
        self.identity
            .ordinals()
            .map(|ordinal| Replica {
                ordinal,
                pod: self.identity.pod(ordinal),
                host: self.identity.host(ordinal),
                fqdn: self.identity.fqdn(ordinal),
                claims: self
                    .storage
                    .iter()
                    .map(|item| self.claim(item, ordinal, volumes.get(&(&*item.name, ordinal)).copied()))
                    .collect(),
            })
            .collect()
    }

    fn claim(&self, item: &Item, ordinal: i64, volume: Option<&Volume>) -> Claim {
        Claim {
            item: item.name.to_string(),
            name: self.identity.claim(&item.name, ordinal),
            volume: volume.map(|volume| volume.name.clone()),
            disk: volume.map(|volume| volume.disk.clone()),
        }
    }

    /// The SRV records of the governing Service.
    #[must_use]
    pub fn srv(&self) -> Vec<Srv> {
        let ports = self.containers.iter().chain(&self.init).flat_map(|container| &container.ports);
        ports
            .map(|port| Srv {
                port: port.name.name.to_string(),
                name: self.identity.srv(&port.name.name, &port.protocol),
                number: port.number,
            })
            .collect()
    }
}

/// Checks the environment's name: it becomes a folder.
pub fn check_environment(key: &Key, found: &mut Diagnostics) {
    if !crate::k8s::name::is_dns_label(&key.name) {
        NAME.report(format!("`{}` cannot name an environment: it becomes a folder", key.name))
            .help("use lowercase letters, digits and `-`")
            .at(key.at, found);
    }
}

pub use spec::ONLY;
