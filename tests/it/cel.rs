//! Expressions in CEL, drawn by chance over the types of one schema and of requests: whether the API server's own
//! compiler takes them, as it was recorded, and whether ours does.

use serde_json::Value;
use statewright::api::cel::Program;
use statewright::api::cel::check::{self, Declared};
use statewright::api::cel::kind::Kind;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright::value::Node;
use statewright::yaml::read_one;
use std::path::{Path, PathBuf};

#[test]
fn expressions_are_taken_that_the_server_takes() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let given = std::env::var_os("STATEWRIGHT_CEL").map(PathBuf::from);
    let written = std::fs::read_to_string(own.join("cel-types.yaml")).unwrap();
    let mut sources = Sources::default();
    let id = sources.add("schema.yaml", written.as_str());
    let schema = read_one(&sources, id, &mut Diagnostics::default()).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(given.unwrap_or_else(|| own.join("cel-types.jsonl"))).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let ours = taken(&line, &schema);
        count += 1;
        if ours.is_ok() != (line["verdict"] == "accepted") {
            wrong.push(format!("{line}\n    ours: {ours:?}"));
        }
    }
    println!("{count} expressions, {} otherwise than the server", wrong.len());
    assert!(count > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn taken(line: &Value, schema: &Node) -> Result<(), String> {
    let program = Program::read(line["rule"].as_str().unwrap()).map_err(|why| why.to_string())?;
    let version = Version::minor(u8::try_from(line["minor"].as_u64().unwrap()).unwrap());
    let policy = &line["policy"];
    let names: Vec<Declared<'_>> = if policy.is_null() {
        ["self", "oldSelf"].map(|name| (name, check::of_schema(schema, false).unwrap())).to_vec()
    } else {
        let mut names = vec![
            ("object", Kind::Any),
            ("oldObject", Kind::Any),
            ("request", check::of_request()),
            ("namespaceObject", check::of_namespace()),
            ("authorizer", Kind::Library("kubernetes.authorization.Authorizer")),
        ];
        names.extend((policy["params"] == true).then_some(("params", Kind::Any)));
        names
    };
    let kind = program.check(&names, version)?;
    let fits = match policy["want"].as_str().unwrap_or("bool") {
        "any" => true,
        "bool" => matches!(kind, Kind::Bool),
        "string" => matches!(kind, Kind::Text),
        _ => matches!(kind, Kind::Text | Kind::Null),
    };
    if fits { Ok(()) } else { Err(format!("it comes to {kind:?}")) }
}
