//! `lsp`: what an editor asks for over the Language Server Protocol: findings as one types, the meaning of a field,
//! what may be typed, and the files that a line ends up in.

use super::project::{Candidate, Loaded, Selection};
use super::wire::{self, Message};
use super::{Exit, Result};
use crate::block::Block;
use crate::bundle::Bundle;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::editor::{self, cursor, mend};
use crate::failure::Failure;
use crate::layout;
use crate::source::{SourceId, Sources};
use crate::value::{Data, Node};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

/// Serve an editor over the Language Server Protocol, on stdin and stdout.
#[derive(Debug, Args)]
pub(super) struct Lsp {
    /// Taken for the sake of editors that pass it: there is no other way.
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub(super) fn run(&self) -> Result {
        let Self { stdio: _ } = self;
        let mut input = std::io::stdin().lock();
        let mut server = Server::default();
        let talk = converse(&mut input, &mut server, |message| wire::send(&message));
        talk.map(|()| if server.is_shut_down { Exit::Fine } else { Exit::Found })
    }
}

/// What the server says to an editor that has said all this, framed as on stdin; for tests that have no process.
///
/// # Errors
/// When it is not what an editor sends.
pub fn replies(mut said: &[u8]) -> std::result::Result<Vec<Value>, Failure> {
    let mut replies = Vec::new();
    converse(&mut said, &mut Server::default(), |message| {
        replies.push(message);
        Ok(())
    })?;
    Ok(replies)
}

/// Answers until the editor goes.
fn converse(
    input: &mut impl BufRead,
    server: &mut Server,
    mut reply: impl FnMut(Value) -> std::result::Result<(), Failure>,
) -> std::result::Result<(), Failure> {
    while let Some(message) = wire::read(input)? {
        if message.method == "exit" {
            break;
        }
        server.take(&message).into_iter().try_for_each(&mut reply)?;
    }
    Ok(())
}

/// What an editor has open.
#[derive(Default)]
struct Server {
    documents: BTreeMap<String, String>,
    is_shut_down: bool,
}

impl Server {
    /// What is to be said to that.
    fn take(&mut self, message: &Message) -> Vec<Value> {
        let parameters = &message.parameters;
        let answer = match &*message.method {
            "initialize" => capabilities(),
            "shutdown" => {
                self.is_shut_down = true;
                Value::Null
            }
            "textDocument/didOpen" => return self.keep(parameters, &parameters["textDocument"]["text"]),
            // The last of the changes is the whole text: no other kind was asked for.
            "textDocument/didChange" => {
                let changes = parameters["contentChanges"].as_array();
                let text =
                    changes.and_then(|changes| changes.last()).map(|change| change["text"].clone()).unwrap_or_default();
                return self.keep(parameters, &text);
            }
            "textDocument/didSave" => return self.judge_all(),
            "textDocument/didClose" => {
                let uri = uri_of(parameters);
                self.documents.remove(uri);
                return vec![wire::notification(
                    "textDocument/publishDiagnostics",
                    &json!({"uri": uri, "diagnostics": []}),
                )];
            }
            "textDocument/hover" => self.hover(parameters).unwrap_or_default(),
            "textDocument/completion" => self.completion(parameters).unwrap_or_else(|| json!([])),
            "textDocument/codeAction" => self.actions(parameters).unwrap_or_else(|| json!([])),
            "textDocument/definition" => self.definition(parameters).unwrap_or_else(|| json!([])),
            _ => return message.refusal().into_iter().collect(),
        };
        message.answer(&answer).into_iter().collect()
    }

    fn keep(&mut self, parameters: &Value, text: &Value) -> Vec<Value> {
        let (uri, Some(text)) = (uri_of(parameters), text.as_str()) else { return Vec::new() };
        self.documents.insert(uri.to_owned(), text.to_owned());
        published(uri, text).into_iter().collect()
    }

    /// A saved file may be what another one rests on.
    fn judge_all(&self) -> Vec<Value> {
        self.documents.iter().filter_map(|(uri, text)| published(uri, text)).collect()
    }

    fn hover(&self, parameters: &Value) -> Option<Value> {
        let (uri, text) = self.document(parameters)?;
        let found = cursor_of(text, parameters)?;
        let mut path = found.path;
        path.extend(found.key);
        let meaning = editor::meaning(block_of(uri)?, path.iter().map(String::as_str))?;
        let page = editor::page(&path.join("."), meaning, &crate::kubernetes_fields);
        Some(json!({"contents": {"kind": "plaintext", "value": page}}))
    }

    fn completion(&self, parameters: &Value) -> Option<Value> {
        let (uri, text) = self.document(parameters)?;
        let found = cursor_of(text, parameters)?;
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let items = editor::proposals(block_of(uri)?, &path, &crate::kubernetes_fields).into_iter();
        let fitting = items.filter(|item| item.is_field == found.at_key).map(|item| {
            const FIELD: u8 = 10;
            const VALUE: u8 = 12;
            let typed = if item.is_field { format!("{}: ", item.name) } else { item.name.clone() };
            json!({"label": item.name, "detail": item.text, "insertText": typed, "kind": if item.is_field { FIELD } else { VALUE }})
        });
        Some(fitting.collect())
    }

