//! A tree of ours on the disk: what stands there, how it differs from a fresh one, and how the fresh one takes its
//! place.
//!
//! A folder is replaced whole, in one step: the new one is built beside it (`sibling`) and the two change places, so a
//! run that is killed leaves the old folder or the new one. What was not ours is in both by a hard link. Where a file
//! system cannot do that, or a folder of somebody else stands in ours, files are replaced one by one, under an index
//! that lists the old contents and the new ones: whatever mix a killed run leaves is ours by that index, and the next
//! run writes what is lacking. Nothing is ever done because a file found on the disk says so. Nothing is touched when
//! nothing differs.

use super::sibling::{self, Sibling, begins_as_ours};
use super::turns::Turns;
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
    /// Git merged two contents of ours in it, or left the markers of a conflict.
    Merged,
    /// We wrote it, and would not write it now.
    Extra,
    /// It stands where we would write, and is not ours.
    Foreign,
    /// It is the hidden folder in which a run works, and a run is at work there or was cut short.
    Unfinished,
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
    /// What stands in the hidden folder beside the tree and cannot be shown to be ours: it was left as it is.
    pub left: Vec<PathBuf>,
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
pub(super) fn read_folder(folder: &Path) -> Result<Option<Folder>, Failure> {
    let mut buffer = Vec::new();
    let Some((index, _)) = read_index(folder, &mut buffer)? else { return Ok(None) };
    let mut files = Vec::new();
    for name in index.names() {
        let path = folder.join(name);
        if read_plain(&path, 0, &mut buffer)? {
            if buffer.len() > LARGEST {
                return Err(Failure::new(format!(
                    "{} has more than {} MB: it is no manifest of ours",
                    shown(&path),
                    LARGEST >> 20
                )));
            }
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
    let place = Place::new(root, &tree.folder)?;
    let survey = Survey::new(&place, tree)?;
    let difference =
        |(name, kind): &(String, Kind)| Difference { path: format!("{}/{name}", tree.folder), kind: *kind };
    let mut differences: Vec<Difference> = survey.differing.iter().map(difference).collect();
    if differences.is_empty() && !survey.index_is_fresh && !tree.files.is_empty() {
        let kind = if survey.has_index { Kind::Stale } else { Kind::Missing };
        differences.push(difference(&(INDEX.to_owned(), kind)));
    }
    if place.sibling.is_there()? {
        differences.push(Difference { path: sibling::path_of(&tree.folder), kind: Kind::Unfinished });
    }
    Ok(differences)
}

/// Whether the disk holds a tree, and nobody is at work beside it: then writing it would do nothing.
///
/// # Errors
/// When something cannot be read, or a link stands in the way.
pub fn is_as(root: &Path, tree: &Tree) -> Result<bool, Failure> {
    let place = Place::new(root, &tree.folder)?;
    Ok(!place.sibling.is_there()? && Survey::new(&place, tree)?.agrees(tree))
}

/// Makes the disk hold a tree. Only files that are ours are replaced or removed, and one that was changed by hand only
/// if `overwrite_edited` says so. A tree without files is removed, and its folder with it if nothing else is in there.
///
/// # Errors
/// When something cannot be read or written, a link stands in the way, or another run is writing there and patience ran
/// out.
pub fn write(root: &Path, tree: &Tree, overwrite_edited: bool, turns: &Turns) -> Result<Written, Failure> {
    let place = Place::new(root, &tree.folder)?;
    if !place.sibling.is_there()? {
        let survey = Survey::new(&place, tree)?;
        if survey.agrees(tree) {
            return Ok(Written { done: true, ..survey.summary() });
        }
    }
    // What was seen so far may have been another run's work half done. With the turn, nobody else writes here.
    fs::create_dir_all(&place.parent).map_err(|error| Failure::io("make the folder", &place.parent, &error))?;
    let _turn = turns.wait(&place.parent, &place.target)?;
    let place = Place::new(root, &tree.folder)?;
    let left = place.clear()?;
    let survey = Survey::new(&place, tree)?;
    let mut written = Written { left, ..survey.summary() };
    let is_refused =
        !written.foreign.is_empty() || !written.left.is_empty() || !(written.edited.is_empty() || overwrite_edited);
    if is_refused {
        return Ok(written);
    }
    if !survey.agrees(tree) {
        written.left = match if place.exists { replace(&place, tree, &survey) } else { put_new(&place, tree) } {
            Ok(left) => left,
            Err(failure) => {
                // What was built beside the target is of no use now.
                let _ = place.clear();
                return Err(failure);
            }
        };
    }
    written.done = true;
    Ok(written)
}

/// Removes the files of ours in a folder, and the folder if nothing else is in there.
///
/// # Errors
/// As [`write()`].
pub fn remove(root: &Path, folder: &str, overwrite_edited: bool, turns: &Turns) -> Result<Written, Failure> {
    write(root, &Tree { folder: folder.to_owned(), files: Vec::new() }, overwrite_edited, turns)
}

/// Takes away what a run that was cut short left beside a folder, and touches nothing in the folder itself. Gives what
/// cannot be shown to be ours, and stays.
///
/// # Errors
/// As [`write()`].
pub fn heal(root: &Path, folder: &str, turns: &Turns) -> Result<Vec<PathBuf>, Failure> {
    let place = Place::new(root, folder)?;
    if !place.sibling.is_there()? {
        return Ok(Vec::new());
    }
    let _turn = turns.wait(&place.parent, &place.target)?;
    place.clear()
}

/// Whether a run is at work on a folder, or was cut short there.
///
/// # Errors
/// When that cannot be read.
pub fn is_unfinished(root: &Path, folder: &str) -> Result<bool, Failure> {
    Sibling::new(&root.join(folder)).is_there()
}

/// Folders that match a pattern and are not among those that are looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// Those that hold files of ours.
    pub folders: Vec<String>,
    /// Those beside which a run is at work, or was cut short; they themselves may be gone.
    pub unfinished: Vec<String>,
}

/// The folders of ours that match `pattern` (`deploy/*/kubia`) and are not among `current`: left by an environment that
/// no longer exists.
///
/// # Errors
/// When a folder cannot be listed.
pub fn strays(root: &Path, pattern: &str, current: &BTreeSet<String>) -> Result<Strays, Failure> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let Some((leaf, above)) = parts.split_last() else { return Ok(Strays::default()) };
    let mut parents = vec![String::new()];
    for part in above {
        let mut next = Vec::new();
        for parent in parents {
            if super::glob::is_pattern(part) {
                let matching =
                    folders_in(&root.join(&parent))?.into_iter().filter(|name| super::glob::matches(part, name));
                next.extend(matching.map(|name| joined(&parent, &name)));
            } else {
                next.push(joined(&parent, part));
            }
        }
        parents = next;
    }
    let mut found = Strays::default();
    for parent in parents {
        let (mut named, mut beside) = (vec![joined(&parent, leaf)], vec![joined(&parent, leaf)]);
        if super::glob::is_pattern(leaf) {
            let names = folders_in(&root.join(&parent))?;
            let matching = |name: &&str| super::glob::matches(leaf, name);
            named = names.iter().map(String::as_str).filter(matching).map(|name| joined(&parent, name)).collect();
            beside = names
                .iter()
                .filter_map(|name| sibling::owner(name))
                .filter(matching)
                .map(|name| joined(&parent, name))
                .collect();
        }
        found.folders.extend(
            named.into_iter().filter(|folder| !current.contains(folder) && root.join(folder).join(INDEX).is_file()),
        );
        let is_unfinished = |folder: &String| !current.contains(folder) && Sibling::new(&root.join(folder)).is_folder();
        found.unfinished.extend(beside.into_iter().filter(is_unfinished));
    }
    Ok(found)
}

