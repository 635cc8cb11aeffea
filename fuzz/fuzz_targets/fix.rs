//! Any text as manifests, mended: never more errors than before, and nothing left to mend.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::diagnostic::{Diagnostics, Level};
use statewright::source::Sources;
use statewright::{Finding, mended};
use statewright_fuzz::{mutate, mutated_as, no_facts};

fuzz_target!(|text: &str| {
    let judge = |text: &str| -> Vec<Finding> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("folder/a.yaml", text);
        statewright::check(&sources, &[id], &no_facts(), &mut found);
        found.resolve(&sources)
    };
    let errors = |text: &str| judge(text).iter().filter(|finding| finding.level == Level::Error).count();
    let done = mended("folder/a.yaml", text, &judge);
    assert_eq!(done.text == text, done.edits.is_empty());
    if !done.edits.is_empty() {
        let (before, after) = (errors(text), errors(&done.text));
        assert!(after <= before, "{before} errors became {after}\n{text}\n=== became ===\n{}", done.text);
        assert_eq!(text.lines().count(), done.text.lines().count());
    }
});

mutated_as!(mutate::documents);
