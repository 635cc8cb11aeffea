//! A tree of ours on the disk: what stands there, how it differs from a fresh one, and how the fresh one takes its place.
//!
//! A folder is replaced whole, in one step: the new one is built beside it under a hidden name and the two change places, so
//! a run that is killed leaves the old folder or the new one. What was not ours is in both by a hard link. Where a file
//! system cannot do that, or a folder of somebody else stands in ours, the changes are written beside it with a journal, and
//! moved in one by one; if that is cut short, the next run finishes it. Nothing is touched when nothing differs.

use crate::failure::{Failure, shown};
use crate::layout::{File, INDEX, Index, Tree};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

/// One file that is not as it would be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Below the root of the output.
    pub path: String,
    /// In which way.
    pub kind: Kind,
}

/// How a file differs from what would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not there.
    Missing,
    /// It is as we wrote it, and would be written differently now.
    Stale,
    /// Somebody changed it by hand since.
    Edited,
    /// We wrote it, and would not write it now.
    Extra,
    /// It stands where we would write, and is not ours.
    Foreign,
}

/// What writing a tree did. The names are those of files in its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New files.
    pub created: Vec<String>,
    /// Files with other content than before.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// How many files were as they should be.
    pub unchanged: usize,
    /// Files that somebody changed by hand. Overwritten if that was asked for; otherwise nothing was written.
    pub edited: Vec<String>,
    /// Files that stand where ours should, and are not ours: nothing was written.
    pub foreign: Vec<String>,
    /// Whether the tree is now on the disk.
    pub done: bool,
}

/// What a folder of ours holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The files that its index lists and that are there.
    pub files: Vec<File>,
    /// Its index.
    pub index: Index,
}

/// Reads the files of ours in a folder. `None` when there is no folder, or none of ours.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn read_folder(folder: &Path) -> Result<Option<Folder>, Failure> {
    let mut buffer = Vec::new();
    let Some((index, _)) = read_index(folder, &mut buffer)? else { return Ok(None) };
    let mut files = Vec::new();
    for name in index.names() {
        if read_plain(&folder.join(name), 0, &mut buffer)? {
            files.push(File { name: name.to_owned(), text: String::from_utf8_lossy(&buffer).into_owned() });
        }
    }
    Ok(Some(Folder { files, index }))
}

/// How the disk differs from a tree: what writing it would change. Empty when the tree is there as it should be.
///
/// # Errors
/// When something cannot be read, or a link stands in the way.
pub fn compare(root: &Path, tree: &Tree) -> Result<Vec<Difference>, Failure> {
    let survey = Survey::new(&Place::new(root, &tree.folder)?, tree)?;
    let difference = |(name, kind): &(String, Kind)| Difference { path: format!("{}/{name}", tree.folder), kind: *kind };
    let mut differences: Vec<Difference> = survey.differing.iter().map(difference).collect();
    if differences.is_empty() && !survey.index_is_fresh && !tree.files.is_empty() {
        let kind = if survey.has_index { Kind::Stale } else { Kind::Missing };
        differences.push(difference(&(INDEX.to_owned(), kind)));
    }
    Ok(differences)
}

/// Makes the disk hold a tree. Only files that are ours are replaced or removed, and one that was changed by hand only if
/// `overwrite_edited` says so. A tree without files is removed, and its folder with it if nothing else is in there.
///
/// # Errors
/// When something cannot be read or written, a link stands in the way, or another run is writing the same folder.
pub fn write(root: &Path, tree: &Tree, overwrite_edited: bool) -> Result<Written, Failure> {
    let place = Place::new(root, &tree.folder)?;
    place.recover()?;
    let survey = Survey::new(&place, tree)?;
    let mut written = survey.summary();
    if !written.foreign.is_empty() || !(written.edited.is_empty() || overwrite_edited) {
        return Ok(written);
    }
    let emptied = tree.files.is_empty();
    if survey.differing.is_empty() && (survey.index_is_fresh || emptied && !survey.has_index) {
        written.done = true;
        return Ok(written);
    }
    // The locks last until the old folder is gone.
    let _work = Work::begin(&place)?;
    let outcome = if place.exists { replace(&place, tree, &survey) } else { put_new(&place, tree) };
    if let Err(failure) = outcome {
        // The target is as it was; what was built beside it is of no use. A journal is finished by the next run.
        if !place.work.join(JOURNAL).exists() {
            let _ = place.discard();
        }
        return Err(failure);
    }
    written.done = true;
    Ok(written)
}

