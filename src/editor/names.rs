//! The names that a spec gives, and where it speaks of them: apps, environments, ports, storage items. Works on a tree
//! with its text, because half of the mentions stand within expressions.

use crate::value::{Data, Key, Node};
use std::ops::Range;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// An app.
    App,
    /// One of its environments.
    Environment,
    /// A container port.
    Port,
    /// A storage item.
    Storage,
}

/// A name at a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// What it names.
    pub what: What,
    /// The name.
    pub name: String,
    /// Where it stands, without quotes.
    pub bytes: Range<usize>,
    /// Whether the name is given here, not only used.
    pub defines: bool,
}

/// All names in a spec or a workspace, in the order of the text.
#[must_use]
pub(crate) fn mentions(root: &Node, text: &str) -> Vec<Mention> {
    let mut seen = Seen { text, list: Vec::new() };
    if root.get("kind").and_then(Node::as_str) == Some("App") {
        seen.value(root.get("name"), What::App, true);
    }
    seen.layer(root);
    for (key, environment) in root.get("environments").into_iter().flat_map(Node::entries) {
        seen.key(key, What::Environment);
        seen.value(environment.get("base"), What::Environment, false);
        seen.layer(environment);
    }
    seen.expressions(root);
    // An alias shows one place of the text several times.
    seen.list.sort_by_key(|mention| (mention.bytes.start, mention.what));
    seen.list.dedup();
    seen.list
}

/// The mention that a place is in.
#[must_use]
pub(crate) fn at(mentions: &[Mention], offset: usize) -> Option<&Mention> {
    mentions.iter().find(|mention| (mention.bytes.start..=mention.bytes.end).contains(&offset))
}

struct Seen<'t> {
    text: &'t str,
    list: Vec<Mention>,
}

impl Seen<'_> {
    /// What an app, or an environment of it, says.
    fn layer(&mut self, layer: &Node) {
        self.container(layer);
        for list in ["containers", "init"] {
            layer.get(list).into_iter().flat_map(Node::entries).for_each(|(_, container)| self.container(container));
        }
        self.keys(layer.get("storage"), What::Storage, true);
        for (_, service) in layer.get("services").into_iter().flat_map(Node::entries) {
            self.service(service);
        }
    }

    fn container(&mut self, container: &Node) {
        self.keys(container.get("ports"), What::Port, true);
        self.keys(container.get("mounts"), What::Storage, false);
        for (_, probe) in container.get("probes").into_iter().flat_map(Node::entries) {
            for field in ["port", "tcp", "grpc"] {
                self.value(probe.get(field), What::Port, false);
            }
        }
    }

    /// A Service: a map of ports, or one that has such a map beside other fields.
    fn service(&mut self, service: &Node) {
        let is_port = |node: &Node| match &node.data {
            Data::Int(_) => true,
            Data::Map(map) => map.has("port"),
            Data::Text(text) => text.contains("{{"),
            _ => false,
        };
        let is_short = service.entries().all(|(_, value)| is_port(value));
        let ports = if is_short { Some(service) } else { service.get("ports") };
        for (key, port) in ports.into_iter().flat_map(Node::entries) {
            match port.get("targetPort") {
                // Then the key is a name of the Service's own.
                Some(target) => self.value(Some(target), What::Port, false),
                None => self.name(&key.name, key.at.start, key.at.end, What::Port, false),
            }
        }
    }

    fn keys(&mut self, map: Option<&Node>, what: What, defines: bool) {
        for (key, _) in map.into_iter().flat_map(Node::entries) {
            self.name(&key.name, key.at.start, key.at.end, what, defines);
        }
    }

    fn key(&mut self, key: &Key, what: What) {
        self.name(&key.name, key.at.start, key.at.end, what, true);
    }

    fn value(&mut self, node: Option<&Node>, what: What, defines: bool) {
        if let Some((name, at)) = node.and_then(|node| Some((node.as_str()?, node.at)))
            && !name.contains("{{")
        {
            self.name(name, at.start, at.end, what, defines);
        }
    }

    /// Notes a name, if the text has it there as it is.
    fn name(&mut self, name: &str, start: u32, end: u32, what: What, defines: bool) {
        let Some(written) = self.text.get(start as usize..end as usize) else { return };
        let Some(within) = written.find(name).filter(|_| !name.is_empty()) else { return };
        let start = start as usize + within;
        self.list.push(Mention { what, name: name.to_owned(), bytes: start..start + name.len(), defines });
    }

    fn expressions(&mut self, node: &Node) {
        match &node.data {
            Data::Map(map) => map.iter().for_each(|(_, value)| self.expressions(value)),
            Data::List(items) => items.iter().for_each(|item| self.expressions(item)),
            Data::Text(text) if text.contains("{{") => {
                let (start, end) = (node.at.start as usize, node.at.end as usize);
                let Some(written) = self.text.get(start..end) else { return };
                let mut from = 0;
                while let Some(open) = written[from..].find("{{").map(|open| from + open + 2) {
                    let close = written[open..].find("}}").map_or(written.len(), |close| open + close);
                    self.expression(&written[open..close], start + open);
                    from = close;
                }
            }
            _ => {}
        }
    }

    /// The names among the quoted words of an expression.
    fn expression(&mut self, source: &str, start: usize) {
        let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let is_quote = |letter: char| matches!(letter, '\'' | '"');
        let mut from = 0;
        while let Some(begin) = source[from..].find(is_of_word).map(|begin| from + begin) {
            let end = source[begin..].find(|letter| !is_of_word(letter)).map_or(source.len(), |end| begin + end);
            from = end;
            if !source[..begin].ends_with(is_quote) || !source[end..].trim_start_matches('\\').starts_with(is_quote) {
                continue;
            }
            // A quote may be doubled or escaped, as the text around it wants it.
            let quotes = |letter: char| is_quote(letter) || letter == '\\';
            let before = source[..begin].trim_end_matches(quotes).trim_end();
            let after = source[end..].trim_start_matches(quotes).trim_start();
            if let Some(what) = spoken_of(before, after) {
                let name = source[begin..end].to_owned();
                self.list.push(Mention { what, name, bytes: start + begin..start + end, defines: false });
            }
        }
    }
}

