//! What other programs read keeps to what they publish: each format that has a schema against it, as rendered and as
//! the command line writes it.

use crate::commands::{copy, root, statewright};
use crate::fixed::{findings, large, report};
use crate::scratch::Scratch;
use jsonschema::Validator;
use serde_json::{Value, json};
use statewright::report::{Against, Format, Report};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_format_keeps_to_its_schema() {
    let texts = |format: Format| {
        let reports = [
            report(),
            Report::of(findings()),
            Report::default(),
            Report::compared(Against::Files, Vec::new(), Vec::new()),
            large(20, 50, true),
        ];
        reports.map(|report| format.render(&report, false))
    };
    let (contract, sarif, gitlab) = (contract(), sarif(), gitlab());
    texts(Format::Json).iter().for_each(|text| fits(&contract, text));
    texts(Format::Sarif).iter().for_each(|text| fits(&sarif, text));
    texts(Format::Gitlab).iter().for_each(|text| fits(&gitlab, text));
    let scratch = Scratch::new("published");
    let files = texts(Format::Junit);
    let files: Vec<_> =
        files.iter().enumerate().map(|(number, text)| scratch.write(&format!("{number}.xml"), text)).collect();
    junit(&files.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>());
}

/// One run of `diff` and one of `check` write all of them.
#[test]
fn the_command_line_writes_what_the_schemas_ask_for() {
    let scratch = Scratch::new("published-runs");
    let folder = scratch.path();
    copy(&root().join("examples/kubia"), folder);
    let spec = folder.join("statewright.yaml");
    let text = fs::read_to_string(&spec).unwrap();
    fs::write(
        &spec,
        text.replace("replicas: 3", "replicas: 2").replace("pet:1.0", "pet:latest").replace("size: 1Gi", "size: 2Gi"),
    )
    .unwrap();
    let (contract, sarif, gitlab) = (contract(), sarif(), gitlab());
    for (command, code) in [("diff", 3), ("check", 0), ("compile", 0)] {
        let formats = [
            "json=a.json",
            "sarif=a.sarif",
            "gitlab=a.gitlab",
            "junit=a.xml",
            "markdown=a.md",
            "github=a.github",
            "human=a.txt",
        ];
        let arguments: Vec<&str> =
            [command].into_iter().chain(formats.iter().flat_map(|format| ["--format", format])).collect();
        let run = statewright(folder, &arguments);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{command}: {}", run.stderr);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        fits(&contract, &read("a.json"));
        fits(&sarif, &read("a.sarif"));
        fits(&gitlab, &read("a.gitlab"));
        junit(&[&folder.join("a.xml")]);
        if command == "diff" {
            for (file, code) in
                [("a.sarif", "SW0501"), ("a.gitlab", "data-at-risk"), ("a.xml", "SW0502"), ("a.github", "SW0501")]
            {
                assert!(read(file).contains(code), "{file} does not say {code}\n{}", read(file));
            }
        }
    }
}

#[test]
fn the_contract_is_printed() {
    let run = statewright(&root(), &["schema", "--report"]);
    assert_eq!(run.stdout, fs::read_to_string(root().join("schemas/report.v1.schema.json")).unwrap());
}

#[track_caller]
fn fits(validator: &Validator, text: &str) {
    let document: Value = serde_json::from_str(text).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{text}");
}

/// Our own contract, made strict: a key that it does not describe is a mistake here, though not for those who read it.
fn contract() -> Validator {
    let mut schema: Value = serde_json::from_str(statewright::report::json::SCHEMA).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            if entries.get("properties").is_some_and(Value::is_object) && entries.get("type") == Some(&json!("object"))
            {
                entries.insert("additionalProperties".into(), Value::Bool(false));
            }
            entries.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn sarif() -> Validator {
    // The published schema has a stray bracket in one pattern, which not every engine takes.
    let schema = include_str!("../schemas/sarif-2.1.0.json").replace("{2}]?$", "{2}?$");
    jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
}

fn gitlab() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(include_str!("../schemas/gitlab-code-quality.json")).unwrap())
        .unwrap()
}

/// Jenkins' schema, by libxml2's checker where it is there.
fn junit(files: &[&Path]) {
    let schema = root().join("tests/schemas/junit-10.xsd");
    let output = Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema).args(files).output();
    let Ok(output) = output else {
        return println!("left out: JUnit against its schema, because xmllint is not there");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
