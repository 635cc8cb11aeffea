//! One fixed report in every format, and those with a published schema against that schema.

use crate::golden::golden;
use statewright::diagnostic::{Code, Diagnostics, Finding, Level, Refusal, Subject};
use statewright::report::{Format, Report, human};
use statewright::source::{At, SourceId, Sources};

static UNKNOWN: Code = Code {
    id: "SW0101",
    name: "unknown-field",
    level: Level::Error,
    page: "# unknown-field\n\n**What it does.** Reports a field\nthat does not exist.\n\n**Why it matters.** It would do nothing.\n",
};
static DUPLICATE: Code =
    Code { id: "SW0103", name: "duplicate-mount", level: Level::Error, page: "# duplicate-mount\n\nTwo at one path.\n" };
static FLOATING: Code =
    Code { id: "SW0401", name: "image-tag-floating", level: Level::Warning, page: "# image-tag-floating\n\nIt moves.\n" };

const SPEC: &str =
    "name: kubia\nimage: kubia:latest # <b>&\n\treplica: 3\nstorage:\n  data: {mount: /data}\n  日本: {mount: /data, \u{1b}[31m: x}\n";

fn findings() -> Vec<Finding> {
    let mut sources = Sources::default();
    let spec = sources.add("apps/my kubia/statewright.yaml", SPEC);
    let long = format!("{{\"data\": \"{}\", \"kind\": \"Pod\"}}", "x".repeat(300));
    let other = sources.add("other,100%.json", long.as_str());
    let mut found = Diagnostics::default();
    let at = |source: SourceId, text: &str, piece: &str| {
        let start = u32::try_from(text.find(piece).unwrap()).unwrap();
        At { source, start, end: start + u32::try_from(piece.len()).unwrap() }
    };
    UNKNOWN.report("there is no field `replica` here").help("did you mean `replicas`?").at(at(spec, SPEC, "replica"), &mut found);
    FLOATING
        .report("the tag `latest` moves: <two> pods | of one set may run different images")
        .at(at(spec, SPEC, "kubia:latest"), &mut found);
    DUPLICATE
        .report("`日本` is mounted where `data` is\nand \u{1b}[31mthat cannot be")
        .see(at(spec, SPEC, "data:"), "the first is here")
        .see(at(other, &long, "\"kind\""), "for this pod")
        .help("give one of them\nanother path")
        .about(Subject { kind: "StatefulSet".into(), namespace: "pets".into(), name: "kubia".into() })
        .refusal(Refusal {
            field: "spec.template.spec.containers[0].volumeMounts[1].mountPath".into(),
            kind: "FieldValueInvalid",
            detail: "must be unique".into(),
        })
        .at(at(spec, SPEC, "日本"), &mut found);
    UNKNOWN.report("x").level(Level::Note).at(at(other, &long, "\"kind\""), &mut found);
    found.resolve(&sources)
}

#[test]
fn formats() {
    for (format, extension) in [
        (Format::Human, "txt"),
        (Format::Json, "json"),
        (Format::Sarif, "sarif"),
        (Format::Github, "github.txt"),
        (Format::Gitlab, "gitlab.json"),
        (Format::Junit, "junit.xml"),
        (Format::Markdown, "md"),
    ] {
        golden(&format!("reports/findings.{extension}"), &format.render(&Report::of(findings()), false));
        golden(&format!("reports/nothing.{extension}"), &format.render(&Report::default(), false));
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = human::render(&findings(), true);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, human::render(&findings(), false));
    assert!(!human::render(&findings(), false).contains('\u{1b}'));
}

#[test]
fn sarif_keeps_to_its_schema() {
    // The published schema has a stray bracket in one pattern, which not every engine takes.
    let schema = include_str!("../schemas/sarif-2.1.0.json").replace("{2}]?$", "{2}?$");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for findings in [findings(), Vec::new()] {
        let report = serde_json::from_str(&Format::Sarif.render(&Report::of(findings), false)).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn many_findings_stay_within_what_a_comment_and_a_step_take() {
    let many = Report::of(findings().into_iter().cycle().take(4000).collect());
    assert!(Format::Markdown.render(&many, false).len() < 65_536);
    assert!(Format::Github.render(&many, false).lines().count() <= 30);
}
