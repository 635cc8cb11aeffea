//! Any text as the value of a field, with its expressions evaluated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::app::expression::{Names, evaluate_text};
use statewright::diagnostic::Diagnostics;
use statewright::source::{At, Sources};
use statewright_fuzz::show_found;

fuzz_target!(|text: &str| {
    let Ok(end) = u32::try_from(text.len()) else { return };
    let mut names = Names::default();
    names.set("env", "dev");
    names.set("app", "kubia");
    names.set("replicas", 3);
    names.set("peers", vec!["kubia-0", "kubia-1", "kubia-2"]);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let source = sources.add("statewright.yaml", text);
    let value = evaluate_text(text, At { source, start: 0, end }, &names, &mut found);
    let mut again = Diagnostics::default();
    let same = evaluate_text(text, At { source, start: 0, end }, &names, &mut again);
    assert_eq!(format!("{value:?}"), format!("{same:?}"), "twice is not the same");
    show_found(found, &sources);
});
