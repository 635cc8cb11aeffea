//! One review on the page: its decision, what is at risk, how it is done, who holds what before and after, and every
//! object.

use super::class;
use super::text::{self, escaped, findable, spoken_text};
use crate::cluster::controller::statefulset::parent_and_ordinal;
use crate::k8s::object::ObjectName;
use crate::outage::aim::Part;
use crate::report::alike::Group;
use crate::report::compact::compact;
use crate::report::holding::cells;
use crate::report::picture::{self, Pair, pairs};
use crate::report::words;
use crate::report::{counted, differences, kinds, ranked, sign, spoken};
use crate::review::holdings::Holding;
use crate::review::verdict::Verdict;
use crate::review::{Change, Review};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Risks are told in full up to this many in a review, and named beyond.
const MOST_RISKS: usize = 100;

/// So many rows a table of one review has at most.
const MOST_ROWS: usize = 200;

/// So many pods are shown in their order.
const MOST_PODS: usize = 60;

/// Up to this many objects that matter are open from the start.
const OPEN: usize = 6;

/// What the page can still take.
pub(super) struct Room {
    objects: usize,
    letters: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { objects: 3_000, letters: 4_000_000 }
    }
}

/// Whether objects that restart pods, are refused or put data at risk begin open: while there are few.
pub(super) fn opens(groups: &[Group<'_>]) -> bool {
    let matters = |change: &&Change| change.verdict >= Verdict::Restart && has_details(change);
    groups.iter().flat_map(|group| &group.reviews[0].changes).filter(matters).take(OPEN + 1).count() <= OPEN
}

/// So many others of which the same is to be said are named.
const MOST_ALIKE: usize = 500;

/// A review; of several that do the same, the first.
pub(super) fn write(group: &Group<'_>, number: usize, open: bool, room: &mut Room, out: &mut String) {
    let review = group.reviews[0];
    let judgement = &review.judgement;
    let (class, word) = (class(judgement.verdict), spoken(judgement.verdict));
    let title = escaped(&group.title());
    let titles: Vec<&str> = group.reviews.iter().map(|review| review.title.as_str()).collect();
    let find = findable(&titles.join(" "));
    let _ = write!(
        out,
        "<article class=\"review {class}\" id=\"r{number}\" aria-labelledby=\"t{number}\" data-find=\"{find}\" \
            data-verdict=\"{class}\" data-word=\"{word}\">\n\
         <header><h2 id=\"t{number}\"><a href=\"#r{number}\">{title}</a><span \
         class=\"badge\">{word}</span></h2>\n<p>{}</p><small>{}</small></header>\n",
        spoken_text(&if group.reviews.len() == 1 { words::rest_of_line(review) } else { group.change() }),
        kinds(review)
    );
    others(group, out);
    drawing(group, out);
    risks(review, out);
    notes(review, out);
    pods(review, out);
    runbooks(review, out);
    identities(review, out);
    failures(review, out);
    objects(review, number, open, room, out);
    out.push_str("</article>\n");
}

/// Those of which the same is to be said.
fn others(group: &Group<'_>, out: &mut String) {
    let [first, others @ ..] = &group.reviews[..] else { return };
    if others.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details class=\"part alike\"><summary>Shown for <b>{}</b>: the same change in {}</summary><p \
            class=\"names\" tabindex=\"0\">",
        escaped(&first.title),
        counted(others.len(), "more review")
    );
    for review in others.iter().take(MOST_ALIKE) {
        let _ = write!(out, "<code>{}</code> ", escaped(&review.title));
    }
    if others.len() > MOST_ALIKE {
        let _ = write!(out, "and {} more", others.len() - MOST_ALIKE);
    }
    out.push_str("</p></details>\n");
}

/// Who holds what, drawn, where it says more than a list of names: where something becomes of it, or where there is
/// anything to hold.
fn drawing(group: &Group<'_>, out: &mut String) {
    let review = group.reviews[0];
    if let Some(svg) = picture::element(review) {
        let _ = writeln!(
            out,
            "<section class=\"part\"><h3>Pods, claims and disks</h3>\n<div class=\"scroll\" tabindex=\"0\" \
                role=\"region\" \
             aria-label=\"Pods, claims, volumes and disks of {}, before and after\">{svg}</div></section>",
            escaped(&review.title)
        );
    }
}

