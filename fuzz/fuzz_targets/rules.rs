//! Any text as a rule in CEL over an object: it ends, costs no more than it may, and says the same twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::api::cel::Program;
use statewright::api::cel::value::{self, Value};
use statewright::api::custom::schema::Schema;
use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::yaml;

const SCHEMA: &str = "
type: object
properties:
  s: {type: string}
  n: {type: integer}
  f: {type: number}
  b: {type: boolean}
  d: {type: string, format: date-time}
  l: {type: array, items: {type: string}}
  e: {type: array, x-kubernetes-list-type: set, items: {type: integer}}
  m: {type: object, additionalProperties: {type: string}}
  o:
    type: array
    x-kubernetes-list-type: map
    x-kubernetes-list-map-keys: [name]
    items: {type: object, properties: {name: {type: string}, port: {x-kubernetes-int-or-string: true}}}
";
const OBJECT: &str = "
s: a-b
n: 3
f: 1.5
b: true
d: '2024-02-29T12:30:00Z'
l: [a, b, c]
e: [1, 2]
m: {k: v, w: x}
o: [{name: a, port: 80}, {name: b, port: http}]
";

fuzz_target!(|text: &str| {
    let Ok(program) = Program::read(text) else { return };
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let [schema, object] = [SCHEMA, OBJECT].map(|text| {
        let id = sources.add("object.yaml", text);
        yaml::read_one(&sources, id, &mut found).expect("it can be read")
    });
    let schema = Schema::read(&schema);
    let own = value::read(&object, &schema, false).expect("it fits");
    let names = [("self", own.clone()), ("oldSelf", own), ("x", Value::Int(3)), ("s", Value::text("a-b"))];
    let said = || {
        let mut left = 200_000;
        format!("{:?}", program.evaluate(&names, &mut left))
    };
    assert_eq!(said(), said(), "twice is not the same");
});
