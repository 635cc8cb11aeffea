//! What is imported compiles to what it was made of, of real repositories and of our own examples; what cannot be is refused with a reason.

use serde_json::Value;
use statewright::bundle::{Bundle, Resource};
use statewright::diagnostic::Diagnostics;
use statewright::disk;
use statewright::import::{Environment, Imported, Wanted, import};
use statewright::k8s::version::Version;
use statewright::source::Sources;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from)?;
    assert!(folder.is_dir(), "{variable} is no folder: {}", folder.display());
    Some(folder)
}

/// The manifests of a file, read into shared sources.
fn manifests(path: &Path, sources: &mut Sources) -> Bundle {
    let mut found = Diagnostics::default();
    let id = disk::read_source(&disk::Reach::default(), path, sources, &mut found).unwrap();
    id.map(|id| statewright::manifests(sources, &[id], &mut found)).unwrap_or_default()
}

fn lines(resource: &Resource) -> usize {
    let mut out = String::new();
    statewright::yaml::write_yaml(&resource.node, &mut out);
    out.lines().count()
}

fn wanted() -> Wanted<'static> {
    Wanted { named: false, rest: None, keep_going: true, version: Version::default() }
}

fn imported(bundle: Bundle, sources: &Sources) -> (Imported, Vec<String>) {
    let mut found = Diagnostics::default();
    let environment = Environment { name: "default".into(), bundle };
    let imported = import(&[environment], wanted(), &statewright::compile_text, &mut found);
    let said =
        found.resolve(sources).iter().map(|finding| format!("{}:{}: {}", finding.spot.file, finding.spot.line, finding.message)).collect();
    (imported, said)
}

/// Each StatefulSet that a real API server accepted, with the other manifests of its folder.
#[test]
fn the_sets_of_real_repositories_come_back_whole() {
    let (Some(corpus), Some(conformance)) = (folder("STATEWRIGHT_CORPUS"), folder("STATEWRIGHT_CONFORMANCE")) else {
        return println!("STATEWRIGHT_CORPUS and STATEWRIGHT_CONFORMANCE are not set: nothing was imported");
    };
    let verdicts = std::fs::read_to_string(conformance.join("corpus-verdicts.jsonl")).unwrap();
    let mut files: BTreeSet<String> = BTreeSet::new();
    for line in verdicts.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["kind"] == "StatefulSet" && line["verdict"] == "accepted" {
            files.insert(line["file"].as_str().unwrap().to_owned());
        }
    }
    let (mut whole, mut refused, mut patched, mut unsteady) = (0, 0, 0, 0);
    let mut ratios: Vec<(f64, String)> = Vec::new();
    let verbose = std::env::var_os("IMPORT_SHOW").is_some();
    for file in &files {
        let path = corpus.join(file);
        let mut sources = Sources::default();
        let mut bundle = manifests(&path, &mut sources);
        let mut known: BTreeSet<_> = bundle.resources.iter().map(|resource| resource.id.clone()).collect();
        for sibling in disk::find_manifests(&disk::Reach::default(), &[path.parent().unwrap().to_owned()]).unwrap() {
            if sibling.parent() != path.parent() || sibling == path {
                continue;
            }
            let more = manifests(&sibling, &mut sources).resources.into_iter();
            bundle.resources.extend(more.filter(|resource| resource.id.kind != "StatefulSet" && known.insert(resource.id.clone())));
        }
        let by_id: BTreeMap<_, _> = bundle.resources.iter().map(|resource| (resource.id.clone(), lines(resource))).collect();
        let (imported, said) = imported(bundle, &sources);
        refused += imported.refused;
        if imported.refused > 0 {
            println!("REFUSED {file}: {}", said.join("\n    "));
        }
        for app in &imported.apps {
            whole += 1;
            patched += usize::from(app.patched);
            if app.patched {
                println!("PATCHED {file} {}", app.name);
            }
            for review in &app.reviews {
                assert_eq!(review.judgement.verdict.word(), "none", "{file}: {}", statewright::report::line(review));
            }
            let before: usize = app.objects.iter().map(|id| by_id[id]).sum();
            let after: usize = app.files.values().map(|text| text.lines().count()).sum();
            #[expect(clippy::cast_precision_loss, reason = "they are lines")]
            ratios.push((after as f64 / before as f64, format!("{file} {} {after}/{before}", app.name)));
            if verbose {
                println!("==== {file} {} {after}/{before}\n{}", app.name, app.files["statewright.yaml"]);
            }
            let again = statewright::compile_text(&app.files["statewright.yaml"], &app.files);
            let bundle = again.bundles.into_values().next().unwrap();
            let (second, _) = self::imported(bundle, &sources);
            if second.apps.first().map(|other| &other.files) != Some(&app.files) {
                unsteady += 1;
                println!("UNSTEADY {file} {}", app.name);
                if verbose {
                    println!("{}", second.apps.first().map_or("", |other| &other.files["statewright.yaml"]));
                }
            }
        }
    }
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let median = ratios.get(ratios.len() / 2).map_or(0.0, |(ratio, _)| *ratio);
    for (ratio, name) in ratios.iter().rev().take(12) {
        println!("{ratio:.2} {name}");
    }
    println!(
        "{} files: {whole} whole, {refused} refused, {patched} with patches, {unsteady} unsteady; median {median:.3} of the lines",
        files.len()
    );
    assert!(patched * 20 <= whole, "{patched} of {whole} need patches");
}

