//! Files, secrets and scratch folders: what each container mounts, and the pod volumes and ConfigMaps behind them.

use super::expression::{self, Names};
use super::storage::Item;
use super::{FILE, NAME, NO_FILES, PLACE, Surroundings, amount, key_node, scalar, text};
use crate::block::{Named, Placed, Scalar};
use crate::diagnostic::Diagnostics;
use crate::k8s::base64;
use crate::source::At;
use crate::spec::container::Container;
use crate::spec::files::{File, Files, Scratch, Secret};
use crate::value::{Key, Map, Node, Text};

/// A ConfigMap that holds the files of one folder.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// `web-config`.
    pub name: String,
    /// Its files that are text.
    pub data: Map,
    /// Its other files, in base 64.
    pub binary: Map,
    /// Where the folder is written.
    pub at: At,
}

/// What is in a file, as a ConfigMap holds it.
enum Content {
    Text(Node),
    Binary(Node),
}

/// What containers ask of the pod.
pub(super) struct Parts<'a> {
    app: Text,
    surroundings: &'a dyn Surroundings,
    names: &'a Names,
    pub(super) volumes: Vec<Node>,
    pub(super) config_maps: Vec<ConfigMap>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(app: &Text, surroundings: &'a dyn Surroundings, names: &'a Names) -> Self {
        Self { app: app.clone(), surroundings, names, volumes: Vec::new(), config_maps: Vec::new() }
    }

    /// The folders that containers share, by their own names.
    pub(super) fn shared(
        &mut self,
        written: Option<&Named<Placed<Scratch>>>,
        storage: &[Item],
        found: &mut Diagnostics,
    ) {
        for (key, scratch) in written.iter().flat_map(|shared| &shared.entries) {
            if !crate::k8s::name::is_dns_label(&key.name) {
                NAME.report(format!("`{}` cannot name a shared folder: it becomes a volume's name", key.name))
                    .help("use lowercase letters, digits and `-`")
                    .at(key.at, found);
            }
            if let Some(item) = storage.iter().find(|item| item.name == key.name) {
                NAME.report(format!("a shared folder and a storage item are both called `{}`", key.name))
                    .see(item.at, "the storage item is here")
                    .help("give one of them another name")
                    .at(key.at, found);
            }
            let source = scratch_source(scratch, found);
            self.volume(&key.name, "emptyDir", source, key.at);
        }
    }

    /// The mounts of one container; the volumes behind them are added to the pod's. `prefix` keeps the folders of
    /// containers apart.
    pub(super) fn mounts(&mut self, written: &Container, prefix: Option<&str>, found: &mut Diagnostics) -> Vec<Node> {
        let mut mounts = Vec::new();
        for (folder, files) in written.files.iter().flat_map(|files| &files.entries) {
            if files.entries.is_empty() {
                NO_FILES
                    .report(format!(
                        "`{}` has no files: it would be mounted empty, over whatever the image has there",
                        folder.name
                    ))
                    .help("name a file: `{app.conf: {from: conf/app.conf}}`; an empty folder to write to is `scratch`")
                    .at(folder.at, found);
                continue;
            }
            let slug = slug(prefix, &folder.name);
            let name = format!("{}-{slug}", self.app);
            let (data, binary) = self.data(files, found);
            let volume = format!("files-{slug}");
            let source = Node::of(folder.at, [("name", Some(Node::text(name.as_str(), folder.at)))]);
            self.volume(&volume, "configMap", source, folder.at);
            self.config_maps.push(ConfigMap { name, data, binary, at: folder.at });
            if are_alone(folder, files, found) {
                mounts.extend(files.entries.iter().map(|(file, _)| mount_alone(&volume, folder, file)));
            } else {
                mounts.push(mount(&volume, folder, None));
            }
        }
        for (folder, secret) in written.secrets.iter().flat_map(|secrets| &secrets.entries) {
            let volume = format!("secret-{}", slug(prefix, &folder.name));
            self.volume(&volume, "secret", secret_source(secret), folder.at);
            mounts.push(mount(&volume, folder, Some(Node::bool(true, secret.at))));
        }
        for (folder, scratch) in written.scratch.iter().flat_map(|scratch| &scratch.entries) {
            let volume = format!("scratch-{}", slug(prefix, &folder.name));
            self.volume(&volume, "emptyDir", scratch_source(scratch, found), folder.at);
            mounts.push(mount(&volume, folder, None));
        }
        mounts
    }

    fn volume(&mut self, name: &str, field: &'static str, source: Node, at: At) {
        self.volumes.push(Node::of(at, [("name", Some(Node::text(name, at))), (field, Some(source))]));
    }

    /// What is in files: those that are text, and the others.
    fn data(&self, files: &Files, found: &mut Diagnostics) -> (Map, Map) {
        let (mut data, mut binary) = (Map::new(), Map::new());
        for (key, file) in &files.entries {
            let content = match &file.value {
                File::Text(text) => Some(Content::Text(Node::text(text.clone(), file.at))),
                File::Form(form) => match (&form.text, &form.from) {
                    (Some(text), _) => Some(Content::Text(scalar(text))),
                    (None, Some(from)) => {
                        self.read(from, form.expressions.as_ref().is_some_and(|yes| yes.value), found)
                    }
                    (None, None) => {
                        crate::block::MISSING
                            .report(format!("the file `{}` has neither `from` nor `text`", key.name))
                            .help("say where it comes from: `{from: conf/app.conf}`, or write its text")
                            .at(file.at, found);
                        None
                    }
                },
            };
            match content {
                Some(Content::Text(node)) => drop(data.set(key.clone(), node)),
                Some(Content::Binary(node)) => drop(binary.set(key.clone(), node)),
                None => {}
            }
        }
        (data, binary)
    }

    fn read(&self, from: &Placed<Text>, expressions: bool, found: &mut Diagnostics) -> Option<Content> {
        let bytes = match self.surroundings.file(&from.value) {
            Ok(bytes) => bytes,
            Err(why) => {
                FILE.report(format!("the file `{}` cannot be read: {why}", from.value))
                    .help("paths are read from the folder of this spec, and do not leave it")
                    .at(from.at, found);
                return None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(content) if expressions => {
                let mut own = Diagnostics::default();
                let text = expression::evaluate_text(&content, from.at, self.names, &mut own);
                own.retain(|diagnostic| {
                    // The place is that of the file's name: say where in the file.
                    if let Some(stretch) = diagnostic.stretch.take() {
                        let before =
                            content.match_indices(stretch.begins).nth(stretch.nth).map_or(0, |(offset, _)| offset);
                        let line = 1 + content[..before].matches('\n').count();
                        diagnostic.message = format!("{}, line {line}: {}", from.value, diagnostic.message);
                    }
                    true
                });
                found.extend(own);
                text.map(Content::Text)
            }
            Ok(content) => Some(Content::Text(Node::text(content, from.at))),
            Err(_) if expressions => {
                FILE.report(format!("the file `{}` is not text (UTF-8), so no expression can be in it", from.value))
                    .help("leave `expressions` out, and it is taken as it is")
                    .at(from.at, found);
                None
            }
            Err(error) => Some(Content::Binary(Node::text(base64::encode(error.as_bytes()), from.at))),
        }
    }

    /// ConfigMaps that have names of their own: nothing mounts them for the user, and no pod restarts when they change.
    pub(super) fn config_maps(&mut self, written: Option<&Named<Files>>, found: &mut Diagnostics) {
        for (key, files) in written.iter().flat_map(|maps| &maps.entries) {
            let (data, binary) = self.data(files, found);
            self.config_maps.push(ConfigMap { name: key.name.to_string(), data, binary, at: key.at });
        }
    }

    /// A text that changes whenever a file does, so that the pods restart.
    pub(super) fn checksum(&self) -> Option<Node> {
        let first = self.config_maps.first()?;
        let all = self.config_maps.iter().flat_map(|config| {
            let binary = (!config.binary.is_empty()).then_some((&*config.name, &config.binary));
            std::iter::once((&*config.name, &config.data)).chain(binary)
        });
        Some(Node::text(checksum(all), first.at))
    }
}

