//! Where the containers of a workload see what is kept: which claim, which directory of it, at which path. Compares two
//! manifests of one workload, and knows no cluster.

use super::set::Set;
use crate::bundle::Resource;
use crate::value::{Node, Text};
use std::collections::BTreeMap;
use std::fmt;

/// Data that outlives pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept<N> {
    /// The claims of a claim template.
    Template(N),
    /// One claim, by its name.
    Claim(N),
}

impl Kept<&str> {
    /// The same, with a name of its own.
    pub(super) fn owned(self) -> Kept<Text> {
        match self {
            Self::Template(name) => Kept::Template(name.into()),
            Self::Claim(name) => Kept::Claim(name.into()),
        }
    }
}

impl<N: fmt::Display> fmt::Display for Kept<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(name) => write!(out, "claim template {name}"),
            Self::Claim(name) => write!(out, "claim {name}"),
        }
    }
}

/// A mount that a container had, and has no longer as it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Displaced<'n> {
    /// The container.
    pub(super) container: &'n str,
    /// What it showed.
    pub(super) kept: Kept<&'n str>,
    /// Where.
    pub(super) path: &'n str,
    /// What became of it.
    pub(super) fate: Fate<'n>,
}

/// What became of a mount.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate<'n> {
    /// It shows the same data at another path.
    Elsewhere(&'n str),
    /// It shows another directory of it: the one before, and the one now.
    Directory(&'n str, &'n str),
    /// Other data is at its path.
    Replaced(Kept<&'n str>),
    /// No container shows that data.
    Gone,
}

/// One mount of one container.
#[derive(Clone, Copy)]
struct Mount<'n> {
    kept: Kept<&'n str>,
    path: &'n str,
    /// `subPath`; empty for all of the volume.
    directory: &'n str,
}

/// The mounts by the containers that have them, in the order of the manifest.
type Mounts<'n> = Vec<(&'n str, Vec<Mount<'n>>)>;

/// The mounts of kept data that containers lose sight of. What is kept no longer, or under another name, is passed
/// over: `stays` says whether it is there before and afterwards.
pub(super) fn displaced<'n>(
    old: &'n Resource,
    new: &'n Resource,
    stays: impl Fn(Kept<&'n str>) -> bool,
) -> Vec<Displaced<'n>> {
    let (before, after) = (mounts(old), mounts(new));
    let same: BTreeMap<&str, usize> = after.iter().enumerate().map(|(position, (name, _))| (*name, position)).collect();
    let gone: Vec<&str> = before.iter().map(|(name, _)| *name).filter(|name| !same.contains_key(name)).collect();
    let come: Vec<usize> =
        (0..after.len()).filter(|position| !before.iter().any(|(name, _)| *name == after[*position].0)).collect();
    let mut list = Vec::new();
    for (container, own) in &before {
        // One container went and one came: it has another name.
        let twin = same.get(container).or(if gone.len() == 1 && come.len() == 1 { come.first() } else { None });
        let now: &[Mount<'_>] = twin.map_or(&[], |position| &after[*position].1);
        for mount in own.iter().filter(|mount| stays(mount.kept) && !now.iter().any(|other| shows(other, mount))) {
            let at_path = now.iter().find(|other| parts(other.path).eq(parts(mount.path)));
            let elsewhere = now.iter().find(|other| other.kept == mount.kept);
            let fate = match (at_path, elsewhere) {
                (Some(other), _) if other.kept == mount.kept => Fate::Directory(mount.directory, other.directory),
                (Some(other), _) => Fate::Replaced(other.kept),
                (None, Some(other)) => Fate::Elsewhere(other.path),
                (None, None) if after.iter().flat_map(|(_, mounts)| mounts).any(|other| other.kept == mount.kept) => {
                    continue;
                }
                (None, None) => Fate::Gone,
            };
            list.push(Displaced { container, kept: mount.kept, path: mount.path, fate });
        }
    }
    list
}

/// The mounts of kept data.
fn mounts(workload: &Resource) -> Mounts<'_> {
    let Some(pod) = workload.node.find(&["spec", "template", "spec"]) else { return Vec::new() };
    let text = |node: &'_ Node, path: &[&str]| node.find(path).and_then(Node::as_str).map(str::to_owned);
    let mut kept: BTreeMap<String, Kept<&str>> = BTreeMap::new();
    for volume in pod.get("volumes").into_iter().flat_map(Node::items) {
        let claim = volume.find(&["persistentVolumeClaim", "claimName"]).and_then(Node::as_str);
        if let (Some(name), Some(claim)) = (text(volume, &["name"]), claim) {
            kept.insert(name, Kept::Claim(claim));
        }
    }
    // The controller puts a template's claim in the place of a volume of that name.
    kept.extend(Set(workload).templates().map(|(name, _)| (name.to_owned(), Kept::Template(name))));
    let containers = pod.get("containers").into_iter().flat_map(Node::items);
    containers
        .map(|container| {
            let of = |list: &'static str, field: &'static str| {
                let items = container.get(list).into_iter().flat_map(Node::items);
                let kept = &kept;
                items.filter_map(move |item| {
                    let word = |field: &str| item.get(field).and_then(Node::as_str);
                    let directory = word("subPath").or_else(|| word("subPathExpr")).unwrap_or_default();
                    Some(Mount { kept: *kept.get(word("name")?)?, path: word(field)?, directory })
                })
            };
            let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
            (name, of("volumeMounts", "mountPath").chain(of("volumeDevices", "devicePath")).collect())
        })
        .collect()
}

/// The parts of a path, without those that lead nowhere.
fn parts(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

/// Whether a mount shows a directory at the path where another one showed it, or at least a part of it.
fn shows(now: &Mount<'_>, before: &Mount<'_>) -> bool {
    let is_below = |(outer, outer_path): (&str, &str), (inner, inner_path): (&str, &str)| {
        let mut rest = parts(inner);
        parts(outer).all(|part| rest.next() == Some(part)) && parts(outer_path).chain(rest).eq(parts(inner_path))
    };
    let (now_at, before_at) = ((now.directory, now.path), (before.directory, before.path));
    now.kept == before.kept && (is_below(now_at, before_at) || is_below(before_at, now_at))
}
