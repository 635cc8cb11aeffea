//! Where a name is spoken of, in this file and in those of other apps; and what else is edited when it gets another.

use super::document::{Document, Place, is_spec};
use super::findings::{candidate, judged};
use crate::cli::project::{Candidate, Selection};
use crate::cli::wire;
use crate::diagnostic::{Diagnostics, Level};
use crate::disk::{self, Reach};
use crate::editor::names::{self, Mention, What};
use crate::k8s::name::is_dns_label;
use crate::source::Sources;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names in a document; none while it is broken.
pub(super) fn of(document: &Document) -> Vec<Mention> {
    document.any_tree().map(|tree| names::mentions(tree, &document.text)).unwrap_or_default()
}

/// The mention under the cursor, of a document whose places are right.
fn meant(place: &Place<'_>) -> Option<(Mention, Vec<Mention>)> {
    let mentions = names::mentions(place.document.tree()?, &place.document.text);
    Some((names::at(&mentions, place.offset?)?.clone(), mentions))
}

/// Every place that speaks of the name under the cursor.
pub(super) fn references(place: &Place<'_>, with_declaration: bool) -> Option<Value> {
    let (meant, mentions) = meant(place)?;
    let mut locations = Vec::new();
    for Spoken { uri, range, defines } in everywhere(place, &meant, mentions) {
        if with_declaration || !defines {
            locations.push(json!({"uri": uri, "range": range}));
        }
    }
    Some(Value::Array(locations))
}

/// The same in this document alone, to be coloured.
pub(super) fn highlights(place: &Place<'_>) -> Option<Value> {
    const READ: u8 = 2;
    const WRITE: u8 = 3;
    let (meant, mentions) = meant(place)?;
    let same = mentions.iter().filter(|mention| is_same(mention, &meant));
    Some(
        same.map(|mention| {
            let kind = if mention.defines { WRITE } else { READ };
            json!({"range": place.document.range(&mention.bytes), "kind": kind})
        })
        .collect(),
    )
}

/// Whether what is under the cursor can get another name, and where it stands.
pub(super) fn renamed(place: &Place<'_>) -> Option<Value> {
    let (meant, _) = meant(place)?;
    Some(json!({"range": place.document.range(&meant.bytes), "placeholder": meant.name}))
}

/// The edits that give it another name. Refused where that name is taken or cannot be one, and where the spec would have
/// an error that it has not now.
pub(super) fn rename(place: &Place<'_>, new: &str) -> Result<Value, String> {
    let (meant, mentions) = meant(place).ok_or("there is no name of a port, storage item, environment or app here")?;
    if !is_dns_label(new) {
        return Err(format!("`{new}` cannot be a name here: use lowercase letters, digits and `-`, at most 63"));
    }
    if mentions.iter().any(|mention| mention.what == meant.what && mention.defines && mention.name == new) {
        return Err(format!("`{new}` is the name of another one already"));
    }
    let path = wire::path_of(place.uri).ok_or("this is no file")?;
    let mut text = place.document.text.clone();
    for mention in mentions.iter().rev().filter(|mention| is_same(mention, &meant)) {
        text.replace_range(mention.bytes.clone(), new);
    }
    let errors = |text: &str| {
        let findings = judged(&path, text).1.into_iter().filter(|finding| finding.level == Level::Error);
        findings.map(|finding| (finding.code.id, finding.message)).collect::<Vec<_>>()
    };
    let (before, after) = (errors(&place.document.text), errors(&text));
    if after.len() > before.len()
        && let Some((_, message)) = after.iter().find(|error| !before.contains(error))
    {
        return Err(format!("with that name the spec is wrong: {message}"));
    }
    let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for Spoken { uri, range, .. } in everywhere(place, &meant, mentions) {
        changes.entry(uri).or_default().push(json!({"range": range, "newText": new}));
    }
    let changes: Map<String, Value> = changes.into_iter().map(|(uri, edits)| (uri, Value::Array(edits))).collect();
    Ok(json!({"changes": changes}))
}

/// A place that speaks of a name.
struct Spoken {
    uri: String,
    range: Value,
    defines: bool,
}