/// The checksum of the files of some ConfigMaps, in the order in which they are written.
pub(crate) fn checksum<'m>(config_maps: impl IntoIterator<Item = (&'m str, &'m Map)>) -> String {
    let mut hash = Fnv::new();
    for (name, data) in config_maps {
        hash.add(name);
        for (key, node) in data.iter() {
            hash.add(&key.name);
            hash.add(node.as_str().unwrap_or_default());
        }
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a: small, and the same on every machine; nobody attacks a checksum of their own files.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// `/etc/redis` as part of a name: `etc-redis`.
pub(crate) fn slug(prefix: Option<&str>, path: &str) -> String {
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase);
    let mut slug = prefix.map(str::to_owned).into_iter().chain(words).collect::<Vec<_>>().join("-");
    if slug.is_empty() {
        slug.push_str("root");
    }
    if slug.len() > 48 {
        let mut hash = Fnv::new();
        hash.add(&slug);
        slug.truncate(39);
        slug = format!("{}-{:08x}", slug.trim_end_matches('-'), hash.0 >> 32);
    }
    slug
}

/// Whether the files of a folder are mounted one by one, beside what the image has there.
fn are_alone(folder: &Key, files: &Files, found: &mut Diagnostics) -> bool {
    let is_alone = |file: &Placed<File>| match &file.value {
        File::Text(_) => false,
        File::Form(form) => form.alone.as_ref().is_some_and(|alone| alone.value),
    };
    let (alone, others): (Vec<_>, Vec<_>) = files.entries.iter().partition(|(_, file)| is_alone(file));
    if let ([(_, first), ..], [(other, _), ..]) = (&alone[..], &others[..]) {
        PLACE
            .report(format!(
                "`{}` is mounted as a whole for `{}`, so nothing can stand alone in it",
                folder.name, other.name
            ))
            .see(first.at, "this one stands alone")
            .help("say `alone: true` of all files of the folder, or of none")
            .at(other.at, found);
    }
    !alone.is_empty()
}

