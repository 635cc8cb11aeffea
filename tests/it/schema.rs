//! Two opinions on types and field names must be one: the embedded shapes, and a JSON Schema engine over the schemas as
//! published.

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use serde_json::{Value, json};
use statewright::api::admission::Stage;
use statewright::api::admission::decode::{Door, decode};
use statewright::diagnostic::Diagnostics;
use statewright::json::from_node;
use statewright::k8s::shape::{Shape, shape_of};
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright::value::{Data, Key, Map, Node};
use statewright::yaml::{parts, read_part};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What is wrong with an object, as far as both can say it.
#[derive(Debug, PartialEq, Eq)]
enum Opinion {
    Fits,
    WrongType,
    Unknown(BTreeSet<String>),
}

#[test]
fn shapes_and_published_schemas_agree() {
    let manifests = manifests();
    assert!(manifests.len() > 100, "{}", manifests.len());
    let mut seed = 1;
    let mut judged = BTreeMap::new();
    for (version, definitions) in
        [(Version::minor(30), read_schemas("1.30.json")), (Version::minor(36), read_schemas("1.36.json"))]
    {
        let mut validators: BTreeMap<String, Validator> = BTreeMap::new();
        for manifest in &manifests {
            let (api_version, kind) = (text(manifest, "apiVersion"), text(manifest, "kind"));
            let Some(shape) = shape_of(api_version, kind, version) else { continue };
            if definitions["$defs"].get(format!("io.k8s.api.{}", shape.name())).is_none() {
                continue;
            }
            let validator = validators.entry(shape.name().to_owned()).or_insert_with(|| validator(&definitions, shape));
            for round in 0..12 {
                let mut object = manifest.clone();
                if round > 0 {
                    mutate(&mut object, &mut seed);
                }
                let (ours, theirs) = (by_shape(&object, shape), by_schema(&from_node(&object), validator));
                assert_eq!(ours, theirs, "Kubernetes {version}: {}", from_node(&object));
                *judged.entry(std::mem::discriminant(&ours) == std::mem::discriminant(&Opinion::Fits)).or_insert(0) +=
                    1;
            }
        }
    }
    assert!(judged.values().all(|count| *count > 500), "both sides must be tried: {judged:?}");
}

/// The recorded manifests that a server could decode.
fn manifests() -> Vec<Node> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/creates.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let cases = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let decoded = cases.filter(|case| matches!(case["stage"].as_str(), None | Some("validate" | "strict-decode")));
    decoded.filter_map(|case| read(case["new"].as_str().unwrap_or_default())).collect()
}

fn read(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let id = sources.add("manifest.yaml", text);
    read_part(id, text, *parts(text).first()?, &mut Diagnostics::default())?
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn read_schemas(name: &str) -> Value {
    let path = format!("{}/tests/schemas/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(definitions: &Value, shape: Shape) -> Validator {
    let mut schema = definitions.clone();
    schema["$ref"] = json!(format!("#/$defs/io.k8s.api.{}", shape.name()));
    // Published as "either text or a number" with null in both, which no null fits.
    schema["$defs"]["io.k8s.apimachinery.pkg.api.resource.Quantity"] = json!({"type": ["string", "number", "null"]});
    schema["$defs"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = json!({"type": ["string", "integer", "null"]});
    jsonschema::options().build(&schema).unwrap()
}

fn by_shape(object: &Node, shape: Shape) -> Opinion {
    match decode(object, shape, Door::Body) {
        Ok(_) => Opinion::Fits,
        Err(misfit) if misfit.stage == Stage::StrictDecode => {
            Opinion::Unknown(misfit.refusals.into_iter().map(|refusal| refusal.field).collect())
        }
        Err(_) => Opinion::WrongType,
    }
}

fn by_schema(object: &Value, validator: &Validator) -> Opinion {
    let mut unknown = BTreeSet::new();
    for error in validator.iter_errors(object) {
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let mut path = String::new();
                for segment in error.instance_path() {
                    match segment {
                        LocationSegment::Index(index) => _ = write!(path, "[{index}]"),
                        LocationSegment::Property(name) => _ = write!(path, ".{name}"),
                    }
                }
                unknown
                    .extend(unexpected.iter().map(|name| format!("{path}.{name}").trim_start_matches('.').to_owned()));
            }
            // What is missing is filled in, nulls too; apiVersion and kind were read before.
            ValidationErrorKind::Required { .. } | ValidationErrorKind::Enum { .. } => {}
            ValidationErrorKind::Type { .. } if error.instance().is_null() => {}
            ValidationErrorKind::Type { .. } => return Opinion::WrongType,
            kind => panic!("{kind:?}"),
        }
    }
    if unknown.is_empty() { Opinion::Fits } else { Opinion::Unknown(unknown) }
}

/// Changes one value, drawn by seed, to something that both can judge: schemas know nothing of ranges, units and dates.
fn mutate(object: &mut Node, seed: &mut u64) {
    let mut draw = |most: usize| {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        usize::try_from(*seed % most as u64).unwrap()
    };
    let at = object.at;
    let mut node = object;
    let mut steps = 1 + draw(9);
    loop {
        let size = match &node.data {
            Data::Map(map) => map.len(),
            Data::List(items) => items.len(),
            _ => 0,
        };
        if size == 0 || steps == 0 {
            break;
        }
        steps -= 1;
        let chosen = draw(size);
        node = match &mut node.data {
            Data::Map(map) => map.iter_mut().nth(chosen).map(|(_, value)| value).unwrap(),
            Data::List(items) => &mut items[chosen],
            _ => unreachable!("it has a size"),
        };
    }
    let value = match draw(8) {
        0 => Data::Bool(true),
        1 => Data::Int(7),
        2 => Data::Float(1.5),
        3 => Data::Null,
        4 => Data::Text("1234".into()),
        5 => Data::List(vec![Node::text("1234", at)]),
        6 => Data::Map(Map::from_iter([(Key { name: "name".into(), at }, Node::text("1234", at))])),
        _ => Data::Map(Map::new()),
    };
    if let (Data::Map(map), true) = (&mut node.data, draw(2) == 0) {
        map.put("stranger", Node::new(value, at));
    } else {
        node.data = value;
    }
}
