//! What is known of an app that is right: what it is called, where its manifests go, and what it takes of its clusters;
//! and the file that keeps this between runs. A record is believed only where all that it was made of is still the same,
//! by git's hashes, and only from a file that no commit brought.

use super::left_over::Place;
use super::neighbours::{Cluster, Stay};
use crate::disk::{self, Reach};
use crate::git::{Hash, Worktree};
use crate::review::neighbours::{Taken, What};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the file, at the top of a repository. It says itself that it is not to be committed.
pub(super) const FOLDER: &str = ".statewright-cache";

const FILE: &str = "uses";

/// The file has no more: ten times what a million objects take.
const LARGEST: u64 = 1 << 30;

const FORMAT: &[u8] = b"statewright-uses 1\n";

/// What is known of an app that is right.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) app: String,
    /// Each environment, and the folder of its manifests.
    pub(super) folders: Vec<(String, String)>,
    pub(super) stays: Vec<Stay>,
}

impl Record {
    /// What it takes in the environments that are asked for; in all if none is.
    pub(super) fn stays(&self, environments: &[String]) -> Vec<Stay> {
        let is_asked = |stay: &&Stay| environments.is_empty() || environments.contains(&stay.environment);
        self.stays.iter().filter(is_asked).cloned().collect()
    }
}

/// A record with what it was made of.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) record: Record,
    /// What all apps of its workspace have in common, in one hash.
    pub(super) common: [u8; 20],
    /// The spec and the files that it names, with the hash of each.
    pub(super) files: Vec<(String, Hash)>,
}

impl Record {
    /// The folders of its manifests, below that root.
    pub(super) fn places(&self, root: &Path) -> Vec<Place> {
        self.folders.iter().map(|(_, folder)| (root.to_owned(), folder.clone())).collect()
    }
}

impl Proven {
    fn holds(&self, common: &[u8; 20], worktree: &Worktree) -> bool {
        self.common == *common && self.files.iter().all(|(path, hash)| worktree.hash(path).as_ref() == Some(hash))
    }
}

/// The records of a repository, by the paths of specs.
pub(super) struct Store {
    path: PathBuf,
    known: BTreeMap<String, Proven>,
    is_kept: bool,
}

impl Store {
    /// Reads what an earlier run left; nothing where that cannot be believed.
    pub(super) fn open(reach: &Reach, worktree: &Worktree) -> Self {
        let folder = worktree.top.join(FOLDER);
        let path = folder.join(FILE);
        // What a commit brings is somebody's word, and would be taken for ours.
        let is_kept = !worktree.has(FOLDER) && !disk::is_link(&folder) && !disk::is_link(&path);
        let bytes = is_kept.then(|| disk::bytes(reach, &path, LARGEST)).flatten();
        let known = bytes.and_then(|bytes| read(&bytes)).unwrap_or_default();
        Self { path, known, is_kept }
    }

    /// The record of an app, if it still holds.
    pub(super) fn get(&self, spec: &str, common: &[u8; 20], worktree: &Worktree) -> Option<&Record> {
        let proven = self.known.get(spec).filter(|proven| proven.holds(common, worktree))?;
        Some(&proven.record)
    }

    /// Keeps new records beside those of the other apps. That it cannot be written is no reason to fail: it only saves
    /// time.
    pub(super) fn keep(mut self, reach: &Reach, fresh: Vec<(String, Proven)>) {
        if !self.is_kept || fresh.is_empty() {
            return;
        }
        self.known.extend(fresh);
        let ignore = self.path.with_file_name(".gitignore");
        let written = disk::write_new(reach, &ignore, "*\n")
            .and_then(|_| disk::write_over(reach, &self.path, written(&self.known)));
        drop(written);
    }
}

/// A hash of the whole file, so that half of one is none.
fn sum(content: &[u8]) -> [u8; 20] {
    crate::git::sha1(&[content])
}

