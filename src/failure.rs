//! Trouble with this machine, never with the user's files: what could not be done, where, and what would help.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a run could not do its work. The command line shows it and exits with 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One or two sentences: what failed, with the path, and what would help.
    pub message: String,
}

impl Failure {
    /// A failure in those words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// What the operating system refused: `Failure::io("write", path, &error)`.
    #[must_use]
    pub fn io(verb: &str, path: &Path, error: &io::Error) -> Self {
        let what = match error.kind() {
            io::ErrorKind::NotFound => "it does not exist".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied. Check who owns it, and its folder".to_owned(),
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
            io::ErrorKind::StorageFull => {
                "the disk is full. Free some space and run again; what was there is untouched".to_owned()
            }
            io::ErrorKind::QuotaExceeded => {
                "the disk quota is used up. Free some space and run again; what was there is untouched".to_owned()
            }
            io::ErrorKind::NotADirectory => "a part of this path is no folder".to_owned(),
            io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        Self { message: format!("cannot {verb} {}: {what}", shown(path)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A path as one line of text, whatever bytes its name holds.
#[must_use]
pub(crate) fn shown(path: &Path) -> String {
    crate::printable::line(&path.to_string_lossy())
}
