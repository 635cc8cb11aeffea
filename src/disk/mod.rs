//! The file system: the only place, beside git, that touches it. Knows paths, bytes and trees of files, nothing of what
//! is in them.
#![expect(clippy::disallowed_methods, reason = "this is the module that the others are kept from")]

mod find;
mod glob;
mod reach;
mod sibling;
mod tree;
mod turns;

pub use find::{
    SPEC, Stamp, WORKSPACE, find_files, find_manifests, find_outputs, find_specs, find_workspace, holds_file, inside,
    stamp,
};
pub use glob::matches;
pub use reach::Reach;
pub use sibling::{owner as owner_of_unfinished, path_of as unfinished_beside};
pub use tree::{Difference, Folder, Kind, Strays, Written, compare, heal, is_as, is_unfinished, remove, strays, write};
pub use turns::Turns;

use crate::diagnostic::{Code, Diagnostics, Level};
use crate::failure::Failure;
use crate::source::{At, SourceId, Sources};
use reach::{Closed, Opened, Scope};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

/// Bytes that are no text.
static NOT_UTF8: Code =
    Code { id: "SW0002", name: "not-utf8", level: Level::Error, page: include_str!("pages/not-utf8.md") };
/// Larger than any stream of manifests.
static TOO_LARGE: Code =
    Code { id: "SW0009", name: "file-too-large", level: Level::Error, page: include_str!("pages/file-too-large.md") };