/// All mentions of a name: in its own file, and in those of other apps where it means the same there. An app is spoken
/// of by the others of its workspace; an environment is one and the same for all only in the workspace's own file.
fn everywhere(place: &Place<'_>, meant: &Mention, mentions: Vec<Mention>) -> Vec<Spoken> {
    let mut all = Vec::new();
    let mut add = |uri: &str, document: &Document, mentions: Vec<Mention>, is_own: bool| {
        // Two apps of one name are two apps.
        let is_other = |mention: &Mention| !is_own && meant.what == What::App && mention.defines;
        let same = mentions.into_iter().filter(|mention| is_same(mention, meant) && !is_other(mention));
        all.extend(same.map(|mention| Spoken {
            uri: uri.to_owned(),
            range: document.range(&mention.bytes),
            defines: mention.defines,
        }));
    };
    add(place.uri, place.document, mentions, true);
    let is_of_workspace = wire::path_of(place.uri).is_some_and(|path| !is_spec(&path));
    if meant.what != What::App && !(meant.what == What::Environment && is_of_workspace) {
        return all;
    }
    for (path, uri, text) in others(place) {
        if wire::path_of(place.uri).is_some_and(|own| own == path) {
            continue;
        }
        let document = Document::new(text, None);
        add(&uri, &document, of(&document), false);
    }
    all
}

fn is_same(mention: &Mention, meant: &Mention) -> bool {
    mention.what == meant.what && mention.name == meant.name
}

/// The specs of the workspace: as they are typed where they are open, else as they are on the disk.
fn others(place: &Place<'_>) -> Vec<(PathBuf, String, String)> {
    let reach = Reach::default();
    let mut specs = Vec::new();
    for candidate in neighbours(place) {
        let Ok(path) = std::path::absolute(&candidate.spec) else { continue };
        let open = place.documents.iter().find(|(uri, _)| wire::path_of(uri).is_some_and(|open| open == path));
        if let Some((uri, document)) = open {
            specs.push((path, uri.clone(), document.text.clone()));
            continue;
        }
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        if let Ok(Some(id)) = disk::read_source(&reach, &path, &mut sources, &mut found) {
            let uri = wire::uri_of(&path);
            specs.push((path, uri, sources.get(id).text.to_string()));
        }
    }
    specs
}

/// The apps of the workspace that the document belongs to.
fn neighbours(place: &Place<'_>) -> Vec<Candidate> {
    let Some(path) = wire::path_of(place.uri) else { return Vec::new() };
    let folder = if is_spec(&path) {
        candidate(&path, &place.document.text)
            .and_then(|candidate| candidate.shared.as_ref().map(|shared| shared.folder.clone()))
    } else {
        path.parent().map(Path::to_owned)
    };
    let Some(folder) = folder else { return Vec::new() };
    Selection { paths: vec![folder], ..Selection::default() }.candidates().unwrap_or_default()
}

/// The names of the apps of the workspace.
pub(super) fn apps(place: &Place<'_>) -> Vec<String> {
    let named = neighbours(place);
    named.iter().filter_map(|candidate| candidate.peek(false, |app| app.spec.name.to_string()).ok().flatten()).collect()
}

/// Apps and environments below some folders whose names hold what was asked for.
pub(super) fn in_workspace(roots: &[PathBuf], asked: &str) -> Value {
    const MODULE: u8 = 2;
    const NAMESPACE: u8 = 3;
    let asked = asked.to_lowercase();
    let selection = Selection { paths: roots.to_vec(), ..Selection::default() };
    let mut symbols = Vec::new();
    for candidate in selection.candidates().unwrap_or_default() {
        let Ok(Some(app)) = candidate.load(&mut Vec::new()) else { continue };
        let Ok(path) = std::path::absolute(&candidate.spec) else { continue };
        let (name, uri) = (app.spec.name.to_string(), wire::uri_of(&path));
        let document = Document::new(app.sources.get(app.spec.root.at.source).text.to_string(), None);
        let mut add = |symbol: &str, kind: u8, at: crate::source::At, holder: &str| {
            if symbol.to_lowercase().contains(&asked) || name.to_lowercase().contains(&asked) {
                let range = document.range(&(at.start as usize..at.end as usize));
                let location = json!({"uri": uri, "range": range});
                symbols.push(json!({"name": symbol, "kind": kind, "location": location, "containerName": holder}));
            }
        };
        if let Some(named) = app.spec.root.get("name") {
            add(&name, MODULE, named.at, "");
        }
        for layer in &app.spec.environments {
            add(&layer.key.name, NAMESPACE, layer.key.at, &name);
        }
    }
    Value::Array(symbols)
}
