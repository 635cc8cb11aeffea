//! A dump of a cluster, from wherever it comes: files in any of the layouts that people have, standard input, or kubectl,
//! which is asked to read. Decides nothing about what is in it.

use super::{kubectl, output};
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::{SourceId, Sources};
use crate::value::{Data, Node};
use crate::yaml;
use clap::Args;
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
    let mut bundle = Bundle::default();
    let read = crate::parallel::map(&ids, |(id, file)| objects(sources, *id, file));
    for (resources, own) in read {
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

/// The objects of a file. What is none, such as the lists of a support bundle of what one may do, is passed over.
fn objects(sources: &Sources, id: SourceId, file: &Path) -> (Vec<Resource>, Diagnostics) {
    let (mut all, mut found) = (Vec::new(), Diagnostics::default());
    let text = &sources.get(id).text;
    for part in yaml::parts(text) {
        if let Some(Some(node)) = yaml::read_part(id, text, part, &mut found) {
            let kind = of_file(file);
            gather(node, kind, 0, &mut all);
        }
    }
    (all, found)
}

/// Lists in lists are taken apart so many times.
const DEEPEST: usize = 4;

/// Takes lists apart: those that say what they hold, `PodList` and the like whose items do not, and bare ones.
fn gather(node: Node, kind: Option<(String, String)>, depth: usize, all: &mut Vec<Resource>) {
    let word = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let (mut items, mut of) = (None, kind);
    match node.data {
        Data::List(_) => {
            if let Data::List(list) = node.data {
                items = Some(list);
            }
        }
        Data::Map(ref map) if map.has("items") && (word(&node, "kind").ends_with("List") || !map.has("kind")) => {
            if let Some(kind) = word(&node, "kind").strip_suffix("List").filter(|kind| !kind.is_empty()) {
                of = Some((word(&node, "apiVersion"), kind.to_owned()));
            }
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
fn named(mut node: Node, kind: Option<&(String, String)>) -> Option<Resource> {
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
fn of_file(file: &Path) -> Option<(String, String)> {
    let name = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let names = [name(file.file_stem()), name(file.parent().and_then(Path::file_name))];
    let (_, api_version, kind) =
        OF_TROUBLESHOOT.iter().find(|(folder, ..)| names.iter().flatten().any(|name| name == folder))?;
    Some(((*api_version).to_owned(), (*kind).to_owned()))
}
