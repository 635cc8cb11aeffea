//! Stage 1, parse: what the user wrote. Knows what may stand in a spec, and nothing of what it means: no defaults, no
//! manifests.

pub(crate) mod app;
pub(crate) mod container;
pub(crate) mod files;
pub(crate) mod network;
pub(crate) mod schema;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod storage;
pub mod workspace;

use crate::block::{self, Block, KubernetesFields, Shape, unknown_fields};
use crate::budget::{BASES, ENVIRONMENTS};
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::source::At;
use crate::value::{Key, Map, Node, Text};
use app::Environment;
use std::collections::BTreeMap;

/// Not a Statewright spec.
static HEADER: Code =
    Code { id: "SW0100", name: "not-a-spec", level: Level::Error, page: include_str!("pages/not-a-spec.md") };
/// Environments that start from each other.
static CYCLE: Code =
    Code { id: "SW0105", name: "base-cycle", level: Level::Error, page: include_str!("pages/base-cycle.md") };
/// An environment that nobody declared.
static ENVIRONMENT: Code = Code {
    id: "SW0106",
    name: "unknown-environment",
    level: Level::Error,
    page: include_str!("pages/unknown-environment.md"),
};

/// More environments than one app may have.
static TOO_MANY: Code = Code {
    id: "SW0124",
    name: "too-many-environments",
    level: Level::Error,
    page: include_str!("pages/too-many-environments.md"),
};
/// An environment that starts from too many others.
static TOO_DEEP: Code =
    Code { id: "SW0125", name: "too-many-bases", level: Level::Error, page: include_str!("pages/too-many-bases.md") };

/// The codes of this module and of the blocks.
pub static CODES: &[&Code] = &[
    &HEADER,
    &block::UNKNOWN,
    &block::TYPE,
    &block::MISSING,
    &block::CHOICE,
    &CYCLE,
    &ENVIRONMENT,
    &TOO_MANY,
    &TOO_DEEP,
];

/// The environment of a spec that declares none.
pub const ONLY: &str = "default";

/// A spec: the app as written, and what each environment changes.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The app's name, as written.
    pub name: Text,
    /// The app without its environments.
    pub root: Node,
    /// The environments, in the user's order.
    pub environments: Vec<Layer>,
}

/// What one environment changes.
#[derive(Clone, Debug)]
pub struct Layer {
    /// `prod`, where it is written.
    pub key: Key,
    /// What it changes; a map.
    pub node: Node,
}

/// Checks what can be said of a spec in all its environments, and takes it apart into layers.
pub fn parse(root: &Node, kubernetes: KubernetesFields<'_>, found: &mut Diagnostics) -> Option<Spec> {
    header(root, "App", "init", found)?;
    unknown_fields(root, Shape::Block(&app::App::BLOCK), kubernetes, found);
    let mut map = root.as_map()?.clone();
    let environments = map.remove("environments").map(layers).unwrap_or_default();
    if let Some(layer) = environments.get(ENVIRONMENTS) {
        TOO_MANY
            .report(format!("this app has {} environments; the limit is {ENVIRONMENTS}", environments.len()))
            .help("split the app: each spec may have that many")
            .at(layer.key.at, found);
        return None;
    }
    let spec = Spec {
        name: root.get("name").and_then(Node::as_str).unwrap_or_default().into(),
        root: Node::map(map, root.at),
        environments,
    };
    let by_name = spec.by_name();
    let mut too_deep: Vec<&Layer> = Vec::new();
    for layer in &spec.environments {
        let before = found.len();
        if spec.chain(layer, &by_name, found).is_none() && found.len() == before {
            too_deep.push(layer);
        }
    }
    if let Some(first) = too_deep.first() {
        let others = match too_deep.len() - 1 {
            0 => String::new(),
            count => format!(", and so do {count} more"),
        };
        TOO_DEEP
            .report(format!(
                "`{}` starts from more than {BASES} environments, one from another{others}",
                first.key.name
            ))
            .help("let it start from one that is nearer to the app")
            .at(first.key.at, found);
    }
    Some(spec)
}

/// Checks the first lines of a spec or workspace.
pub(crate) fn header(root: &Node, kind: &str, command: &str, found: &mut Diagnostics) -> Option<()> {
    if root.as_map().is_none() {
        HEADER
            .report(format!("this is {}; a spec is a map that begins with `apiVersion: statewright/v1`", root.noun()))
            .help(format!("run `statewright {command}` for one to start from"))
            .at(root.at, found);
        return None;
    }
    for (key, wanted) in [("apiVersion", "statewright/v1"), ("kind", kind)] {
        let value = root.get(key);
        if value.and_then(Node::as_str) != Some(wanted) {
            let message = value.and_then(Node::as_str).map_or_else(
                || format!("a spec says `{key}: {wanted}`; this file does not"),
                |text| format!("`{key}` is `{text}`; it must be `{wanted}`"),
            );
            HEADER
                .report(message)
                .help(format!("write `{key}: {wanted}`"))
                .at(value.map_or(first_line(root), |node| node.at), found);
            return None;
        }
    }
    Some(())
}

