//! Paths in fields: which must be relative, absolute, or stay inside. Knows no field.

use super::cause::{Causes, Path};

/// No step of the path goes up.
/// `validatePathNoBacksteps`, pkg/apis/core/validation.
pub(crate) fn no_steps_up(text: &str, path: &Path<'_>, causes: &mut Causes) {
    if goes_up(text) {
        causes.invalid(path, "must not contain '..'");
    }
}

/// A path that leads down from where it starts.
/// `validateLocalDescendingPath`, pkg/apis/core/validation.
pub(crate) fn descending(text: &str, path: &Path<'_>, causes: &mut Causes) {
    if text.starts_with('/') {
        causes.invalid(path, "must be a relative path");
    }
    no_steps_up(text, path, causes);
}

/// The same, for a file whose name must not begin with two dots either.
/// `ValidateLocalNonReservedPath`, pkg/apis/core/validation.
pub(crate) fn descending_file(text: &str, path: &Path<'_>, causes: &mut Causes) {
    descending(text, path, causes);
    if text.starts_with("..") && !text.starts_with("../") {
        causes.invalid(path, "must not start with '..'");
    }
}

/// Whether a step of the path goes up.
#[must_use]
pub(crate) fn goes_up(text: &str) -> bool {
    text.contains("..") && text.split('/').any(|step| step == "..")
}
