//! The JSON Schema of the spec, made of the same declarations that read it: what an editor offers is what the compiler
//! takes.

use super::app::App;
use super::workspace::Workspace;
use crate::block::{Block, Shape};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a Kubernetes definition may hold, as JSON Schema; given by the caller, who knows the shapes.
pub(crate) type KubernetesSchema<'k> = &'k dyn Fn(&str) -> Vec<(String, Value)>;

/// The schema of `statewright.yaml`.
#[must_use]
pub(crate) fn app(kubernetes: KubernetesSchema<'_>) -> Value {
    document("Statewright app", &App::BLOCK, kubernetes)
}

/// The schema of `statewright-workspace.yaml`.
#[must_use]
pub(crate) fn workspace(kubernetes: KubernetesSchema<'_>) -> Value {
    document("Statewright workspace", &Workspace::BLOCK, kubernetes)
}

fn document(title: &str, block: &'static Block, kubernetes: KubernetesSchema<'_>) -> Value {
    let mut writer = Writer { definitions: BTreeMap::new(), kubernetes };
    let root = writer.block(block);
    let definitions: Map<String, Value> = writer.definitions.into_iter().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": root,
        "$defs": definitions,
    })
}

struct Writer<'k> {
    definitions: BTreeMap<String, Value>,
    kubernetes: KubernetesSchema<'k>,
}

impl Writer<'_> {
    /// Writes a block's definition unless it is there, and gives the reference to it.
    fn block(&mut self, block: &'static Block) -> String {
        let name = block
            .noun
            .trim_start_matches("a ")
            .trim_start_matches("an ")
            .trim_start_matches("the ")
            .replace('`', "")
            .replace(' ', "-");
        let reference = format!("#/$defs/{name}");
        if self.definitions.contains_key(&name) {
            return reference;
        }
        self.definitions.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for field in block.all_fields() {
            let mut schema = self.shape((field.shape)());
            let words: Vec<&str> = field.words().collect();
            if !words.is_empty() {
                // Kubernetes may learn others: these are offered, and what else may stand here still may.
                schema = json!({"anyOf": [{"enum": words}, schema]});
            }
            if let Some(map) = schema.as_object_mut() {
                map.insert("description".into(), Value::String(field.text()));
                let examples: Vec<Value> = field.examples().filter_map(example).collect();
                if !examples.is_empty() {
                    map.insert("examples".into(), Value::Array(examples));
                }
            }
            properties.insert(field.name.into(), schema);
        }
        for (field, schema) in block.definition().map(self.kubernetes).unwrap_or_default() {
            properties.entry(field).or_insert(schema);
        }
        let mut schema = Map::new();
        schema.insert("type".into(), "object".into());
        let doc: Vec<&str> = block.doc.lines().map(str::trim).collect();
        schema.insert("description".into(), doc.join(" ").trim().into());
        schema.insert("properties".into(), Value::Object(properties));
        if !block.needs.is_empty() {
            schema.insert("required".into(), json!(block.needs));
        }
        schema.insert("additionalProperties".into(), false.into());
        self.definitions.insert(name, Value::Object(schema));
        reference
    }

    fn shape(&mut self, shape: Shape) -> Value {
        // An expression may stand wherever a value does: it is text that begins with two braces.
        let or_expression =
            |kind: &str| json!({"anyOf": [{"type": [kind, "null"]}, {"type": "string", "pattern": "\\{\\{"}]});
        match shape {
            // An environment removes with `null`.
            Shape::Text => json!({"type": ["string", "null"]}),
            Shape::Scalar => json!({"type": ["string", "number", "boolean", "null"]}),
            Shape::Int => or_expression("integer"),
            Shape::Bool => or_expression("boolean"),
            Shape::Any => json!({}),
            Shape::Words(words) => {
                json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "\\{\\{"}, {"type": "null"}]})
            }
            Shape::List(inner) => {
                json!({"anyOf": [{"type": "array", "items": self.shape(inner())}, {"type": "string", "pattern": "\\{\\{"}, {"type": "null"}]})
            }
            Shape::Map(inner) => {
                json!({"type": ["object", "null"], "additionalProperties": {"anyOf": [self.shape(inner()), {"type": "null"}]}})
            }
            Shape::Block(block) => json!({"anyOf": [{"$ref": self.block(block)}, {"type": "null"}]}),
            Shape::Kubernetes(definition) => {
                let properties: Map<String, Value> = (self.kubernetes)(definition).into_iter().collect();
                json!({"type": ["object", "null"], "properties": properties, "additionalProperties": properties.is_empty()})
            }
            Shape::Either(shapes) | Shape::Told(shapes, _) => {
                let any: Vec<Value> = shapes.iter().map(|shape| self.shape(shape())).collect();
                json!({"anyOf": any})
            }
        }
    }
}

/// An example as JSON; examples are written in YAML's flow style.
fn example(text: &str) -> Option<Value> {
    let mut sources = crate::source::Sources::default();
    let id = sources.add("example", text);
    let mut found = crate::diagnostic::Diagnostics::default();
    let node = crate::yaml::read_one(&sources, id, &mut found)?;
    let mut out = String::new();
    crate::yaml::write_json(&node, &mut out);
    serde_json::from_str(&out).ok()
}
