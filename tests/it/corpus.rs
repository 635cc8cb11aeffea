//! Every document of real repositories gets the verdict that a real API server gave it.
//! `STATEWRIGHT_CORPUS` is the folder of the files, `STATEWRIGHT_CONFORMANCE` that of the verdicts; without them there
//! is nothing to do.

use serde_json::Value;
use statewright::bundle::Bundle;
use statewright::bundle::read::{document, documents};
use statewright::cluster::facts::ClusterFacts;
use statewright::diagnostic::{Diagnostics, Refusal};
use statewright::disk;
use statewright::expect::judge;
use statewright::k8s::version::Version;
use statewright::k8s::way::Way;
use statewright::secret::tree::{self, Cover, Eye};
use statewright::source::Sources;
use statewright::value::{Data, Key, Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Whose verdicts they are.
const RECORDED: Version = Version::minor(36);

fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from)?;
    assert!(folder.is_dir(), "{variable} is no folder: {}", folder.display());
    Some(folder)
}

/// What the model says to each object of a file: its kind, and why it would be refused.
fn answers(path: &Path) -> Vec<(String, Vec<Refusal>)> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let Some(id) = disk::read_source(&disk::Reach::default(), path, &mut sources, &mut found).unwrap() else {
        return Vec::new();
    };
    let mut answers = Vec::new();
    for part in documents(&sources, id, &mut found) {
        let (mut bundle, mut own) = (Bundle::default(), Diagnostics::default());
        document(&sources, part, &mut bundle, &mut own);
        for resource in &bundle.resources {
            judge::new_object(resource, Way::Client, RECORDED, &mut own);
            let refusals = own.iter().filter_map(|diagnostic| diagnostic.refusal.clone()).collect();
            answers.push((resource.id.kind.to_string(), refusals));
            own = Diagnostics::default();
        }
    }
    answers
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn real_documents_get_the_servers_verdict() {
    let (Some(corpus), Some(conformance)) = (folder("STATEWRIGHT_CORPUS"), folder("STATEWRIGHT_CONFORMANCE")) else {
        return println!("STATEWRIGHT_CORPUS and STATEWRIGHT_CONFORMANCE are not set: nothing was compared");
    };
    let lines = std::fs::read_to_string(conformance.join("corpus-verdicts.jsonl")).unwrap();
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        files.entry(text(&line, "file").to_owned()).or_default().push(line);
    }
    let (mut all, mut verdicts, mut sets) = (0, 0, 0);
    for (file, lines) in &files {
        let answers = answers(&corpus.join(file));
        // The numbers count empty documents too; the order of kinds is enough.
        let mut left = answers.iter();
        for line in lines {
            all += 1;
            let number = text(line, "doc");
            let Some((kind, refusals)) = left.find(|(kind, _)| kind == text(line, "kind")) else {
                println!("{file} {number}: there is no {}", text(line, "kind"));
                continue;
            };
            let mut recorded: Vec<(&str, &str)> = line["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|error| (text(error, "field"), text(error, "type")))
                .collect();
            // A finding is told once, where the server tells it twice.
            judge::drop_echoes(&mut recorded, |refusal| *refusal);
            let recorded: BTreeSet<(&str, &str)> = recorded.into_iter().collect();
            let is_rejected = text(line, "verdict") == "rejected";
            if is_rejected == refusals.is_empty() {
                println!(
                    "{file} {number} {kind}: {} {} {recorded:?}, the model says {refusals:?}",
                    text(line, "verdict"),
                    text(line, "stage")
                );
                continue;
            }
            verdicts += 1;
            let said: BTreeSet<(&str, &str)> =
                refusals.iter().map(|refusal| (refusal.field.as_str(), refusal.kind)).collect();
            if text(line, "stage") != "validate" || said == recorded {
                sets += 1;
            } else {
                println!("{file} {number} {kind}: {recorded:?}, the model says {said:?}");
            }
        }
    }
    println!("{all} documents, {verdicts} with the same verdict, {sets} with the same fields and types");
    assert_eq!((verdicts, sets), (all, all));
}

#[test]
fn all_of_it_at_once_is_judged() {
    let Some(corpus) = folder("STATEWRIGHT_CORPUS") else { return };
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let files = disk::find_manifests(&disk::Reach::default(), &[corpus]).unwrap();
    let ids = disk::read_sources(&disk::Reach::default(), &files, &mut sources, &mut found).unwrap();
    statewright::check(&sources, &ids, &ClusterFacts::of_version(RECORDED), &mut found);
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in found.resolve(&sources) {
        *counts.entry((finding.code.id, finding.code.name, finding.level.word())).or_default() += 1;
    }
    println!("{} files", files.len());
    for ((id, name, level), count) in counts {
        println!("{count:6} {id} {name} ({level})");
    }
}

/// Counts the texts of a tree, and keeps those that are hidden.
#[derive(Default)]
struct Seen {
    texts: usize,
    hidden: Vec<String>,
}

impl Eye for Seen {
    fn scalar(&mut self, node: &Node, cover: &Cover) -> Option<Data> {
        let text = node.as_str()?;
        self.texts += 1;
        match cover {
            Cover::Shown => {}
            Cover::Parts(parts) => self.hidden.extend(parts.iter().map(|range| text[range.clone()].to_owned())),
            Cover::Whole => self.hidden.push(text.to_owned()),
        }
        None
    }

    fn key(&mut self, _: &Key, _: &Cover) -> Option<Text> {
        None
    }
}

/// A false mask costs little, but not nothing. Prints what is hidden of public manifests, to be looked at.
#[test]
fn hardly_a_value_of_real_manifests_is_hidden() {
    let Some(corpus) = folder("STATEWRIGHT_CORPUS") else { return };
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let files = disk::find_manifests(&disk::Reach::default(), &[corpus]).unwrap();
    let ids = disk::read_sources(&disk::Reach::default(), &files, &mut sources, &mut found).unwrap();
    let mut seen = Seen::default();
    for id in ids {
        for part in documents(&sources, id, &mut found) {
            let (mut bundle, mut own) = (Bundle::default(), Diagnostics::default());
            document(&sources, part, &mut bundle, &mut own);
            for resource in bundle.resources.iter().filter(|resource| resource.id.kind != "Secret") {
                tree::walk(&resource.node, &mut seen);
            }
        }
    }
    for hidden in &seen.hidden {
        println!("{:?}", hidden.chars().take(100).collect::<String>());
    }
    println!("{} of {} texts are hidden, in whole or in part", seen.hidden.len(), seen.texts);
    assert!(seen.texts > 1000 && seen.hidden.len() * 100 < seen.texts, "{} of {}", seen.hidden.len(), seen.texts);
}