fn written(known: &BTreeMap<String, Proven>) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.count(known.len());
    for (path, Proven { record, common, files }) in known {
        out.text(path);
        out.0.extend(common);
        out.count(files.len());
        for (path, hash) in files {
            out.text(path);
            out.text(&hash.digits());
        }
        out.text(&record.app);
        out.count(record.folders.len());
        for (environment, folder) in &record.folders {
            out.text(environment);
            out.text(folder);
        }
        out.count(record.stays.len());
        for Stay { environment, cluster, taken } in &record.stays {
            out.text(environment);
            let workspace = cluster.workspace.as_ref().map(|folder| folder.to_string_lossy());
            out.0.extend([u8::from(workspace.is_some()), u8::from(cluster.is_named)]);
            out.text(&workspace.unwrap_or_default());
            out.text(&cluster.name);
            out.count(taken.len());
            for Taken { what, key, owner, order } in taken {
                out.0.push(
                    What::ALL.iter().position(|known| known == what).and_then(|at| u8::try_from(at).ok()).unwrap_or(0),
                );
                out.0.extend(key.to_le_bytes());
                out.0.extend(owner.to_le_bytes());
                out.count(*order);
            }
        }
    }
    [FORMAT, &sum(&out.0), &out.0].concat()
}

fn read(bytes: &[u8]) -> Option<BTreeMap<String, Proven>> {
    let (stated, content) = bytes.strip_prefix(FORMAT)?.split_first_chunk::<20>()?;
    if *stated != sum(content) {
        return None;
    }
    let mut from = Reader(content);
    let mut known = BTreeMap::new();
    for _ in 0..from.count()? {
        let path = from.text()?.to_owned();
        let common = *from.chunk::<20>()?;
        let files = from.list(|from| Some((from.text()?.to_owned(), Hash::of_digits(from.text()?.as_bytes())?)))?;
        let app = from.text()?.to_owned();
        let folders = from.list(|from| Some((from.text()?.to_owned(), from.text()?.to_owned())))?;
        let stays = from.list(|from| {
            let environment = from.text()?.to_owned();
            let [has_workspace, is_named] = *from.chunk::<2>()?;
            let folder = from.text()?;
            let workspace = (has_workspace == 1).then(|| Path::new(folder).to_owned());
            let cluster = Cluster { workspace, is_named: is_named == 1, name: from.text()?.to_owned() };
            let taken = from.list(|from| {
                let what = *What::ALL.get(usize::from(from.chunk::<1>()?[0]))?;
                let (key, owner) = (u64::from_le_bytes(*from.chunk()?), u64::from_le_bytes(*from.chunk()?));
                Some(Taken { what, key, owner, order: from.count()? })
            })?;
            Some(Stay { environment, cluster, taken })
        })?;
        known.insert(path, Proven { record: Record { app, folders, stays }, common, files });
    }
    from.0.is_empty().then_some(known)
}

struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, count: usize) {
        self.0.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn chunk<const LENGTH: usize>(&mut self) -> Option<&'b [u8; LENGTH]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(chunk)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*self.chunk()?)).ok()
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        // A wrong count is found out by what is lacking, not by the memory that it asks for.
        let mut list = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, Proven> {
        let hash = Hash::of_digits(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").expect("these are digits");
        let taken = What::ALL.map(|what| Taken { what, key: u64::MAX - 1, owner: 7, order: 3 }).to_vec();
        let cluster = |workspace: Option<PathBuf>| Cluster { workspace, is_named: true, name: "eu".to_owned() };
        let stay =
            |workspace| Stay { environment: "dev".to_owned(), cluster: cluster(workspace), taken: taken.clone() };
        let record = Record {
            app: "shop".to_owned(),
            folders: vec![("dev".to_owned(), "deploy/dev/shop".to_owned())],
            stays: vec![stay(None), stay(Some(PathBuf::from(".")))],
        };
        let files = vec![("apps/shop/statewright.yaml".to_owned(), hash)];
        BTreeMap::from([("apps/shop/statewright.yaml".to_owned(), Proven { record, common: [9; 20], files })])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = written(&known());
        assert_eq!(format!("{:?}", read(&bytes).expect("it is whole")), format!("{:?}", known()));
        assert!(read(&written(&BTreeMap::new())).expect("it is whole").is_empty());
    }

    #[test]
    fn half_a_file_and_one_with_any_other_byte_is_none() {
        let bytes = written(&known());
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_none(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(read(&other).is_none(), "{at}");
        }
    }

    /// Counts that lie, with a sum that fits.
    #[test]
    fn a_count_that_lies_asks_for_no_memory() {
        let content = [[0xff; 4], [0xff; 4]].concat();
        assert!(read(&[FORMAT, &sum(&content), &content].concat()).is_none());
    }
}
