//! What git remembers: the files of folders at an earlier revision. Runs the `git` command, without a shell; checks
//! nothing out.
//!
//! A repository may be anybody's, with its `.git` folder and what is configured there. Git is asked only for what is in
//! its store, in ways in which it runs no program and speaks to no other machine; what it answers is read up to a
//! limit.
#![expect(clippy::disallowed_methods, reason = "git is asked from where a folder really is")]

mod ask;
mod entry;
mod hash;
mod listing;
mod worktree;

pub(crate) use hash::{Hash, sha1};
pub(crate) use worktree::Worktree;

use crate::failure::Failure;
use ask::{LARGEST, LARGEST_LISTING, broken, cannot_run, commit, git, said, top};
use entry::{Entry, EntryKind, entries};
use listing::Listing;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Nor are all manifests of a folder.
const LARGEST_FOLDER: u64 = 512 << 20;

/// A revision, in whatever repositories the folders that are asked for lie. Each repository is opened once.
#[derive(Debug)]
pub(crate) struct Revision {
    name: String,
    /// By the folder that holds them.
    repositories: Mutex<BTreeMap<PathBuf, Arc<Repository>>>,
    /// Where folders really are, and in which repository; most lie side by side.
    known: Mutex<BTreeMap<OsString, (PathBuf, Arc<Repository>)>>,
}

/// A file of a revision.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Its name in its folder.
    pub(crate) name: String,
    /// Its text; none where that was known.
    pub(crate) text: Option<String>,
}

