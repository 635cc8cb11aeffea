//! Names of replicas in the texts of a spec, as the expressions that say them: a DNS name of one, of all by their
//! Service, a list of peers. Only where an expression says exactly what is there.

use super::draft::Draft;
use crate::value::{Data, Map, Node, Text};
use std::collections::BTreeMap;

/// Who the replicas are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    peers: Vec<Peer>,
    /// `redis.shop.svc.cluster.local`
    service: String,
}

#[derive(Clone, Debug)]
struct Peer {
    ordinal: i64,
    name: String,
    host: String,
    fqdn: String,
}

/// A text that names replicas, or may.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// Where it is in the spec: keys, and numbers of items.
    path: Vec<Text>,
    /// As it was.
    original: Text,
    /// The list of peers that it is.
    list: Option<List>,
}

/// A list of peers in a text.
#[derive(Clone, Debug)]
struct List {
    before: String,
    format: String,
    joint: String,
    after: String,
}

impl List {
    /// The text of a spec.
    fn text(&self) -> String {
        let Self { before, format, joint, after } = self;
        format!("{before}{{{{ peers | format_each('{format}') | join('{joint}') }}}}{after}")
    }
}

/// In several environments, what is a list of peers in one is the same list in another, even of a single replica.
pub(super) fn agree(drafts: &mut [(Text, Draft)]) {
    let mut lists: BTreeMap<Vec<Text>, List> = BTreeMap::new();
    for said in drafts.iter().flat_map(|(_, draft)| &draft.said) {
        if let Some(list) = &said.list {
            lists.entry(said.path.clone()).or_insert_with(|| list.clone());
        }
    }
    if lists.is_empty() {
        return;
    }
    for (_, Draft { spec, said, names, .. }) in drafts {
        let Some(names) = names else { continue };
        for said in said.iter() {
            let Some(list) = lists.get(&said.path).filter(|list| names.filled(list) == said.original) else { continue };
            if let Some(node) = at_path(spec, &said.path) {
                node.data = Data::Text(list.text().into());
            }
        }
    }
}