/// The names of the folders in a folder, in order; none if it is not there.
fn folders_in(path: &Path) -> Result<Vec<String>, Failure> {
    let listed = match fs::read_dir(path) {
        Ok(listed) => listed,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Failure::io("list", path, &error)),
    };
    let folders = listed.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
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
    sibling: Sibling,
    exists: bool,
}

impl Place {
    /// Finds the place of a tree, and refuses links on the way: they could lead out of the root.
    fn new(root: &Path, folder: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = folder.split('/').collect();
        if let Some(wrong) = super::wrong_output(folder) {
            return Err(Failure::new(format!("the output folder `{folder}`, below {}, {wrong}", shown(root))));
        }
        let (mut path, mut exists) = (root.to_owned(), true);
        for part in &parts {
            path.push(part);
            if exists {
                exists = is_folder(&path)?;
            }
        }
        let parent = path.parent().unwrap_or(root).to_owned();
        Ok(Self { sibling: Sibling::new(&path), parent, target: path, exists })
    }

    /// Takes away what a run left that was cut short. Gives what cannot be shown to be ours, and stays.
    fn clear(&self) -> Result<Vec<PathBuf>, Failure> {
        if !self.sibling.is_there()? {
            return Ok(Vec::new());
        }
        clear_draft(&self.target)?;
        self.sibling.clear(&self.target)
    }
}