impl Revision {
    /// The revision of that name; whether there is one shows when a folder is asked for.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), repositories: Mutex::default(), known: Mutex::default() }
    }

    /// The files directly in a folder that pass by their name; none when the revision does not have the folder. Those
    /// of which it is known what they hold, by their hash, are not read.
    ///
    /// # Errors
    /// When git is missing, the folder is in no repository, or there is no such revision.
    pub(crate) fn files(
        &self,
        folder: &Path,
        is_wanted: impl Fn(&str) -> bool,
        is_known: impl Fn(&str, &Hash) -> bool,
    ) -> Result<Vec<Committed>, Failure> {
        let (repository, path) = self.place(folder)?;
        repository.files(&path, is_wanted, is_known)
    }

    /// Has git list all files below a folder at once, where most of them will be asked for.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub(crate) fn list(&self, folder: &Path) -> Result<(), Failure> {
        let (repository, path) = self.place(folder)?;
        repository.list(&path)
    }

    /// The folders below a folder that was listed in which that file lies, wherever they are now.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub(crate) fn folders_with(&self, file: &str, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
        let (repository, path) = self.place(folder)?;
        repository.list(&path)?;
        let listings = locked(&repository.listings);
        let found = listings.iter().find(|listing| listing.covers(&path)).map(|listing| listing.folders_with(file));
        let is_below = |found: &PathBuf| found.starts_with(&path);
        Ok(found
            .into_iter()
            .flatten()
            .map(PathBuf::from)
            .filter(is_below)
            .map(|found| repository.top.join(found))
            .collect())
    }

    /// The folders below a folder that fit a pattern, part by part, and have that file; from that folder on.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub(crate) fn folders_like(
        &self,
        folder: &Path,
        pattern: &str,
        fits: impl Fn(&str, &str) -> bool,
        file: &str,
    ) -> Result<Vec<String>, Failure> {
        let (repository, path) = self.place(folder)?;
        let inside = |folder: &str| joined(&path, folder);
        let mut found = vec![String::new()];
        for part in pattern.split('/') {
            let mut next = Vec::new();
            for above in found {
                if part.contains(['*', '?', '[']) {
                    let names = repository.folders(&inside(&above))?.into_iter().filter(|name| fits(part, name));
                    next.extend(names.map(|name| joined(&above, &name)));
                } else {
                    next.push(joined(&above, part));
                }
            }
            found = next;
        }
        let mut with = Vec::new();
        for folder in found {
            if repository
                .entries(&inside(&folder))?
                .iter()
                .any(|entry| entry.kind == EntryKind::File && entry.name == file)
            {
                with.push(folder);
            }
        }
        Ok(with)
    }

    /// The repository of a folder, and the folder's path in it.
    fn place(&self, folder: &Path) -> Result<(Arc<Repository>, String), Failure> {
        // The folder itself may not exist now; git is asked from the nearest that does.
        let here =
            folder.ancestors().find(|above| above.is_dir() && !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let rest = folder.strip_prefix(here).unwrap_or(Path::new(""));
        let (inside, repository) = self.real(here)?;
        let inside = inside.join(rest);
        let path = inside
            .strip_prefix(&repository.top)
            .map_err(|_| Failure::new(format!("{} is not in the git repository", folder.display())))?;
        Ok((repository, path.to_string_lossy().replace('\\', "/")))
    }

    /// Where a folder really is, and its repository.
    fn real(&self, folder: &Path) -> Result<(PathBuf, Arc<Repository>), Failure> {
        let is_plain = |path: &Path| !path.is_symlink() && !path.join(".git").exists();
        if let (Some(above), Some(name)) = (folder.parent(), folder.file_name())
            && let Some((real, repository)) = locked(&self.known).get(above.as_os_str()).cloned()
            && is_plain(folder)
        {
            return Ok((real.join(name), repository));
        }
        let real = |folder: &Path| std::fs::canonicalize(folder).map_err(|error| Failure::io("read", folder, &error));
        let here = real(folder)?;
        let repository = self.repository(&here)?;
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty() && is_plain(folder)) {
            let of_above = (real(above)?, Arc::clone(&repository));
            locked(&self.known).insert(above.as_os_str().to_owned(), of_above);
        }
        Ok((here, repository))
    }

    /// The repository that a folder is in: that of the nearest folder above with a `.git` in it.
    fn repository(&self, folder: &Path) -> Result<Arc<Repository>, Failure> {
        let root = folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder);
        let mut known = locked(&self.repositories);
        if let Some(repository) = known.get(root) {
            return Ok(Arc::clone(repository));
        }
        let repository = Arc::new(Repository::open(root, &self.name)?);
        known.insert(root.to_owned(), Arc::clone(&repository));
        Ok(repository)
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.is_empty() { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

/// One commit of one repository, and a git that hands out its objects.
#[derive(Debug)]
struct Repository {
    top: PathBuf,
    commit: String,
    /// Of whole parts of it, where that was asked for.
    listings: Mutex<Vec<Listing>>,
    objects: Mutex<Objects>,
}

impl Repository {
    fn open(folder: &Path, revision: &str) -> Result<Self, Failure> {
        let (top, commit) = (top(folder)?, commit(folder, revision)?);
        let objects = Mutex::new(Objects::open(&top)?);
        Ok(Self { top, commit, listings: Mutex::default(), objects })
    }

    /// Has all below a folder listed.
    fn list(&self, folder: &str) -> Result<(), Failure> {
        let mut listings = locked(&self.listings);
        if !listings.iter().any(|listing| listing.covers(folder)) {
            let prefix = if folder.is_empty() { "." } else { folder };
            let arguments = ["ls-tree", "-r", "-z", "--full-tree", &self.commit, "--", prefix];
            listings.push(Listing::new(folder.to_owned(), said(&self.top, &arguments, LARGEST_LISTING)?));
        }
        Ok(())
    }

    /// What is in a folder; nothing where it is not there.
    fn entries(&self, folder: &str) -> Result<Vec<Entry>, Failure> {
        if let Some(listing) = locked(&self.listings).iter().find(|listing| listing.covers(folder)) {
            return Ok(listing.files(folder));
        }
        let mut objects = locked(&self.objects);
        let Some(tree) = objects.folder(&self.commit, folder)? else { return Ok(Vec::new()) };
        Ok(entries(&objects.tree(&tree, folder)?, self.commit.len() / 2))
    }

    /// The names of the folders in a folder.
    fn folders(&self, folder: &str) -> Result<Vec<String>, Failure> {
        if let Some(listing) = locked(&self.listings).iter().find(|listing| listing.covers(folder)) {
            return Ok(listing.folders(folder));
        }
        locked(&self.objects).folders(&self.commit, folder)
    }

    fn files(
        &self,
        folder: &str,
        is_wanted: impl Fn(&str) -> bool,
        is_known: impl Fn(&str, &Hash) -> bool,
    ) -> Result<Vec<Committed>, Failure> {
        let entries = self.entries(folder)?.into_iter();
        let blobs: Vec<Entry> =
            entries.filter(|entry| entry.kind == EntryKind::File && is_wanted(&entry.name)).collect();
        let unknown: Vec<bool> = blobs.iter().map(|blob| !is_known(&blob.name, &blob.hash)).collect();
        let asked: Vec<&Entry> =
            blobs.iter().zip(&unknown).filter(|(_, is_unknown)| **is_unknown).map(|(blob, _)| blob).collect();
        let mut texts = self.texts(folder, &asked)?.into_iter();
        let with_text =
            |(Entry { name, .. }, is_unknown)| Committed { name, text: if is_unknown { texts.next() } else { None } };
        Ok(blobs.into_iter().zip(unknown).map(with_text).collect())
    }

    /// What files hold.
    fn texts(&self, folder: &str, files: &[&Entry]) -> Result<Vec<String>, Failure> {
        let mut texts = Vec::with_capacity(files.len());
        if files.is_empty() {
            return Ok(texts);
        }
        let mut objects = locked(&self.objects);
        let mut size = 0;
        // Git answers while it is still asked: so few questions at a time fit into any pipe.
        for some in files.chunks(32) {
            let hashes: Vec<String> = some.iter().map(|entry| entry.hash.digits()).collect();
            for (entry, content) in some.iter().zip(objects.get(&hashes, "blob")?) {
                let content = content.ok_or_else(|| absent(&format!("{folder}/{}", entry.name)))?;
                size += content.len() as u64;
                if size > LARGEST_FOLDER {
                    return Err(Failure::new(format!(
                        "{folder} has more than {} MB at that revision; that is the limit",
                        LARGEST_FOLDER >> 20
                    )));
                }
                texts.push(String::from_utf8(content).map_err(|_| Failure::new("git gave a file that is not text"))?);
            }
        }
        Ok(texts)
    }
}

/// A running git that is asked for one object after another.
#[derive(Debug)]
struct Objects {
    /// The folders inside folders that have been asked for, by path: apps lie side by side, and their parents are read
    /// once.
    folders: BTreeMap<String, BTreeMap<String, Hash>>,
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Objects {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let mut process = git(folder, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_run(&error))?;
        let (questions, answers) = (process.stdin.take(), process.stdout.take());
        let answers = BufReader::with_capacity(1 << 16, answers.ok_or_else(|| Failure::new("git gives no answers"))?);
        Ok(Self { folders: BTreeMap::new(), process, questions, answers })
    }

    /// The hash of a folder in a commit, if it is there.
    fn folder(&mut self, commit: &str, path: &str) -> Result<Option<String>, Failure> {
        let mut hash = format!("{commit}^{{tree}}");
        let steps = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let mut start = 0;
        for end in steps.filter(|_| !path.is_empty()) {
            let (parent, name) = (path[..start].trim_end_matches('/'), &path[start..end]);
            let Some(found) = self.inside(commit, &hash, parent)?.get(name) else { return Ok(None) };
            hash = found.digits();
            start = end + 1;
        }
        Ok(Some(hash))
    }

    /// The names of the folders in a folder of a commit; none where it is not there.
    fn folders(&mut self, commit: &str, path: &str) -> Result<Vec<String>, Failure> {
        let Some(hash) = self.folder(commit, path)? else { return Ok(Vec::new()) };
        Ok(self.inside(commit, &hash, path)?.keys().cloned().collect())
    }

    /// The folders in a folder, of which it is known that it is there.
    fn inside(&mut self, commit: &str, hash: &str, path: &str) -> Result<&BTreeMap<String, Hash>, Failure> {
        if !self.folders.contains_key(path) {
            let content = self.tree(hash, path)?;
            let folders =
                entries(&content, commit.len() / 2).into_iter().filter(|entry| entry.kind == EntryKind::Folder);
            let folders = folders.map(|entry| (entry.name, entry.hash)).collect();
            self.folders.insert(path.to_owned(), folders);
        }
        Ok(&self.folders[path])
    }

    /// The entries of a folder, of which it is known that it is there.
    fn tree(&mut self, hash: &str, path: &str) -> Result<Vec<u8>, Failure> {
        self.get(&[hash.to_owned()], "tree")?
            .pop()
            .flatten()
            .ok_or_else(|| absent(if path.is_empty() { "the revision" } else { path }))
    }

    /// The contents of some objects; `None` for what is not there, or is of another kind.
    fn get(&mut self, names: &[String], kind: &str) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let mut questions = names.join("\n");
        questions.push('\n');
        if let Some(out) = &mut self.questions {
            out.write_all(questions.as_bytes()).and_then(|()| out.flush()).map_err(|error| broken(&error))?;
        }
        names.iter().map(|_| self.answer(kind)).collect()
    }

    /// An answer is a line `HASH KIND LENGTH`, the content and a line break; or one line that ends in a word such as
    /// `missing`.
    fn answer(&mut self, kind: &str) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = String::new();
        if self.answers.read_line(&mut line).map_err(|error| broken(&error))? == 0 {
            return Err(Failure::new("git stopped before it had said everything"));
        }
        let mut words = line.trim_end().rsplit(' ');
        let (length, found) =
            (words.next().and_then(|word| word.parse::<u64>().ok()), words.next().unwrap_or_default());
        let (Some(length), true) = (length, matches!(found, "blob" | "tree" | "commit" | "tag")) else {
            return Ok(None);
        };
        if length > LARGEST {
            return Err(Failure::new(format!(
                "git has a {found} of {} MB where manifests are; {} MB is the limit",
                length >> 20,
                LARGEST >> 20
            )));
        }
        let mut content = Vec::new();
        (&mut self.answers).take(length).read_to_end(&mut content).map_err(|error| broken(&error))?;
        self.answers.read_exact(&mut [0]).map_err(|error| broken(&error))?;
        Ok((found == kind).then_some(content))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        drop(self.questions.take());
        // It may be in the middle of an answer that nobody reads.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What another thread left behind is whole: nothing is changed half way.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a partial clone leaves out is not fetched: a repository's own configuration says from where, and how.
fn absent(what: &str) -> Failure {
    Failure::new(format!(
        "git lacks the content of {what}. If this clone is partial, fetch the rest: `git fetch --refetch --no-filter`"
    ))
}
