//! One object that is written twice.

use super::Rule;
use super::context::Context;
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level, Report, listing};
use crate::source::SourceId;
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0448", name: "written-twice", level: Level::Warning, page: include_str!("written_twice.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec that makes one object twice is an error of its own.
    if context.compiled {
        return;
    }
    let mut all: Vec<(u32, &Resource)> =
        context.by_place().filter(|(_, resource)| !resource.id.name.is_empty()).collect();
    all.sort_by(|(place, one), (other_place, other)| {
        let (one, other) = (&one.id, &other.id);
        let kinds = || one.kind.cmp(&other.kind).then_with(|| one.group.cmp(&other.group));
        place.cmp(other_place).then_with(|| one.name.cmp(&other.name)).then_with(kinds)
    });
    // Files that hold variants of each other are one finding, not one for each object.
    let mut variants: BTreeMap<(SourceId, SourceId), Vec<(&Resource, &Resource)>> = BTreeMap::new();
    for pair in all.windows(2) {
        let [(place, first), (second, again)] = pair else { continue };
        if place != second || first.id != again.id {
            continue;
        }
        let (first, again) = if first.at().source == again.at().source && again.at().start < first.at().start {
            (again, first)
        } else {
            (first, again)
        };
        if first.at().source == again.at().source {
            report(first, again, "in this file").at(again.node.place_of("metadata.name"), found);
        } else {
            variants.entry((first.at().source, again.at().source)).or_default().push((first, again));
        }
    }
    for pairs in variants.into_values() {
        let Some((first, again)) = pairs.iter().copied().min_by_key(|(_, again)| again.at().start) else { continue };
        let report = if pairs.len() == 1 {
            report(first, again, "in this folder")
        } else {
            let names = listing(pairs.iter().map(|(_, again)| again.id.name.as_str()), 3);
            RULE.code
                .report(format!(
                    "{} objects of this file are written in another file of this folder too ({names}): the one that \
                        is applied last wins",
                    pairs.len()
                ))
                .help("keep one of them, or keep variants in folders of their own")
                .see(first.node.place_of("metadata.name"), "this is the other file")
                .about(again.subject())
        };
        // Folders of examples hold variants of one object; a file does not.
        report.level(Level::Note).at(again.node.place_of("metadata.name"), found);
    }
}

fn report(first: &Resource, again: &Resource, place: &str) -> Report {
    RULE.code
        .report(format!(
            "{} `{}` is written twice {place}: the one that is applied last wins",
            again.id.kind, again.id.name
        ))
        .help("keep one of them, or give the other a name of its own")
        .see(first.node.place_of("metadata.name"), "this is the first")
        .about(again.subject())
}
