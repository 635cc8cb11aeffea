//! What the files of a repository are other in than a revision is, committed or not: git compares its trees by their
//! hashes, and looks at the files themselves only for what it knows of them. Reads no file.
#![expect(clippy::disallowed_methods, reason = "git is asked from where a folder really is")]

use super::ask::{LARGEST, LARGEST_LISTING, commit, said, said_with, top};
use super::hash::Hash;
use super::listing::Listing;
use crate::failure::Failure;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of a repository, beside a revision.
#[derive(Debug)]
pub(crate) struct Worktree {
    /// The folder that holds them, as it really is.
    pub(crate) top: PathBuf,
    /// All that git has in its index, with what it says of each.
    tracked: Listing,
    /// The paths that are, or may be, other than at the revision. A folder stands for all that is in it.
    changed: BTreeSet<String>,
    /// Those among them of which nothing is in the index: files, and folders with all that they hold.
    loose: BTreeSet<String>,
    /// Whether something changed whose path is no text.
    is_unclear: bool,
}

impl Worktree {
    /// Compares the files of the repository that a folder is in with a revision.
    ///
    /// # Errors
    /// When git is missing, the folder is in no repository, or there is no such revision.
    pub(crate) fn since(folder: &Path, revision: &str) -> Result<Self, Failure> {
        let folder = std::fs::canonicalize(folder).map_err(|error| Failure::io("read", folder, &error))?;
        let root = folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&folder);
        let top = top(root)?;
        let commit = commit(root, revision)?;
        let quiet = without_filters(&top)?;
        let quiet: Vec<&str> = quiet.iter().map(String::as_str).collect();
        let (index, worktree, loose) = (
            ["diff-index", "--cached", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", &commit],
            ["diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=all"],
            ["ls-files", "--others", "--directory", "-z"],
        );
        let ask = |arguments: &[&str]| said_with(&top, &quiet, arguments, LARGEST_LISTING);
        // Each of them reads the whole index, and two look at the disk: they run side by side.
        let (tracked, others) = std::thread::scope(|scope| {
            let ask = &ask;
            let others = [
                scope.spawn(move || ask(&index)),
                scope.spawn(move || ask(&worktree)),
                scope.spawn(move || ask(&loose)),
            ];
            let tracked = ask(&["ls-files", "--stage", "-v", "-z"]);
            let stopped = |_| Err(Failure::new("git cannot be asked"));
            (tracked, others.map(|other| other.join().unwrap_or_else(stopped)))
        });
        let [index, worktree, loose] = others;
        let tracked = Listing::new(String::new(), tracked?);
        let mut found = Self { top, tracked, changed: BTreeSet::new(), loose: BTreeSet::new(), is_unclear: false };
        for list in [index, worktree] {
            found.add(list?.split(|byte| *byte == 0), false);
        }
        found.add(loose?.split(|byte| *byte == 0), true);
        found.add_unvouched();
        Ok(found)
    }

    fn add<'p>(&mut self, paths: impl Iterator<Item = &'p [u8]>, is_loose: bool) {
        for path in paths.filter(|path| !path.is_empty()) {
            let Ok(path) = std::str::from_utf8(path) else {
                self.is_unclear = true;
                continue;
            };
            let path = path.trim_end_matches('/');
            self.changed.insert(path.to_owned());
            if is_loose {
                self.loose.insert(path.to_owned());
            }
        }
    }

    /// What git itself does not look at: files that it was told not to, repositories inside of this one, and files of
    /// a merge that is not done.
    fn add_unvouched(&mut self) {
        let mut unvouched: Vec<(Vec<u8>, bool)> = Vec::new();
        self.tracked.each(|line, path| {
            // `H 100644 HASH 0`: a letter for a file that is as any other, then mode, hash and stage.
            let is_plain = line.starts_with(b"H ") && line.ends_with(b" 0");
            let is_repository = line.get(2..8) == Some(b"160000");
            if !is_plain || is_repository {
                unvouched.push((path.to_vec(), is_repository));
            }
        });
        for (path, is_repository) in unvouched {
            self.add(std::iter::once(&path[..]), is_repository);
        }
    }

    /// Whether anything changed at all of which it cannot be said where.
    pub(crate) const fn is_unclear(&self) -> bool {
        self.is_unclear
    }

    /// The paths that are, or may be, other than at the revision.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &str> {
        self.changed.iter().map(String::as_str)
    }

    /// The paths that git has nothing of: files, and folders with all that they hold.
    pub(crate) fn loose(&self) -> impl Iterator<Item = &str> {
        self.loose.iter().map(String::as_str)
    }

    /// Leaves a folder out that is nobody's concern.
    pub(crate) fn without(&mut self, folder: &str) {
        self.changed.remove(folder);
        self.loose.remove(folder);
    }

    /// Whether anything changed at a path, below it, or in what it lies in. The empty path is the top.
    pub(crate) fn touches(&self, path: &str) -> bool {
        if path.is_empty() {
            return self.is_unclear || !self.changed.is_empty();
        }
        let below = format!("{path}/");
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        self.is_unclear
            || self.changed.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
            || above.chain([path]).any(|path| self.changed.contains(path))
    }

    /// The hash of a plain file that is as at the revision.
    pub(crate) fn hash(&self, path: &str) -> Option<Hash> {
        let line = self.tracked.line(path).filter(|_| !self.touches(path))?;
        let mut words = std::str::from_utf8(line).ok()?.split(' ').skip(1);
        let (mode, hash) = (words.next()?, words.next()?);
        mode.starts_with("100").then(|| Hash::of_digits(hash.as_bytes())).flatten()
    }

    /// The paths in the index whose last part is that name.
    pub(crate) fn named(&self, name: &str) -> Vec<&str> {
        let is_it = |path: &&str| path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        self.paths(|path| path.ends_with(name.as_bytes())).into_iter().filter(is_it).collect()
    }

    /// The paths in the index that hold that text.
    pub(crate) fn paths_with(&self, text: &str) -> Vec<&str> {
        self.paths(|path| path.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    fn paths(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<&str> {
        let mut found = Vec::new();
        self.tracked.each(|_, path| {
            if let Some(path) = is_wanted(path).then(|| std::str::from_utf8(path).ok()).flatten() {
                found.push(path);
            }
        });
        // A file of a merge that is not done is there several times.
        found.dedup();
        found
    }

    /// Whether the index has anything in a folder.
    pub(crate) fn has_folder(&self, path: &str) -> bool {
        self.tracked.is_folder(path)
    }

    /// Whether the index has anything of that name, a file or a folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.tracked.line(path).is_some() || self.has_folder(path)
    }
}

/// What keeps git from running the programs that a repository's configuration names for the contents of files.
fn without_filters(top: &Path) -> Result<Vec<String>, Failure> {
    let names = said(top, &["config", "--null", "--name-only", "--list"], LARGEST)?;
    let names = String::from_utf8_lossy(&names);
    let mut settings = Vec::new();
    let filters: BTreeSet<&str> =
        names.split('\0').filter_map(|name| Some(name.strip_prefix("filter.")?.rsplit_once('.')?.0)).collect();
    for filter in filters {
        if !filter.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(Failure::new("git is configured to filter files by a name that cannot be switched off"));
        }
        for switch in ["clean=", "smudge=", "process=", "required=false"] {
            settings.extend(["-c".to_owned(), format!("filter.{filter}.{switch}")]);
        }
    }
    Ok(settings)
}
