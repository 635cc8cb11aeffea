//! The file system: the only place, beside git, that touches it. Knows paths, bytes and trees of files, nothing of what is in them.
#![expect(clippy::disallowed_methods, reason = "this is the module that the others are kept from")]

mod find;
mod glob;
mod sibling;
mod tree;
mod turns;

pub use find::{SPEC, WORKSPACE, find_manifests, find_outputs, find_specs, find_workspace};
pub use sibling::{owner as owner_of_unfinished, path_of as unfinished_beside};
pub use tree::{Difference, Folder, Kind, Strays, Written, compare, heal, is_unfinished, read_folder, remove, strays, write};
pub use turns::Turns;

use crate::diagnostic::{Code, Diagnostics, Level};
use crate::failure::Failure;
use crate::source::{At, SourceId, Sources};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use std::sync::Arc;

/// Bytes that are no text.
static NOT_UTF8: Code = Code { id: "SW0002", name: "not-utf8", level: Level::Error, page: include_str!("pages/not-utf8.md") };
/// Larger than any stream of manifests.
static TOO_LARGE: Code = Code { id: "SW0009", name: "file-too-large", level: Level::Error, page: include_str!("pages/file-too-large.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&NOT_UTF8, &TOO_LARGE];

/// No stream of manifests comes near; with it, places fit into 32 bits.
const LARGEST_FILE: usize = 512 << 20;

/// Reads a file in, under the name it was given by. `None` when it cannot be a text; what is wrong with it is in `found`.
///
/// # Errors
/// When the file cannot be read.
pub fn read_source(path: &Path, sources: &mut Sources, found: &mut Diagnostics) -> Result<Option<SourceId>, Failure> {
    let failed = |error: io::Error| Failure::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    read_from(file, usize::try_from(about.len()).unwrap_or(usize::MAX), &name_of(path), sources, found).map_err(failed)
}

/// Reads many files in, several at once. Those that cannot be texts are left out; what is wrong with them is in `found`.
///
/// # Errors
/// When one of them cannot be read.
pub fn read_sources(paths: &[PathBuf], sources: &mut Sources, found: &mut Diagnostics) -> Result<Vec<SourceId>, Failure> {
    let read = |path: &PathBuf| {
        let failed = |error: io::Error| Failure::io("read", path, &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let name = name_of(path);
        Ok((slurp(file, usize::try_from(length).unwrap_or(usize::MAX)).map_err(failed)?, name))
    };
    let mut ids = Vec::with_capacity(paths.len());
    for result in crate::parallel::map(paths, read) {
        let (bytes, name) = result?;
        ids.extend(enter(bytes, &name, sources, found));
    }
    Ok(ids)
}

/// Reads a stream in, such as standard input. `None` when it cannot be a text; what is wrong with it is in `found`.
///
/// # Errors
/// When the stream breaks off.
pub fn read_stream(stream: impl Read, name: &str, sources: &mut Sources, found: &mut Diagnostics) -> Result<Option<SourceId>, Failure> {
    read_from(stream, 0, name, sources, found).map_err(|error| Failure::io("read", Path::new(name), &error))
}

fn read_from(stream: impl Read, likely: usize, name: &str, sources: &mut Sources, found: &mut Diagnostics) -> io::Result<Option<SourceId>> {
    Ok(enter(slurp(stream, likely)?, name, sources, found))
}

/// What a file holds.
enum Content {
    Text(Arc<str>),
    TooLarge,
    NoText(FromUtf8Error),
}

fn slurp(stream: impl Read, likely: usize) -> io::Result<Content> {
    let mut bytes = Vec::new();
    if likely <= LARGEST_FILE {
        bytes.reserve_exact(likely + 1);
        stream.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    }
    if likely > LARGEST_FILE || bytes.len() > LARGEST_FILE {
        return Ok(Content::TooLarge);
    }
    Ok(String::from_utf8(bytes).map_or_else(Content::NoText, |text| Content::Text(text.into())))
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
/// When it cannot be written.
pub fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text)).map_err(|error| Failure::io("write", path, &error))
}

/// Adds to the end of a file that somebody else made, or makes it.
///
/// # Errors
/// When it cannot be written.
pub fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())).map_err(|error| Failure::io("write", path, &error))
}

/// Writes a file that must not exist yet, such as a scaffold. Gives false, and touches nothing, when it does.
///
/// # Errors
/// When it cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::io("write", path, &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => io::Write::write_all(&mut file, text.as_bytes()).map_err(failed).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// A file beside a spec, by its path from the spec's folder, which it may not leave.
///
/// # Errors
/// A few words on why it cannot be had.
pub fn read_beside(folder: &Path, path: &str) -> Result<String, String> {
    const LARGEST: u64 = 1 << 20;
    let folder = fs::canonicalize(folder).map_err(|error| error.to_string())?;
    let file = fs::canonicalize(folder.join(path)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    })?;
    if !file.starts_with(&folder) {
        return Err("it lies outside of the spec's folder".to_owned());
    }
    let mut bytes = Vec::new();
    let opened = File::open(&file).map_err(|error| error.to_string())?;
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err("it has more than 1 MB, which is all that a ConfigMap can hold".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not text (UTF-8)".to_owned())
}

/// The first line of a file.
///
/// # Errors
/// When the file cannot be read.
pub fn first_line(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::io("read", path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(4096).read_to_end(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned())
}

/// Whether the first few lines of a file are so; false if nobody can read them.
#[must_use]
pub fn begins_with(path: &Path, so: impl Fn(&str) -> bool) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_end(&mut bytes));
    path.is_file() && read.is_ok() && so(&String::from_utf8_lossy(&bytes))
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
