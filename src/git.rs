//! What git remembers: the files of folders at an earlier revision. Runs the `git` command, without a shell; checks
//! nothing out.
//!
//! A repository may be anybody's, with its `.git` folder and what is configured there. Git is asked only for what is in
//! its store, in ways in which it runs no program and speaks to no other machine; what it answers is read up to a
//! limit.
#![expect(clippy::disallowed_methods, reason = "git is asked from where a folder really is")]

use crate::failure::{Failure, shown};
use crate::layout::File;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// No manifest is as large as this, and no list of files.
const LARGEST: u64 = 64 << 20;
/// Nor are all manifests of a folder.
const LARGEST_FOLDER: u64 = 512 << 20;

/// A revision, in whatever repositories the folders that are asked for lie. Each repository is opened once.
#[derive(Debug)]
pub(crate) struct Revision {
    name: String,
    repositories: Mutex<BTreeMap<PathBuf, Arc<Repository>>>,
}

impl Revision {
    /// The revision of that name; whether there is one shows when a folder is asked for.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), repositories: Mutex::default() }
    }

    /// The files directly in a folder that pass by their name. None when the revision does not have the folder.
    ///
    /// # Errors
    /// When git is missing, the folder is in no repository, or there is no such revision.
    pub(crate) fn files(&self, folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<File>, Failure> {
        // The folder itself may not exist now; git is asked from the nearest that does.
        let here =
            folder.ancestors().find(|above| above.is_dir() && !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let rest = folder.strip_prefix(here).unwrap_or(Path::new(""));
        let inside = std::fs::canonicalize(here).map_err(|error| Failure::io("read", here, &error))?;
        let repository = self.repository(&inside)?;
        let inside = inside.join(rest);
        let path = inside
            .strip_prefix(&repository.top)
            .map_err(|_| Failure::new(format!("{} is not in the git repository", folder.display())))?;
        repository.files(&path.to_string_lossy().replace('\\', "/"), is_wanted)
    }

    /// The folders below a folder in which that file lies, wherever they are now.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub(crate) fn folders_with(&self, file: &str, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
        let inside = std::fs::canonicalize(folder).map_err(|error| Failure::io("read", folder, &error))?;
        let repository = self.repository(&inside)?;
        let path = inside
            .strip_prefix(&repository.top)
            .map_err(|_| Failure::new(format!("{} is not in the git repository", folder.display())))?;
        let prefix = if path.as_os_str().is_empty() { ".".into() } else { path.to_string_lossy().replace('\\', "/") };
        let arguments = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", &repository.commit, "--", &prefix];
        let listing = text(&repository.top, &arguments)?;
        let names = listing.split('\0').filter_map(|path| path.strip_suffix(file)?.strip_suffix('/'));
        Ok(names.map(|folder| repository.top.join(folder)).collect())
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

/// One commit of one repository, and a git that hands out its objects.
#[derive(Debug)]
struct Repository {
    top: PathBuf,
    commit: String,
    objects: Mutex<Objects>,
}

impl Repository {
    fn open(folder: &Path, revision: &str) -> Result<Self, Failure> {
        let top = top(folder)?;
        let commit =
            text(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
                .ok();
        // `^HEAD` is said to be one.
        let is_hash = |said: &String| said.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit());
        let commit = commit.filter(is_hash).ok_or_else(|| {
            let shallow =
                text(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true");
            let why = if shallow { "; this clone is shallow, fetch more of it (`git fetch --unshallow`)" } else { "" };
            Failure::new(format!("git knows no revision `{revision}` here{why}"))
        })?;
        let objects = Mutex::new(Objects::open(&top)?);
        Ok(Self { top, commit: commit.trim().to_owned(), objects })
    }

    fn files(&self, folder: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<File>, Failure> {
        let mut objects = locked(&self.objects);
        let Some(tree) = objects.folder(&self.commit, folder)? else { return Ok(Vec::new()) };
        let content = objects.tree(&tree, folder)?;
        let entries = entries(&content, self.commit.len() / 2).into_iter();
        let blobs: Vec<Entry> =
            entries.filter(|entry| entry.kind == EntryKind::File && is_wanted(&entry.name)).collect();
        let mut files = Vec::with_capacity(blobs.len());
        let mut size = 0;
        // Git answers while it is still asked: so few questions at a time fit into any pipe.
        for some in blobs.chunks(32) {
            let hashes: Vec<String> = some.iter().map(|entry| entry.hash.clone()).collect();
            for (Entry { name, .. }, content) in some.iter().zip(objects.get(&hashes, "blob")?) {
                let content = content.ok_or_else(|| absent(&format!("{folder}/{name}")))?;
                size += content.len() as u64;
                if size > LARGEST_FOLDER {
                    return Err(Failure::new(format!(
                        "{folder} has more than {} MB at that revision; that is the limit",
                        LARGEST_FOLDER >> 20
                    )));
                }
                let text = String::from_utf8(content).map_err(|_| Failure::new("git gave a file that is not text"))?;
                files.push(File { name: name.clone(), text });
            }
        }
        Ok(files)
    }
}

/// What is in a folder.
struct Entry {
    kind: EntryKind,
    name: String,
    hash: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    File,
    Folder,
    Other,
}

/// The entries of a folder, as git stores it: mode, name and the bare bytes of the hash of each.
fn entries(tree: &[u8], hash_length: usize) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut rest = tree;
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (about, after) = (&rest[..end], &rest[end + 1..]);
        let Some((hash, after)) = after.split_at_checked(hash_length) else { break };
        rest = after;
        let about = String::from_utf8_lossy(about);
        let Some((mode, name)) = about.split_once(' ') else { continue };
        let kind = match mode {
            _ if mode.starts_with("100") => EntryKind::File,
            "40000" => EntryKind::Folder,
            _ => EntryKind::Other,
        };
        let hash = hash.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        found.push(Entry { kind, name: name.to_owned(), hash });
    }
    found
}

/// A running git that is asked for one object after another.
#[derive(Debug)]
struct Objects {
    /// The folders inside folders that have been asked for, by path: apps lie side by side, and their parents are read
    /// once.
    folders: BTreeMap<String, BTreeMap<String, String>>,
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
            if !self.folders.contains_key(parent) {
                let content = self.tree(&hash, parent)?;
                let folders =
                    entries(&content, commit.len() / 2).into_iter().filter(|entry| entry.kind == EntryKind::Folder);
                let folders = folders.map(|entry| (entry.name, entry.hash)).collect();
                self.folders.insert(parent.to_owned(), folders);
            }
            let Some(found) = self.folders.get(parent).and_then(|folders| folders.get(name)) else { return Ok(None) };
            hash.clone_from(found);
            start = end + 1;
        }
        Ok(Some(hash))
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

fn cannot_run(error: &std::io::Error) -> Failure {
    Failure::new(format!("git cannot be run: {error}"))
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(format!("git cannot be asked: {error}"))
}

/// What a partial clone leaves out is not fetched: a repository's own configuration says from where, and how.
fn absent(what: &str) -> Failure {
    Failure::new(format!(
        "git lacks the content of {what}. If this clone is partial, fetch the rest: `git fetch --refetch --no-filter`"
    ))
}

/// The folder that holds a repository's files. What its configuration says of that is believed only where the two name
/// each other: a `.git` that leads to another repository shows what is in that one.
fn top(folder: &Path) -> Result<PathBuf, Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|error| Failure::io("read", path, &error));
    let said = text(folder, &["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"])?;
    let [top, own, shared] = said.lines().collect::<Vec<_>>()[..] else {
        return Err(Failure::new("git does not say where its files are"));
    };
    let (top, own) = (real(Path::new(top))?, real(Path::new(own))?);
    // Relative to where git runs.
    let shared = real(&folder.join(shared))?;
    let link = top.join(".git");
    let is_own = own == link && !link.is_symlink();
    let is_shared = shared == own
        || own.parent().is_some_and(|list| list.ends_with("worktrees") && list.parent() == Some(&*shared));
    let names_it = || {
        // A worktree's store says where its `.git` is, a submodule's where its files are.
        let worktree = read_line(&own.join("gitdir")).map(|path| own.join(path));
        let submodule =
            || text(folder, &["config", "--file", &own.join("config").to_string_lossy(), "core.worktree"]).ok();
        let worktree = worktree.or_else(|| Some(own.join(submodule()?.trim_end()).join(".git")));
        worktree.is_some_and(|back| std::fs::canonicalize(back.parent().unwrap_or(&back)).is_ok_and(|back| back == top))
    };
    if !is_shared || !(is_own || names_it()) || !folder.starts_with(&top) {
        return Err(Failure::new(format!(
            "{} leads to a git repository that does not belong to this folder",
            shown(&link)
        )));
    }
    Ok(top)
}

