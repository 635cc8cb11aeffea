//! A dump of a cluster, from wherever it comes: files in any of the layouts that people have, standard input, or kubectl,
//! which is asked to read. Decides nothing about what is in it.

use super::{kubectl, output};
use crate::budget;
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::{SourceId, Sources};
use crate::value::{Data, Node};
use crate::yaml;
use clap::Args;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Where a dump comes from.
#[derive(Debug)]
pub(super) enum From<'a> {
    /// Files, folders, patterns, or `-`.
    Paths(&'a [PathBuf]),
    /// What kubectl calls the cluster.
    Context(&'a str),
}

/// What runs, for those who compare with it.
#[derive(Debug, Default, Args)]
pub(super) struct Live {
    /// Compare with what runs, in the place of what is committed: what `statewright snapshot` wrote, what `kubectl get
    /// -A -o yaml --show-managed-fields` prints, or a folder of such files; `-` is standard input.
    #[arg(long, value_name = "FILE|DIR")]
    live: Option<PathBuf>,
    /// Compare with the cluster that kubectl calls so. The commands are shown; nothing is changed, and no Secret is read.
    #[arg(long, value_name = "NAME", conflicts_with = "live")]
    context: Option<String>,
}

impl Live {
    /// Reads it, if it is asked for.
    pub(super) fn read(&self, reach: &Reach) -> Result<Option<Dump>, Failure> {
        let paths: Vec<PathBuf> = self.live.iter().cloned().collect();
        let from = match (&self.context, &paths[..]) {
            (Some(context), _) => From::Context(context),
            (None, []) => return Ok(None),
            (None, paths) => From::Paths(paths),
        };
        let dump = read(reach, &from, &mut Sources::default())?;
        output::findings(&dump.findings, &output::Formats::default())?;
        if output::any_error(&dump.findings) {
            return Err(Failure::new("what runs cannot be read"));
        }
        Ok(Some(dump))
    }
}

/// A dump as read.
#[derive(Debug)]
pub(super) struct Dump {
    /// Its objects.
    pub(super) bundle: Bundle,
    /// What cannot be read of it.
    pub(super) findings: Vec<Finding>,
}

/// Folders and files of a Troubleshoot bundle's `cluster-resources/` whose lists do not say what they hold.
const OF_TROUBLESHOOT: [(&str, &str, &str); 26] = [
    ("configmaps", "v1", "ConfigMap"),
    ("cronjobs", "batch/v1", "CronJob"),
    ("custom-resource-definitions", "apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("daemonsets", "apps/v1", "DaemonSet"),
    ("deployments", "apps/v1", "Deployment"),
    ("endpointslices", "discovery.k8s.io/v1", "EndpointSlice"),
    ("ingress", "networking.k8s.io/v1", "Ingress"),
    ("jobs", "batch/v1", "Job"),
    ("limitranges", "v1", "LimitRange"),
    ("namespaces", "v1", "Namespace"),
    ("network-policy", "networking.k8s.io/v1", "NetworkPolicy"),
    ("nodes", "v1", "Node"),
    ("pod-disruption-budgets", "policy/v1", "PodDisruptionBudget"),
    ("pods", "v1", "Pod"),
    ("priorityclasses", "scheduling.k8s.io/v1", "PriorityClass"),
    ("pvcs", "v1", "PersistentVolumeClaim"),
    ("pvs", "v1", "PersistentVolume"),
    ("replicasets", "apps/v1", "ReplicaSet"),
    ("resource-quota", "v1", "ResourceQuota"),
    ("rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("roles", "rbac.authorization.k8s.io/v1", "Role"),
    ("serviceaccounts", "v1", "ServiceAccount"),
    ("services", "v1", "Service"),
    ("statefulsets", "apps/v1", "StatefulSet"),
    ("storage-classes", "storage.k8s.io/v1", "StorageClass"),
    ("volumeattachments", "storage.k8s.io/v1", "VolumeAttachment"),
];

/// Reads a dump.
pub(super) fn read(reach: &Reach, from: &From<'_>, sources: &mut Sources) -> Result<Dump, Failure> {
    let mut found = Diagnostics::default();
    let mut ids: Vec<(SourceId, PathBuf)> = Vec::new();
    match from {
        From::Context(context) => {
            let text = kubectl::objects(context)?;
            ids.push((sources.add(format!("kubectl --context {context}"), text), PathBuf::new()));
        }
        From::Paths(paths) => {
            for path in *paths {
                if path == Path::new("-") {
                    let read = disk::read_stream(std::io::stdin().lock(), "<stdin>", sources, &mut found)?;
                    ids.extend(read.map(|id| (id, PathBuf::new())));
                    continue;
                }
                for file in disk::find_manifests(reach, std::slice::from_ref(path))? {
                    let read = disk::read_source(reach, &file, sources, &mut found)?;
                    ids.extend(read.map(|id| (id, file)));
                }
            }
        }
    }
    let size: usize = ids.iter().map(|(id, _)| sources.get(*id).text.len()).sum();
    if size > budget::DUMP {
        let limit = budget::shown(budget::DUMP as u64);
        return Err(Failure::new(format!(
            "this dump has {} MB, and the limit is {limit}: leave out namespaces that the apps are not in",
            size >> 20
        )));
    }
    let mut pieces = Vec::new();
    for (id, file) in &ids {
        let text = &*sources.get(*id).text;
        let kind = of_file(file);
        match split(text) {
            Some(list) => {
                let kind = list.kind.or(kind);
                pieces.extend(list.items.into_iter().map(|item| Piece { id: *id, text: item, kind: kind.clone() }));
            }
            None => pieces.extend(yaml::parts(text).into_iter().map(|part| {
                let text = Cow::Borrowed(&text[part.start..part.end]);
                Piece { id: *id, text, kind: kind.clone() }
            })),
        }
    }
    let mut bundle = Bundle::default();
    for (resources, own) in crate::parallel::map(&pieces, objects) {
        bundle.resources.extend(resources);
        found.extend(own);
    }
    let findings = found.resolve(sources);
    if bundle.resources.is_empty() && !output::any_error(&findings) {
        return Err(Failure::new(
            "there are no Kubernetes objects in it: give what `kubectl get -A -o yaml` prints, or a folder of such files",
        ));
    }
    Ok(Dump { bundle, findings })
}

/// A part of a dump that is read by itself: a document, or an item of a list.
struct Piece<'t> {
    id: SourceId,
    text: Cow<'t, str>,
    /// What it is, unless it says otherwise.
    kind: Option<Kind>,
}

/// An apiVersion and a kind.
type Kind = (String, String);

/// The objects of a piece. What is none, such as the lists of a support bundle of what one may do, is passed over.
fn objects(piece: &Piece<'_>) -> (Vec<Resource>, Diagnostics) {
    let (mut all, mut found) = (Vec::new(), Diagnostics::default());
    let whole = yaml::Part { start: 0, end: piece.text.len() };
    if let Some(Some(node)) = yaml::read_part(piece.id, &piece.text, whole, &mut found) {
        gather(node, piece.kind.clone(), 0, &mut all);
    }
    (all, found)
}

/// A list as kubectl prints it, in pieces: all objects of a cluster are more than one document may have.
struct List<'t> {
    items: Vec<Cow<'t, str>>,
    /// What a list of one kind says of its items.
    kind: Option<Kind>,
}

fn split(text: &str) -> Option<List<'_>> {
    if text.trim_start().starts_with('{') { split_json(text) } else { split_yaml(text) }
}