/// What a quoted word names, by what stands around it.
fn spoken_of(before: &str, after: &str) -> Option<What> {
    let calls = |function: &str| before.strip_suffix('(').is_some_and(|before| ends_with_word(before, function));
    let compared = |name: &str| {
        let is_before = ["==", "!="]
            .iter()
            .any(|sign| before.strip_suffix(sign).is_some_and(|before| ends_with_word(before.trim_end(), name)));
        let follows = |rest: &str| rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_of_name));
        is_before || ["==", "!="].iter().any(|sign| after.strip_prefix(sign).map(str::trim_start).is_some_and(follows))
    };
    let among = |name: &str| {
        let list = before.rsplit_once('[').filter(|(_, items)| !items.contains(']'));
        let asked = list.and_then(|(before, _)| before.trim_end().strip_suffix("in"));
        asked.is_some_and(|before| {
            let before = before.trim_end();
            ends_with_word(before.strip_suffix("not").unwrap_or(before).trim_end(), name)
        })
    };
    if calls("srv") {
        Some(What::Port)
    } else if calls("app") {
        Some(What::App)
    } else if compared("env") || among("env") {
        Some(What::Environment)
    } else if compared("item") || among("item") {
        Some(What::Storage)
    } else {
        None
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Whether a text ends with a name that is no part of a longer one, nor somebody's field.
fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|rest| !rest.ends_with(|letter| is_of_name(letter) || letter == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    const SPEC: &str = r#"apiVersion: statewright/v1
kind: App
name: "web"
image: example.com/web:1.0
ports: {http: 8080, 'admin': 9090}
probes: {ready: {http: /, port: admin}, live: {tcp: http}}
services:
  public: {http: 80}
  other: {type: NodePort, ports: {http: 80, x: {port: 81, targetPort: admin}}}
storage: {data: {mount: /d, size: 1Gi}}
containers: {side: {image: "x:1", mounts: {data: /d}, ports: {side: 1}}}
env:
  A: "{{ srv('http') }} and {{ app('web').fqdn() }}"
  B: '{{ 1 if env == ''dev'' else 2 }}'
  C: "{{ 1 if env in ['dev', \"prod\"] else 2 }} dev"
  D: "{{ vars.env == 'dev' }}{{ 'prod' != env }}"
environments:
  dev: {}
  prod: {base: dev, storage: {data: {size: 2Gi}}, ports: {http: 81}}
"#;

    #[test]
    fn names_are_found_wherever_they_are_mentioned() {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("statewright.yaml", SPEC);
        let root = crate::yaml::read_one(&sources, id, &mut found).unwrap();
        let mentions = mentions(&root, SPEC);
        for mention in &mentions {
            assert_eq!(&SPEC[mention.bytes.clone()], mention.name);
        }
        let count = |what: What, name: &str| {
            let named: Vec<&Mention> =
                mentions.iter().filter(|mention| mention.what == what && mention.name == name).collect();
            (named.len(), named.iter().filter(|mention| mention.defines).count())
        };
        assert_eq!(count(What::Port, "http"), (6, 2), "{mentions:?}");
        assert_eq!(count(What::Port, "admin"), (3, 1));
        assert_eq!((count(What::Port, "x"), count(What::Port, "side")), ((0, 0), (1, 1)));
        assert_eq!(count(What::Storage, "data"), (3, 2));
        assert_eq!((count(What::App, "web"), count(What::Environment, "prod")), ((2, 1), (3, 1)));
        assert_eq!(count(What::Environment, "dev"), (4, 1), "{mentions:?}");
        let offset = SPEC.find("srv('ht").unwrap() + 6;
        assert_eq!(at(&mentions, offset).unwrap().what, What::Port);
    }
}
