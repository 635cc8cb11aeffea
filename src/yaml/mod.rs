//! YAML in and out: text to placed values, values to canonical text. Knows nothing of Kubernetes or of the spec.

mod plain;
mod quick;
mod read;
mod write;

pub use plain::{Reading, needs_quotes};
pub use read::{AMBIGUOUS, CODES, Part, Reader, parts, read_one, read_part};
pub use write::{write_json, write_kyaml, write_yaml};