/// Removes the files of ours in a folder, and the folder if nothing else is in there.
///
/// # Errors
/// As [`write`].
pub fn remove(root: &Path, folder: &str, overwrite_edited: bool) -> Result<Written, Failure> {
    write(root, &Tree { folder: folder.to_owned(), files: Vec::new() }, overwrite_edited)
}

/// The folders of ours that match `pattern` (`deploy/*/kubia`) and are not among `current`: left by an environment that no
/// longer exists.
///
/// # Errors
/// When a folder cannot be listed.
pub fn stale_folders(root: &Path, pattern: &str, current: &BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            if !super::glob::is_pattern(part) {
                next.push(joined(&folder, part));
                continue;
            }
            let path = root.join(&folder);
            let listed = match fs::read_dir(&path) {
                Ok(listed) => listed,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
                Err(error) => return Err(Failure::io("list", &path, &error)),
            };
            let mut names: Vec<String> = listed
                .filter_map(Result::ok)
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter(|name| super::glob::matches(part, name))
                .collect();
            names.sort();
            next.extend(names.iter().map(|name| joined(&folder, name)));
        }
        found = next;
    }
    found.retain(|folder| !current.contains(folder) && root.join(folder).join(INDEX).is_file());
    Ok(found)
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Where a tree goes.
struct Place {
    parent: PathBuf,
    /// The tree's folder.
    target: PathBuf,
    /// Its hidden sibling, where the next state is built.
    work: PathBuf,
    exists: bool,
}

const JOURNAL: &str = ".statewright-journal";

impl Place {
    /// Finds the place of a tree, and refuses links on the way: they could lead out of the root.
    fn new(root: &Path, folder: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = folder.split('/').collect();
        if parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains(['\\', ':', '\0'])) {
            return Err(Failure::new(format!("the output folder `{folder}` leads out of {}", shown(root))));
        }
        let (mut path, mut exists) = (root.to_owned(), true);
        for part in &parts {
            path.push(part);
            if exists {
                exists = is_folder(&path)?;
            }
        }
        let (leaf, parent) = (parts.last().unwrap_or(&""), path.parent().unwrap_or(root).to_owned());
        Ok(Self { work: parent.join(format!(".{leaf}.statewright")), parent, target: path, exists })
    }

    /// Cleans up after a run that was killed here: finishes its journal if it had come that far, drops what it built if not.
    fn recover(&self) -> Result<(), Failure> {
        match fs::symlink_metadata(&self.work) {
            Err(_) => return Ok(()),
            Ok(about) if !about.is_dir() => return Err(in_the_way(&self.work)),
            Ok(_) => {}
        }
        let Some(_lock) = lock(&self.work)? else { return Err(busy(&self.target)) };
        if self.work.join(JOURNAL).exists() {
            self.play_journal()?;
        }
        self.discard()
    }

    /// Moves in what a complete journal says. Every step can be done twice, the index comes last.
    fn play_journal(&self) -> Result<(), Failure> {
        let journal = self.work.join(JOURNAL);
        let mut buffer = Vec::new();
        read_plain(&journal, 0, &mut buffer)?;
        let text = String::from_utf8_lossy(&buffer).into_owned();
        for line in text.lines() {
            let Some((verb, name)) = line.split_once(' ') else { continue };
            // A journal found in a repository may be anybody's.
            if name != INDEX && !looks_ours(name) {
                continue;
            }
            let (from, to) = (self.work.join(name), self.target.join(name));
            let (result, path) = match verb {
                "put" => (fs::rename(&from, &to), &to),
                "remove" => (fs::remove_file(&to), &to),
                _ => continue,
            };
            if let Err(error) = result
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(Failure::io("replace", path, &error));
            }
        }
        fs::remove_file(&journal).map_err(|error| Failure::io("remove", &journal, &error))
    }

    /// Removes the hidden sibling: a new folder that never took its place, or the old one that lost it. What is neither a
    /// manifest's file nor still in the target is not ours to remove: it came in at the last moment, and moves over.
    fn discard(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::io("remove", &self.work, &error);
        let listed = match fs::read_dir(&self.work) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(failed)?,
        };
        for entry in listed {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let other = self.target.join(&name);
            let ours = name.to_str().is_some_and(|name| name.starts_with(INDEX) || looks_ours(name));
            let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
            if plain && (ours || fs::symlink_metadata(&other).is_ok()) {
                fs::remove_file(entry.path()).map_err(failed)?;
            } else {
                fs::rename(entry.path(), &other).map_err(|error| Failure::io("move", &entry.path(), &error))?;
            }
        }
        fs::remove_dir(&self.work).map_err(failed)
    }
}

