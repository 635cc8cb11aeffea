//! Kinds that somebody described by a JSON Schema, as other validators are given them. They say what a value must be,
//! and no more: no defaults, no rules, nothing of metadata. A full engine judges by them, without its network.

use super::{Fault, Judgement, Unjudged};
use crate::api::admission::Stage;
use crate::json::from_node;
use crate::value::Node;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

/// Where schemas are kept.
pub trait SchemaStore: Debug + Send + Sync {
    /// The text of the schema of a kind, if it is there.
    fn schema(&self, group: &str, version: &str, kind: &str) -> Option<String>;
}

/// The schemas of a store. Each is read when the first object of its kind is judged.
#[derive(Debug)]
pub struct Schemas {
    store: Box<dyn SchemaStore>,
    made: Mutex<Made>,
}

/// What was found for each apiVersion and kind.
type Made = BTreeMap<(String, String), Option<Arc<Described>>>;

/// A kind, as a schema describes it.
#[derive(Debug)]
pub struct Described {
    /// The engine; or why there is none.
    validator: Result<Validator, String>,
}

/// So many faults of one object are told.
const MOST_FAULTS: usize = 100;

impl Schemas {
    /// Those of a store.
    #[must_use]
    pub fn new(store: Box<dyn SchemaStore>) -> Self {
        Self { store, made: Mutex::default() }
    }

    /// What describes a kind, if something does.
    #[must_use]
    pub fn find(&self, api_version: &str, kind: &str) -> Option<Arc<Described>> {
        let (group, version) = api_version.split_once('/')?;
        let key = (api_version.to_owned(), kind.to_owned());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key)
            .or_insert_with(|| {
                self.store.schema(group, version, kind).map(|text| Arc::new(Described { validator: read(&text) }))
            })
            .clone()
    }
}

fn read(text: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let options = jsonschema::options().should_validate_formats(true).with_pattern_options(PatternOptions::regex());
    options.build(&schema).map_err(|error| error.to_string())
}

impl Described {
    /// What is wrong with an object.
    #[must_use]
    pub fn judge(&self, node: &Node) -> Judgement {
        let validator = match &self.validator {
            Ok(validator) => validator,
            Err(why) => {
                let unjudged = [Unjudged::Schema(why.clone())].into_iter().collect();
                return Judgement { object: Some(node.clone()), unjudged, ..Judgement::default() };
            }
        };
        let value = from_node(node);
        let faults: Vec<Fault> =
            validator.iter_errors(&value).flat_map(|error| faults(node, &error)).take(MOST_FAULTS).collect();
        if faults.is_empty() {
            return Judgement { object: Some(node.clone()), ..Judgement::default() };
        }
        Judgement { stage: Some(Stage::Validate), faults, by_schema: true, ..Judgement::default() }
    }
}

/// An error of the engine as a fault.
fn faults(node: &Node, error: &ValidationError<'_>) -> Vec<Fault> {
    let path = path_of(error);
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let fault =
        |path: String, kind: &'static str, message: String| Fault { at: node.place_of(&path), path, kind, message };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let unknown =
                |name: &String| fault(child(name), "UnknownField", format!("unknown field \"{}\"", child(name)));
            unexpected.iter().map(unknown).collect()
        }
        ValidationErrorKind::Required { property } => {
            vec![fault(child(property.as_str().unwrap_or_default()), "FieldValueRequired", String::new())]
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
            vec![fault(path.clone(), "FieldValueNotSupported", format!("supported values: {}", known.join(", ")))]
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
            };
            vec![fault(path.clone(), "FieldValueTypeInvalid", format!("it must be of type {wanted}"))]
        }
        _ => vec![fault(path.clone(), "FieldValueInvalid", error.to_string())],
    }
}

/// `spec.servers[0].port`
fn path_of(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Index(index) => _ = write!(path, "[{index}]"),
            LocationSegment::Property(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
        }
    }
    path
}
