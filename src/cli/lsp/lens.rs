//! What a spec comes to, beside its lines: the pods of each environment, what the text as it stands would do to what is
//! committed, and the values of its expressions.

use super::document::Document;
use super::findings::candidate;
use crate::cli::affected::Apps;
use crate::cli::claims::Claims;
use crate::cli::committed::Committed;
use crate::cli::diff::Diff;
use crate::cli::project::{Fresh, Loaded, Selection};
use crate::cli::wire;
use crate::diagnostic::Diagnostics;
use crate::printable;
use crate::secret::known::Known;
use crate::source::SourceId;
use crate::value::{Data, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// With what is committed there the text is compared.
const HEAD: &str = "HEAD";
/// So much of a value is shown beside its expression.
const WIDEST: usize = 60;
/// So many values of one expression are shown.
const MOST_VALUES: usize = 3;

/// Two lenses for each environment.
pub(super) fn lenses(uri: &str, document: &Document) -> Option<Value> {
    let path = wire::path_of(uri)?;
    let apps = Apps::all(vec![candidate(&path, &document.text)?]);
    let app = apps.candidates[0].load(&mut Vec::new()).ok()??;
    let mut list = Vec::new();
    for environment in app.environments() {
        let own = app.spec.environments.iter().find(|layer| *layer.key.name == *environment).map(|layer| layer.key.at);
        let at = own.or_else(|| Some(app.spec.root.as_map()?.entry("name")?.0.at))?;
        let range = document.range(&(at.start as usize..at.end as usize));
        let selection = Selection { environments: vec![environment.clone()], ..selection_of(&path) };
        let (mut owned, mut found) = (Vec::new(), Diagnostics::default());
        let fresh = selection.compile(&apps.candidates[0], &app, true, &mut owned, &mut found);
        let [Fresh { compiled, .. }] = &fresh[..] else { continue };
        let pods: Vec<String> = compiled.app.replicas().into_iter().map(|replica| replica.pod).collect();
        let whose = if own.is_some() { String::new() } else { format!("{environment}: ") };
        let mut add = |title: String| {
            list.push(json!({"range": range, "command": {"title": format!("{whose}{title}"), "command": ""}}));
        };
        add(said_of(&pods));
        if let Some(said) = verdict(selection, &apps, &app, fresh, owned) {
            add(said);
        }
    }
    Some(Value::Array(list))
}

fn selection_of(path: &Path) -> Selection {
    Selection { paths: vec![path.to_owned()], ..Selection::default() }
}

fn said_of(pods: &[String]) -> String {
    match pods {
        [] => "no pods".to_owned(),
        [one] => format!("1 pod: {one}"),
        [first, .., last] => format!("{} pods: {first} to {last}", pods.len()),
    }
}

/// What the text would do to what is committed; nothing where that cannot be told.
fn verdict(
    selection: Selection,
    apps: &Apps,
    app: &Loaded,
    fresh: Vec<Fresh>,
    mut owned: Vec<crate::cli::left_over::Place>,
) -> Option<String> {
    let committed = Committed::new(Some(HEAD), &selection, apps).ok()?;
    let claims = Claims::new(&apps.candidates, &apps.records, None);
    let diff = Diff { selection, against: Some(HEAD.to_owned()), ..Diff::default() };
    let (reviews, unreadable) = diff.review(app, fresh, &committed, &claims, &mut owned).ok()?;
    if !unreadable.is_empty() {
        return None;
    }
    let worst = reviews.iter().filter(|review| !review.is_empty()).map(|review| review.judgement.verdict).max();
    Some(
        worst.map_or_else(|| format!("as committed at {HEAD}"), |verdict| format!("{} against {HEAD}", verdict.word())),
    )
}

/// First byte of an expression, and one past its last.
type Stretch = (u32, u32);

/// An environment, and what an expression comes to in it: for each ordinal it may be another.
type Values = (String, Vec<String>);

/// What the expressions on the lines asked about come to.
pub(super) fn hints(uri: &str, document: &Document, parameters: &Value) -> Option<Value> {
    let path = wire::path_of(uri)?;
    let line = |end: &str| parameters["range"][end]["line"].as_u64();
    let (first, last) = (line("start")?, line("end")?);
    let app = candidate(&path, &document.text)?.load(&mut Vec::new()).ok()??;
    let spec = app.spec.root.at.source;
    let mut places = Vec::new();
    let layers = app.spec.environments.iter().map(|layer| &layer.node);
    std::iter::once(&app.spec.root).chain(layers).for_each(|tree| expressions(tree, spec, &mut places));
    places.sort_unstable();
    places.dedup();
    let mut values: BTreeMap<Stretch, Vec<Values>> = BTreeMap::new();
    for environment in app.environments() {
        let Some(compiled) = app.compile(&environment, None, &mut Diagnostics::default()) else { continue };
        let known = Known::of(compiled.bundle.resources.iter().map(|resource| &resource.node));
        let mut seen = BTreeMap::new();
        for resource in &compiled.bundle.resources {
            collect(&resource.node, spec, &places, &mut seen);
        }
        for (place, texts) in seen {
            let shown: Vec<String> = texts.iter().map(|text| known.hide(text)).collect();
            values.entry(place).or_default().push((environment.clone(), shown));
        }
    }
    let hints = values.iter().filter_map(|((_, end), of)| {
        let position = document.position(*end as usize);
        let is_asked = position["line"].as_u64().is_some_and(|line| (first..=last).contains(&line));
        is_asked.then(|| json!({"position": position, "label": format!("= {}", told(of)), "paddingLeft": true}))
    });
    Some(hints.collect())
}

/// The values of one expression: one, if it is the same in all environments; else each with whose it is.
fn told(values: &[Values]) -> String {
    let several = |texts: &[String]| {
        let shown: Vec<String> = texts.iter().take(MOST_VALUES).map(|text| short(text)).collect();
        let more = if texts.len() > MOST_VALUES { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    match values {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => several(first),
        _ => {
            let each: Vec<String> = values
                .iter()
                .take(MOST_VALUES)
                .map(|(environment, texts)| format!("{environment}: {}", several(texts)))
                .collect();
            let more = if values.len() > MOST_VALUES { "; …" } else { "" };
            format!("{}{more}", each.join("; "))
        }
    }
}

fn short(text: &str) -> String {
    let line = printable::line(text.lines().next().unwrap_or_default());
    let cut: String = line.chars().take(WIDEST).collect();
    if cut.len() < line.len() || text.lines().nth(1).is_some() { cut + "…" } else { cut }
}

/// Where the expressions of a tree stand.
fn expressions(node: &Node, spec: SourceId, places: &mut Vec<Stretch>) {
    match &node.data {
        Data::Map(map) => map.iter().for_each(|(_, value)| expressions(value, spec, places)),
        Data::List(items) => items.iter().for_each(|item| expressions(item, spec, places)),
        Data::Text(text) if node.at.source == spec && text.contains("{{") => places.push((node.at.start, node.at.end)),
        _ => {}
    }
}

/// What stands in manifests because of them, each value once.
fn collect(node: &Node, spec: SourceId, places: &[Stretch], seen: &mut BTreeMap<Stretch, Vec<String>>) {
    let text = match &node.data {
        Data::Map(map) => return map.iter().for_each(|(_, value)| collect(value, spec, places, seen)),
        Data::List(items) => return items.iter().for_each(|item| collect(item, spec, places, seen)),
        Data::Text(text) => text.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::Null => return,
    };
    let place = (node.at.start, node.at.end);
    if node.at.source == spec && places.binary_search(&place).is_ok() {
        let texts = seen.entry(place).or_default();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_a_few_words() {
        let of = |environment: &str, texts: &[&str]| {
            (environment.to_owned(), texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(told(&[of("dev", &["a"]), of("prod", &["a"])]), "a");
        assert_eq!(told(&[of("dev", &["a"]), of("prod", &["b"])]), "dev: a; prod: b");
        assert_eq!(told(&[of("dev", &["0", "1", "2", "3"])]), "0, 1, 2, …");
        assert_eq!(short("one\ntwo"), "one…");
        assert_eq!(said_of(&["a-0".into(), "a-1".into()]), "2 pods: a-0 to a-1");
    }
}
