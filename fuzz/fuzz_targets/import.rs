//! Any text as manifests of one or two environments, imported: whatever becomes a spec compiles to what it was made of,
//! and no file of it leaves its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::diagnostic::Diagnostics;
use statewright::import::{Environment, Options, import};
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright_fuzz::{bundle, mutate, mutated_as, show_found, two};

fuzz_target!(|text: &str| {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let (dev, prod) = two(text);
    let named = dev.len() != text.len();
    let mut environments = Vec::new();
    for (name, text) in [("dev", dev), ("prod", prod)].into_iter().take(1 + usize::from(named)) {
        let (_, bundle) = bundle(&mut sources, name, text, &mut found);
        environments.push(Environment { name: name.to_owned(), bundle });
    }
    for keep_going in [false, true] {
        let wanted = Options { named, rest: Some("web"), keep_going, version: Version::default() };
        let imported = import(&environments, wanted, &statewright::compile_text, &mut found);
        for app in &imported.apps {
            let compiled = statewright::compile_text(&app.files["statewright.yaml"], &app.files);
            assert!(compiled.errors.is_empty(), "{:?}\n{}", compiled.errors, app.files["statewright.yaml"]);
            let is_inside =
                |path: &String| !path.starts_with('/') && path.split('/').all(|part| !part.starts_with('.'));
            assert!(app.files.keys().all(is_inside), "{:?}", app.files.keys());
        }
    }
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