/// A file in a folder that is the image's own.
fn mount_alone(volume: &str, folder: &Key, file: &Key) -> Node {
    let path = format!("{}/{}", folder.name.trim_end_matches('/'), file.name);
    let text = |text: &str| Some(Node::text(text, file.at));
    Node::of(file.at, [("name", text(volume)), ("mountPath", text(&path)), ("subPath", Some(key_node(file)))])
}

fn mount(volume: &str, folder: &Key, read_only: Option<Node>) -> Node {
    Node::of(
        folder.at,
        [("name", Some(Node::text(volume, folder.at))), ("mountPath", Some(key_node(folder))), ("readOnly", read_only)],
    )
}

fn secret_source(secret: &Placed<Secret>) -> Node {
    match &secret.value {
        Secret::Name(name) => Node::of(secret.at, [("secretName", Some(Node::text(name.clone(), secret.at)))]),
        Secret::Form(form) => {
            let item = |(key, path): &(Key, Placed<Text>)| {
                Node::of(key.at, [("key", Some(key_node(key))), ("path", Some(text(path)))])
            };
            let items = form.items.as_ref().map(|items| Node::list(items.entries.iter().map(item).collect(), form.at));
            Node::of(
                form.at,
                [
                    ("secretName", form.secret.as_ref().map(text)),
                    ("items", items),
                    ("defaultMode", form.mode.as_ref().map(|mode| Node::int(mode.value, mode.at))),
                    ("optional", form.optional.as_ref().map(|optional| Node::bool(optional.value, optional.at))),
                ],
            )
        }
    }
}

fn scratch_source(scratch: &Placed<Scratch>, found: &mut Diagnostics) -> Node {
    let (size, medium) = match &scratch.value {
        Scratch::Size(size) => (Some(Placed { value: Scalar(size.clone()), at: scratch.at }), None),
        Scratch::Form(form) => (form.size.clone(), form.medium.as_ref().map(text)),
    };
    if let Some(size) = &size {
        amount(size, found);
    }
    Node::of(scratch.at, [("medium", medium), ("sizeLimit", size.as_ref().map(scalar))])
}
