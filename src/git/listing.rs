//! All that a revision has below a folder, as git lists it once: which files, and by which hash it knows each. Asks git
//! nothing.

use super::entry::{Entry, EntryKind};
use super::hash::Hash;

/// The files below a folder, in the order of their paths.
#[derive(Debug)]
pub(super) struct Listing {
    /// The folder, from the top of the repository; empty for that itself.
    folder: String,
    /// What `git ls-tree -r -z` or `git ls-files -s -v -z` printed: `MODE TYPE HASH<tab>PATH<nul>` for each file, or
    /// `TAG MODE HASH STAGE<tab>PATH<nul>`.
    text: Vec<u8>,
    /// Where each begins.
    lines: Vec<usize>,
}

impl Listing {
    pub(super) fn new(folder: String, text: Vec<u8>) -> Self {
        let begins = |end: usize| end + 1;
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(end, _)| begins(end));
        let mut lines: Vec<usize> = std::iter::once(0).chain(ends).collect();
        // Behind the last there is nothing.
        lines.pop();
        Self { folder, text, lines }
    }

    /// Whether it has all that is in a folder.
    pub(super) fn covers(&self, folder: &str) -> bool {
        self.folder.is_empty()
            || folder.strip_prefix(&self.folder).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/')))
    }

    /// The files directly in a folder.
    pub(super) fn files(&self, folder: &str) -> Vec<Entry> {
        let mut files = Vec::new();
        self.walk(folder, |name, line| {
            if let (Some(line), Ok(name)) = (line, std::str::from_utf8(name))
                && let Some((mode, hash)) = about(line)
            {
                files.push(Entry { kind: EntryKind::of_mode(mode), name: name.to_owned(), hash });
            }
        });
        files
    }

    /// The names of the folders directly in a folder.
    pub(super) fn folders(&self, folder: &str) -> Vec<String> {
        let mut folders = Vec::new();
        self.walk(folder, |name, line| {
            if let (None, Ok(name)) = (line, std::str::from_utf8(name)) {
                folders.push(name.to_owned());
            }
        });
        folders
    }

    /// The folders, at any depth, with a file of that name directly in them.
    pub(super) fn folders_with(&self, file: &str) -> Vec<String> {
        let folder = |path: &[u8]| {
            let folder = path.strip_suffix(file.as_bytes())?.strip_suffix(b"/")?;
            std::str::from_utf8(folder).ok().map(str::to_owned)
        };
        self.lines.iter().filter_map(|start| folder(self.path(*start))).collect()
    }

    /// Shows each file: what git says of it, and its path.
    pub(super) fn each<'l>(&'l self, mut see: impl FnMut(&'l [u8], &'l [u8])) {
        for start in &self.lines {
            let (said, path) = self.parts(*start);
            see(said, path);
        }
    }

    /// What git says of a file.
    pub(super) fn line(&self, path: &str) -> Option<&[u8]> {
        let (said, found) = self.parts(*self.lines.get(self.first_from(path.as_bytes()))?);
        (found == path.as_bytes()).then_some(said)
    }

    /// Whether anything is below a folder.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        let below = [path.as_bytes(), b"/"].concat();
        self.lines.get(self.first_from(&below)).is_some_and(|start| self.path(*start).starts_with(&below))
    }

    /// Shows the names in a folder, and what git says of those that are files. What lies deeper is passed over.
    fn walk<'l>(&'l self, folder: &str, mut see: impl FnMut(&'l [u8], Option<&'l [u8]>)) {
        let prefix = if folder.is_empty() { Vec::new() } else { [folder.as_bytes(), b"/"].concat() };
        let mut number = self.first_from(&prefix);
        while let Some(start) = self.lines.get(number) {
            let Some(rest) = self.path(*start).strip_prefix(&prefix[..]) else { break };
            match rest.iter().position(|byte| *byte == b'/') {
                None => {
                    see(rest, Some(self.parts(*start).0));
                    number += 1;
                }
                Some(end) => {
                    see(&rest[..end], None);
                    // Paths are in the order of their bytes, and `0` comes right after `/`.
                    number = self.first_from(&[&prefix[..], &rest[..end], b"0"].concat());
                }
            }
        }
    }

    /// The number of the first line whose path is not before that one.
    fn first_from(&self, path: &[u8]) -> usize {
        self.lines.partition_point(|start| self.path(*start) < path)
    }

    /// The path in the line that begins there.
    fn path(&self, start: usize) -> &[u8] {
        self.parts(start).1
    }

    /// What is said in the line that begins there, and its path.
    fn parts(&self, start: usize) -> (&[u8], &[u8]) {
        let line = &self.text[start..];
        let line = &line[..line.iter().position(|byte| *byte == 0).unwrap_or(line.len())];
        let tab = line.iter().position(|byte| *byte == b'\t').unwrap_or(line.len());
        (&line[..tab], line.get(tab + 1..).unwrap_or_default())
    }
}

/// The mode and the hash in what `ls-tree` says of a file.
fn about(said: &[u8]) -> Option<(&str, Hash)> {
    let mut words = std::str::from_utf8(said).ok()?.split(' ');
    let (mode, _, hash) = (words.next()?, words.next()?, words.next()?);
    Some((mode, Hash::of_digits(hash.as_bytes())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &str, paths: &[&str]) -> Listing {
        let mut paths = paths.to_vec();
        paths.sort_unstable();
        let line = |path: &&str| format!("100644 blob 78981922613b2afb6025042ff6bd878ac1994e85\t{path}\0");
        Listing::new(folder.to_owned(), paths.iter().map(line).collect::<String>().into_bytes())
    }

    #[test]
    fn a_folder_has_its_files_and_its_folders_and_nothing_of_its_neighbours() {
        let paths = ["a", "b/c", "b/d/e", "b/d/f", "b/d.e", "b/d0", "b-c/x", "b0/x", "b.c", "b/z/y/x"];
        let listing = listing("", &paths);
        let names = |folder: &str| listing.files(folder).into_iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(
            (names(""), listing.folders("")),
            (vec!["a".into(), "b.c".into()], vec!["b-c".into(), "b".into(), "b0".into()])
        );
        assert_eq!(names("b"), ["c", "d.e", "d0"]);
        assert_eq!(listing.folders("b"), ["d", "z"]);
        assert_eq!(names("b/d"), ["e", "f"]);
        assert!(names("c").is_empty() && listing.folders("a").is_empty());
        assert_eq!(listing.folders_with("x"), ["b-c", "b/z/y", "b0"]);
    }

    #[test]
    fn an_empty_listing_has_nothing() {
        let listing = listing("deploy", &[]);
        assert!(listing.files("deploy").is_empty() && listing.folders_with("x").is_empty());
        assert!(listing.covers("deploy") && listing.covers("deploy/dev"));
        assert!(!listing.covers("deploy-dev") && !listing.covers("") && !listing.covers("other"));
    }
}
