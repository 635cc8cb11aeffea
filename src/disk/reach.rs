//! How far a run reaches: the one way to a file whose path somebody else may have written, to read it or to write it.
//!
//! A file belongs to a repository: that of the nearest folder above it with a `.git`. What leads out of it (a link,
//! `..`, an absolute path) is not opened, nor is anything in `.git`. Where there is no repository, the folder that the
//! user named is in its place, and a path that the user typed may lead anywhere. Only regular files are opened, without
//! waiting for anything.
//!
//! Folders are looked at once each, step by step; a file is then opened by its real folder and without following a
//! link.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far a run reaches. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Nothing above or beside this folder is there: somebody made a copy of a repository, and said where it begins.
    ceiling: Option<Arc<Path>>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// By path as it is written: a path is compared byte by byte, which is far quicker than part by part.
    folders: BTreeMap<OsString, Folder>,
    /// The workspaces of what lies in folders.
    workspaces: BTreeMap<OsString, Nearest>,
    /// What stands in the place of a repository where there is none.
    named: BTreeSet<PathBuf>,
}

/// The workspace that is nearest to a folder, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Nearest(pub(super) Option<PathBuf>);

/// A folder: where it really is, and what its files may not lead out of.
#[derive(Clone, Debug)]
struct Folder {
    real: Arc<Path>,
    root: Option<Arc<Path>>,
}

/// A file that names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// It may name whatever is in the repository.
    Repository,
    /// It may name what is below its own folder, or what a link there leads to in the repository.
    Folder,
}

/// Why a file is not opened.
#[derive(Debug)]
pub(super) enum Closed {
    /// A link leads out of the repository, or nowhere.
    Outside,
    /// The path itself leads out of what it may name.
    Leaves(&'static str),
    /// It is in the folder where git keeps its own.
    Git,
    /// A link where a file or folder is to be written.
    Link,
    /// It is neither a file nor a folder.
    Kind(&'static str),
    Io(io::Error),
}

impl Closed {
    /// Whether the user's files are at fault, not the machine.
    pub(super) const fn is_astray(&self) -> bool {
        matches!(self, Self::Outside | Self::Leaves(_) | Self::Git)
    }
}

impl std::fmt::Display for Closed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outside => out.write_str("a link leads out of the repository, or nowhere"),
            Self::Leaves(what) => write!(out, "it lies outside of {what}"),
            Self::Git => out.write_str("it is inside of `.git`, which belongs to git alone"),
            Self::Link => {
                out.write_str("a symbolic link is in the way. Nothing is written through links; name the real place")
            }
            Self::Kind(kind) => write!(out, "it is {kind}, not a file"),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => out.write_str("it does not exist"),
                io::ErrorKind::IsADirectory => out.write_str("it is a folder"),
                io::ErrorKind::NotADirectory => out.write_str("a part of this path is no folder"),
                _ => write!(out, "{error}"),
            },
        }
    }
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An open file, and what is known of it; nothing of a stream.
pub(super) type Opened = (File, Option<Metadata>);

impl Reach {
    /// Nothing above or beside that folder, whose path is the real one.
    #[must_use]
    pub fn below(ceiling: &Path) -> Self {
        Self { ceiling: Some(ceiling.into()), known: Arc::default() }
    }

    /// The folder that nothing above of is looked at, if somebody said one.
    pub(super) fn ceiling(&self) -> Option<&Path> {
        self.ceiling.as_deref()
    }

    /// Takes a folder for what a run is about: without a repository around it, what is in it does not lead out of it.
    pub(super) fn name(&self, folder: &Path) -> Result<PathBuf, Closed> {
        let found = self.folder(folder)?;
        if found.root.is_none() {
            let mut known = self.known();
            known.named.insert(found.real.to_path_buf());
            known.folders.clear();
        }
        Ok(found.real.to_path_buf())
    }

    /// The workspace of what lies in a folder, where that was looked for.
    pub(super) fn workspace_from(&self, folder: &Path) -> Option<Nearest> {
        self.known().workspaces.get(folder.as_os_str()).cloned()
    }

    /// Keeps where the workspace is of what lies in a folder.
    pub(super) fn keep_workspace(&self, folder: &Path, found: Nearest) {
        self.known().workspaces.insert(folder.as_os_str().to_owned(), found);
    }

    /// The repository that a folder is in, if it is in one.
    #[must_use]
    pub fn root(&self, folder: &Path) -> Option<PathBuf> {
        self.folder(folder).ok()?.root.map(|root| root.to_path_buf())
    }

