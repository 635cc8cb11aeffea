//! What is wrong with a file as it stands in the editor, and the edits that mend it.

use super::document::{Document, is_spec, uri_of};
use crate::cli::project::{Candidate, Selection};
use crate::cli::wire;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::editor::mend;
use crate::source::Sources;
use serde_json::{Value, json};
use std::path::Path;

/// An edit that mends one finding.
pub(super) const QUICK_FIX: &str = "quickfix";
/// All of them, as editors ask for when a file is saved.
pub(super) const FIX_ALL: &str = "source.fixAll.statewright";

/// All that is wrong with a file as it stands in the editor, and the name that it has in the findings.
pub(super) fn judged(path: &Path, text: &str) -> (String, Vec<Finding>) {
    if is_spec(path) { of_spec(path, text) } else { of_manifests(path, text) }
}

/// The same, as an editor takes it.
pub(super) fn published(uri: &str, text: &str) -> Option<Value> {
    let path = wire::path_of(uri)?;
    let (name, findings) = judged(&path, text);
    let lines: Vec<&str> = text.lines().collect();
    let diagnostics: Vec<Value> = findings.iter().map(|finding| diagnostic(finding, &name, &lines)).collect();
    Some(wire::notification("textDocument/publishDiagnostics", &json!({"uri": uri, "diagnostics": diagnostics})))
}

/// An app whose spec is as it stands in the editor.
pub(super) fn candidate(path: &Path, text: &str) -> Option<Candidate> {
    let selection = Selection { paths: vec![path.to_owned()], ..Selection::default() };
    let mut candidate = selection.candidates().ok()?.pop()?;
    candidate.text = Some(text.to_owned());
    Some(candidate)
}

/// What is wrong with a spec in any of its environments, and the name that it has in the findings.
fn of_spec(path: &Path, text: &str) -> (String, Vec<Finding>) {
    let findings = candidate(path, text).and_then(|candidate| candidate.judged(None).ok()).unwrap_or_default();
    (disk::name_of(path), findings)
}

/// What is wrong with a manifest that anyone wrote; nothing is said of a file that is none.
fn of_manifests(path: &Path, text: &str) -> (String, Vec<Finding>) {
    let name = disk::name_of(path);
    let is_workspace = path.file_name().is_some_and(|name| name == disk::WORKSPACE);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add(name.clone(), text);
    if is_workspace {
        if let Some(root) = crate::yaml::read_one(&sources, id, &mut found) {
            let _ = crate::spec::workspace::parse(&root, &crate::kubernetes_fields, &mut found);
        }
    } else if text.contains("apiVersion:") && text.contains("kind:") {
        crate::check(&sources, &[id], &ClusterFacts::of_version(crate::k8s::version::Version::default()), &mut found);
    }
    (name, found.resolve(&sources))
}

/// A finding as an editor takes it. One about another file stands at the top, with that file's name.
fn diagnostic(finding: &Finding, name: &str, lines: &[&str]) -> Value {
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message = format!("{message}\nHelp: {help}");
    }
    let spot = &finding.spot;
    let is_here = &*spot.file == name;
    let range = if is_here {
        let line = usize::try_from(spot.line.saturating_sub(1)).unwrap_or_default();
        let text = lines.get(line).copied().unwrap_or_default();
        let start = wire::units(text, spot.column.saturating_sub(1));
        let end = wire::units(text, spot.column.saturating_sub(1).saturating_add(spot.width));
        json!({"start": {"line": line, "character": start}, "end": {"line": line, "character": end}})
    } else {
        message = format!("{}:{}: {message}", spot.file, spot.line);
        json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}})
    };
    let severity = match finding.level {
        Level::Error => 1,
        Level::Warning => 2,
        Level::Note => 3,
    };
    json!({"range": range, "severity": severity, "code": finding.code.id, "source": "statewright", "message": message})
}

/// The edits that mend what is wrong with the lines asked about; all of the document where everything is to be mended.
pub(super) fn actions(document: &Document, parameters: &Value) -> Option<Value> {
    let (uri, text) = (uri_of(parameters), &*document.text);
    let path = wire::path_of(uri)?;
    let (name, findings) = judged(&path, text);
    let wants = |kind: &str| {
        let only = parameters["context"]["only"].as_array();
        only.is_none_or(|only| only.iter().filter_map(Value::as_str).any(|asked| kind.starts_with(asked)))
    };
    let lines: Vec<&str> = text.lines().collect();
    let line = |end: &str| parameters["range"][end]["line"].as_u64().unwrap_or_default();
    let (first, last) = (line("start"), line("end"));
    let edit = |edits: Value| json!({"changes": {uri: edits}});
    let mut actions = Vec::new();
    for finding in findings.iter().filter(|_| wants(QUICK_FIX)) {
        let Some(mend) = finding.mend.as_ref().filter(|mend| *mend.spot.file == *name) else { continue };
        let at = u64::from(mend.spot.line.saturating_sub(1));
        if !(first..=last).contains(&at) || text.get(mend.bytes.clone()).is_none_or(|old| old != mend.old) {
            continue;
        }
        let written = lines.get(usize::try_from(at).unwrap_or_default()).copied().unwrap_or_default();
        let from = mend.spot.column.saturating_sub(1);
        let width = u32::try_from(mend.old.chars().count()).unwrap_or(u32::MAX);
        let [start, end] = [from, from.saturating_add(width)].map(|column| wire::units(written, column));
        let range = json!({"start": {"line": at, "character": start}, "end": {"line": at, "character": end}});
        actions.push(json!({
            "title": mend.title(),
            "kind": QUICK_FIX,
            "isPreferred": true,
            "diagnostics": [diagnostic(finding, &name, &lines)],
            "edit": edit(json!([{"range": range, "newText": mend.new}])),
        }));
    }
    if wants(FIX_ALL) {
        let mended = mend::mended(&name, text, &|text| judged(&path, text).1);
        if !mended.edits.is_empty() {
            actions.push(json!({
                "title": "Fix all that has one right edit",
                "kind": FIX_ALL,
                "edit": edit(json!([{"range": document.whole(), "newText": mended.text}])),
            }));
        }
    }
    Some(Value::Array(actions))
}
