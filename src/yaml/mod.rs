//! YAML in and out: text to placed values, values to canonical text. Knows nothing of Kubernetes or of the spec.

mod plain;
mod quick;
mod read;
mod styled;
mod write;

pub use plain::{Reading, needs_quotes};
pub use quick::Field;
pub use read::{AMBIGUOUS, CODES, LARGEST_SPEC, LIMIT, Part, Reader, outline, parts, read_one, read_part, read_piece};
pub use styled::write_styled;
pub use write::{in_order, write_json, write_kyaml, write_yaml};