fn looks_ours(name: &str) -> bool {
    let mut index = String::from("statewright-index 1\n0000000000000000 ");
    index.push_str(name);
    Index::parse(&index).is_some_and(|index| index.lists(name))
}

/// What stands in a place, against what should.
struct Survey {
    /// In the order of the tree, then what is there too much.
    differing: Vec<(String, Kind)>,
    /// The names of ours that are there and not as we wrote them, whatever should become of them.
    edited: Vec<String>,
    unchanged: usize,
    has_index: bool,
    index_is_fresh: bool,
    index: Index,
}

impl Survey {
    fn new(place: &Place, tree: &Tree) -> Result<Self, Failure> {
        let mut survey = Self {
            differing: Vec::new(),
            edited: Vec::new(),
            unchanged: 0,
            has_index: false,
            index_is_fresh: false,
            index: Index::default(),
        };
        if !place.exists {
            survey.differing = tree.files.iter().map(|file| (file.name.clone(), Kind::Missing)).collect();
            return Ok(survey);
        }
        let mut buffer = Vec::with_capacity(8192);
        if let Some((index, text)) = read_index(&place.target, &mut buffer)? {
            survey.has_index = true;
            survey.index_is_fresh = text == tree.index();
            survey.index = index;
        }
        let mut path = place.target.join(INDEX);
        for file in &tree.files {
            path.set_file_name(&file.name);
            let there = read_plain(&path, file.text.len(), &mut buffer)?;
            if there && buffer == file.text.as_bytes() {
                survey.unchanged += 1;
                continue;
            }
            survey.differs(&file.name, if there { Kind::Stale } else { Kind::Missing }, &buffer);
        }
        if !survey.index_is_fresh {
            survey.look_for_extra(place, tree, &mut buffer)?;
        }
        Ok(survey)
    }

    fn look_for_extra(&mut self, place: &Place, tree: &Tree, buffer: &mut Vec<u8>) -> Result<(), Failure> {
        let fresh: BTreeSet<&str> = tree.files.iter().map(|file| file.name.as_str()).collect();
        let extra: Vec<String> = self.index.names().filter(|name| !fresh.contains(name)).map(str::to_owned).collect();
        for name in extra {
            if read_plain(&place.target.join(&name), 0, buffer)? {
                self.differs(&name, Kind::Extra, buffer);
            }
        }
        Ok(())
    }

    fn differs(&mut self, name: &str, kind: Kind, content: &[u8]) {
        let kind = match kind {
            Kind::Missing => Kind::Missing,
            _ if !self.index.lists(name) => Kind::Foreign,
            _ if !self.index.wrote(name, content) => {
                self.edited.push(name.to_owned());
                if kind == Kind::Extra { Kind::Extra } else { Kind::Edited }
            }
            kind => kind,
        };
        self.differing.push((name.to_owned(), kind));
    }

    fn summary(&self) -> Written {
        let of = |wanted: &[Kind]| -> Vec<String> {
            self.differing.iter().filter(|(_, kind)| wanted.contains(kind)).map(|(name, _)| name.clone()).collect()
        };
        Written {
            created: of(&[Kind::Missing]),
            changed: of(&[Kind::Stale, Kind::Edited]),
            removed: of(&[Kind::Extra]),
            unchanged: self.unchanged,
            edited: self.edited.clone(),
            foreign: of(&[Kind::Foreign]),
            done: false,
        }
    }