    /// Whether a folder may be looked into.
    pub(super) fn visit(&self, folder: &Path) -> Result<(), Closed> {
        self.folder(folder).map(drop)
    }

    /// Opens a file that the user named, or that was found below what the user named.
    pub(super) fn open(&self, path: &Path) -> Result<Opened, Closed> {
        if is_stream(path) {
            return Ok((File::open(path)?, None));
        }
        let (folder, name) = self.split(path)?;
        enter(&folder, name)
    }

    /// Opens a file that was found in a folder, not named by the user: without a repository it does not lead out of
    /// that folder.
    pub(super) fn open_found(&self, path: &Path) -> Result<Opened, Closed> {
        let (folder, name) = self.split(path)?;
        enter(&folder.confined(), name)
    }

    /// Opens a file that a file in `base` names.
    pub(super) fn open_named(&self, base: &Path, name: &str, scope: Scope) -> Result<Opened, Closed> {
        let (folder, name) = self.resolve(base, name, scope)?;
        enter(&folder, &name)
    }

    /// The real place of what a file in `base` names, file or folder, and that it is inside.
    pub(super) fn locate(&self, base: &Path, name: &str) -> Result<PathBuf, Closed> {
        let (folder, last) = self.resolve(base, name, Scope::Repository)?;
        let path = folder.real.join(&last);
        if !fs::symlink_metadata(&path)?.is_symlink() {
            folder.holds(&path)?;
            return Ok(path);
        }
        folder.follow(&path)
    }

    /// The folder that a path in a file in `base` leads to, and the name in it.
    fn resolve(&self, base: &Path, name: &str, scope: Scope) -> Result<(Folder, OsString), Closed> {
        const FOLDER: &str = "the folder of the file that names it";
        let (out, base) =
            (if scope == Scope::Folder { FOLDER } else { "the repository" }, self.folder(base)?.confined());
        let root = base.root.clone().unwrap_or_else(|| base.real.clone());
        let (mut at, mut depth) = (base.real.to_path_buf(), 0_usize);
        let mut parts = Path::new(name).components().peekable();
        while let Some(part) = parts.next() {
            match part {
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir => return Err(Closed::Leaves(out)),
                Component::ParentDir => {
                    if scope == Scope::Folder && depth == 0 || at == *root {
                        return Err(Closed::Leaves(out));
                    }
                    depth = depth.saturating_sub(1);
                    at.pop();
                    if !at.starts_with(&root) {
                        return Err(Closed::Leaves(out));
                    }
                }
                Component::Normal(last) if parts.peek().is_none() => {
                    return Ok((Folder { real: at.into(), root: Some(root) }, last.to_owned()));
                }
                Component::Normal(part) => {
                    depth += 1;
                    at.push(part);
                    let about = fs::symlink_metadata(&at)?;
                    if about.is_symlink() {
                        at = base.follow(&at)?;
                    } else if !about.is_dir() {
                        return Err(Closed::Io(io::ErrorKind::NotADirectory.into()));
                    }
                }
            }
        }
        Err(Closed::Io(io::ErrorKind::IsADirectory.into()))
    }

