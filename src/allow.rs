//! What the user has to say about findings: `allow` in a spec, levels in a workspace. The one place where either
//! speaks.

use crate::block::{Named, Placed};
use crate::diagnostic::{Band, Code, Diagnostics, Level, nearest};
use crate::source::At;
use crate::spec::settings::{Acknowledge, Allow};
use crate::value::Text;

/// An `allow` that silences nothing.
static UNUSED: Code =
    Code { id: "SW0150", name: "allow-unused", level: Level::Warning, page: include_str!("app/pages/allow-unused.md") };
/// An `allow` for what cannot be allowed.
static IMPOSSIBLE: Code = Code {
    id: "SW0151",
    name: "allow-impossible",
    level: Level::Error,
    page: include_str!("app/pages/allow-impossible.md"),
};

/// An item that gives no reason.
static NO_REASON: Code = Code {
    id: "SW0152",
    name: "reason-missing",
    level: Level::Error,
    page: include_str!("app/pages/reason-missing.md"),
};

/// A name that no finding has.
static UNKNOWN: Code =
    Code { id: "SW0153", name: "rule-unknown", level: Level::Warning, page: include_str!("app/pages/rule-unknown.md") };

/// The codes of this module.
pub(crate) static CODES: &[&Code] = &[&UNUSED, &IMPOSSIBLE, &NO_REASON, &UNKNOWN];

/// Reports levels for what no finding is called: they change nothing.
pub(crate) fn unknown_levels(levels: &Named<Placed<Text>>, codes: &[&Code], found: &mut Diagnostics) {
    for (key, _) in &levels.entries {
        unknown(&key.name, key.at, codes, found);
    }
}

/// Whether no finding is called so, which is reported.
fn unknown(name: &str, at: At, codes: &[&Code], found: &mut Diagnostics) -> bool {
    let is_unknown = !codes.iter().any(|code| named(code, name));
    if is_unknown {
        let near = nearest(name, codes.iter().flat_map(|code| [code.name, code.id]));
        let otherwise = || "`statewright explain CODE` knows all of them; so does docs/rules/".to_owned();
        UNKNOWN.report(format!("no finding is called `{name}`")).meant(near, at, otherwise).at(at, found);
    }
    is_unknown
}

/// Whether a reason has a word in it: `…`, which examples have in its place, has none.
#[must_use]
pub(crate) fn is_reason(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Reports the items that acknowledge a change without a reason: they do not count.
pub(crate) fn without_reason(items: &[Acknowledge], found: &mut Diagnostics) {
    for item in items {
        let change = item.change.as_ref().map_or("", |change| &*change.value);
        says_why(item.reason.as_ref(), &format!("`{change}` is not acknowledged"), found);
    }
}

/// Whether a reason is there. Reports one that says nothing.
fn says_why(reason: Option<&Placed<Text>>, consequence: &str, found: &mut Diagnostics) -> bool {
    let Some(reason) = reason else { return false };
    let is_one = is_reason(&reason.value);
    if !is_one {
        NO_REASON
            .report(format!("this reason is empty, so {consequence}"))
            .help("say why in a few words: reviewers decide by it")
            .at(reason.at, found);
    }
    is_one
}

/// Whether an item silences a code, with a reason.
#[must_use]
pub(crate) fn silences(allow: &[Allow], code: &Code) -> bool {
    let gives_reason = |item: &Allow| item.reason.as_ref().is_some_and(|reason| is_reason(&reason.value));
    allow.iter().any(|item| is_about(item, code) && gives_reason(item))
}

/// Whether an item is about a code.
#[must_use]
pub(crate) fn is_about(item: &Allow, code: &Code) -> bool {
    item.rule.as_ref().is_some_and(|rule| named(code, &rule.value))
}

/// How much a code matters, by the workspace's levels; nothing where it is off.
#[must_use]
pub(crate) fn level(levels: Option<&Named<Placed<Text>>>, code: &Code, otherwise: Level) -> Option<Level> {
    let mut said = levels.into_iter().flat_map(|levels| &levels.entries);
    match said.rfind(|(key, _)| named(code, &key.name)).map(|(_, level)| &*level.value) {
        None => Some(otherwise),
        Some("error") => Some(Level::Error),
        Some("warning") => Some(Level::Warning),
        Some("note") => Some(Level::Note),
        Some(_) => None,
    }
}

fn named(code: &Code, name: &str) -> bool {
    code.name == name || code.id == name
}

/// Applies the workspace's levels, then the spec's `allow`. What the API server refuses cannot be allowed. `elsewhere`
/// are the codes that are not raised of one app by itself: an item about one of them is not idle for that. `all` gives
/// every code.
pub(crate) fn settle(
    allow: &[Allow],
    levels: Option<&Named<Placed<Text>>>,
    elsewhere: &[&Code],
    all: fn() -> Vec<&'static Code>,
    found: &mut Diagnostics,
) {
    for (key, level) in levels.iter().flat_map(|levels| &levels.entries) {
        found.retain(|diagnostic| {
            if !named(diagnostic.code, &key.name) || diagnostic.refusal.is_some() {
                return true;
            }
            match &*level.value {
                "error" => diagnostic.level = Level::Error,
                "warning" => diagnostic.level = Level::Warning,
                "note" => diagnostic.level = Level::Note,
                _ => return false,
            }
            true
        });
    }
    for item in allow {
        let Some(rule) = &item.rule else { continue };
        if !says_why(item.reason.as_ref(), &format!("`{}` is not allowed", rule.value), found) {
            continue;
        }
        let (mut hits, mut refused) = (0, false);
        found.retain(|diagnostic| {
            if !named(diagnostic.code, &rule.value) {
                return true;
            }
            if diagnostic.refusal.is_some()
                || diagnostic.code.band() < Band::Cluster && diagnostic.level == Level::Error
            {
                refused = true;
                return true;
            }
            hits += 1;
            false
        });
        if refused {
            IMPOSSIBLE
                .report(format!("`{}` cannot be silenced: this is an error, not advice", rule.value))
                .help("fix what it reports, and remove this item")
                .at(rule.at, found);
        } else if hits == 0
            && !elsewhere.iter().any(|code| named(code, &rule.value))
            && !unknown(&rule.value, rule.at, &all(), found)
        {
            UNUSED.report(format!("nothing here raises `{}`", rule.value)).help("remove this item").at(rule.at, found);
        }
    }
}
