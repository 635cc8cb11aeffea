//! Storage: claim templates, and the volumes that are written out for the claims they will become.

use super::expression::{self, Names};
use super::identity::Identity;
use super::{COUNT, MOST_REPLICAS, NAME, SHARED, amount, scalar, text, texts};
use crate::block::{Later, Named, Placed, Read};
use crate::diagnostic::Diagnostics;
use crate::source::At;
use crate::spec::files::Access;
use crate::spec::storage::Storage;
use crate::value::{Key, Map, Node, Text};
use crate::volume::{Backend, Contribution, Volumes};
use std::collections::BTreeMap;

/// What each replica keeps: one claim template.
#[derive(Clone, Debug)]
pub struct Item {
    /// `data`: the claim template and the volume are called so.
    pub name: Text,
    /// Where the name is written.
    pub at: At,
    /// Where the main container sees it.
    pub mount: Option<Placed<Text>>,
    /// Whether it is a raw device.
    pub block: bool,
    /// How much.
    pub size: Node,
    /// Access modes.
    pub access: Vec<Node>,
    /// The class; nothing for the cluster's default.
    pub class: Option<Node>,
    /// Labels of the claims, where they are not the selector.
    pub labels: Option<Map>,
    /// Annotations of the claims.
    pub annotations: Map,
    /// Fields in Kubernetes' own words.
    pub rest: Map,
    sub_path: Option<Node>,
    read_only: Option<Node>,
    mode: Option<Node>,
    backend: Option<Node>,
    fixed: bool,
}

/// A volume that is written out.
#[derive(Clone, Debug)]
pub struct Volume {
    /// `pets.data-web-0`.
    pub name: String,
    /// The storage item it is for.
    pub item: Text,
    /// The ordinal it is for.
    pub ordinal: i64,
    /// The claim it waits for.
    pub claim: String,
    /// What people would call the disk.
    pub disk: String,
    /// What the backend puts into it.
    pub contribution: Contribution,
    /// Its class; empty for none.
    pub class: Node,
    /// What becomes of it.
    pub reclaim: &'static str,
    /// Options of the mount.
    pub mount_options: Vec<Text>,
    /// Where its backend is written.
    pub at: At,
}

/// Reads the storage items; each backend is looked at once, as the first ordinal has it.
pub(super) fn items(
    storage: Option<&Named<Storage>>,
    volumes: Option<&Later<Volumes>>,
    identity: &Identity,
    names: &Names,
    found: &mut Diagnostics,
) -> Vec<Item> {
    let entries = storage.iter().flat_map(|storage| &storage.entries);
    entries.filter_map(|(key, storage)| item(key, storage, volumes, identity, names, found)).collect()
}

