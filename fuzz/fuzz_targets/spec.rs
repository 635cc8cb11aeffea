//! Any text as a spec: compiled for its environments, and each compared with the one before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::Around;
use statewright::api::custom::Customs;
use statewright::bundle::Bundle;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright_fuzz::{Beside, compare, compiled, mutate, mutated_as, no_facts, show_found};

fuzz_target!(|text: &str| {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("statewright.yaml", text);
    if let Some(spec) = statewright::read(&sources, id, &mut found) {
        let facts = no_facts();
        let mut before: Option<Bundle> = None;
        for environment in spec.names().map(str::to_owned).take(3).collect::<Vec<_>>() {
            let around = Around {
                shared: None,
                extras: &[],
                facts: Some(&facts),
                customs: &Customs::none(),
                apply: None,
                files: &Beside,
            };
            if let Some(compiled) = compiled(&spec, &environment, around, &mut sources, &mut found)
                && let Some(before) = before.replace(compiled.bundle.clone())
            {
                compare(&before, &compiled.bundle, &facts, &sources);
            }
        }
    }
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
