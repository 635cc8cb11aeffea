//! What of the user's files is secret, and how it is shown without: the one place for both. By the kind of an object as
//! it was read, by names, by the looks of a value. `finding` shows findings and the lines that they are about, `pair`
//! two manifests that differ, `known` sentences that quote a value. Knows no kind of report.

mod finding;
pub(crate) mod known;
pub mod name;
pub(crate) mod pair;
mod shape;
pub(crate) mod text;
pub mod tree;

pub use name::is_secret as is_credential;
pub use shape::TOKENS;
pub use text::TOOLS;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "(hidden)";
/// The same, in the earlier of two manifests that differ in it.
pub const BEFORE: &str = "(hidden, before)";
/// And in the later one.
pub const AFTER: &str = "(hidden, after)";

/// Annotations that hold a copy of the object: for a Secret, with its content.
pub const COPIES: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "kopf.zalando.org/last-handled-configuration",
    "objectset.rio.cattle.io/applied",
    "kapp.k14s.io/original",
    "banzaicloud.com/last-applied",
];

/// A text without its secrets.
#[must_use]
pub fn masked(text: &str) -> String {
    cut(text, &text::stretches(text))
}

/// A text without some stretches, which are in order.
#[must_use]
pub fn cut(text: &str, stretches: &[std::ops::Range<usize>]) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for range in stretches {
        out.push_str(&text[from..range.start]);
        out.push_str(HIDDEN);
        from = range.end;
    }
    out.push_str(&text[from..]);
    out
}
