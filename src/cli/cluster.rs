//! What a run is told of a cluster: a file of facts, objects as `kubectl get … -o yaml` prints them, or a folder of
//! manifests. Judges nothing.

use crate::bundle::inventory::Inventory;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::Diagnostics;
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::{At, Sources};
use crate::value::Node;
use crate::yaml;
use std::path::{Path, PathBuf};

/// Reads what is known of a cluster. What is wrong with it is in `found`; none if the file cannot be read at all.
pub(super) fn read(
    reach: &Reach,
    path: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Option<ClusterFacts>, Failure> {
    if disk::is_folder(path) {
        let files = disk::find_manifests(reach, &[PathBuf::from(path)])?;
        let ids = disk::read_sources(reach, &files, sources, found)?;
        return Ok(Some(ClusterFacts::of_objects(&Inventory::of_texts(sources, &ids, found))));
    }
    let Some(id) = disk::read_source(reach, path, sources, found)? else { return Ok(None) };
    // Facts have a word for the version, and none for a kind; nobody writes so many by hand that they are as large as a
    // dump.
    let text = &*sources.get(id).text;
    let is_objects = text.len() > yaml::LARGEST_SPEC || {
        let first = yaml::parts(text).first().copied();
        let first = first.and_then(|part| yaml::read_part(id, text, part, &mut Diagnostics::default()).flatten());
        first.is_some_and(|node| node.get("kind").and_then(Node::as_str).is_some() && node.get("apiVersion").is_some())
    };
    if is_objects {
        return Ok(Some(ClusterFacts::of_objects(&Inventory::of_texts(sources, &[id], found))));
    }
    let document = yaml::read_one(sources, id, found);
    Ok(document.map(|document| ClusterFacts::read(&document, found)))
}

/// The same of manifests that a workspace names, from its folder on. What cannot be had is in `found`, at the line that
/// names it.
pub(super) fn named(
    reach: &Reach,
    folder: &Path,
    named: (&str, At),
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Option<ClusterFacts>, Failure> {
    let Some(files) = disk::find_named(reach, folder, named, found)? else { return Ok(None) };
    let ids = disk::read_sources(reach, &files, sources, found)?;
    Ok(Some(ClusterFacts::of_objects(&Inventory::of_texts(sources, &ids, found))))
}
