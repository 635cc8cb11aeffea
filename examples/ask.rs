use serde_json::{Value, json};
use statewright::cluster::admission::{self, Answer, Stage};
use statewright::cluster::apply::apply;
use statewright::diagnostic::{Diagnostics, Refusal};
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright::value::Node;
use statewright::yaml::{Part, parts, read_part};
use std::io::BufRead;
fn manifest(text: &str) -> Option<(Node, Vec<Refusal>)> {
    let mut sources = Sources::default();
    let id = sources.add("manifest.yaml", text);
    let part = parts(text).first().copied().unwrap_or(Part { start: 0, end: text.len() });
    let mut found = Diagnostics::default();
    let node = read_part(id, text, part, &mut found)?.filter(|node| node.as_map().is_some())?;
    let duplicates = found.iter().filter_map(|diagnostic| diagnostic.refusal.clone()).collect();
    Some((node, duplicates))
}
fn put(node: &mut Node, path: &[&str], value: Node) {
    let at = node.at;
    let Some((last, rest)) = path.split_last() else { return };
    let mut node = node;
    for step in rest {
        if node.get(step).is_none() {
            node.as_map_mut().unwrap().put(*step, Node::map(Default::default(), at));
        }
        node = node.get_mut(step).unwrap();
    }
    node.as_map_mut().unwrap().put(*last, value);
}
fn main() {
    let version: Version = std::env::args().nth(1).unwrap_or("1.36".into()).parse().unwrap();
    let mut nanos = 0u128;
    let mut n = 0u128;
    for line in std::io::stdin().lock().lines() {
        let q: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let new = q["new"].as_str().unwrap();
        let mut unchanged = false;
        let answer = match q["old"].as_str() {
            None => manifest(new).map(|(node, dup)| {
                let start = std::time::Instant::now();
                let answer = admission::create(&node, version);
                if answer.stage.is_none() {
                    nanos += start.elapsed().as_nanos();
                    n += 1;
                }
                admission::with_duplicates(answer, dup)
            }),
            Some(old) => (|| {
                let (new, dup) = manifest(new)?;
                let (old, _) = manifest(old)?;
                let Some(mut stored) = admission::create(&old, version).object else {
                    return Some(Answer::stopped(Stage::Request, "old".into()));
                };
                let at = stored.at;
                put(&mut stored, &["metadata", "uid"], Node::text("00000000-0000-0000-0000-0000000000a0", at));
                put(&mut stored, &["metadata", "creationTimestamp"], Node::text("2026-01-01T00:00:00Z", at));
                put(&mut stored, &["metadata", "resourceVersion"], Node::text("1001", at));
                if !dup.is_empty() {
                    return Some(Answer::refused(Stage::StrictDecode, dup));
                }
                let applied = apply(&old, &stored, &new, version);
                unchanged = applied.unchanged;
                Some(applied.answer)
            })(),
        };
        let out = match answer {
            None => json!({"id": q["id"], "verdict": "rejected", "stage": "parse", "errors": [], "warnings": []}),
            Some(a) => {
                json!({"id": q["id"], "verdict": if a.stage.is_none() {"accepted"} else {"rejected"}, "stage": a.stage.map(Stage::word), "unchanged": unchanged,
                "errors": a.refusals.iter().map(|r| json!({"field": r.field, "type": r.kind, "detail": r.detail})).collect::<Vec<_>>(), "warnings": a.warnings})
            }
        };
        println!("{out}");
    }
    if n > 0 {
        eprintln!("{} ns per accepted create of {n}", nanos / n);
    }
}
