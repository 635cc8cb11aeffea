//! Values that Kubernetes accepts, each checked once and by itself. Knows no app, no manifest and no rule.

pub mod annotation;
pub mod base64;
pub mod custom;
pub mod gate;
pub mod image;
pub mod ip;
pub mod name;
pub mod object;
pub mod quantity;
pub mod retired;
pub mod schedule;
pub mod semver;
pub mod shape;
pub mod time;
pub mod url;
pub mod version;
pub mod way;
pub mod wire;
