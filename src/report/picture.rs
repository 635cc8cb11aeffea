//! Who holds what, before and after, as a drawing: a row for each claim of each replica, with its pod, claim, volume
//! and disk, and what becomes of each by its colour and its sign. Knows no page: its classes are those of
//! `picture.css`, which a file of its own carries along.

use super::alike;
use super::holding::cells;
use super::identity::Map;
use super::markup::escaped;
use super::{Report, spoken};
use crate::k8s::object::ObjectName;
use crate::review::Review;
use crate::review::holdings::Holding;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

/// The looks of a drawing, light and dark.
pub(crate) const STYLE: &str = include_str!("picture.css");

/// So many rows are drawn: those in which something happens before the others.
const MOST_ROWS: usize = 24;

/// Where each column begins, how wide it is, and what stands above it.
const COLUMNS: [(usize, usize, &str); 4] =
    [(0, 168, "Pod"), (188, 208, "Claim"), (416, 208, "Volume"), (644, 236, "Disk")];
const WIDTH: usize = 880;
const HEIGHT: usize = 28;
const ROW: usize = 38;
const HEAD: usize = 26;
/// A letter of the drawing's type is so wide, in tenths.
const LETTER: usize = 72;

/// What becomes of a pod, a claim, a volume or a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Stays,
    Restarts,
    Comes,
    Goes,
    /// It is there still, and no pod has it.
    Left,
    /// It is there; nothing is compared with anything.
    Held,
}

impl Fate {
    const ALL: [Self; 5] = [Self::Stays, Self::Restarts, Self::Comes, Self::Goes, Self::Left];

    const fn class(self) -> &'static str {
        match self {
            Self::Stays | Self::Held => "stays",
            Self::Restarts => "restarts",
            Self::Comes => "comes",
            Self::Goes => "goes",
            Self::Left => "left",
        }
    }

    /// Colours are not all that tells them apart.
    const fn sign(self) -> &'static str {
        match self {
            Self::Stays | Self::Held => "",
            Self::Restarts => "↻ ",
            Self::Comes => "+ ",
            Self::Goes => "− ",
            Self::Left => "! ",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Stays => "unchanged",
            Self::Restarts => "restarted",
            Self::Comes => "new",
            Self::Goes => "removed",
            Self::Left => "orphaned: kept, and used by no pod",
            Self::Held => "",
        }
    }
}

/// One row: the same claim, or the same pod without one, before and after.
pub(super) type Pair<'a> = (Option<&'a Holding>, Option<&'a Holding>);

/// The rows, in the order of what was before, then what is new.
pub(super) fn pairs<'a>(before: &'a [Holding], after: &'a [Holding]) -> Vec<Pair<'a>> {
    let key = |held: &'a Holding| held.claim.as_ref().map_or((held.pod.as_ref(), None), |claim| (None, Some(claim)));
    let mut later: BTreeMap<(Option<&ObjectName>, Option<&ObjectName>), VecDeque<usize>> = BTreeMap::new();
    for (position, held) in after.iter().enumerate() {
        later.entry(key(held)).or_default().push_back(position);
    }
    let mut taken = BTreeSet::new();
    let mut rows: Vec<Pair> = Vec::new();
    for held in before {
        let twin = later.get_mut(&key(held)).and_then(VecDeque::pop_front);
        taken.extend(twin);
        rows.push((Some(held), twin.map(|position| &after[position])));
    }
    let left = after.iter().enumerate().filter(|(position, _)| !taken.contains(position));
    rows.extend(left.map(|(_, held)| (None, Some(held))));
    rows
}

/// What is in one place of a row: one thing, or one that goes and one that comes.
fn cell(before: String, after: String, is_left: bool, restarts: bool) -> Vec<(String, Fate)> {
    match (before.is_empty(), after.is_empty()) {
        (true, true) => Vec::new(),
        (true, false) => vec![(after, Fate::Comes)],
        (false, true) => vec![(before, Fate::Goes)],
        _ if before != after => vec![(before, Fate::Goes), (after, Fate::Comes)],
        _ if is_left => vec![(after, Fate::Left)],
        _ if restarts => vec![(after, Fate::Restarts)],
        _ => vec![(after, Fate::Stays)],
    }
}

