//! Any text as manifests that anybody wrote, checked, in every report.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright_fuzz::{mutate, mutated_as, no_facts, show_found};

fuzz_target!(|text: &str| {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("folder/a.yaml", text);
    statewright::check(&sources, &[id], &no_facts(), &mut found);
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