/// What a `PodList` holds.
fn of_list(api_version: &str, kind: &str) -> Option<Kind> {
    let item = kind.strip_suffix("List").filter(|item| !item.is_empty())?;
    Some((api_version.to_owned(), item.to_owned()))
}

/// The items of one JSON object, found by brackets alone.
fn split_json(text: &str) -> Option<List<'_>> {
    let bytes = text.as_bytes();
    let (mut depth, mut place, mut start, mut in_items) = (0_usize, 0, 0, false);
    let (mut key, mut says) = ("", [""; 2]);
    let mut items = Vec::new();
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => {
                let mut end = place + 1;
                while *bytes.get(end)? != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let word = text.get(place + 1..end)?;
                if depth == 1 && text.get(end + 1..)?.trim_start().starts_with(':') {
                    key = word;
                } else if depth == 1
                    && let Some(field) = ["apiVersion", "kind"].iter().position(|field| *field == key)
                {
                    says[field] = word;
                }
                place = end;
            }
            b'{' | b'[' => {
                in_items |= depth == 1 && *byte == b'[' && key == "items";
                if depth == 2 && in_items {
                    start = place;
                }
                depth += 1;
                if depth > DEEPEST_JSON {
                    return None;
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 2 && in_items {
                    items.push(Cow::Borrowed(text.get(start..=place)?));
                }
                in_items &= depth > 1;
                if depth == 0 && !text.get(place + 1..)?.trim().is_empty() {
                    return None;
                }
            }
            _ => {}
        }
        place += 1;
    }
    let is_list = says[1].ends_with("List") && depth == 0 && !items.is_empty();
    is_list.then(|| List { items, kind: of_list(says[0], says[1]) })
}