/// The pods that are removed and made again.
fn restarted(review: &Review) -> BTreeSet<&ObjectName> {
    let moves = review.judgement.order.iter().flat_map(|(_, moves)| moves);
    let came: BTreeSet<&ObjectName> = moves.clone().filter(|step| step.came).map(|step| &step.pod).collect();
    moves.filter(|step| !step.came && came.contains(&step.pod)).map(|step| &step.pod).collect()
}

/// The drawing, as an element of a page: nothing where no claim is held and no pod restarted.
pub(super) fn element(review: &Review) -> Option<String> {
    let (body, height) = drawing(review)?;
    Some(format!(
        "<svg class=\"picture\" role=\"img\" aria-label=\"{}\" viewBox=\"-1 0 {} {height}\">{body}</svg>",
        escaped(&format!("Who holds what in {}, before and after", review.title)),
        WIDTH + 2
    ))
}

/// So many reviews are drawn in one file.
const MOST_DRAWN: usize = 20;

/// What stands above each drawing of a file, and between two.
const TITLE: usize = 34;
const BETWEEN: usize = 18;

/// The drawings of a report as a file of their own. Of reviews that do the same, the first is drawn.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let mut body = String::new();
    let mut top = 0;
    let groups = alike::grouped(&report.reviews);
    let drawn = groups.iter().filter_map(|group| Some((group, drawing(group.reviews[0])?)));
    for (group, (inner, height)) in drawn.take(MOST_DRAWN) {
        let (title, verdict) = (escaped(&group.title()), spoken(group.verdict()));
        let _ = write!(body, "<text class=\"title\" x=\"0\" y=\"{}\">{title}: {verdict}</text>", top + 18);
        let _ = write!(body, "<g transform=\"translate(0 {})\">{inner}</g>", top + TITLE);
        top += TITLE + height + BETWEEN;
    }
    if body.is_empty() {
        body.push_str("<text class=\"title\" x=\"0\" y=\"18\">No pod, claim or volume is concerned</text>");
        top = TITLE;
    }
    sheet("Who holds what, before and after", &body, top)
}

/// A file with a drawing.
fn sheet(label: &str, body: &str, height: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" role=\"img\" aria-label=\"{label}\" \
         viewBox=\"-1 0 {0} {height}\" width=\"{0}\" height=\"{height}\">\n<style>\n{STYLE}</style>\n{body}\n</svg>\n",
        WIDTH + 2
    )
}

/// What the replicas of apps hold, as a file.
#[must_use]
pub(crate) fn of_replicas(maps: &[Map]) -> String {
    let held = |text: &str| if text.is_empty() { Vec::new() } else { vec![(text.to_owned(), Fate::Held)] };
    let (mut body, mut top) = (String::new(), 0);
    for map in maps.iter().take(MOST_DRAWN) {
        let mut rows: Vec<Row> = Vec::new();
        for replica in &map.replicas {
            let mut pod = replica.pod.as_str();
            for claim in &replica.claims {
                let disk = claim.disk.as_deref().unwrap_or("dynamically provisioned");
                let volume = claim.volume.as_deref().unwrap_or_default();
                rows.push([pod, &claim.name, volume, disk].map(held).into());
                // The pod stands once, before the first of its claims.
                pod = "";
            }
            if replica.claims.is_empty() {
                rows.push([pod, "", "", ""].map(held).into());
            }
        }
        let (inner, height) = drawn(rows);
        let title = escaped(&format!("{} in {}: namespace {}", map.app, map.environment, map.namespace));
        let _ = write!(body, "<text class=\"title\" x=\"0\" y=\"{}\">{title}</text>", top + 18);
        let _ = write!(body, "<g transform=\"translate(0 {})\">{inner}</g>", top + TITLE);
        top += TITLE + height + BETWEEN;
    }
    let rest = maps.len().saturating_sub(MOST_DRAWN);
    if rest > 0 {
        let _ = write!(body, "<text class=\"head\" x=\"0\" y=\"{}\">and {rest} more environments</text>", top + 14);
        top += TITLE;
    }
    sheet("What each replica holds", &body, top.max(TITLE))
}