fn item(
    key: &Key,
    storage: &Storage,
    volumes: Option<&Later<Volumes>>,
    identity: &Identity,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<Item> {
    let size = storage.size.as_ref()?;
    amount(size, found);
    if !crate::k8s::name::is_dns_label(&key.name) {
        NAME.report(format!("`{}` cannot name a storage item: it becomes part of a claim's name", key.name))
            .help("use lowercase letters, digits and `-`")
            .at(key.at, found);
    }
    let backend = storage.volume.as_ref().or(volumes).map(|later| later.node.clone());
    let first = match &backend {
        Some(node) => Some(read(node, &key.name, identity.start, identity, names, found)?),
        None => None,
    };
    let mut class = storage.class.as_ref().map(text);
    let mut fixed = false;
    if let Some(volumes) = &first {
        match volumes.backend(found)? {
            Backend::Dynamic(dynamic) => class = class.or_else(|| dynamic.class.as_ref().map(text)),
            Backend::Static(_) => {
                fixed = true;
                class = class.or_else(|| Some(volumes.class.as_ref().map_or_else(|| Node::text("", volumes.at), text)));
            }
        }
    }
    let access = match storage.access.as_ref() {
        None => vec![Node::text("ReadWriteOnce", key.at)],
        Some(Placed { value: Access::One(word), at }) => vec![Node::text(access_mode(word), *at)],
        Some(Placed { value: Access::Several(words), .. }) => {
            words.iter().map(|word| Node::text(access_mode(&word.value), word.at)).collect()
        }
    };
    Some(Item {
        name: key.name.clone(),
        at: key.at,
        mount: storage.mount.clone(),
        block: storage.mode.as_ref().is_some_and(|mode| mode.value == "Block"),
        size: scalar(size),
        access,
        class,
        labels: storage.labels.as_ref().map(texts),
        annotations: storage.annotations.as_ref().map(texts).unwrap_or_default(),
        rest: storage.rest.clone(),
        sub_path: storage.sub_path.as_ref().map(text),
        read_only: storage.read_only.as_ref().map(|value| Node::bool(value.value, value.at)),
        mode: storage.mode.as_ref().map(text),
        backend,
        fixed,
    })
}

/// Kubernetes' word for the abbreviation that `kubectl get` shows.
fn access_mode(word: &str) -> Text {
    match word {
        "RWO" => "ReadWriteOnce".into(),
        "RWX" => "ReadWriteMany".into(),
        "ROX" => "ReadOnlyMany".into(),
        "RWOP" => "ReadWriteOncePod".into(),
        other => other.into(),
    }
}

/// The backend as one ordinal has it.
fn read(
    node: &Node,
    item: &str,
    ordinal: i64,
    identity: &Identity,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<Volumes> {
    let before = found.len();
    let names = names.with([
        ("ordinal", ordinal.into()),
        ("pod", identity.pod(ordinal).into()),
        ("claim", identity.claim(item, ordinal).into()),
        ("item", item.into()),
    ]);
    let evaluated = expression::evaluate(node, &names, found);
    if found.iter().skip(before).any(|diagnostic| diagnostic.level == crate::diagnostic::Level::Error) {
        return None;
    }
    Volumes::read(&evaluated, found)
}

/// One volume for each ordinal and static item; `each` is what an object takes beside what is written of it.
pub(super) fn volumes(
    items: &[Item],
    identity: &Identity,
    names: &Names,
    each: u64,
    found: &mut Diagnostics,
) -> Vec<Volume> {
    let mut volumes: Vec<Volume> = Vec::new();
    // The first volume on each disk that is not meant for several.
    let mut disks: BTreeMap<String, usize> = BTreeMap::new();
    for item in items.iter().filter(|item| item.fixed) {
        let Some(node) = &item.backend else { continue };
        if identity.replicas > MOST_REPLICAS / 10 {
            COUNT
                .report(format!(
                    "{} volumes would be written out for `{}`; the limit is {}",
                    identity.replicas,
                    item.name,
                    MOST_REPLICAS / 10
                ))
                .help("let the cluster make them: `volumes: {dynamic: …}`")
                .at(node.at, found);
            continue;
        }
        let bytes = (each + super::size(node)).saturating_mul(identity.replicas.unsigned_abs());
        if !names.pay(bytes, "volumes", node.at, found) {
            break;
        }
        for ordinal in identity.ordinals() {
            let Some(volume) = volume(item, node, ordinal, identity, names, found) else { break };
            if let Some(other) = disks.get(&volume.disk).map(|other| &volumes[*other]) {
                SHARED
                    .report(format!(
                        "`{}` and `{}` would have the same disk, {}",
                        other.claim, volume.claim, volume.disk
                    ))
                    .help("put what tells them apart into it, such as `{{ claim }}`")
                    .at(volume.at, found);
                break;
            }
            if !volume.contribution.shared {
                disks.insert(volume.disk.clone(), volumes.len());
            }
            volumes.push(volume);
        }
    }
    volumes
}

fn volume(
    item: &Item,
    node: &Node,
    ordinal: i64,
    identity: &Identity,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<Volume> {
    let written = read(node, &item.name, ordinal, identity, names, found)?;
    let Backend::Static(backend) = written.backend(found)? else { return None };
    let contribution = backend.contribute(found)?;
    Some(Volume {
        name: identity.volume(&item.name, ordinal),
        item: item.name.clone(),
        ordinal,
        claim: identity.claim(&item.name, ordinal),
        disk: contribution.disk.clone(),
        contribution,
        class: item.class.clone().unwrap_or_else(|| Node::text("", node.at)),
        reclaim: written.reclaim_policy.map_or("Retain", crate::volume::ReclaimPolicy::word),
        mount_options: written.mount_options.unwrap_or_default(),
        at: node.at,
    })
}

impl Item {
    /// The mount of the main container.
    pub(super) fn mount_node(&self, path: &Placed<Text>) -> Node {
        Node::of(
            path.at,
            [
                ("name", Some(Node::text(self.name.clone(), self.at))),
                ("mountPath", Some(text(path))),
                ("subPath", self.sub_path.clone()),
                ("readOnly", self.read_only.clone()),
            ],
        )
    }

    /// The device of a container.
    pub(super) fn device(&self, path: &Placed<Text>) -> Node {
        Node::of(path.at, [("name", Some(Node::text(self.name.clone(), self.at))), ("devicePath", Some(text(path)))])
    }

    /// Filesystem or Block, where it was said.
    #[must_use]
    pub const fn mode(&self) -> Option<&Node> {
        self.mode.as_ref()
    }
}
