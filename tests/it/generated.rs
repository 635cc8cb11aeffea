//! Files that are generated and committed are what would be generated now.

use crate::commands::{root, statewright};
use crate::golden::golden;
use crate::reference;
use crate::scratch::Scratch;
use serde_json::Value;

#[test]
fn schemas_are_fresh() {
    golden("../schemas/app.v1.schema.json", &statewright::app_schema());
    golden("../schemas/workspace.v1.schema.json", &statewright::workspace_schema());
}

/// The pictures of the pages are what the program draws.
#[test]
fn pictures_are_fresh() {
    let scratch = Scratch::new("picture");
    let text = std::fs::read_to_string(root().join("examples/kubia/statewright.yaml")).unwrap();
    scratch.write("kubia/statewright.yaml", &text);
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let fewer = text.replace("replicas: 5", "replicas: 3");
    assert_ne!(text, fewer);
    scratch.write("kubia/statewright.yaml", fewer);
    let run = statewright(scratch.path(), &["diff", "--env", "prod", "--format", "svg"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    golden("../docs/pictures/scale-down.svg", &run.stdout);
}

#[test]
fn reference_pages_are_fresh() {
    golden("../docs/spec.md", &reference::spec());
    golden("../docs/rules/README.md", &reference::findings());
    golden("../docs/secrets.md", &reference::secrets());
    golden("../docs/commands.md", &reference::commands());
    golden("../docs/examples.md", &crate::examples_page::examples());
    golden("../docs/internals/changes.md", &reference::changes());
    for code in statewright::codes() {
        assert!(
            reference::findings().contains(&format!("[{}]", code.id)),
            "{} is in no band of tests/it/reference.rs",
            code.id
        );
    }
}

#[test]
fn every_field_is_described_with_an_example() {
    let schema: Value = serde_json::from_str(&statewright::app_schema()).unwrap();
    let mut fields = 0;
    for (block, definition) in schema["$defs"].as_object().unwrap() {
        for (name, field) in definition["properties"].as_object().unwrap() {
            let description = field["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{block}.{name} is not described");
            if !description.starts_with("As in Kubernetes'") {
                assert!(field["examples"].is_array(), "{block}.{name} has no example that can be read");
            }
            fields += 1;
        }
    }
    assert!(fields > 200, "the schema has shrunk to {fields} fields");
}

#[test]
fn specs_pass_their_own_schema() {
    let schema: Value = serde_json::from_str(&statewright::app_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path().join("statewright.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let spec: Value = serde_yaml::from_str(&text).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&spec).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", path.display());
        count += 1;
    }
    assert!(count >= 7);
    let wrong: Value =
        serde_json::json!({"apiVersion": "statewright/v1", "kind": "App", "name": "a", "image": "i", "replica": 3});
    assert!(!validator.is_valid(&wrong));
}