fn drawing(review: &Review) -> Option<(String, usize)> {
    let restarted = restarted(review);
    let holds = review.before.iter().chain(&review.after).any(|held| held.claim.is_some());
    if !holds && restarted.is_empty() {
        return None;
    }
    let mut rows: Vec<Row> = Vec::new();
    for (old, new) in pairs(&review.before, &review.after) {
        let is_left = new.is_some_and(|new| new.pod.is_none() && new.claim.is_some());
        let comes_back = new.and_then(|new| new.pod.as_ref()).is_some_and(|pod| restarted.contains(pod));
        let parts = |held: Option<&Holding>| held.map_or_else(Default::default, |held| cells(held, &review.home));
        let both = parts(old).into_iter().zip(parts(new)).enumerate();
        rows.push(
            both.map(|(place, (old, new))| cell(old, new, is_left && place > 0, comes_back && place == 0)).collect(),
        );
    }
    (!rows.is_empty()).then(|| drawn(rows))
}

/// A pod, a claim, a volume and a disk that belong together, each with what it was and is.
type Row = Vec<Vec<(String, Fate)>>;

/// Rows, and how high they are together.
fn drawn(mut rows: Vec<Row>) -> (String, usize) {
    let all = rows.len();
    let is_quiet = |row: &Row| row.iter().flatten().all(|(_, fate)| *fate == Fate::Stays);
    rows.sort_by_key(|row| all > MOST_ROWS && is_quiet(row));
    rows.truncate(MOST_ROWS);
    let mut body = String::new();
    let mut top = HEAD;
    for (begin, _, name) in COLUMNS {
        let _ = write!(body, "<text class=\"head\" x=\"{begin}\" y=\"14\">{name}</text>");
    }
    for row in &rows {
        let lines = row.iter().map(Vec::len).max().unwrap_or(1).max(1);
        // A volume that nobody knows the name of yet is passed over.
        let present: Vec<(usize, Fate)> =
            row.iter().enumerate().filter_map(|(position, cell)| Some((position, cell.last()?.1))).collect();
        for pair in present.windows(2) {
            if let [(from, one), (to, other)] = pair {
                join(*from, *to, top, *one.max(other), &mut body);
            }
        }
        for (cell, column) in row.iter().zip(COLUMNS) {
            for (line, (text, fate)) in cell.iter().rev().enumerate() {
                draw(text, *fate, column, top + line * ROW, &mut body);
            }
        }
        top += lines * ROW;
    }
    let present: BTreeSet<Fate> = rows.iter().flatten().flatten().map(|(_, fate)| *fate).collect();
    top = legend(&present, all - rows.len(), top, &mut body);
    (body, top)
}

/// A line from one column to another.
fn join(from: usize, to: usize, top: usize, fate: Fate, body: &mut String) {
    let (begin, wide, _) = COLUMNS[from];
    let y = top + HEIGHT / 2;
    let _ = write!(body, "<path class=\"{}\" d=\"M{} {y}H{}\"/>", fate.class(), begin + wide, COLUMNS[to].0);
}

fn draw(text: &str, fate: Fate, (begin, wide, column): (usize, usize, &str), top: usize, body: &mut String) {
    let room = (wide - 18) * 10 / LETTER;
    let said = format!("{}{text}", fate.sign());
    let pod = if column == "Pod" { format!(" data-pod=\"{}\"", escaped(text)) } else { String::new() };
    let _ = write!(
        body,
        "<g class=\"{}\"{pod}><title>{column} {}{}</title><rect x=\"{begin}\" y=\"{top}\" width=\"{wide}\" \
            height=\"{HEIGHT}\" rx=\"7\"/>\
         <text x=\"{}\" y=\"{}\">{}</text></g>",
        fate.class(),
        escaped(text),
        if fate == Fate::Held { String::new() } else { format!(": {}", fate.word()) },
        begin + 9,
        top + 18,
        escaped(&shortened(&said, room))
    );
}