fn risks(review: &Review, out: &mut String) {
    let judgement = &review.judgement;
    if judgement.risks.is_empty() {
        return;
    }
    let mut sorted: Vec<_> = judgement.risks.iter().collect();
    sorted.sort_by_key(|risk| risk.acknowledged);
    let _ = write!(out, "<section class=\"part danger\"><h3>Data at risk <small>{}</small></h3>\n<ul>", sorted.len());
    for risk in sorted.iter().take(MOST_RISKS) {
        if risk.acknowledged {
            let _ = writeln!(out, "<li class=\"done\">{} (acknowledged)</li>", spoken_text(&words::risk(review, risk)));
        } else {
            let entry = escaped(&format!("acknowledge: [{{change: \"{}\", reason: \"…\"}}]", risk.change));
            let _ = writeln!(
                out,
                "<li>{}<div class=\"said\">If that is meant, write <code data-copy>{entry}</code></div></li>",
                spoken_text(&words::risk(review, risk))
            );
        }
    }
    out.push_str("</ul>\n");
    if sorted.len() > MOST_RISKS {
        let rest = &sorted[MOST_RISKS..];
        let mut by_kind: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for risk in rest {
            by_kind.entry(&risk.about.kind).or_default().insert(&risk.about.name);
        }
        for (kind, names) in by_kind {
            let _ =
                write!(out, "<h4>{}</h4><p class=\"names\">", escaped(&counted(names.len(), &format!("more {kind}"))));
            for (name, _) in compact(&names) {
                let _ = write!(out, "<code>{}</code> ", escaped(&name));
            }
            out.push_str("</p>\n");
        }
    }
    out.push_str("</section>\n");
}

fn notes(review: &Review, out: &mut String) {
    let judgement = &review.judgement;
    if judgement.notes.is_empty() && judgement.stale.is_empty() {
        return;
    }
    out.push_str("<section class=\"part notes\"><h3>Good to know</h3>\n<ul>");
    for note in words::notes(review) {
        let _ = writeln!(out, "<li>{}</li>", spoken_text(&note));
    }
    for change in &judgement.stale {
        let _ = writeln!(
            out,
            "<li>Acknowledged, but not what happens here: <code>{}</code>. Remove it.</li>",
            escaped(change)
        );
    }
    out.push_str("</ul></section>\n");
}