    fn kind_of(&self, name: &str) -> Option<Kind> {
        self.differing.iter().find(|(other, _)| other == name).map(|(_, kind)| *kind)
    }
}

/// The hidden sibling while it is ours to fill.
struct Work {
    _sibling: Option<Lock>,
    _target: Option<Lock>,
}

impl Work {
    fn begin(place: &Place) -> Result<Self, Failure> {
        let target = if place.exists {
            match lock(&place.target)? {
                None => return Err(busy(&place.target)),
                lock => lock,
            }
        } else {
            fs::create_dir_all(&place.parent).map_err(|error| Failure::io("make the folder", &place.parent, &error))?;
            None
        };
        fs::create_dir(&place.work).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => busy(&place.target),
            _ => Failure::io("make the folder", &place.work, &error),
        })?;
        match lock(&place.work)? {
            None => Err(busy(&place.target)),
            sibling => Ok(Self { _sibling: sibling, _target: target }),
        }
    }
}

/// Builds a folder where none is: beside its place, then one rename.
fn put_new(place: &Place, tree: &Tree) -> Result<(), Failure> {
    let mut path = place.work.join(INDEX);
    create(&path, &tree.index())?;
    for file in &tree.files {
        path.set_file_name(&file.name);
        create(&path, &file.text)?;
    }
    fs::rename(&place.work, &place.target).map_err(|error| Failure::io("write", &place.target, &error))
}

/// Puts the fresh folder in the place of the old one.
fn replace(place: &Place, tree: &Tree, survey: &Survey) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io("write", &place.target, &error);
    let permissions = fs::metadata(&place.target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(Failure::io("write", &place.target, &io::ErrorKind::PermissionDenied.into()));
    }
    let foreign = foreign(place, tree, survey)?;
    for file in &tree.files {
        if survey.kind_of(&file.name).is_some() {
            create(&place.work.join(&file.name), &file.text)?;
        }
    }
    let emptied = tree.files.is_empty();
    if !emptied {
        create(&place.work.join(INDEX), &tree.index())?;
    }
    let Some(foreign) = foreign else { return by_journal(place, tree, survey) };
    if emptied && foreign.is_empty() {
        // The old folder itself moves out of sight, in one step, and is then taken apart.
        fs::remove_dir(&place.work).map_err(failed)?;
        fs::rename(&place.target, &place.work).map_err(failed)?;
        return place.discard();
    }
    let unchanged = tree.files.iter().map(|file| file.name.as_str()).filter(|name| survey.kind_of(name).is_none());
    let mut kept = unchanged.chain(foreign.iter().map(String::as_str));
    if kept.any(|name| fs::hard_link(place.target.join(name), place.work.join(name)).is_err()) {
        return by_journal(place, tree, survey);
    }
    fs::set_permissions(&place.work, permissions).map_err(failed)?;
    match exchange(&place.work, &place.target) {
        Ok(true) => place.discard(),
        Ok(false) => by_journal(place, tree, survey),
        Err(error) => Err(failed(error)),
    }
}

/// The names in a folder that are not ours. `None` when one of them is no plain file, so that no link to it can be made.
fn foreign(place: &Place, tree: &Tree, survey: &Survey) -> Result<Option<Vec<String>>, Failure> {
    let failed = |error: io::Error| Failure::io("list", &place.target, &error);
    let fresh: BTreeSet<&str> = tree.files.iter().map(|file| file.name.as_str()).collect();
    let mut names = Vec::new();
    for entry in fs::read_dir(&place.target).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { return Ok(None) };
        if name == INDEX || fresh.contains(name.as_str()) || survey.index.lists(&name) {
            continue;
        }
        if !entry.file_type().map_err(failed)?.is_file() {
            return Ok(None);
        }
        names.push(name);
    }
    Ok(Some(names))
}

