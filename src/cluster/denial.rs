//! Why an object is not let in, though it is valid by itself.

/// What a plugin says of an object that it refuses, without the object's name.
pub(super) type Refused = String;

/// Why an object is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// 403, 404, 422.
    pub code: u16,
    /// `Forbidden`, `NotFound`, `Invalid`.
    pub reason: &'static str,
    /// The server's sentence.
    pub message: String,
    /// Without the object's name.
    pub cause: String,
}
