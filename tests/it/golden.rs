//! Files that hold what must come out. `UPDATE=1 cargo test` rewrites them.

use std::fs;
use std::path::Path;

/// Compares a text with the file of that path below `tests/`.
#[track_caller]
pub(crate) fn golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{} is not what comes out now; `UPDATE=1 cargo test` rewrites it\n{}",
        path.display(),
        similar::TextDiff::from_lines(expected.as_str(), text).unified_diff()
    );
}
