//! One object that is written twice.

use super::Rule;
use super::context::Context;
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule =
    Rule { code: Code { id: "SW0448", name: "written-twice", level: Level::Warning, page: include_str!("written_twice.md") }, judge };

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec that makes one object twice is an error of its own.
    if context.compiled {
        return;
    }
    let mut all: Vec<(u32, &Resource)> = context.by_place().filter(|(_, resource)| !resource.id.name.is_empty()).collect();
    all.sort_by(|(place, one), (other_place, other)| {
        let (one, other) = (&one.id, &other.id);
        let kinds = || one.kind.cmp(&other.kind).then_with(|| one.group.cmp(&other.group));
        place.cmp(other_place).then_with(|| one.name.cmp(&other.name)).then_with(kinds)
    });
    for pair in all.windows(2) {
        let [(place, first), (second, again)] = pair else { continue };
        if place != second || first.id != again.id {
            continue;
        }
        let (first, again) =
            if first.at().source == again.at().source && again.at().start < first.at().start { (again, first) } else { (first, again) };
        let in_one_file = first.at().source == again.at().source;
        let place = if in_one_file { "in this file" } else { "in this folder" };
        RULE.code
            .report(format!("{} `{}` is written twice {place}: the one that is applied last wins", again.id.kind, again.id.name))
            // Folders of examples hold variants of one object; a file does not.
            .level(if in_one_file { Level::Warning } else { Level::Note })
            .help("keep one of them, or give the other a name of its own")
            .see(first.node.place_of("metadata.name"), "this is the first")
            .about(again.subject())
            .at(again.node.place_of("metadata.name"), found);
    }
}
