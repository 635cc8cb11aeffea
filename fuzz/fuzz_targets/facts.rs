//! What is said to be known of a cluster, and manifests that are checked and rehearsed on it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::cluster::facts::ClusterFacts;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::yaml;
use statewright_fuzz::{bundle, mutate, mutated_as, play, show_found, two};

fuzz_target!(|text: &str| {
    let (facts, text) = two(text);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let facts = sources.add("cluster.yaml", facts);
    let facts = yaml::read_one(&sources, facts, &mut found)
        .map(|node| ClusterFacts::read(&node, &mut found))
        .unwrap_or_default();
    let (id, manifests) = bundle(&mut sources, "a.yaml", text, &mut found);
    statewright::check(&sources, &[id], &facts, &mut found);
    play(&[manifests], &facts);
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
