//! What git remembers: the files of a folder at an earlier revision. Runs the `git` command, without a shell; checks nothing out.

use crate::failure::Failure;
use crate::layout::File;
use std::path::Path;
use std::process::Command;

/// The files directly in a folder at a revision, by name. None when the revision does not have the folder.
///
/// # Errors
/// When git is missing, the folder is in no repository, or there is no such revision.
pub fn files(folder: &Path, revision: &str) -> Result<Vec<File>, Failure> {
    // The folder itself may not exist now; git is asked from the nearest that does.
    let here = folder.ancestors().find(|above| above.is_dir() && !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let top = text(here, &["rev-parse", "--show-toplevel"])?;
    let top = Path::new(top.trim_end());
    let commit =
        text(here, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]).map_err(|_| {
            let shallow = text(here, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true");
            let why = if shallow { "; this clone is shallow, fetch more of it (`git fetch --unshallow`)" } else { "" };
            Failure::new(format!("git knows no revision `{revision}` here{why}"))
        })?;
    let top = std::fs::canonicalize(top).map_err(|error| Failure::io("read", top, &error))?;
    let rest = folder.strip_prefix(here).unwrap_or(Path::new(""));
    let inside = std::fs::canonicalize(here).map_err(|error| Failure::io("read", here, &error))?.join(rest);
    let inside = inside.strip_prefix(&top).map_err(|_| Failure::new(format!("{} is not in the git repository", folder.display())))?;
    let prefix = inside.to_string_lossy().replace('\\', "/");
    let tree = format!("{}:{prefix}", commit.trim());
    let Ok(listing) = text(&top, &["ls-tree", "-z", "--end-of-options", &tree]) else { return Ok(Vec::new()) };
    let blobs = listing.split('\0').filter_map(|line| {
        let (about, name) = line.split_once('\t')?;
        let mut about = about.split(' ');
        let is_file = about.next()?.starts_with("100") && about.next() == Some("blob");
        is_file.then(|| (name.to_owned(), about.next().map(str::to_owned)))
    });
    blobs
        .filter_map(|(name, hash)| hash.map(|hash| (name, hash)))
        .map(|(name, hash)| Ok(File { name, text: text(&top, &["cat-file", "blob", &hash])? }))
        .collect()
}

/// What git prints. Variables of a hook that git itself set would lead it to another repository.
fn text(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| Failure::new(format!("git cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("git says: {}", said.lines().next().unwrap_or("nothing").trim())));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::new("git gave a file that is not text"))
}