    fn split<'p>(&self, path: &'p Path) -> Result<(Folder, &'p std::ffi::OsStr), Closed> {
        let Some(Component::Normal(name)) = path.components().next_back() else {
            return Err(Closed::Io(io::ErrorKind::IsADirectory.into()));
        };
        Ok((self.folder(path.parent().unwrap_or(Path::new("")))?, name))
    }

    /// A folder as a user writes it: looked at step by step, from the top or from the last that is known.
    fn folder(&self, path: &Path) -> Result<Folder, Closed> {
        if let Some(folder) = self.known().folders.get(path.as_os_str()) {
            return Ok(folder.clone());
        }
        let absolute = if path.is_absolute() { path.to_owned() } else { here()?.join(path) };
        let mut above: Option<Folder> = None;
        let mut walked = PathBuf::new();
        let mut begun = 0;
        // Begins after the longest part that is known.
        for ancestor in absolute.ancestors() {
            if let Some(folder) = self.known().folders.get(ancestor.as_os_str()) {
                (above, walked) = (Some(folder.clone()), ancestor.to_owned());
                begun = ancestor.components().count();
                break;
            }
        }
        for part in absolute.components().skip(begun) {
            walked.push(part);
            let next = match (part, &above) {
                (Component::CurDir, Some(above)) => above.clone(),
                (Component::ParentDir, Some(above)) => match above.real.parent() {
                    Some(parent) => self.folder(parent)?,
                    None => above.clone(),
                },
                (Component::Normal(name), Some(above)) => self.step(above, name)?,
                _ => self.arrived(walked.clone(), None)?,
            };
            self.known().folders.insert(walked.clone().into_os_string(), next.clone());
            above = Some(next);
        }
        let folder = above.ok_or(Closed::Io(io::ErrorKind::NotFound.into()))?;
        self.known().folders.insert(path.as_os_str().to_owned(), folder.clone());
        Ok(folder)
    }

    /// One step down.
    fn step(&self, above: &Folder, name: &std::ffi::OsStr) -> Result<Folder, Closed> {
        let path = above.real.join(name);
        let about = fs::symlink_metadata(&path)?;
        if about.is_symlink() {
            let real = above.follow(&path)?;
            return self.folder(&real);
        }
        if !about.is_dir() {
            return Err(Closed::Io(io::ErrorKind::NotADirectory.into()));
        }
        self.arrived(path, above.root.clone())
    }

    /// A real folder, with the root that holds from here on.
    fn arrived(&self, real: PathBuf, root: Option<Arc<Path>>) -> Result<Folder, Closed> {
        let real: Arc<Path> = real.into();
        if let Some(ceiling) = &self.ceiling {
            if ceiling.starts_with(&real) && *ceiling != real {
                return Ok(Folder { real, root: None });
            }
            if !real.starts_with(ceiling) {
                return Err(Closed::Outside);
            }
        }
        let begins = self.ceiling.as_ref() == Some(&real)
            || fs::symlink_metadata(real.join(".git")).is_ok()
            || root.is_none() && self.known().named.contains(&*real);
        Ok(Folder { root: if begins { Some(Arc::clone(&real)) } else { root }, real })
    }

    /// The place where a file may be written: no link is on the way to it below the repository, and it is not in
    /// `.git`. Touches nothing; what is missing on the way is in the second part.
    pub(super) fn place(&self, path: &Path) -> Result<(PathBuf, Vec<PathBuf>), Closed> {
        let absolute = if path.is_absolute() { path.to_owned() } else { here()?.join(path) };
        let (mut at, mut root, mut missing) = (PathBuf::new(), None::<Arc<Path>>, Vec::<PathBuf>::new());
        let mut parts = absolute.components().peekable();
        while let Some(part) = parts.next() {
            match part {
                Component::CurDir => continue,
                Component::ParentDir => {
                    if missing.pop().is_none() {
                        let parent = at.parent().unwrap_or(&at).to_owned();
                        root = self.folder(&parent)?.root;
                        at = parent;
                    } else {
                        at.pop();
                    }
                    continue;
                }
                part => at.push(part),
            }
            let is_last = parts.peek().is_none();
            let about = match fs::symlink_metadata(&at) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !is_last {
                        missing.push(at.clone());
                    }
                    continue;
                }
                about => about?,
            };
            if about.is_symlink() {
                if root.is_some() {
                    return Err(Closed::Link);
                }
                // Above all repositories links are the machine's own.
                at = fs::canonicalize(&at)?;
                root = self.folder(at.parent().unwrap_or(&at))?.root;
            }
            let about = if about.is_symlink() { fs::symlink_metadata(&at)? } else { about };
            if about.is_dir() {
                root = self.folder(&at)?.root;
            } else if !is_last {
                return Err(Closed::Io(io::ErrorKind::NotADirectory.into()));
            }
        }
        let below = root.as_deref().map_or(Ok(&*at), |root| at.strip_prefix(root)).unwrap_or(&at);
        if below.iter().any(is_git) {
            return Err(Closed::Git);
        }
        Ok((at, missing))
    }

    /// Whether a folder may be written into, there or not.
    pub(super) fn may_hold_output(&self, folder: &Path) -> Result<(), Closed> {
        self.place(folder).map(drop)
    }

    /// Opens a file to write it, with the folders that it needs. `add` keeps what is in it; a `fresh` one must not be
    /// there yet.
    pub(super) fn create(&self, path: &Path, add: bool, fresh: bool) -> Result<File, Closed> {
        if is_stream(path) {
            return Ok(OpenOptions::new().append(true).open(path)?);
        }
        let (at, missing) = self.place(path)?;
        for folder in missing {
            match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
        }
        let mut options = OpenOptions::new();
        options.write(!add).append(add).create(true).create_new(fresh);
        let file = without_waiting(&mut options, &at).map_err(|error| seen(&at, error))?;
        if let Some(kind) = kind_of(&file.metadata()?) {
            return Err(Closed::Kind(kind));
        }
        if !add {
            file.set_len(0)?;
        }
        Ok(file)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder {
    /// With itself in the place of a repository, where there is none.
    fn confined(self) -> Self {
        Self { root: self.root.or_else(|| Some(self.real.clone())), real: self.real }
    }

    /// Where a link really leads, if that is inside.
    fn follow(&self, link: &Path) -> Result<PathBuf, Closed> {
        if self.root.is_none() {
            return Ok(fs::canonicalize(link)?);
        }
        // Whether something is there outside is nobody's business either.
        let real = fs::canonicalize(link).map_err(|_| Closed::Outside)?;
        self.holds(&real)?;
        Ok(real)
    }

    /// That a real path is inside, and not git's own.
    fn holds(&self, real: &Path) -> Result<(), Closed> {
        let Some(root) = &self.root else { return Ok(()) };
        let below = real.strip_prefix(root).map_err(|_| Closed::Outside)?;
        if below.iter().any(is_git) { Err(Closed::Git) } else { Ok(()) }
    }
}

/// Opens a file of a folder.
fn enter(folder: &Folder, name: &std::ffi::OsStr) -> Result<Opened, Closed> {
    let path = folder.real.join(name);
    folder.holds(&path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    let file = match without_waiting(&mut options, &path) {
        Err(_) if path.is_symlink() => {
            let real = folder.follow(&path)?;
            without_waiting(&mut options, &real).map_err(|error| seen(&real, error))?
        }
        opened => opened.map_err(|error| seen(&path, error))?,
    };
    let about = file.metadata()?;
    match kind_of(&about) {
        _ if about.is_dir() => Err(Closed::Io(io::ErrorKind::IsADirectory.into())),
        Some(kind) => Err(Closed::Kind(kind)),
        None => Ok((file, Some(about))),
    }
}

/// An error, once more with a look at what is there: sockets and pipes cannot even be opened.
fn seen(path: &Path, error: io::Error) -> Closed {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => Closed::Link,
        Ok(about) if !about.is_dir() => kind_of(&about).map_or(Closed::Io(error), Closed::Kind),
        _ => Closed::Io(error),
    }
}

/// Opens a file, not what a link in its place leads to, and never waits for a pipe.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
    options.custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => Err(io::Error::other("a symbolic link")),
        _ => options.open(path),
    }
}

