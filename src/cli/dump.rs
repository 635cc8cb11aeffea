//! A dump of a cluster, from wherever it comes: files in any of the layouts that people have, standard input, or kubectl,
//! which is asked to read. Decides nothing about what is in it.

use super::{kubectl, output};
use crate::budget;
use crate::bundle::Resource;
use crate::bundle::inventory::{Inventory, Object};
use crate::bundle::pieces::{Kind, Piece, of_list, pieces};
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::{SourceId, Sources};
use crate::value::{Data, Node};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    pub(super) inventory: Inventory,
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
    let of = |(id, file): &(SourceId, PathBuf)| pieces(sources, *id, of_file(file).as_ref());
    let pieces: Vec<Piece> = ids.iter().flat_map(of).collect();
    if pieces.len() > budget::OBJECTS {
        return Err(Failure::new(format!(
            "this dump has {} objects, and the limit is {}: leave out namespaces that the apps are not in",
            pieces.len(),
            budget::OBJECTS
        )));
    }
    let mut inventory = Inventory::default();
    for (objects, own) in crate::parallel::map(&pieces, objects) {
        objects.into_iter().for_each(|object| inventory.add(Arc::new(object)));
        found.extend(own);
    }
    if let Some((namespace, count)) = inventory.crowded() {
        return Err(Failure::new(format!(
            "namespace `{namespace}` of this dump has {count} objects, and the limit is {}: leave out kinds that no \
             rehearsal reads",
            budget::NEIGHBOURS
        )));
    }
    let findings = found.resolve(sources);
    if inventory.is_empty() && !output::any_error(&findings) {
        return Err(Failure::new(
            "there are no Kubernetes objects in it: give what `kubectl get -A -o yaml` prints, or a folder of such files",
        ));
    }
    Ok(Dump { inventory, findings })
}

/// The objects of a piece. What is none, such as the lists of a support bundle of what one may do, is passed over.
fn objects(piece: &Piece) -> (Vec<Object>, Diagnostics) {
    let (mut all, mut found) = (Vec::new(), Diagnostics::default());
    if let Some(printed) = Object::printed(piece) {
        return (vec![printed], found);
    }
    if let Some(Some(node)) = piece.read(&mut found) {
        gather(node, piece.kind.clone(), 0, &mut all);
    }
    (all.into_iter().map(Object::read).collect(), found)
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