/// A link out of the repository in the place of a file.
static OUTSIDE: Code = Code {
    id: "SW0011",
    name: "outside-repository",
    level: Level::Error,
    page: include_str!("pages/outside-repository.md"),
};
/// A file that a file names and that is not to be had.
static NAMED: Code =
    Code { id: "SW0012", name: "named-file", level: Level::Error, page: include_str!("pages/named-file.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&NOT_UTF8, &TOO_LARGE, &OUTSIDE, &NAMED];

/// No stream of manifests comes near; with it, places fit into 32 bits.
const LARGEST_FILE: usize = 512 << 20;

/// An object that an API server takes has no more, and a ConfigMap is one.
const LARGEST_OBJECT: u64 = 1 << 20;

/// Reads a file in, under the name it was given by. `None` when it cannot be a text; what is wrong with it is in
/// `found`.
///
/// # Errors
/// When the file cannot be read.
pub fn read_source(
    reach: &Reach,
    path: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Option<SourceId>, Failure> {
    let content = content(path, reach.open(path))?;
    Ok(enter(content, &name_of(path), sources, found))
}

/// As [`read_source`], a file that no user named, such as a workspace: it lies in its folder or its repository.
///
/// # Errors
/// When the file cannot be read.
pub fn read_found(
    reach: &Reach,
    path: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Option<SourceId>, Failure> {
    let content = content(path, reach.open_found(path))?;
    Ok(enter(content, &name_of(path), sources, found))
}

/// Reads many files in, several at once. Those that cannot be texts are left out; what is wrong with them is in
/// `found`.
///
/// # Errors
/// When one of them cannot be read.
pub fn read_sources(
    reach: &Reach,
    paths: &[PathBuf],
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Vec<SourceId>, Failure> {
    let mut ids = Vec::with_capacity(paths.len());
    for (result, path) in
        crate::parallel::map(paths, |path: &PathBuf| content(path, reach.open(path))).into_iter().zip(paths)
    {
        ids.extend(enter(result?, &name_of(path), sources, found));
    }
    Ok(ids)
}

/// Reads in what a file in `folder` names, such as a template. `None` when it is not to be had: what is wrong with it
/// is in `found`, at the place that names it.
pub fn read_named(
    reach: &Reach,
    folder: &Path,
    (name, at): (&str, At),
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Option<SourceId> {
    match text_of(reach.open_named(folder, name, Scope::Repository), "an object of Kubernetes can be no larger") {
        Ok(text) => Some(sources.add(name_of(&folder.join(name)), text)),
        Err(why) => {
            not_had(name, &why, at, found);
            None
        }
    }
}

/// The manifests that a path in a file in `folder` means: a file, those below a folder, or those that a pattern means.
/// What is wrong with it is in
/// `found`, at the place that names it.
///
/// # Errors
/// When a folder cannot be listed.
pub fn find_named(
    reach: &Reach,
    folder: &Path,
    (name, at): (&str, At),
    found: &mut Diagnostics,
) -> Result<Option<Vec<PathBuf>>, Failure> {
    if glob::is_pattern(name) {
        return matching_named(reach, folder, (name, at), found);
    }
    match reach.locate(folder, name) {
        Ok(real) if fs::symlink_metadata(&real).is_ok_and(|about| about.is_dir()) => {
            find_manifests(reach, &[folder.join(name)]).map(Some)
        }
        Ok(real) => match reach::strange(&real) {
            None => Ok(Some(vec![folder.join(name)])),
            Some(kind) => {
                not_had(name, &Closed::Kind(kind).to_string(), at, found);
                Ok(None)
            }
        },
        Err(closed) => {
            not_had(name, &closed.to_string(), at, found);
            Ok(None)
        }
    }
}

fn matching_named(
    reach: &Reach,
    folder: &Path,
    (pattern, at): (&str, At),
    found: &mut Diagnostics,
) -> Result<Option<Vec<PathBuf>>, Failure> {
    let begins = glob::fixed_part(pattern);
    if !matches!(begins, "" | ".")
        && let Err(closed) = reach.locate(folder, begins)
    {
        not_had(begins, &closed.to_string(), at, found);
        return Ok(None);
    }
    let files = find::find_matching(reach, folder, pattern)?;
    if files.is_none() {
        NAMED
            .report(format!("no file matches `{pattern}`"))
            .help("a pattern begins at the folder of this file; `*` stands for a part of a name, `**` for any folders")
            .at(at, found);
    }
    Ok(files)
}

fn not_had(name: &str, why: &str, at: At, found: &mut Diagnostics) {
    NAMED
        .report(format!("the file `{name}` cannot be read: {why}"))
        .help("a path begins at the folder of this file, and leads to a file of this repository")
        .at(at, found);
}

/// Reads the files of ours in a folder. `None` when there is no folder, or none of ours.
///
/// # Errors
/// When the folder or a file in it cannot be read, or a link leads there from elsewhere.
pub fn read_folder(reach: &Reach, folder: &Path) -> Result<Option<Folder>, Failure> {
    match reach.visit(folder) {
        Err(closed) if closed.is_astray() => Err(closed_to("read", folder, closed)),
        _ => tree::read_folder(folder),
    }
}

/// Reads a stream in, such as standard input. `None` when it cannot be a text; what is wrong with it is in `found`.
///
/// # Errors
/// When the stream breaks off.
pub fn read_stream(
    stream: impl Read,
    name: &str,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Option<SourceId>, Failure> {
    let content = read_all(stream, 0).map_err(|error| Failure::io("read", Path::new(name), &error))?;
    Ok(enter(content, name, sources, found))
}

/// What a file holds.
enum Content {
    Text(String),
    TooLarge,
    NoText(FromUtf8Error),
    Outside(Closed),
}

/// What an open file holds. Only what is wrong with the machine is a failure.
fn content(path: &Path, opened: Result<Opened, Closed>) -> Result<Content, Failure> {
    let (file, about) = match opened {
        Err(closed) if closed.is_astray() => return Ok(Content::Outside(closed)),
        opened => opened.map_err(|closed| closed_to("read", path, closed))?,
    };
    let length = about.map_or(0, |about| usize::try_from(about.len()).unwrap_or(usize::MAX));
    read_all(file, length).map_err(|error| Failure::io("read", path, &error))
}

fn closed_to(verb: &str, path: &Path, closed: Closed) -> Failure {
    match closed {
        Closed::Io(error) => Failure::io(verb, path, &error),
        closed => Failure::new(format!("cannot {verb} {}: {closed}", crate::failure::shown(path))),
    }
}

fn read_all(stream: impl Read, likely: usize) -> io::Result<Content> {
    let mut bytes = Vec::new();
    if likely <= LARGEST_FILE {
        bytes.reserve_exact(likely + 1);
        stream.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    }
    if likely > LARGEST_FILE || bytes.len() > LARGEST_FILE {
        return Ok(Content::TooLarge);
    }
    Ok(String::from_utf8(bytes).map_or_else(Content::NoText, Content::Text))
}

/// Takes a file in among the sources.
fn enter(content: Content, name: &str, sources: &mut Sources, found: &mut Diagnostics) -> Option<SourceId> {
    match content {
        Content::Text(text) => Some(sources.add(name, text)),
        Content::TooLarge => {
            let id = sources.add(name, "");
            TOO_LARGE
                .report(format!("this file has more than {} MB; that is the limit", LARGEST_FILE >> 20))
                .help("check that this is the file you meant; split a stream of manifests into several files")
                .at(At::top(id), found);
            None
        }
        Content::Outside(closed) => {
            let id = sources.add(name, "");
            OUTSIDE
                .report(format!("this file is not read: {closed}"))
                .help("put a file of the repository in its place; links may lead to files of the same repository")
                .at(At::top(id), found);
            None
        }
        Content::NoText(error) => {
            not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), name, sources, found);
            None
        }
    }
}

fn not_utf8(bytes: &[u8], valid: usize, name: &str, sources: &mut Sources, found: &mut Diagnostics) {
    // Only what leads to the place is kept: the rest may be half a gigabyte of anything.
    let end = bytes.len().min(valid + 80);
    let id = sources.add(name, String::from_utf8_lossy(&bytes[..end]).into_owned());
    let start = u32::try_from(valid).unwrap_or(u32::MAX);
    let (message, help) = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        ("this file is UTF-16, not UTF-8".to_owned(), "save it as UTF-8")
    } else if bytes[..end].contains(&0) {
        ("this file holds binary data, not text".to_owned(), "check that this is the file you meant")
    } else {
        (format!("the byte {:#04X} here is not UTF-8", bytes[valid]), "save the file as UTF-8")
    };
    NOT_UTF8.report(message).help(help).at(At { source: id, start, end: start + 1 }, found);
}

/// A path as the user would type it, with `/` on every system.
#[must_use]
pub fn name_of(path: &Path) -> String {
    let name = crate::failure::shown(path);
    let name = if std::path::MAIN_SEPARATOR == '/' { name } else { name.replace(std::path::MAIN_SEPARATOR, "/") };
    name.strip_prefix("./").map_or_else(|| name.clone(), str::to_owned)
}

/// Writes one file that the user named, such as a report, with the folders it needs. Never part of a tree.
///
/// # Errors
/// When it cannot be written, or a link or git's own folder is in the way.
pub fn write_file(reach: &Reach, path: &Path, text: &str) -> Result<(), Failure> {
    put(reach, path, text, false)
}

/// Adds to the end of a file that somebody else made, or makes it.
///
/// # Errors
/// As [`write_file`].
pub fn append(reach: &Reach, path: &Path, text: &str) -> Result<(), Failure> {
    put(reach, path, text, true)
}

fn put(reach: &Reach, path: &Path, text: &str, add: bool) -> Result<(), Failure> {
    let written =
        reach.create(path, add, false).and_then(|mut file| Ok(io::Write::write_all(&mut file, text.as_bytes())?));
    written.map_err(|closed| closed_to("write", path, closed))
}

/// The nearest folder above, or the folder itself, that holds `.git`; as it is reached from here. The folder need not be
/// there yet.
///
/// # Errors
/// When it is not known where we are.
pub fn repository_of(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let absolute = std::path::absolute(folder).map_err(|error| Failure::io("read", folder, &error))?;
    let up = absolute.ancestors().position(|above| fs::symlink_metadata(above.join(".git")).is_ok());
    let is_plain = !folder.is_absolute() && !folder.components().any(|part| part == std::path::Component::ParentDir);
    let given = folder.components().filter(|part| matches!(part, std::path::Component::Normal(_))).count();
    Ok(up.map(|up| {
        if !is_plain {
            return absolute.ancestors().nth(up).unwrap_or(&absolute).to_owned();
        }
        match up.cmp(&given) {
            std::cmp::Ordering::Less => folder.ancestors().nth(up).unwrap_or(folder).to_owned(),
            std::cmp::Ordering::Equal => PathBuf::from("."),
            std::cmp::Ordering::Greater => std::iter::repeat_n("..", up - given).collect(),
        }
    }))
}

/// Writes a file that must not exist yet, such as a scaffold. Gives false, and touches nothing, when it does.
///
/// # Errors
/// As [`write_file`].
pub fn write_new(reach: &Reach, path: &Path, text: &str) -> Result<bool, Failure> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    in_one_step(reach, path, text.as_bytes(), false)
}

/// Writes a file over another of ours, if there is one: until the whole new one takes its place, the old one stands.
///
/// # Errors
/// As [`write_file`].
pub fn write_over(reach: &Reach, path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    in_one_step(reach, path, content.as_ref(), true).map(drop)
}

/// Gives false where something stands that may not be written over.
fn in_one_step(reach: &Reach, path: &Path, content: &[u8], over: bool) -> Result<bool, Failure> {
    let closed = |closed| closed_to("write", path, closed);
    let (at, _) = reach.place(path).map_err(closed)?;
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    let draft = at.with_file_name(format!(".{name}{}", tree::DRAFT));
    if fs::symlink_metadata(&draft).is_ok() {
        // A run that was killed left there a beginning of what it was to write; anything else is somebody's.
        if !begins(reach, content, &draft) {
            return Err(Failure::new(format!("{} is not ours, and in the way. Move it away", draft.display())));
        }
        fs::remove_file(&draft).map_err(|error| Failure::io("remove", &draft, &error))?;
    }
    let mut file = reach.create(&draft, false, true).map_err(closed)?;
    // Who may read the old one may read the new one, and nobody else.
    if let Some(about) = over.then(|| fs::metadata(&at).ok()).flatten() {
        file.set_permissions(about.permissions()).map_err(|error| Failure::io("write", path, &error))?;
    }
    let put = io::Write::write_all(&mut file, content)
        .and_then(|()| if over { fs::rename(&draft, &at) } else { sibling::rename_to_nothing(&draft, &at) });
    match put {
        Ok(()) => Ok(true),
        Err(error) => {
            let _ = fs::remove_file(&draft);
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Ok(false);
            }
            Err(Failure::io("write", path, &error))
        }
    }
}

/// Whether a file holds a beginning of a content, or all of it.
fn begins(reach: &Reach, content: &[u8], path: &Path) -> bool {
    let Ok((file, Some(_))) = reach.open(path) else { return false };
    let mut bytes = Vec::new();
    file.take(content.len() as u64 + 1).read_to_end(&mut bytes).is_ok() && content.starts_with(&bytes)
}

/// Refuses a folder of output that a link leads to, or that is in git's own.
///
/// # Errors
/// When it is one.
pub fn refuse_output(reach: &Reach, folder: &Path) -> Result<(), Failure> {
    reach.may_hold_output(folder).map_err(|closed| closed_to("write below", folder, closed))
}

/// Whether a pattern of folders leads out of where it begins, or into git's own: in a few words.
#[must_use]
pub fn wrong_output(pattern: &str) -> Option<&'static str> {
    let mut parts = pattern.split('/');
    if parts.clone().any(|part| reach::is_git(part.as_ref())) {
        return Some("leads into `.git`, which is git's own");
    }
    let leaves = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':', '\0']);
    parts.any(leaves).then_some("leads out of the workspace's folder")
}

