//! The notes that the project began from, with their mistakes: each is found on its line, and nothing else is called an
//! error.

use crate::commands::{root, statewright};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is wrong: the code, and the line.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("network-file-system-on-disk", "volumes-gce.yaml", "fsType: nfs4"),
    ("reclaim-by-recycling", "volumes-gce.yaml", "persistentVolumeReclaimPolicy: Recycle"),
    ("reclaim-by-recycling", "volumes-minikube.yaml", "persistentVolumeReclaimPolicy: Recycle"),
    ("host-path-on-any-node", "volumes-minikube.yaml", "hostPath:"),
    ("port-without-listener", "governing-service.yaml", "port: 80"),
    ("refused", "stateful-set.yaml", "spec:"),
    ("image-tag-floating", "stateful-set.yaml", "image: saka1023/state"),
    ("service-selects-nothing", "public-service.yaml", "selector:"),
    ("headless-service-without-ports", "mongo.yaml", "spec:"),
    ("image-tag-floating", "mongo.yaml", "image: mongodb"),
];

/// What is called an error: what the API server refuses for want of a selector and a template, and the disk that cannot
/// be mounted.
const ERRORS: &[(&str, &str)] =
    &[("network-file-system-on-disk", "pv-a"), ("refused", "migo-state"), ("refused", "sts-mongo")];

#[test]
fn mistakes_are_found_where_they_are() {
    let run = statewright(&root().join("tests/origins"), &["check", ".", "--format", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut found = BTreeSet::new();
    for finding in report["findings"].as_array().unwrap() {
        let file = text(finding, "file");
        let lines = std::fs::read_to_string(root().join("tests/origins").join(&file)).unwrap();
        let number = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
        let line = lines.lines().nth(number - 1).unwrap().trim().to_owned();
        let object = finding["object"]["name"].as_str().unwrap_or_default();
        if finding["level"] == "error" {
            assert!(ERRORS.contains(&(&text(finding, "name"), object)), "{finding:#}");
        }
        found.insert((text(finding, "name"), file, line));
    }
    for (name, file, line) in MISTAKES {
        assert!(
            found.contains(&((*name).to_owned(), (*file).to_owned(), (*line).to_owned())),
            "{name} {file} {line}: {found:#?}"
        );
    }
}