/// What stands in a place, against what should.
struct Survey {
    /// In the order of the tree, then what is there too much.
    differing: Vec<(String, Kind)>,
    /// The names of ours that are there and not as we wrote them, whatever should become of them.
    edited: Vec<String>,
    /// Those that git merged.
    merged: Vec<String>,
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
            merged: Vec::new(),
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
            _ if content.len() <= LARGEST
                && !self.index.wrote(name, content)
                && self.index.is_merged(name, content) =>
            {
                self.merged.push(name.to_owned());
                if kind == Kind::Extra { Kind::Extra } else { Kind::Merged }
            }
            _ if content.len() > LARGEST || !self.index.wrote(name, content) => {
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
            changed: of(&[Kind::Stale, Kind::Edited, Kind::Merged]),
            removed: of(&[Kind::Extra]),
            unchanged: self.unchanged,
            edited: self.edited.clone(),
            foreign: of(&[Kind::Foreign]),
            left: Vec::new(),
            done: false,
        }
    }

    /// Whether all is as it should be.
    fn agrees(&self, tree: &Tree) -> bool {
        self.differing.is_empty() && (self.index_is_fresh || tree.files.is_empty() && !self.has_index)
    }

    /// Whether a file is still there as it was seen, as far as that matters.
    fn still_describes(&self, name: &str, path: &Path) -> Result<bool, Failure> {
        let mut buffer = Vec::new();
        Ok(read_plain(path, 0, &mut buffer)?
            && (self.index.wrote(name, &buffer) || self.others().any(|other| other == name)))
    }

    /// The names of ours that are there and not as we wrote them.
    fn others(&self) -> impl Iterator<Item = &String> {
        self.edited.iter().chain(&self.merged)
    }

    fn kind_of(&self, name: &str) -> Option<Kind> {
        self.differing.iter().find(|(other, _)| other == name).map(|(_, kind)| *kind)
    }
}

/// Builds a folder where none is: beside its place, then one rename.
fn put_new(place: &Place, tree: &Tree) -> Result<Vec<PathBuf>, Failure> {
    let fresh = place.sibling.begin()?;
    for file in &tree.files {
        create(&fresh.join(&file.name), &file.text)?;
    }
    create(&fresh.join(INDEX), &tree.index())?;
    fs::rename(&fresh, &place.target).map_err(|error| Failure::io("write", &place.target, &error))?;
    place.sibling.end(Vec::new())
}

/// Puts the fresh folder in the place of the old one.
fn replace(place: &Place, tree: &Tree, survey: &Survey) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::io("write", &place.target, &error);
    let permissions = fs::metadata(&place.target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(failed(io::ErrorKind::PermissionDenied.into()));
    }
    let Some(foreign) = foreign(place, tree, survey)? else { return one_by_one(place, tree, survey) };
    let fresh = place.sibling.begin()?;
    let taken = if tree.files.is_empty() && foreign.is_empty() {
        place.sibling.take(&place.target)
    } else {
        for file in tree.files.iter().filter(|file| survey.kind_of(&file.name).is_some()) {
            create(&fresh.join(&file.name), &file.text)?;
        }
        if !tree.files.is_empty() {
            create(&fresh.join(INDEX), &tree.index())?;
        }
        let unchanged = tree.files.iter().map(|file| file.name.as_str()).filter(|name| survey.kind_of(name).is_none());
        let mut kept = unchanged.chain(foreign.iter().map(String::as_str));
        if kept.all(|name| fs::hard_link(place.target.join(name), fresh.join(name)).is_ok()) {
            fs::set_permissions(&fresh, permissions).map_err(failed)?;
            place.sibling.exchange(&place.target)
        } else {
            Ok(false)
        }
    };
    if taken.map_err(failed)? {
        return place.sibling.finish(&place.target, &survey.index, &survey.others().cloned().collect::<Vec<_>>());
    }
    place.sibling.clear(&place.target)?;
    one_by_one(place, tree, survey)
}

/// The names in a folder that are not ours. `None` when one of them is no plain file, so that no link to it can be
/// made.
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