/// The one line of a small file.
fn read_line(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|about| about.is_file()))?;
    let mut line = String::new();
    file.take(1 << 12).read_to_string(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// What git prints.
fn text(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let mut process = git(folder, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_run(&error))?;
    let (answer, complaint) = (process.stdout.take(), process.stderr.take());
    // Git may complain at length while it answers: both are read at once.
    let complaint = std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut complaint) = complaint {
            let _ = complaint.by_ref().take(1 << 16).read_to_end(&mut said);
            let _ = std::io::copy(&mut complaint, &mut std::io::sink());
        }
        said
    });
    let mut output = Vec::new();
    if let Some(answer) = answer {
        answer.take(LARGEST + 1).read_to_end(&mut output).map_err(|error| broken(&error))?;
    }
    if output.len() as u64 > LARGEST {
        drop(process.kill());
        drop(process.wait());
        return Err(Failure::new(format!(
            "git has more than {} MB to say of this repository; that is the limit",
            LARGEST >> 20
        )));
    }
    let status = process.wait().map_err(|error| broken(&error))?;
    if !status.success() {
        let said = complaint.join().unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        return Err(Failure::new(format!("git says: {}", said.lines().next().unwrap_or("nothing").trim())));
    }
    String::from_utf8(output).map_err(|_| Failure::new("git gave a file that is not text"))
}

/// A git to be run in a folder, that does nothing but read what is stored there.
fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    // A repository's own configuration can name programs to run: when objects are fetched that it lacks, when files are
    // looked at, as hooks.
    for setting in [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "protocol.allow=never",
        "core.sshCommand=false",
        "credential.helper=",
    ] {
        command.args(["-c", setting]);
    }
    command.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]).arg("-C").arg(folder).args(arguments);
    // A variable, such as one that a hook has, would lead it to another repository, or have it write what it does into
    // a file. What the user configures that way stays: which folders are safe is said there.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let is_configuration =
            text.starts_with("GIT_CONFIG") || ["GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES"].contains(&&*text);
        if text.starts_with("GIT_") && !is_configuration {
            command.env_remove(name);
        }
    }
    // What is lacking is not fetched. Where git is too old to know that, no way to fetch is allowed: this list wins
    // over all configuration.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_GRAFT_FILE", "/dev/null");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}