/// Pods in the order in which they go and come, and how many are left at each step. One that goes and comes back at
/// once restarts.
fn pods(review: &Review, out: &mut String) {
    let judgement = &review.judgement;
    if judgement.order.is_empty() {
        return;
    }
    out.push_str("<section class=\"part rollout\"><h3>Pods, in order</h3>\n");
    for (set, moves) in &judgement.order {
        if judgement.order.len() > 1 {
            let _ = write!(out, "<h4>{}</h4>", escaped(&set.seen_from(&review.home).to_string()));
        }
        let mut left = pods_of(set, &review.before);
        let all = left.max(pods_of(set, &review.after));
        out.push_str("<ol class=\"pods\">");
        let (mut position, mut shown) = (0, 0);
        while position < moves.len() && shown < MOST_PODS {
            let step = &moves[position];
            let comes_back =
                !step.came && moves.get(position + 1).is_some_and(|next| next.came && next.pod == step.pod);
            let (class, sign, word, count) = match (comes_back, step.came) {
                (true, _) => ("restart", "↻", "restarts", left.saturating_sub(1)),
                (_, true) => ("in-place", "+", "begins", left + 1),
                _ => ("at-risk", "−", "ends", left.saturating_sub(1)),
            };
            if !comes_back {
                left = count;
            }
            let (pod, seen) = (escaped(&step.pod.name), escaped(&step.pod.seen_from(&review.home).to_string()));
            let _ = write!(
                out,
                "<li data-pod=\"{seen}\" data-word=\"{word}\"><span class=\"{class}\"><span \
                    aria-hidden=\"true\">{sign}</span> {pod}\
                 <span class=\"hush\"> {word}</span></span><small>{count} of {all}<span class=\"hush\"> pods are \
                 there</span></small></li>"
            );
            position += if comes_back { 2 } else { 1 };
            shown += 1;
        }
        if position < moves.len() {
            let _ = write!(out, "<li>{}</li>", counted(moves.len() - position, "more step"));
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</section>\n");
}

/// How many pods a set has.
fn pods_of(set: &ObjectName, holdings: &[Holding]) -> usize {
    let is_own = |pod: &&ObjectName| {
        pod.namespace == set.namespace && parent_and_ordinal(&pod.name).is_some_and(|(parent, _)| parent == set.name)
    };
    holdings.iter().filter_map(|held| held.pod.as_ref()).filter(is_own).collect::<BTreeSet<_>>().len()
}

fn runbooks(review: &Review, out: &mut String) {
    if review.judgement.runbooks.is_empty() {
        return;
    }
    out.push_str("<section class=\"part\"><h3>How to do it</h3>\n");
    for book in words::books(review) {
        let _ = write!(out, "<div class=\"book\"><h4>To {}</h4>\n<ol class=\"steps\">", spoken_text(&book.title));
        for step in &book.steps {
            let _ = write!(
                out,
                "<li>{}<div class=\"command\"><pre data-copy>{}</pre></div><p class=\"expect\">{}</p>",
                if step.before.is_empty() {
                    String::new()
                } else {
                    format!("<p class=\"first\"><b>First:</b> {}</p>", spoken_text(&step.before))
                },
                escaped(&step.command),
                spoken_text(&step.expect)
            );
            if !step.check.is_empty() {
                let _ = write!(out, "<p class=\"see\">See it with <code data-copy>{}</code></p>", escaped(&step.check));
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol></div>\n");
    }
    out.push_str("</section>\n");
}

fn identities(review: &Review, out: &mut String) {
    let rows = pairs(&review.before, &review.after);
    let changed = rows.iter().filter(|(before, after)| before != after).count();
    let claims = review.before.iter().chain(&review.after).any(|held| held.claim.is_some());
    if changed == 0 && !claims {
        return;
    }
    let title = escaped(&review.title);
    let said =
        if changed == 0 { "nothing changes".to_owned() } else { format!("{} of {} change", changed, rows.len()) };
    let _ = write!(
        out,
        "<details class=\"part table\"><summary>Who holds what, as a table <small>{said}</small></summary>\n<div \
            class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Who holds what in {title}, before and after\"><table><thead><tr><th scope=\"col\">Pod</th><th \
         scope=\"col\">Claim</th><th scope=\"col\">Volume</th>\
         <th scope=\"col\">Disk</th></tr></thead>\n<tbody>"
    );
    // Where not all fit, those that change do.
    let mut shown: Vec<&Pair> = rows.iter().collect();
    if rows.len() > MOST_ROWS {
        shown.sort_by_key(|(before, after)| before == after);
        shown.truncate(MOST_ROWS);
    }
    for (before, after) in shown {
        out.push_str(if before == after { "<tr>" } else { "<tr class=\"moved\">" });
        let parts = |held: Option<&Holding>| held.map_or_else(Default::default, |held| cells(held, &review.home));
        for (old, new) in parts(*before).iter().zip(&parts(*after)) {
            cell(old, new, out);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    if rows.len() > MOST_ROWS {
        let _ = write!(out, "<p class=\"word\">{} not shown here.</p>", counted(rows.len() - MOST_ROWS, "more row"));
    }
    out.push_str("</details>\n");
}

/// Which replicas survive, wait or lose what they have when something fails.
fn failures(review: &Review, out: &mut String) {
    let table = &review.failures;
    if table.rows.is_empty() {
        return;
    }
    let title = escaped(&review.title);
    let _ = write!(
        out,
        "<details class=\"part table\"><summary>Replicas by failures</summary>\n<div class=\"scroll\" tabindex=\"0\" \
            role=\"region\" aria-label=\"What becomes of each replica of {title} when something fails\"><table><thead><tr>\
            <th scope=\"col\">If it fails</th><th scope=\"col\">its pod</th><th scope=\"col\">its node</th>\
            <th scope=\"col\">its zone</th><th scope=\"col\">a disk</th></tr></thead>\n<tbody>"
    );
    for row in &table.rows {
        let _ = write!(out, "<tr><td>{}</td>", escaped(&row.pod.seen_from(&review.home).to_string()));
        for part in Part::ALL_BY_WEIGHT {
            let _ = write!(out, "<td>{}</td>", words::outages::cell(row.words.get(&part)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    if table.left_out > 0 {
        let _ = write!(out, "<p class=\"word\">{} not shown here.</p>", counted(table.left_out, "more row"));
    }
    let _ = write!(out, "<p class=\"word\">{}</p>", escaped(words::outages::LEGEND));
    for presumption in &table.presumed {
        let said = words::outages::Outages::presumption(presumption);
        let _ = write!(out, "<p class=\"word\">Not known: {}.</p>", escaped(&said));
    }
    out.push_str("</details>\n");
}

fn cell(old: &str, new: &str, out: &mut String) {
    let shown = |text: &str, tag: &str| match text {
        "" => "<span class=\"nothing\">none</span>".to_owned(),
        _ => format!("<{tag}>{}</{tag}>", escaped(text)),
    };
    if old == new {
        let _ = write!(out, "<td>{}</td>", shown(new, "code"));
    } else if old.is_empty() {
        let _ = write!(out, "<td class=\"mono\">{}</td>", shown(new, "ins"));
    } else {
        let _ = write!(out, "<td class=\"mono\">{}{}</td>", shown(old, "del"), shown(new, "ins"));
    }
}

fn objects(review: &Review, number: usize, open: bool, room: &mut Room, out: &mut String) {
    let changes = ranked(review);
    if changes.is_empty() {
        return;
    }
    let shown = changes.len().min(room.objects);
    room.objects -= shown;
    let _ = writeln!(out, "<section class=\"part objects\"><h3>{}</h3>", counted(changes.len(), "object"));
    for (position, change) in changes[..shown].iter().enumerate() {
        object(review, change, &format!("r{number}o{position}"), open, room, out);
    }
    if shown < changes.len() {
        let mut counts: BTreeMap<(std::cmp::Reverse<Verdict>, &str, &str), usize> = BTreeMap::new();
        for change in &changes[shown..] {
            *counts.entry((std::cmp::Reverse(change.verdict), change.kind.word(), &change.id.kind)).or_default() += 1;
        }
        let parts = counts
            .iter()
            .map(|((verdict, word, kind), count)| format!("{count} {kind} {word} ({})", spoken(verdict.0)));
        let parts = escaped(&parts.take(20).collect::<Vec<_>>().join(", "));
        let _ = write!(out, "<p class=\"rest\">And {}: {parts}.</p>", counted(changes.len() - shown, "more object"));
    }
    out.push_str("</section>\n");
}

fn has_details(change: &Change) -> bool {
    !change.fields.is_empty() || !change.refusals.is_empty()
}

fn object(review: &Review, change: &Change, id: &str, open: bool, room: &mut Room, out: &mut String) {
    let (class, word) = (class(change.verdict), spoken(change.verdict));
    let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
    let effect = words::effect(review, change);
    let find = findable(&format!("{} {} {} {} {}", change.id, change.kind.word(), word, effect, paths.join(" ")));
    let namespace =
        if change.id.namespace.is_empty() { String::new() } else { format!("{}/", escaped(&change.id.namespace)) };
    let was = change
        .from
        .as_ref()
        .map(|from| format!(" <small class=\"was\">was {}</small>", escaped(&from.to_string())))
        .unwrap_or_default();
    let effect = if effect.is_empty() { String::new() } else { format!("<small>{}</small>", spoken_text(&effect)) };
    let head = format!(
        "<span><span class=\"badge\">{word}</span></span><span class=\"word\">{}</span><span class=\"name\">{} \
            <b>{namespace}{}</b>{was}{effect}</span>",
        change.kind.word(),
        escaped(&change.id.kind),
        escaped(&change.id.name),
    );
    let data = format!("id=\"{id}\" data-find=\"{find}\" data-verdict=\"{class}\" data-word=\"{word}\"");
    if !has_details(change) {
        let _ =
            writeln!(out, "<div class=\"object {class}\" {data}><div class=\"head\">{head}<span></span></div></div>");
        return;
    }
    let open = if open && change.verdict >= Verdict::Restart { " open" } else { "" };
    let count = if change.fields.is_empty() { "why".to_owned() } else { counted(change.fields.len(), "field") };
    let _ = write!(
        out,
        "<details class=\"object {class}\" {data}{open}><summary>{head}<span \
            class=\"count\">{count}</span></summary>\n<div class=\"inside\">"
    );
    let begin = out.len();
    for refusal in &change.refusals {
        let field = if refusal.field.is_empty() {
            String::new()
        } else {
            format!("<code>{}</code>: ", escaped(&refusal.field))
        };
        let _ = writeln!(out, "<p class=\"refusal\"><b>Refused:</b> {field}{}</p>", spoken_text(&refusal.detail));
    }
    fields(review, change, room.letters, out);
    room.letters = room.letters.saturating_sub(out.len() - begin);
    let (old, new) = (&change.texts.0, &change.texts.1);
    if !old.is_empty() && !new.is_empty() && room.letters > 0 {
        let begin = out.len();
        out.push_str("<details class=\"text\"><summary>Lines of the manifest</summary>");
        text::lines_side_by_side(&differences::of_texts(old, new), out);
        out.push_str("</details>");
        room.letters = room.letters.saturating_sub(out.len() - begin);
    }
    out.push_str("</div></details>\n");
}

fn fields(review: &Review, change: &Change, letters: usize, out: &mut String) {
    if change.fields.is_empty() {
        return;
    }
    let begin = out.len();
    out.push_str("<dl class=\"fields\">");
    for (position, field) in change.fields.iter().enumerate() {
        if out.len() - begin > letters {
            let _ = write!(out, "<dt>{} not shown here</dt>", counted(change.fields.len() - position, "more field"));
            break;
        }
        out.push_str("<div><dt>");
        if review.replaces_pods(change, field) {
            let (class, sign) = (class(Verdict::Restart), sign(Verdict::Restart));
            let _ = write!(out, "<span class=\"why {class}\" title=\"replaces the pods\">{sign}</span> ");
        }
        let _ = write!(out, "{}</dt><dd>", escaped(&field.path));
        text::difference(&differences::of_field(field), out);
        out.push_str("</dd></div>\n");
    }
    out.push_str("</dl>");
}
