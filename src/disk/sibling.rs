//! The hidden folder beside a tree's, in which a run works: `deploy/.dev.statewright`. In it, `new` is a folder that is
//! being built and `old` one that is complete: the next state for an instant, then, after they have changed places, the
//! former one.
//!
//! A run that is cut short leaves it, and a repository may bring one with it that anybody made. So nothing in it is
//! ever carried out or moved into the tree by a later run. It can only be taken away, file by file, each of which must
//! show that nothing is lost with it; what cannot show that stays, and is named.

use super::tree::{LARGEST, in_the_way, read_plain};
use crate::failure::Failure;
use crate::layout::{HEADER, INDEX, INDEX_VERSION, Index, is_ours_to_name};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FRESH: &str = "new";
const FORMER: &str = "old";

/// The hidden folder of one tree.
pub(super) struct Sibling {
    path: PathBuf,
}

/// The path of the hidden folder that belongs to a folder.
#[must_use]
pub fn path_of(folder: &str) -> String {
    let (parent, leaf) = folder.rsplit_once('/').map_or(("", folder), |(parent, leaf)| (parent, leaf));
    let name = name_of(leaf);
    if parent.is_empty() { name } else { format!("{parent}/{name}") }
}

fn name_of(leaf: &str) -> String {
    format!(".{leaf}.statewright")
}

/// Whose hidden folder it is that is called so.
#[must_use]
pub fn owner(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".statewright").filter(|leaf| !leaf.is_empty())
}

/// Whether a text is one of ours, or the beginning of one: all that is left of a file when a run is cut short while
/// writing it.
pub(super) fn begins_as_ours(content: &[u8]) -> bool {
    let is_begun = |mark: &str| content.starts_with(mark.as_bytes()) || mark.as_bytes().starts_with(content);
    content.len() <= LARGEST && (is_begun(HEADER) || is_begun(INDEX_VERSION))
}

/// Whether nothing is lost with a file of the hidden folder.
type Proof<'p> = &'p mut dyn FnMut(&str, &Path) -> Result<bool, Failure>;

impl Sibling {
    pub(super) fn new(target: &Path) -> Self {
        let leaf = target.file_name().unwrap_or_default().to_string_lossy();
        Self { path: target.with_file_name(name_of(&leaf)) }
    }

    /// Whether anything is there.
    pub(super) fn is_there(&self) -> Result<bool, Failure> {
        match fs::symlink_metadata(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(Failure::io("read", &self.path, &error)),
        }
    }

    /// Whether a folder is there, not a link to one.
    pub(super) fn is_folder(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|about| about.is_dir())
    }

    /// Makes it, and in it the folder to build in.
    pub(super) fn begin(&self) -> Result<PathBuf, Failure> {
        let fresh = self.path.join(FRESH);
        for folder in [&self.path, &fresh] {
            fs::create_dir(folder).map_err(|error| Failure::io("make the folder", folder, &error))?;
        }
        Ok(fresh)
    }

    /// Lets what was built and the target change places in one step. False when that cannot be done here.
    pub(super) fn exchange(&self, target: &Path) -> io::Result<bool> {
        let former = self.path.join(FORMER);
        // What is called `new` has never been anybody's; from here on it may be.
        fs::rename(self.path.join(FRESH), &former)?;
        exchange(&former, target)
    }

    /// Takes the target out of sight in one step. False when that cannot be done here.
    pub(super) fn take(&self, target: &Path) -> io::Result<bool> {
        match fs::rename(target, self.path.join(FORMER)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::CrossesDevices | io::ErrorKind::ResourceBusy) => {
                Ok(false)
            }
            taken => taken.map(|()| true),
        }
    }

    /// Takes away what a run left that was cut short. Gives what cannot show that nothing is lost with it.
    pub(super) fn clear(&self, target: &Path) -> Result<Vec<PathBuf>, Failure> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io("read", &self.path, &error)),
            Ok(about) if !about.is_dir() => return Err(in_the_way(&self.path)),
            Ok(_) => {}
        }
        let mut left = Vec::new();
        for (name, is_folder) in listed(&self.path)? {
            let path = self.path.join(&name);
            match name.to_str() {
                Some(FRESH) if is_folder => clear_fresh(&path, target, &mut left)?,
                Some(FORMER) if is_folder => clear_former(&path, target, &mut left)?,
                _ => left.push(path),
            }
        }
        self.end(left)
    }

    /// Takes the former folder apart after it has lost its place. `index` is what it was known by, `dropped` what was
    /// edited by hand and may go. What came into it at the last moment goes to where it would be now.
    pub(super) fn finish(&self, target: &Path, index: &Index, dropped: &[String]) -> Result<Vec<PathBuf>, Failure> {
        let (mut left, mut late) = (Vec::new(), Vec::new());
        let (folder, mut buffer) = (self.path.join(FORMER), Vec::new());
        let _ = fs::remove_dir(self.path.join(FRESH));
        take_apart(&folder, &mut late, &mut |name, path| {
            let is_ours =
                name == INDEX || is_same(path, &target.join(name)) || dropped.iter().any(|dropped| dropped == name);
            Ok(is_ours || index.lists(name) && read_ours(path, &mut buffer)? && index.wrote(name, &buffer))
        })?;
        for path in late {
            let _ = fs::create_dir(target);
            let is_back = path.file_name().is_some_and(|name| rename_to_nothing(&path, &target.join(name)).is_ok());
            if !is_back {
                left.push(path);
            }
        }
        if left.is_empty() && fs::symlink_metadata(&folder).is_ok() {
            take_apart(&folder, &mut left, &mut |name, _| Ok(name == INDEX))?;
        }
        self.end(left)
    }

    /// Takes the hidden folder away if nothing is left in it.
    pub(super) fn end(&self, mut left: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
        if left.is_empty() {
            fs::remove_dir(&self.path).map_err(|error| Failure::io("remove", &self.path, &error))?;
        }
        left.sort();
        Ok(left)
    }
}