/// A file beside a spec, by its path from the spec's folder, which it may not leave.
///
/// # Errors
/// A few words on why it cannot be had.
pub fn read_beside(reach: &Reach, folder: &Path, path: &str) -> Result<Vec<u8>, String> {
    bytes_of(reach.open_named(folder, path, Scope::Folder), "which is all that a ConfigMap can hold")
}

/// The text of a file that belongs into an object.
fn text_of(opened: Result<Opened, Closed>, why: &str) -> Result<String, String> {
    String::from_utf8(bytes_of(opened, why)?).map_err(|_| "it is not text (UTF-8)".to_owned())
}

fn bytes_of(opened: Result<Opened, Closed>, why: &str) -> Result<Vec<u8>, String> {
    let (file, about) = opened.map_err(|closed| closed.to_string())?;
    let too_large = || format!("it has more than 1 MB, {why}");
    let length = about.map_or(0, |about| about.len());
    if length > LARGEST_OBJECT {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(LARGEST_OBJECT + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_OBJECT {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The first line of a file.
///
/// # Errors
/// When the file cannot be read.
pub fn first_line(reach: &Reach, path: &Path) -> Result<String, Failure> {
    let (file, _) = reach.open(path).map_err(|closed| closed_to("read", path, closed))?;
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes).map_err(|error| Failure::io("read", path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned())
}

/// Whether the first few lines of a file are so; false if nobody can read them, or only once.
#[must_use]
pub fn begins_with(reach: &Reach, path: &Path, so: impl Fn(&str) -> bool) -> bool {
    let Ok((file, Some(_))) = (if path.is_file() { reach.open(path) } else { return false }) else { return false };
    let mut bytes = Vec::new();
    file.take(1024).read_to_end(&mut bytes).is_ok() && so(&String::from_utf8_lossy(&bytes))
}

/// All that a file of ours holds; none if nobody can read it, or it has more bytes than that.
#[must_use]
pub fn bytes(reach: &Reach, path: &Path, most: u64) -> Option<Vec<u8>> {
    let (file, about) = reach.open_found(path).ok()?;
    let length = about.filter(|about| about.len() <= most)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()? + 1);
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

/// Whether there is a plain file below a folder, and no link on the way to it from there.
#[must_use]
pub fn is_plain_file(folder: &Path, path: &str) -> bool {
    let mut at = folder.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let Ok(about) = fs::symlink_metadata(&at) else { return false };
        if if parts.peek().is_some() { !about.is_dir() } else { !about.is_file() } {
            return false;
        }
    }
    true
}

/// What tells this program from any other build of it: its version, and the file that it was started from.
#[must_use]
pub fn program() -> Option<String> {
    let about = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), about.len(), changed.as_nanos()))
}