    /// The edits that mend what is wrong with the lines asked about; all of the document where everything is to be
    /// mended.
    fn actions(&self, parameters: &Value) -> Option<Value> {
        let (uri, text) = self.document(parameters)?;
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
                let end = json!({"line": text.matches('\n').count() + 1, "character": 0});
                let range = json!({"start": {"line": 0, "character": 0}, "end": end});
                actions.push(json!({
                    "title": "Fix all that has one right edit",
                    "kind": FIX_ALL,
                    "edit": edit(json!([{"range": range, "newText": mended.text}])),
                }));
            }
        }
        Some(Value::Array(actions))
    }

    /// The files that the line of a spec ends up in, in every environment.
    fn definition(&self, parameters: &Value) -> Option<Value> {
        let (uri, text) = self.document(parameters)?;
        let path = wire::path_of(uri).filter(|path| is_spec(path))?;
        let line = u32::try_from(parameters["position"]["line"].as_u64()?).ok()?.checked_add(1)?;
        let candidate = candidate(&path, text)?;
        let app = candidate.load(&mut Vec::new()).ok()??;
        let mut places = Vec::new();
        for environment in app.environments() {
            let Some(compiled) = app.compile(&environment, None, &mut Diagnostics::default()) else { continue };
            let (root, folder) = app.folder(&environment, None, true);
            let tree = layout::lay_out(&compiled.bundle, &folder, &app.spec.name, &environment, &candidate.spec_name());
            for file in touched(&app, &compiled.bundle, &tree, line) {
                let path = std::path::absolute(root.join(&folder).join(file)).ok()?;
                let start = json!({"line": 0, "character": 0});
                places.push(json!({"uri": wire::uri_of(&path), "range": {"start": start, "end": start}}));
            }
        }
        Some(Value::Array(places))
    }

    fn document(&self, parameters: &Value) -> Option<(&str, &str)> {
        self.documents.get_key_value(uri_of(parameters)).map(|(uri, text)| (uri.as_str(), text.as_str()))
    }
}

/// An edit that mends one finding.
const QUICK_FIX: &str = "quickfix";
/// All of them, as editors ask for when a file is saved.
const FIX_ALL: &str = "source.fixAll.statewright";

fn capabilities() -> Value {
    const WHOLE_TEXT: u8 = 1;
    json!({
        "capabilities": {
            "textDocumentSync": {"openClose": true, "change": WHOLE_TEXT, "save": true},
            "hoverProvider": true,
            "completionProvider": {"triggerCharacters": [" "]},
            "definitionProvider": true,
            "codeActionProvider": {"codeActionKinds": [QUICK_FIX, FIX_ALL]},
        },
        "serverInfo": {"name": "statewright", "version": env!("CARGO_PKG_VERSION")},
    })
}

fn uri_of(parameters: &Value) -> &str {
    parameters["textDocument"]["uri"].as_str().unwrap_or_default()
}

fn cursor_of(text: &str, parameters: &Value) -> Option<cursor::Cursor> {
    let number = |name: &str| usize::try_from(parameters["position"][name].as_u64()?).ok();
    let (line, units) = (number("line")?, number("character")?);
    let column = wire::characters(text.lines().nth(line).unwrap_or_default(), units);
    Some(cursor::at(text, line, column))
}

fn is_spec(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == disk::SPEC)
}

fn block_of(uri: &str) -> Option<&'static Block> {
    let path = wire::path_of(uri)?;
    if path.file_name().is_some_and(|name| name == disk::WORKSPACE) {
        return Some(crate::spec::workspace::root());
    }
    is_spec(&path).then(crate::spec::root)
}

/// All that is wrong with a file as it stands in the editor, and the name that it has in the findings.
fn judged(path: &Path, text: &str) -> (String, Vec<Finding>) {
    if is_spec(path) { of_spec(path, text) } else { of_manifests(path, text) }
}

/// The same, as an editor takes it.
fn published(uri: &str, text: &str) -> Option<Value> {
    let path = wire::path_of(uri)?;
    let (name, findings) = judged(&path, text);
    let lines: Vec<&str> = text.lines().collect();
    let diagnostics: Vec<Value> = findings.iter().map(|finding| diagnostic(finding, &name, &lines)).collect();
    Some(wire::notification("textDocument/publishDiagnostics", &json!({"uri": uri, "diagnostics": diagnostics})))
}

/// An app whose spec is as it stands in the editor.
fn candidate(path: &Path, text: &str) -> Option<Candidate> {
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

/// The files whose manifests have anything from that line of the spec.
fn touched<'t>(app: &Loaded, bundle: &Bundle, tree: &'t layout::Tree, line: u32) -> Vec<&'t str> {
    let spec = app.spec.root.at.source;
    let pairs = bundle.resources.iter().zip(&tree.files);
    pairs
        .filter(|(resource, _)| comes_from(&resource.node, spec, line, &app.sources))
        .map(|(_, file)| file.name.as_str())
        .collect()
}

fn comes_from(node: &Node, spec: SourceId, line: u32, sources: &Sources) -> bool {
    match &node.data {
        Data::Map(map) => map.iter().any(|(_, value)| comes_from(value, spec, line, sources)),
        Data::List(items) => items.iter().any(|item| comes_from(item, spec, line, sources)),
        _ => node.at.source == spec && sources.spot(node.at).line == line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_can() {
        assert_eq!(capabilities()["capabilities"]["hoverProvider"], true);
        assert!(block_of("file:///a/statewright.yaml").is_some() && block_of("file:///a/other.yaml").is_none());
        assert_eq!(wire::path_of("file:///a%20b/statewright.yaml"), Some("/a b/statewright.yaml".into()));
    }
}