/// A folder that was being built holds files that a run made, perhaps half written, and links to files that are in the
/// target.
fn clear_fresh(folder: &Path, target: &Path, left: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut buffer = Vec::new();
    take_apart(folder, left, &mut |name, path| {
        let is_named = name == INDEX || is_ours_to_name(name);
        Ok(is_same(path, &target.join(name)) || is_named && read_ours(path, &mut buffer)? && begins_as_ours(&buffer))
    })
}

/// A folder that is complete has an index of its own, by which each file is as it was written; the rest is in the
/// target too.
fn clear_former(folder: &Path, target: &Path, left: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut buffer = Vec::new();
    let path = folder.join(INDEX);
    let index = read_ours(&path, &mut buffer)?.then(|| Index::parse(&String::from_utf8_lossy(&buffer))).flatten();
    take_apart(folder, left, &mut |name, path| {
        if name == INDEX || is_same(path, &target.join(name)) {
            return Ok(name != INDEX || index.is_some());
        }
        let listed = index.as_ref().filter(|index| index.lists(name));
        Ok(matches!(listed, Some(index) if read_ours(path, &mut buffer)? && index.wrote(name, &buffer)))
    })
}

/// Removes the plain files of a folder that pass, the index last, and the folder if nothing is left in it.
fn take_apart(folder: &Path, left: &mut Vec<PathBuf>, proof: Proof<'_>) -> Result<(), Failure> {
    let before = left.len();
    let mut names = listed(folder)?;
    // The index says of the others what they are: as long as one of them is there, it is too.
    names.sort_by_key(|(name, _)| name == INDEX);
    for (name, _) in names {
        let path = folder.join(&name);
        let is_plain = fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
        let is_needed = name == INDEX && left.len() > before;
        let may_go = is_plain && !is_needed && name.to_str().map_or(Ok(false), |name| proof(name, &path))?;
        if may_go {
            fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        } else if !(is_plain && is_needed) {
            left.push(path);
        }
    }
    if left.len() == before {
        fs::remove_dir(folder).map_err(|error| Failure::io("remove", folder, &error))?;
    }
    Ok(())
}

/// Reads a plain file that is no larger than ours are. False when it is none.
fn read_ours(path: &Path, buffer: &mut Vec<u8>) -> Result<bool, Failure> {
    let may_be_ours = fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && about.len() <= LARGEST as u64);
    Ok(may_be_ours && read_plain(path, 0, buffer)? && buffer.len() <= LARGEST)
}

/// What is in a folder, and whether it is a folder itself.
fn listed(folder: &Path) -> Result<Vec<(std::ffi::OsString, bool)>, Failure> {
    let failed = |error: io::Error| Failure::io("list", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?.is_dir()))).map_err(failed))
        .collect()
}

/// Whether two names are links to one file, so that one of them may go.
#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let about = |path: &Path| fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()));
    about(one).is_some_and(|one| about(other) == Some(one))
}

#[cfg(not(unix))]
fn is_same(_: &Path, _: &Path) -> bool {
    false
}

/// Lets two folders change places in one step. False when this file system cannot.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV | Errno::BUSY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Renames a file or folder to a name that nothing has, and fails where something has it.
pub(super) fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            renamed => return renamed.map_err(io::Error::from),
        }
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}