/// Notes what is to be done, then does it. Once the note is whole, the next run finishes what this one cannot.
fn by_journal(place: &Place, tree: &Tree, survey: &Survey) -> Result<(), Failure> {
    let mut journal = String::new();
    for (name, kind) in &survey.differing {
        journal.push_str(if *kind == Kind::Extra { "remove " } else { "put " });
        journal.push_str(name);
        journal.push('\n');
    }
    journal.push_str(if tree.files.is_empty() { "remove " } else { "put " });
    journal.push_str(INDEX);
    journal.push('\n');
    let (draft, path) = (place.work.join(".statewright-draft"), place.work.join(JOURNAL));
    create(&draft, &journal)?;
    fs::rename(&draft, &path).map_err(|error| Failure::io("write", &path, &error))?;
    place.play_journal()?;
    place.discard()
}

fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes());
    write().map_err(|error| Failure::io("write", path, &error))
}

/// Whether a folder is there. A link or a file in its place is a failure.
fn is_folder(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => Ok(true),
        Ok(_) => Err(in_the_way(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::io("read", path, &error)),
    }
}

fn in_the_way(path: &Path) -> Failure {
    let what = if path.is_symlink() { "a symbolic link" } else { "no folder" };
    Failure::new(format!("cannot write below {}: it is {what}. Move it away; output goes to plain folders only", shown(path)))
}

fn busy(target: &Path) -> Failure {
    Failure::new(format!("another run is writing {} at this moment. Run again when it is done", shown(target)))
}

/// Reads the index of a folder, and its text.
fn read_index(folder: &Path, buffer: &mut Vec<u8>) -> Result<Option<(Index, String)>, Failure> {
    let path = folder.join(INDEX);
    if !read_plain(&path, 0, buffer)? {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(buffer).into_owned();
    let index = Index::parse(&text).ok_or_else(|| {
        Failure::new(format!(
            "{} is damaged, or written by a newer statewright. Update statewright, or delete the generated files of this folder with it",
            shown(&path)
        ))
    })?;
    Ok(Some((index, text)))
}

/// Reads a plain file whole into the buffer, which is likely to hold `likely` bytes. False when there is none.
fn read_plain(path: &Path, likely: usize, buffer: &mut Vec<u8>) -> Result<bool, Failure> {
    buffer.clear();
    let mut file = match open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(_) if path.is_symlink() => {
            return Err(Failure::new(format!("{} is a symbolic link. Move it away; output is plain files only", shown(path))));
        }
        Err(error) => return Err(Failure::io("read", path, &error)),
    };
    // One byte more than expected tells a longer file apart, without asking for its length first.
    buffer.resize((likely + 1).max(1024), 0);
    let mut filled = 0;
    loop {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io("read", path, &error)),
        }
        if filled == buffer.len() {
            buffer.resize(filled * 2, 0);
        }
    }
    buffer.truncate(filled);
    Ok(true)
}

/// Opens a file to read, not what a link in its place leads to, and never waits for a pipe.
#[cfg(unix)]
fn open_plain(path: &Path) -> io::Result<fs::File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_plain(path: &Path) -> io::Result<fs::File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::other("a symbolic link"));
    }
    fs::File::open(path)
}

/// Lets two folders change places in one step. False when this file system cannot.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Held while a folder is worked on; the system lets go of it when the run ends, however it ends.
struct Lock {
    #[cfg(unix)]
    folder: fs::File,
}

/// Let go of aloud: a process that is being started at this moment may have the folder open too, and would keep the lock.
#[cfg(unix)]
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.folder, rustix::fs::FlockOperation::Unlock);
    }
}

/// Takes the lock of a folder; `None` when another run has it.
#[cfg(unix)]
fn lock(folder: &Path) -> Result<Option<Lock>, Failure> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;
    let file = fs::File::open(folder).map_err(|error| Failure::io("open", folder, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        // Some network file systems know no locks; there, two runs at once are the users' own affair.
        _ => Ok(Some(Lock { folder: file })),
    }
}

#[cfg(not(unix))]
fn lock(_: &Path) -> Result<Option<Lock>, Failure> {
    Ok(Some(Lock {}))
}