fn text(resource: &Resource) -> String {
    let mut out = String::new();
    statewright::yaml::write_yaml(&resource.node, &mut out);
    out
}

/// The environments of an example, as they are committed.
fn deployed(example: &Path, sources: &mut Sources) -> Vec<Environment> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(example.join("deploy")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut environments = Vec::new();
    for folder in folders {
        let files = disk::find_manifests(&disk::Reach::default(), std::slice::from_ref(&folder)).unwrap();
        let resources = files.iter().flat_map(|file| manifests(file, sources).resources).collect::<Vec<_>>();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        environments.push(Environment { name, bundle: Bundle::from(resources) });
    }
    environments
}

/// What our own examples compile to becomes a spec that is hardly longer than the example, and compiles to the same bytes.
#[test]
fn our_own_examples_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    examples.sort();
    let mut wrong = Vec::new();
    for example in examples {
        let mut sources = Sources::default();
        let environments = deployed(&example, &mut sources);
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        let mut found = Diagnostics::default();
        let imported = import(&environments, Wanted { named: true, keep_going: false, ..wanted() }, &statewright::compile_text, &mut found);
        let said: Vec<String> = found.resolve(&sources).into_iter().map(|finding| finding.message).collect();
        let [app] = &imported.apps[..] else {
            wrong.push(format!("{name}: {said:?}"));
            continue;
        };
        let compiled = statewright::compile_text(&app.files["statewright.yaml"], &app.files);
        for environment in &environments {
            let before: BTreeSet<String> = environment.bundle.resources.iter().map(text).collect();
            let after: BTreeSet<String> = compiled.bundles[&environment.name].resources.iter().map(text).collect();
            if before != after {
                let lost: Vec<_> = before.difference(&after).collect();
                let new: Vec<_> = after.difference(&before).collect();
                wrong.push(format!(
                    "{name} {}: other bytes:\n{}\n--- now ---\n{}",
                    environment.name,
                    lost.first().map_or("", |text| text),
                    new.first().map_or("", |text| text)
                ));
            }
        }
        let lines = |text: &str| text.lines().filter(|line| !line.trim_start().starts_with('#')).count();
        let written = lines(&std::fs::read_to_string(example.join("statewright.yaml")).unwrap());
        let now = lines(&app.files["statewright.yaml"]);
        println!("{name}: {now} lines, written by hand {written}\n{}", app.files["statewright.yaml"]);
        if now * 5 > written * 6 {
            wrong.push(format!("{name}: {now} lines, and {written} by hand"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