/// Nothing in Kubernetes nests so deep.
const DEEPEST_JSON: usize = 128;

/// The items of one YAML document in the form in which kubectl prints it: each begins in the first column.
fn split_yaml(text: &str) -> Option<List<'_>> {
    let (mut items, mut start): (Vec<Cow<'_, str>>, _) = (Vec::new(), None);
    let (mut place, mut in_items, mut says) = (0, false, [""; 2]);
    let item = |start: usize, end: usize| Cow::Owned(format!("  {}", &text[start + 2..end]));
    for line in text.split_inclusive('\n') {
        let is_within = line.starts_with([' ', '\n', '\r']);
        if in_items && !is_within {
            if let Some(start) = start.take() {
                items.push(item(start, place));
            }
            in_items = line.starts_with("- ");
            start = in_items.then_some(place);
        }
        if !in_items && !is_within {
            match line.trim_end().split_once(':') {
                Some(("items", "")) => in_items = true,
                Some(("apiVersion", value)) => says[0] = value.trim(),
                Some(("kind", value)) => says[1] = value.trim(),
                Some(("metadata", _)) => {}
                _ if place == 0 && line.trim_end() == "---" || line.starts_with('#') => {}
                _ => return None,
            }
        }
        place += line.len();
    }
    items.extend(start.map(|start| item(start, text.len())));
    let is_list = says[1].ends_with("List") && !items.is_empty();
    is_list.then(|| List { items, kind: of_list(says[0], says[1]) })
}

/// Lists in lists are taken apart so many times.
const DEEPEST: usize = 4;

/// Takes lists apart: those that say what they hold, `PodList` and the like whose items do not, and bare ones.
fn gather(node: Node, kind: Option<Kind>, depth: usize, all: &mut Vec<Resource>) {
    let word = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let (mut items, mut of) = (None, kind);
    match node.data {
        Data::List(_) => {
            if let Data::List(list) = node.data {
                items = Some(list);
            }
        }
        Data::Map(ref map) if map.has("items") && (word(&node, "kind").ends_with("List") || !map.has("kind")) => {
            of = of_list(&word(&node, "apiVersion"), &word(&node, "kind")).or(of);
            if let Data::Map(mut map) = node.data
                && let Some(Node { data: Data::List(list), .. }) = map.remove("items")
            {
                items = Some(list);
            }
        }
        _ => {
            all.extend(named(node, of.as_ref()));
            return;
        }
    }
    if depth < DEEPEST {
        items.into_iter().flatten().for_each(|item| gather(item, of.clone(), depth + 1, all));
    }
}

/// An object, which is of that kind unless it says otherwise.
fn named(mut node: Node, kind: Option<&Kind>) -> Option<Resource> {
    let at = node.at;
    let map = node.as_map_mut()?;
    if let Some((api_version, kind)) = kind
        && map.has("metadata")
    {
        for (field, value) in [("apiVersion", api_version), ("kind", kind)] {
            if !map.has(field) {
                map.put(field, Node::text(value.as_str(), at));
            }
        }
    }
    Resource::new(node).ok().filter(|resource| !resource.id.name.is_empty())
}

/// What a file of a support bundle holds, by its name or that of its folder.
fn of_file(file: &Path) -> Option<Kind> {
    let name = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let names = [name(file.file_stem()), name(file.parent().and_then(Path::file_name))];
    let (_, api_version, kind) =
        OF_TROUBLESHOOT.iter().find(|(folder, ..)| names.iter().flatten().any(|name| name == folder))?;
    Some(((*api_version).to_owned(), (*kind).to_owned()))
}
