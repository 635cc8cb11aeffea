//! What stands in a folder of a revision, as git stores it. Asks git nothing.

use super::hash::Hash;

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) name: String,
    pub(super) hash: Hash,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
    Other,
}

impl EntryKind {
    pub(super) fn of_mode(mode: &str) -> Self {
        match mode {
            _ if mode.starts_with("100") => Self::File,
            "40000" => Self::Folder,
            _ => Self::Other,
        }
    }
}

/// The entries of a folder, as git stores it: mode, name and the bare bytes of the hash of each.
pub(super) fn entries(tree: &[u8], hash_length: usize) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut rest = tree;
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (about, after) = (&rest[..end], &rest[end + 1..]);
        let Some((hash, after)) = after.split_at_checked(hash_length) else { break };
        rest = after;
        let about = String::from_utf8_lossy(about);
        let Some((mode, name)) = about.split_once(' ') else { continue };
        found.push(Entry { kind: EntryKind::of_mode(mode), name: name.to_owned(), hash: Hash::of_bytes(hash) });
    }
    found
}