/// What something is that is no file, in a word.
#[cfg(unix)]
fn kind_of(about: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = about.file_type();
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_fifo() => Some("a named pipe"),
        _ if kind.is_socket() => Some("a socket"),
        _ if kind.is_char_device() || kind.is_block_device() => Some("a device"),
        _ => Some("a folder"),
    }
}

#[cfg(not(unix))]
fn kind_of(about: &Metadata) -> Option<&'static str> {
    (!about.is_file()).then_some("no regular file")
}

/// Whether something that a folder lists is neither file, folder nor link.
pub(super) fn strange(path: &Path) -> Option<&'static str> {
    fs::symlink_metadata(path)
        .ok()
        .filter(|about| !about.is_dir() && !about.is_symlink())
        .and_then(|about| kind_of(&about))
}

/// Whether a path is one of the process's own streams, which a shell also writes for `<(…)`.
fn is_stream(path: &Path) -> bool {
    let Some(path) = path.to_str().filter(|_| cfg!(unix)) else { return false };
    let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(path, "/dev/stdin" | "/dev/stdout" | "/dev/stderr" | "/dev/null") || number.is_some_and(is_number)
}

/// Whether a name is git's, on any file system: some know no letter case, some drop letters that nobody sees, dots and
/// spaces at the end, and some have a short name and streams beside.
pub(super) fn is_git(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    let unseen = |letter: &char| !matches!(letter, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let name: String = name.split(':').next().unwrap_or_default().chars().filter(unseen).collect();
    let name = name.trim_end_matches(['.', ' ']);
    name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1")
}

/// The current folder, as it really is.
fn here() -> io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    // Unix says it so already.
    if cfg!(unix) { Ok(here) } else { fs::canonicalize(here) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_git() {
        for name in [".git", ".GIT", ".Git.", ".git ", "git~1", "GIT~1", ".git::$INDEX_ALLOCATION", ".g\u{200c}it"] {
            assert!(is_git(name.as_ref()), "{name}");
        }
        for name in [".github", ".gitignore", "git", ".gitmodules", "a.git", ".git-x"] {
            assert!(!is_git(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn streams_are_told_by_their_names() {
        for (path, expected) in [
            ("/dev/stdin", true),
            ("/dev/fd/63", true),
            ("/dev/fd/", false),
            ("/dev/fd/../zero", false),
            ("/dev/zero", false),
        ] {
            assert_eq!(is_stream(Path::new(path)), expected && cfg!(unix), "{path}");
        }
    }
}