fn first_line(root: &Node) -> At {
    root.entries().next().map_or(root.at, |(key, _)| key.at)
}

fn layers(node: Node) -> Vec<Layer> {
    let crate::value::Data::Map(map) = node.data else { return Vec::new() };
    map.into_iter()
        .map(|(key, node)| Layer { node: if node.is_null() { Node::map(Map::new(), key.at) } else { node }, key })
        .collect()
}

impl Spec {
    /// Where it begins: for what is said of all of it. Its secrets are further down.
    #[must_use]
    pub fn at(&self) -> At {
        first_line(&self.root)
    }

    /// The names of the environments; one if none is declared.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let only = self.environments.is_empty().then_some(ONLY);
        self.environments.iter().map(|layer| &*layer.key.name).chain(only)
    }

    fn by_name(&self) -> BTreeMap<&str, &Layer> {
        self.environments.iter().rev().map(|layer| (&*layer.key.name, layer)).collect()
    }

    /// The environments that `layer` starts from, itself last. Reports a base that is not there and one that comes
    /// round.
    fn chain<'s>(
        &'s self,
        layer: &'s Layer,
        by_name: &BTreeMap<&'s str, &'s Layer>,
        found: &mut Diagnostics,
    ) -> Option<Vec<&'s Node>> {
        let mut chain: Vec<&Node> = Vec::new();
        let mut seen: Vec<&str> = vec![&layer.key.name];
        let mut node = &by_name.get(&*layer.key.name)?.node;
        loop {
            chain.push(node);
            let Some(base) = node.get("base") else { break };
            let Some(name) = base.as_str() else { break };
            let Some(next) = by_name.get(name) else {
                unknown_environment(name, &self.names().collect::<Vec<_>>(), base.at, found);
                return None;
            };
            if seen.contains(&name) {
                seen.push(name);
                CYCLE
                    .report(format!("environments start from each other: {}", seen.join(" → ")))
                    .help("let one of them start from nothing: remove its `base`")
                    .at(base.at, found);
                return None;
            }
            if seen.len() > BASES {
                return None;
            }
            seen.push(name);
            node = &next.node;
        }
        chain.reverse();
        Some(chain)
    }

    /// The cluster that an environment names, itself or by what it starts from, or else the app.
    #[must_use]
    pub fn cluster(&self, environment: &str) -> Option<&str> {
        let layer = self.environments.iter().find(|layer| layer.key.name == environment);
        let chain =
            layer.and_then(|layer| self.chain(layer, &self.by_name(), &mut Diagnostics::default())).unwrap_or_default();
        chain.into_iter().rev().chain([&self.root]).find_map(|node| node.get("cluster")?.as_str())
    }

    /// The app as one environment has it: what the workspace gives to that environment, then the app, then the
    /// environment's own changes, each over what was there before.
    pub fn layered(&self, environment: &str, shared: Option<&Node>, found: &mut Diagnostics) -> Option<Node> {
        let layer = self.environments.iter().find(|layer| layer.key.name == environment);
        let chain = match layer {
            Some(layer) => self.chain(layer, &self.by_name(), found)?,
            None => Vec::new(),
        };
        let mut merged = match shared {
            Some(shared) => {
                let mut merged = Node::map(shared.as_map()?.clone(), self.root.at);
                crate::merge::merge(&mut merged, &self.root, Shape::Block(&app::App::BLOCK));
                merged
            }
            None => self.root.clone(),
        };
        for over in chain {
            crate::merge::merge(&mut merged, over, Shape::Block(&Environment::BLOCK));
        }
        if let Some(map) = merged.as_map_mut() {
            map.remove("base");
        }
        Some(merged)
    }
}

/// Says that no environment has that name.
pub fn unknown_environment(name: &str, known: &[&str], at: At, found: &mut Diagnostics) {
    let near = nearest(name, known.iter().copied());
    let otherwise = || {
        if known.is_empty() {
            "declare it under `environments:`".to_owned()
        } else {
            format!("there are {}", listing(known.iter().copied(), 8))
        }
    };
    ENVIRONMENT.report(format!("there is no environment `{name}`")).meant(near, at, otherwise).at(at, found);
}

/// All blocks of a spec, from the app down.
#[must_use]
pub fn root() -> &'static Block {
    &app::App::BLOCK
}

/// Whether a text says of itself that it is a spec.
#[must_use]
pub fn is_spec(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("apiVersion: statewright/"))
}