/// Replaces file by file. From the first step to the last the index lists what was there and what will be, so that at
/// any instant each file is whole, and ours by the index. The hidden folder is there as long as this is not done.
fn one_by_one(place: &Place, tree: &Tree, survey: &Survey) -> Result<Vec<PathBuf>, Failure> {
    let fresh = place.sibling.begin()?;
    if !tree.files.is_empty() {
        put(&fresh, &place.target, INDEX, &survey.index.with(tree), survey.has_index)?;
    }
    for (name, kind) in &survey.differing {
        let path = place.target.join(name);
        if *kind != Kind::Missing && !survey.still_describes(name, &path)? {
            return Err(Failure::new(format!(
                "{} was changed at this very moment, and stays. Run again",
                shown(&path)
            )));
        }
        if *kind == Kind::Extra {
            fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        } else if let Some(file) = tree.files.iter().find(|file| file.name == *name) {
            put(&fresh, &place.target, name, &file.text, *kind != Kind::Missing)?;
        }
    }
    if tree.files.is_empty() {
        let index = place.target.join(INDEX);
        fs::remove_file(&index).map_err(|error| Failure::io("remove", &index, &error))?;
        // Whatever else is in there is not ours.
        let _ = fs::remove_dir(&place.target);
    } else {
        put(&fresh, &place.target, INDEX, &tree.index(), true)?;
    }
    place.clear()
}

/// A file on its way into a folder that is another file system's.
pub(super) const DRAFT: &str = ".statewright-draft";

/// Puts a file into a folder in one step; over another only if `over` says so.
fn put(fresh: &Path, folder: &Path, name: &str, text: &str, over: bool) -> Result<(), Failure> {
    let (path, draft) = (folder.join(name), fresh.join(name));
    let into_place = |from: &Path| if over { fs::rename(from, &path) } else { sibling::rename_to_nothing(from, &path) };
    create(&draft, text)?;
    let put = match into_place(&draft) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let here = folder.join(DRAFT);
            clear_draft(folder)?;
            create(&here, text)?;
            fs::remove_file(&draft).and_then(|()| into_place(&here))
        }
        put => put,
    };
    put.map_err(|error| Failure::io("write", &path, &error))
}

/// Takes away the file that a run was about to put into a folder when it was cut short.
fn clear_draft(folder: &Path) -> Result<(), Failure> {
    let draft = folder.join(DRAFT);
    let mut buffer = Vec::new();
    match fs::symlink_metadata(&draft) {
        Err(_) => return Ok(()),
        Ok(about) if about.is_file() && read_plain(&draft, 0, &mut buffer)? && begins_as_ours(&buffer) => {}
        Ok(_) => return Err(Failure::new(format!("{} is not ours, and in the way. Move it away", shown(&draft)))),
    }
    fs::remove_file(&draft).map_err(|error| Failure::io("remove", &draft, &error))
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

pub(super) fn in_the_way(path: &Path) -> Failure {
    let what = if path.is_symlink() { "a symbolic link" } else { "no folder" };
    Failure::new(format!(
        "cannot write below {}: it is {what}. Move it away; output goes to plain folders only",
        shown(path)
    ))
}

/// Reads the index of a folder, and its text.
pub(super) fn read_index(folder: &Path, buffer: &mut Vec<u8>) -> Result<Option<(Index, String)>, Failure> {
    let path = folder.join(INDEX);
    if !read_plain(&path, 0, buffer)? {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(buffer).into_owned();
    let index = Index::parse(&text).ok_or_else(|| {
        Failure::new(format!(
            "{} is damaged, or written by a newer statewright. Update statewright, or delete the generated files of \
                this folder with it",
            shown(&path)
        ))
    })?;
    Ok(Some((index, text)))
}

/// More than any file of ours holds.
pub(super) const LARGEST: usize = 16 << 20;

/// Reads a plain file into the buffer, which is likely to hold `likely` bytes. False when there is none. Of a file that
/// is too large to be ours, only so much is read that this shows.
pub(super) fn read_plain(path: &Path, likely: usize, buffer: &mut Vec<u8>) -> Result<bool, Failure> {
    buffer.clear();
    let mut file = match open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(_) if path.is_symlink() => {
            return Err(Failure::new(format!(
                "{} is a symbolic link. Move it away; output is plain files only",
                shown(path)
            )));
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
        if filled > LARGEST.max(likely) {
            break;
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
