//! Values that Kubernetes accepts, each checked once and by itself. Knows no app, no manifest and no rule.

pub(crate) mod annotation;
pub mod base64;
pub(crate) mod custom;
pub(crate) mod gate;
pub(crate) mod image;
pub mod ip;
pub mod name;
pub mod object;
pub mod quantity;
pub(crate) mod retired;
pub mod schedule;
pub(crate) mod semver;
pub mod shape;
pub(crate) mod time;
pub(crate) mod url;
pub mod version;
pub mod way;
pub mod wire;
