//! Two volumes that are one disk.

use super::Rule;
use super::context::{Context, Placed};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::review::disk::source_of;
use crate::source::At;
use crate::value::{Data, Node};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0417",
        name: "disk-used-twice",
        level: Level::Warning,
        page: include_str!("disk_used_twice.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    let mut disks: BTreeMap<String, (&Placed<'_>, At)> = BTreeMap::new();
    for volume in &context.volumes {
        let Some((disk, at)) = disk(&volume.resource.node) else { continue };
        match disks.entry(disk) {
            Entry::Vacant(entry) => drop(entry.insert((volume, at))),
            Entry::Occupied(entry) => {
                let (first, first_at) = *entry.get();
                // The same volume again is another edition of it: another environment's folder, a second call.
                if first.resource.id.name == volume.resource.id.name || !context.share_folder(first, volume) {
                    continue;
                }
                RULE.code
                    .report(format!(
                        "`{}` and `{}` are the same disk: two pods would write into it at once",
                        first.resource.id.name, volume.resource.id.name
                    ))
                    .see(first_at, format!("`{}` has it", first.resource.id.name))
                    .help("give each volume a disk or a directory of its own")
                    .about(volume.resource.subject())
                    .at(at, found);
            }
        }
    }
}

/// The disk that a volume is, in words that are equal for equal disks.
fn disk(volume: &Node) -> Option<(String, At)> {
    let spec = volume.get("spec")?;
    let (kind, fields, source) = source_of(spec)?;
    let mut words = String::with_capacity(100);
    words.push_str(kind);
    for field in fields {
        words.push(' ');
        match source.get(field).map(|value| &value.data) {
            Some(Data::Int(number)) => words.push_str(&number.to_string()),
            Some(Data::Text(word)) => words.push_str(word.trim_end_matches('/')),
            _ => return None,
        }
    }
    if matches!(kind, "hostPath" | "local") {
        for term in spec.find(&["nodeAffinity", "required", "nodeSelectorTerms"]).into_iter().flat_map(Node::items) {
            for value in term
                .get("matchExpressions")
                .into_iter()
                .flat_map(Node::items)
                .flat_map(|condition| condition.get("values").into_iter().flat_map(Node::items))
            {
                words.push(' ');
                words.push_str(value.as_str().unwrap_or_default());
            }
        }
    }
    source.get(fields.last()?).map(|value| (words, value.at))
}