/// What the colours mean, of those that are there, and how many rows are not drawn. Gives how high the drawing is.
fn legend(present: &BTreeSet<Fate>, rest: usize, top: usize, body: &mut String) -> usize {
    let mut x = 0;
    for fate in Fate::ALL.into_iter().filter(|fate| present.contains(fate)) {
        let said = format!("{}{}", fate.sign(), fate.word());
        let _ = write!(
            body,
            "<g class=\"{} key\"><rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"14\" rx=\"4\"/><text x=\"{}\" \
                y=\"{}\">{said}</text></g>",
            fate.class(),
            top + 8,
            x + 20,
            top + 19
        );
        x += 44 + said.chars().count() * LETTER / 10;
    }
    if rest > 0 {
        let _ = write!(body, "<text class=\"head\" x=\"{x}\" y=\"{}\">and {rest} more rows</text>", top + 19);
    }
    top + 30
}

/// As much of a text as there is room for: its end tells replicas apart, so it loses its middle.
fn shortened(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let front = room / 2;
    let back = room.saturating_sub(front + 1);
    let ends = [&letters[..front], &letters[letters.len() - back..]].map(|end| end.iter().collect::<String>());
    ends.join("…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::world::PodMove;
    use crate::report::Against;
    use crate::review::holdings::Behind;
    use crate::review::verdict::Judgement;

    fn held(pod: &str, claim: &str, volume: &str) -> Holding {
        let name = |name: &str| (!name.is_empty()).then(|| ObjectName::new("shop", name));
        Holding {
            pod: name(pod),
            claim: name(claim),
            volume: Some(volume.into()),
            disk: Some(Behind::Disk("disk".into())),
        }
    }

    #[test]
    fn each_thing_has_its_fate() {
        let before = vec![held("w-0", "data-w-0", "v0"), held("w-1", "data-w-1", "v1"), held("w-2", "data-w-2", "v2")];
        let after = vec![
            held("w-0", "data-w-0", "v0"),
            held("w-1", "data-w-1", "v9"),
            held("", "data-w-2", "v2"),
            held("w-3", "data-w-3", "v3"),
        ];
        let review = Review { title: "web <in> prod".into(), home: "shop".into(), before, after, ..Review::default() };
        let moves = [false, true].map(|came| PodMove { came, pod: ObjectName::new("shop", "w-0") });
        let order = vec![(ObjectName::new("shop", "w"), moves.to_vec())];
        let review = Review { judgement: Judgement { order, ..Judgement::default() }, ..review };
        let svg = element(&review).unwrap();
        for part in [
            "<title>Pod w-0: restarted</title>",
            "<title>Volume v1: removed</title>",
            "<title>Volume v9: new</title>",
            "<title>Pod w-2: removed</title>",
            "<title>Claim data-w-2: orphaned: kept, and used by no pod</title>",
            "<title>Claim data-w-3: new</title>",
            "<title>Claim data-w-0: unchanged</title>",
            "web &lt;in&gt; prod",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert!(element(&Review::default()).is_none());
        let file = render(&Report::compared(Against::Named, Vec::new(), vec![review]));
        assert!(!escaped("a\u{ffff}<").contains(['<', '\u{ffff}']));
        assert!(
            file.starts_with("<svg xmlns=") && file.contains("Pod w-0: restarted") && file.contains("<style>"),
            "{file}"
        );
    }

    #[test]
    fn a_name_that_is_too_long_keeps_its_ends() {
        assert_eq!(shortened("data-a-very-long-name-12", 11), "data-…me-12");
        assert_eq!(shortened("short", 5), "short");
    }
}
