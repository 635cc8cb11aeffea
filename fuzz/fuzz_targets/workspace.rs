//! A workspace and a spec in it, compiled for the workspace's environments on its clusters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::Around;
use statewright::api::custom::Customs;
use statewright::cluster::facts::ClusterFacts;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::{spec, yaml};
use statewright_fuzz::{Beside, compiled, mutate, mutated_as, show_found, two};

fuzz_target!(|text: &str| {
    let (workspace, app) = two(text);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let workspace = sources.add("statewright-workspace.yaml", workspace);
    let app = sources.add("app/statewright.yaml", app);
    let root = yaml::read_one(&sources, workspace, &mut found);
    if let Some(workspace) = root.and_then(|root| spec::workspace::parse(&root, &|_| Vec::new(), &mut found)) {
        let clusters: Vec<ClusterFacts> =
            workspace.clusters().map(|(_, node)| ClusterFacts::read(&node, &mut found)).collect();
        if let Some(spec) = statewright::read(&sources, app, &mut found) {
            for (number, environment) in workspace.names().take(3).enumerate() {
                let shared = workspace.shared(environment, None);
                let around = Around {
                    shared: shared.as_ref(),
                    extras: &[],
                    facts: clusters.get(number),
                    customs: &Customs::none(),
                    apply: None,
                    files: &Beside,
                };
                compiled(&spec, environment, around, &mut sources, &mut found);
            }
        }
    }
    show_found(found, &sources);
});

mutated_as!(mutate::documents);