/// Whether a file holds just that text; false if nobody can read it, or only once.
#[must_use]
pub fn holds(reach: &Reach, path: &Path, text: &str) -> bool {
    let Ok((file, Some(_))) = (if path.is_file() { reach.open(path) } else { return false }) else { return false };
    let mut bytes = Vec::new();
    file.take(text.len() as u64 + 1).read_to_end(&mut bytes).is_ok() && bytes == text.as_bytes()
}

/// Whether something is there that is a folder. Says nothing about what may be read.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether something is there that is a file. Says nothing about what may be read.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether something is there that is a link. Says nothing about what may be read.
#[must_use]
pub fn is_link(path: &Path) -> bool {
    path.is_symlink()
}

/// Whether anything is there. Says nothing about what may be read.
#[must_use]
pub fn is_there(path: &Path) -> bool {
    path.exists()
}

/// The real place of a file or folder: without links, from the root. Says nothing about what may be read.
///
/// # Errors
/// When nothing is there.
pub fn real(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).map_err(|error| Failure::io("read", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(bytes: &[u8]) -> String {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = read_stream(bytes, "t.yaml", &mut sources, &mut found).expect("memory can be read");
        if let Some(id) = id {
            return sources.get(id).text.to_string();
        }
        let finding = &found.resolve(&sources)[0];
        format!("{}:{} {}", finding.spot.line, finding.spot.column, finding.message)
    }

    #[test]
    fn what_is_no_utf8_is_said_where_it_begins() {
        assert_eq!(reading("a: ü\n".as_bytes()), "a: ü\n");
        assert_eq!(reading(b"a: b\nc: \xfcx\n"), "2:4 the byte 0xFC here is not UTF-8");
        assert_eq!(reading(b"\xff\xfea\0"), "1:1 this file is UTF-16, not UTF-8");
        assert_eq!(reading(b"\x7fELF\0\0\xff"), "1:7 this file holds binary data, not text");
        assert_eq!(reading(b"a: \xc3"), "1:4 the byte 0xC3 here is not UTF-8");
    }
}
