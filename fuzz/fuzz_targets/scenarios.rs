//! Recorded scenarios, one a line, as `rehearse` plays them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::scenario;
use statewright_fuzz::{mutate, mutated_as};

fuzz_target!(|text: &str| {
    for line in text.lines() {
        if let Ok(record) = serde_json::from_str(line) {
            let _ = scenario::simulate(&record);
        }
    }
});

mutated_as!(mutate::lines);
