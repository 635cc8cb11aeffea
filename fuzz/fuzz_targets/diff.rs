//! Two texts as manifests before and after: reviewed, with runbooks, and rehearsed. Nothing differs from itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright_fuzz::{bundle, compare, mutate, mutated_as, no_facts, play, show_found, two};

fuzz_target!(|text: &str| {
    let (before, after) = two(text);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let (_, old) = bundle(&mut sources, "old.yaml", before, &mut found);
    let (_, new) = bundle(&mut sources, "new.yaml", after, &mut found);
    let facts = no_facts();
    compare(&old, &new, &facts, &sources);
    let same = compare(&new, &new, &facts, &sources);
    assert!(same.changes.is_empty(), "differs from itself: {:?}", same.changes);
    play(&[old, new], &facts);
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
