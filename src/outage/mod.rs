//! What is lost when a node, a zone, a disk or a pod fails, what waits and for what, and what brings it back: as values,
//! each of them read off the model cluster on which it was played. Makes no sentence.

pub mod aim;
pub mod fate;
pub mod forecast;
pub mod hang;
pub mod reach;
pub mod remedy;
pub mod stage;
pub mod table;
mod trial;

pub use aim::{Aim, Mishap, NoSuch, Part};
pub use forecast::{Forecast, forecast};
pub use stage::{Size, Stage};
