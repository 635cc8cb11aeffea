//! The manifests that a run is given: files, folders, patterns, and `-` for standard input. Reads no meaning into them.

use crate::diagnostic::Diagnostics;
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::{SourceId, Sources};
use std::path::{Path, PathBuf};

/// Reads them. None at all is a failure, which says what was not done to them: a run that passes when its subject is
/// missing is none.
pub(super) fn manifests(
    reach: &Reach,
    paths: &[PathBuf],
    not_done: &str,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Vec<SourceId>, Failure> {
    let mut ids = Vec::new();
    let named: Vec<PathBuf> = paths.iter().filter(|path| *path != Path::new("-")).cloned().collect();
    if named.len() < paths.len() {
        ids.extend(disk::read_stream(std::io::stdin().lock(), "<stdin>", sources, found)?);
    }
    let files = disk::find_manifests(reach, &named)?;
    ids.extend(disk::read_sources(reach, &files, sources, found)?);
    if ids.is_empty() && found.is_empty() {
        return Err(Failure::new(format!("no manifests there: nothing was {not_done}")));
    }
    Ok(ids)
}
