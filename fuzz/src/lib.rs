//! What the fuzz targets share: inputs of several files, and everything that can be done with what was found. Knows no
//! target.

pub mod mutate;

use statewright::app::Surroundings;
use statewright::bundle::Bundle;
use statewright::cluster::facts::ClusterFacts;
use statewright::cluster::rehearse::rehearse;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::layout::{Form, Index, lay_out, stream};
use statewright::report::{Against, Format, Report, rehearsal};
use statewright::review::{Review, Setting};
use statewright::source::{At, SourceId, Sources};
use statewright::{Around, Compiled, compile, manifests, review};
use std::hint::black_box;

/// Stands between the files of one input.
pub const NEXT_FILE: &str = "\n%%%%\n";

/// The two files of an input. One alone is both.
#[must_use]
pub fn two(text: &str) -> (&str, &str) {
    text.split_once(NEXT_FILE).unwrap_or((text, text))
}

/// The files beside a spec: each name has one, and what is in it says where it is and asks to be evaluated.
pub struct Beside;

impl Surroundings for Beside {
    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.contains("absent") {
            Err("there is no such file".into())
        } else if path.contains("binary") {
            Ok(vec![0xff, 0, 0x7b, 0x7b, 0x0a])
        } else {
            Ok(format!("# {path}\nenvironment={{{{ env }}}}\n").into_bytes())
        }
    }
}

/// Writes a report in every format.
pub fn show(report: &Report) {
    for (_, format) in Format::ALL {
        black_box(format.render(report, true).len());
    }
}

/// Writes what was found in every format.
pub fn show_found(found: Diagnostics, sources: &Sources) {
    show(&Report::of(found.resolve(sources)));
}

/// The manifests in a text, whatever is wrong with them.
pub fn bundle(sources: &mut Sources, name: &str, text: &str, found: &mut Diagnostics) -> (SourceId, Bundle) {
    let id = sources.add(name, text);
    (id, manifests(sources, &[id], found))
}

/// Reviews a change and writes the review in every format.
pub fn compare(before: &Bundle, after: &Bundle, facts: &ClusterFacts, sources: &Sources) -> Review {
    let files = after
        .resources
        .iter()
        .map(|resource| (resource.id.clone(), sources.get(resource.at().source).name.clone()))
        .collect();
    // Whatever this change may be, somebody has acknowledged another one.
    let acknowledged: Vec<(String, At)> =
        after.resources.iter().take(2).map(|resource| (format!("remove {}", resource.id), resource.at())).collect();
    let version = facts.kubernetes.unwrap_or_default();
    let setting = Setting {
        version,
        facts,
        namespace: "default",
        acknowledged: &acknowledged,
        home: None,
        files: &files,
        live: None,
    };
    let mut found = Diagnostics::default();
    let mut reviewed = review("fuzzed".into(), before, after, setting, &mut found);
    reviewed.findings = found.resolve(sources);
    let report = Report::compared(Against::Files, Vec::new(), vec![reviewed]);
    show(&report);
    report.reviews.into_iter().next().expect("the review that went in")
}

/// Rehearses bundles one after another and writes what happened.
pub fn play(bundles: &[Bundle], facts: &ClusterFacts) {
    let played = rehearse(bundles, facts, facts.kubernetes.unwrap_or_default(), "default");
    black_box(rehearsal::json(&played).len());
    let titles: Vec<String> = (1..=bundles.len()).map(|number| format!("step {number}")).collect();
    black_box(rehearsal::render(&played, &titles, true).len());
}

/// What is known where nothing is.
#[must_use]
pub fn no_facts() -> ClusterFacts {
    ClusterFacts::of_version(Version::default())
}

/// Compiles a spec for an environment and holds the result to what is promised of it: an index that knows every file,
/// manifests that read back as they were written, in every form, and no difference to themselves.
pub fn compiled(
    spec: &statewright::spec::Spec,
    environment: &str,
    around: Around<'_>,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Option<Compiled> {
    let compiled = compile(spec, environment, around, found)?;
    let bundle = &compiled.bundle;
    let tree = lay_out(bundle, &format!("deploy/{environment}"), &spec.name, environment, "statewright.yaml");
    let index = Index::parse(&tree.index()).expect("our own index is one");
    for file in &tree.files {
        assert!(index.wrote(&file.name, file.text.as_bytes()), "the index does not know {:?}", file.name);
    }
    assert_eq!(index.names().count(), tree.files.len(), "two manifests have one file");
    let written = stream(bundle, Form::Yaml);
    for form in [Form::Yaml, Form::Json, Form::Kyaml] {
        let mut faults = Diagnostics::default();
        let (_, again) = self::bundle(sources, "again.yaml", &stream(bundle, form), &mut faults);
        if !found.has_errors() {
            assert_eq!(stream(&again, Form::Yaml), written, "{form:?} does not read back as it was written");
            if form == Form::Yaml {
                let facts = around.facts.cloned().unwrap_or_default();
                assert!(
                    compare(bundle, &again, &facts, sources).changes.is_empty(),
                    "what was compiled differs from \
                    itself"
                );
            }
        }
    }
    Some(compiled)
}
