//! Any text as the index of a folder, which comes with the repository: it never names anything outside of its folder,
//! nor anything hidden.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::layout::{File, Index, Tree};
use std::path::{Component, Path};

fuzz_target!(|text: &str| {
    let Some(index) = Index::parse(text) else { return };
    for name in index.names() {
        let mut parts = Path::new(name).components();
        assert!(matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)), "names a path: {name:?}");
        assert!(
            !name.contains(['/', '\\', '\0', ':']) && !name.starts_with('.') && name.len() <= 255,
            "names what is none of ours: {name:?}"
        );
        assert!(index.lists(name));
    }
    // What it lists, written down, lists the same.
    let files: Vec<File> = index.names().map(|name| File { name: name.to_owned(), text: text.to_owned() }).collect();
    let again = Index::parse(&Tree { folder: "deploy".into(), files }.index()).expect("our own index is one");
    assert!(again.names().eq(index.names()), "does not read back as it was written");
    assert!(
        again
            .names()
            .all(|name| again.wrote(name, text.as_bytes()) && !again.wrote(name, &[text.as_bytes(), b"x"].concat()))
    );
});