fn at_path<'s>(spec: &'s mut Map, path: &[Text]) -> Option<&'s mut Node> {
    let (first, rest) = path.split_first()?;
    let mut node = spec.get_mut(first)?;
    for step in rest {
        node = match &mut node.data {
            Data::Map(map) => map.get_mut(step)?,
            Data::List(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(node)
}

/// So many replicas are looked for.
const MOST: i64 = 50;

/// Texts longer than this are programs.
const LONGEST: usize = 20_000;

impl Names {
    /// The names of a set's replicas; nothing where they have none.
    pub(super) fn new(app: &str, service: &str, namespace: &str, start: i64, replicas: i64) -> Option<Self> {
        if service.is_empty() {
            return None;
        }
        let service_name = format!("{service}.{namespace}.svc.cluster.local");
        let peer = |ordinal: i64| {
            let name = format!("{app}-{ordinal}");
            Peer { ordinal, host: format!("{name}.{service}"), fqdn: format!("{name}.{service_name}"), name }
        };
        let peers = (start..start.saturating_add(replicas.clamp(0, MOST))).map(peer).collect();
        Some(Self { peers, service: service_name })
    }

    /// Says the names in a value, and in what is in it, by expressions; writes down which texts it looked at.
    pub(super) fn say(&self, node: &mut Node, path: &mut Vec<Text>, looked_at: &mut Vec<Said>) {
        match &mut node.data {
            Data::Text(text) => {
                let list = self.list_in(text);
                let said = list.as_ref().map(List::text).or_else(|| self.single(text));
                if said.is_some() || self.peers.first().is_some_and(|peer| text.contains(&peer.name)) {
                    looked_at.push(Said { path: path.clone(), original: text.clone(), list });
                }
                if let Some(said) = said {
                    *text = said.into();
                }
            }
            Data::List(items) => {
                for (number, item) in items.iter_mut().enumerate() {
                    path.push(number.to_string().into());
                    self.say(item, path, looked_at);
                    path.pop();
                }
            }
            Data::Map(map) => {
                for (key, value) in map.iter_mut() {
                    path.push(key.name.clone());
                    self.say(value, path, looked_at);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// What a list of peers is here.
    fn filled(&self, list: &List) -> String {
        let parts: Vec<String> = self.peers.iter().map(|peer| fill(&list.format, peer)).collect();
        format!("{}{}{}", list.before, parts.join(&list.joint), list.after)
    }

    fn list_in(&self, text: &str) -> Option<List> {
        if text.len() > LONGEST || text.contains(['{', '}', '\'', '\\', '\n']) {
            return None;
        }
        [",", " ", ";"].iter().find_map(|joint| self.list(text, joint))
    }

    /// A list of all peers.
    fn list(&self, text: &str, joint: &str) -> Option<List> {
        let count = self.peers.len();
        let parts: Vec<&str> = text.split(joint).collect();
        if count < 2 || parts.len() != count {
            return None;
        }
        // What stands before the first and behind the last is known only where one is between them.
        let middle = usize::from(count > 2);
        formats(parts[middle], &self.peers[middle]).into_iter().find_map(|format| {
            let filled: Vec<String> = self.peers.iter().map(|peer| fill(&format, peer)).collect();
            let (first, last) = (parts[0], parts[count - 1]);
            let before = first.strip_suffix(&*filled[0])?.to_owned();
            let after = last.strip_prefix(&*filled[count - 1])?.to_owned();
            let inner = (1..count - 1).all(|index| parts[index] == filled[index]);
            (inner && (count > 2 || before.is_empty() && after.is_empty())).then(|| List {
                before,
                format,
                joint: joint.to_owned(),
                after,
            })
        })
    }

    /// Names that stand somewhere in a text.
    fn single(&self, text: &str) -> Option<String> {
        if text.len() > LONGEST || text.contains("{{") || text.contains("}}") {
            return None;
        }
        let mut said = text.to_owned();
        for peer in &self.peers {
            said = replaced(&said, &peer.fqdn, &format!("{{{{ fqdn({}) }}}}", peer.ordinal), false);
        }
        said = replaced(&said, &self.service, "{{ fqdn() }}", true);
        (said != text).then_some(said)
    }
}

/// How one peer may be said in a part of a list.
fn formats(part: &str, peer: &Peer) -> Vec<String> {
    let named = part.replace(&peer.fqdn, "{fqdn}").replace(&peer.host, "{host}").replace(&peer.name, "{name}");
    if named == part {
        return Vec::new();
    }
    let mut formats = vec![named.clone()];
    for (number, hole) in [(peer.ordinal, "{ordinal}"), (peer.ordinal + 1, "{ordinal + 1}")] {
        let number = number.to_string();
        for (position, _) in named.match_indices(&number) {
            let (before, after) = (&named[..position], &named[position + number.len()..]);
            let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
            if !is_digit(before.chars().next_back()) && !is_digit(after.chars().next()) {
                formats.push(format!("{before}{hole}{after}"));
            }
        }
    }
    formats
}

fn fill(format: &str, peer: &Peer) -> String {
    format
        .replace("{fqdn}", &peer.fqdn)
        .replace("{host}", &peer.host)
        .replace("{name}", &peer.name)
        .replace("{ordinal}", &peer.ordinal.to_string())
        .replace("{ordinal + 1}", &(peer.ordinal + 1).to_string())
}

/// A text in which a name stands as an expression, wherever it is a name by itself.
fn replaced(text: &str, name: &str, expression: &str, dot_before: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find(name) {
        let (before, after) = (&rest[..position], &rest[position + name.len()..]);
        let part_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        let joined =
            before.chars().next_back().is_some_and(|letter| part_of_name(letter) || letter == '.' && !dot_before)
                || after.chars().next().is_some_and(part_of_name);
        out.push_str(before);
        out.push_str(if joined { name } else { expression });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_expressions_that_say_them() {
        let names = Names::new("db", "db", "shop", 0, 3).unwrap();
        for (text, said) in [
            ("db-0.db,db-1.db,db-2.db", Some("{{ peers | format_each('{host}') | join(',') }}")),
            ("x://db-0.db:1,db-1.db:1,db-2.db:1/y", Some("x://{{ peers | format_each('{host}:1') | join(',') }}/y")),
            (
                "1@db-0.db.shop.svc.cluster.local 2@db-1.db.shop.svc.cluster.local 3@db-2.db.shop.svc.cluster.local",
                Some("{{ peers | format_each('{ordinal + 1}@{fqdn}') | join(' ') }}"),
            ),
            ("http://$(POD).db.shop.svc.cluster.local:1", Some("http://$(POD).{{ fqdn() }}:1")),
            ("db-1.db.shop.svc.cluster.local", Some("{{ fqdn(1) }}")),
            ("xdb-1.db.shop.svc.cluster.localhost", None),
            ("db-0.db,db-2.db,db-1.db", None),
            ("db-0.db,db-1.db", None),
            ("{{ x }} db.shop.svc.cluster.local", None),
            ("db", None),
        ] {
            let list = names.list_in(text);
            let now = list.as_ref().map(List::text).or_else(|| names.single(text));
            assert_eq!(now.as_deref(), said, "{text}");
            assert!(list.is_none_or(|list| names.filled(&list) == text));
        }
    }
}
