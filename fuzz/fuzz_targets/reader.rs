//! Any text as YAML of both dialects. What is written of it, in every form, reads back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::value::Node;
use statewright::{layout, yaml};
use statewright_fuzz::{bundle, mutate, mutated_as, show_found};

fuzz_target!(|text: &str| {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("a.yaml", text);
    if let Some(node) = yaml::read_one(&sources, id, &mut found) {
        let written = yaml_of(&node);
        let forms = [
            written.clone(),
            {
                let mut out = String::new();
                yaml::write_json(&node, &mut out);
                out
            },
            {
                let mut out = String::new();
                yaml::write_kyaml(&node, &mut out);
                out
            },
        ];
        for form in forms {
            let mut faults = Diagnostics::default();
            let again = sources.add("again.yaml", form.as_str());
            let again = yaml::read_one(&sources, again, &mut faults).unwrap_or_else(|| {
                panic!(
                    "cannot be read back: \
                {form:?}"
                )
            });
            assert_eq!(yaml_of(&again), written, "does not read back as it was written: {form:?}");
        }
    }
    show_found(found, &sources);
    for part in yaml::parts(text) {
        let mut faults = Diagnostics::default();
        let _ = yaml::read_part(id, text, part, &mut faults);
        show_found(faults, &sources);
    }
    // As manifests: what was read is written, and reads back.
    let mut faults = Diagnostics::default();
    let (_, read) = bundle(&mut sources, "b.yaml", text, &mut faults);
    let written = layout::stream(&read, layout::Form::Yaml);
    let (_, again) = bundle(&mut sources, "c.yaml", &written, &mut Diagnostics::default());
    assert_eq!(layout::stream(&again, layout::Form::Yaml), written, "manifests do not read back as they were written");
    show_found(faults, &sources);
});

fn yaml_of(node: &Node) -> String {
    let mut out = String::new();
    yaml::write_yaml(node, &mut out);
    out
}

mutated_as!(mutate::documents);
