//! A report as one page for a browser: the decision first, then what is at risk, how it is done, who holds what, object
//! by object.
//! It needs no network, and no script for reading; nothing in it but its own two files is ever run or applied.

mod review;
mod text;

use super::alike::{self, Group};
use super::words;
use super::{Against, Report, compared, counted, named, sign, spoken, summary, tally};
use crate::diagnostic::{Finding, Level};
use crate::review::Review;
use crate::review::verdict::Verdict;
use crate::source::Spot;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use text::{escaped, findable, spoken_text};

/// The page's looks.
pub const STYLE: &str = concat!(include_str!("page.css"), include_str!("../picture.css"));

/// What answers to keys and filters.
pub const SCRIPT: &str = include_str!("page.js");

/// What the page may apply and run, by content: the SHA-256 of the two above. A test holds them to it.
pub const HASHES: [&str; 2] =
    ["CwlTpj3rDk1J0tQwt/AXCKOAejJIEc4sN0AMXmytn7Y=", "yT7whyEcLyKEdo3zZlK5C/dQpb6KDUpjerKX+j7F6Y0="];

/// So many reviews are shown in full; the list names them all.
const MOST_REVIEWS: usize = 300;

/// So many findings are shown.
const MOST_FINDINGS: usize = 500;

/// So many findings are worth a filter.
const MANY_FINDINGS: usize = 5;

/// So many letters of a line are shown before and behind a place in it.
const AROUND: usize = 90;

/// The whole page.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::with_capacity(64 * 1024);
    begin(report, &mut out);
    top(report, &mut out);
    tools(report, &mut out);
    let groups = alike::grouped(&report.reviews);
    let wide = groups.len() > 1 || report.reviews.len() > 1;
    let _ = writeln!(out, "<div class=\"frame{}\">", if wide { " wide" } else { "" });
    if wide {
        list(&groups, &mut out);
    }
    out.push_str("<main id=\"reviews\">\n");
    let urgent = report.findings.iter().any(|finding| finding.level == Level::Error);
    if urgent {
        findings(&report.findings, &mut out);
    }
    let mut room = review::Room::default();
    let open = review::opens(&groups);
    for (number, group) in groups.iter().take(MOST_REVIEWS).enumerate() {
        review::write(group, number, open, &mut room, &mut out);
    }
    if groups.len() > MOST_REVIEWS {
        let rest: Vec<&Review> =
            groups[MOST_REVIEWS..].iter().flat_map(|group| group.reviews.iter().copied()).collect();
        let _ = writeln!(
            out,
            "<p class=\"empty\">{} not shown in full: {}.</p>",
            counted(rest.len(), "more review"),
            tally(rest)
        );
    }
    if !urgent {
        findings(&report.findings, &mut out);
    }
    out.push_str(
        "<p class=\"empty\" role=\"status\" hidden>Nothing here has that in it. <kbd>Esc</kbd> shows all \
            again.</p>\n</main>\n</div>\n",
    );
    end(&mut out);
    out
}

fn begin(report: &Report, out: &mut String) {
    let title = match &report.reviews[..] {
        [] => "Statewright".to_owned(),
        [review] => format!("{}: {}", spoken(review.judgement.verdict), review.title),
        reviews => tally(reviews),
    };
    let [style, script] = HASHES;
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
         script-src 'sha256-{script}'; \
         base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" \
         content=\"no-referrer\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#reviews\">Skip to what changes</a>\n",
        escaped(&title)
    );
}

fn end(out: &mut String) {
    out.push_str(
        "<footer>Made by Statewright from files alone. Values of secrets are never in here.</footer>\n\
         <dialog aria-labelledby=\"keys\">\n<h2 id=\"keys\">Keys</h2>\n<dl>\
         <dt><kbd>/</kbd></dt><dd>filter by name, kind, field or effect</dd>\
         <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous</dd>\
         <dt><kbd>Enter</kbd></dt><dd>open or close</dd>\
         <dt><kbd>e</kbd></dt><dd>open or close all</dd>\
         <dt><kbd>Esc</kbd></dt><dd>show all again</dd>\
         <dt><kbd>?</kbd></dt><dd>this</dd></dl>\n\
         <form method=\"dialog\"><button>Close</button></form>\n</dialog>\n",
    );
    let _ = writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>");
}

/// The decision, and the share of each verdict.
fn top(report: &Report, out: &mut String) {
    let (class, heading, lead) = headline(report);
    let _ = write!(
        out,
        "<header class=\"top {class}\"><div>\n<p class=\"brand\"><svg viewBox=\"0 0 24 24\" fill=\"none\" \
            stroke=\"currentColor\" stroke-width=\"2\" \
         aria-hidden=\"true\"><ellipse cx=\"12\" cy=\"5.5\" rx=\"8\" ry=\"3\"/><path d=\"M4 5.5v6.5c0 1.7 3.6 3 8 \
         3s8-1.3 8-3V5.5M4 12v6.5c0 1.7 3.6 3 8 3s8-1.3 \
         8-3V12\"/></svg> Statewright</p>\n<h1>{heading}</h1>\n<p class=\"lead\">{}</p>\n",
        spoken_text(&lead)
    );
    let verdicts: Vec<Verdict> = match &report.reviews[..] {
        [review] => review.changes.iter().map(|change| change.verdict).collect(),
        reviews => reviews.iter().map(|review| review.judgement.verdict).collect(),
    };
    if let Some(compared) = compared(report).filter(|_| !report.reviews.is_empty()) {
        let _ = writeln!(out, "<p class=\"compared\">{}</p>", escaped(&compared));
    }
    share(&verdicts, if report.reviews.len() == 1 { "object" } else { "review" }, out);
    out.push_str("</div></header>\n");
}

fn headline(report: &Report) -> (&'static str, String, String) {
    let found = summary(&report.findings);
    let wrong = report.findings.iter().any(|finding| finding.level == Level::Error);
    match &report.reviews[..] {
        [] if wrong => ("error", "Must be fixed".into(), format!("{found}.")),
        [] if report.against.is_some() => {
            let other = report.against.as_ref().and_then(Against::words).unwrap_or_else(|| "the other side".into());
            ("in-place", "No changes".into(), format!("Everything is as in {}.", escaped(&other)))
        }
        [] if found.is_empty() => ("in-place", "Nothing found".into(), "Nothing to complain of.".into()),
        [] => ("note", "Can go ahead".into(), format!("{found}.")),
        [worst, rest @ ..] => {
            let verdict = worst.judgement.verdict;
            let others =
                if rest.is_empty() { String::new() } else { format!(" And {}.", counted(rest.len(), "more review")) };
            let found = if found.is_empty() { String::new() } else { format!(" The files themselves: {found}.") };
            let line = format!("{}: {}", worst.title, words::rest_of_line(worst));
            let line = line.chars().take(600).collect::<String>();
            (class(verdict), headline_of(verdict).to_owned(), format!("{line}.{others}{found}"))
        }
    }
}

const fn headline_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::None => "No effect",
        Verdict::Differs => "They differ",
        Verdict::New => "New",
        Verdict::InPlace => "Changes in place",
        Verdict::Restart => "Restarts pods",
        Verdict::Recreate | Verdict::Refused => "Refused by the API server",
        Verdict::AtRisk => "Data at risk",
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AtRisk => "at-risk",
        _ => verdict.word(),
    }
}

/// How many there are of each verdict, the worst first, as a bar and in words.
fn share(verdicts: &[Verdict], noun: &str, out: &mut String) {
    let mut counts: BTreeMap<std::cmp::Reverse<Verdict>, usize> = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(std::cmp::Reverse(*verdict)).or_default() += 1;
    }
    if verdicts.len() < 2 {
        return;
    }
    let _ = write!(
        out,
        "<svg class=\"share\" viewBox=\"0 0 {} 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
        verdicts.len()
    );
    let mut begin = 0;
    for (verdict, count) in &counts {
        let _ =
            write!(out, "<rect class=\"{}\" x=\"{begin}\" y=\"0\" width=\"{count}\" height=\"1\"/>", class(verdict.0));
        begin += count;
    }
    out.push_str("</svg>\n<ul class=\"tally\">");
    let _ = write!(out, "<li><b>{}</b></li>", counted(verdicts.len(), noun));
    for (verdict, count) in &counts {
        let _ = write!(
            out,
            "<li><i class=\"dot {}\"></i><span><b>{count}</b> {}</span></li>",
            class(verdict.0),
            spoken(verdict.0)
        );
    }
    out.push_str("</ul>\n");
}

/// What the script shows once it is there.
fn tools(report: &Report, out: &mut String) {
    if report.reviews.is_empty() && report.findings.len() < MANY_FINDINGS {
        return;
    }
    out.push_str(
        "<div class=\"tools\" hidden><form role=\"search\"><label class=\"hush\" for=\"filter\">Filter</label>\
         <input id=\"filter\" type=\"search\" placeholder=\"Filter: name, kind, field …  /\" autocomplete=\"off\" \
         spellcheck=\"false\">\
         <span class=\"verdicts\"></span><output for=\"filter\" aria-live=\"polite\"></output>\
         <button type=\"button\" class=\"help\" aria-label=\"Keys\">?</button></form></div>\n",
    );
}

/// All reviews, each a link to its own where it is shown: a matrix of apps and environments where each is about one,
/// else a list.
fn list(groups: &[Group<'_>], out: &mut String) {
    let count = groups.iter().map(|group| group.reviews.len()).sum();
    let _ = writeln!(out, "<nav aria-label=\"Reviews\"><h2>{}</h2>", counted(count, "review"));
    if !matrix(groups, out) {
        out.push_str("<ol>");
        for (number, group) in groups.iter().enumerate() {
            let verdict = group.verdict();
            let target = if number < MOST_REVIEWS { format!(" href=\"#r{number}\"") } else { String::new() };
            let _ = writeln!(
                out,
                "<li data-review=\"{number}\"><a{target}><i class=\"dot \
                    {}\"></i><span>{}</span><small>{}</small></a></li>",
                class(verdict),
                escaped(&group.title()),
                spoken(verdict)
            );
        }
        out.push_str("</ol>");
    }
    out.push_str("</nav>\n");
}

/// So many environments stand beside each other.
const MOST_ENVIRONMENTS: usize = 6;

/// A row for each app and a column for each environment. Says whether it could be drawn: not where a review is about
/// something else, and not for a single environment.
fn matrix(groups: &[Group<'_>], out: &mut String) -> bool {
    let mut cells: BTreeMap<&str, BTreeMap<&str, (usize, Verdict)>> = BTreeMap::new();
    let mut environments: Vec<&str> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        for review in &group.reviews {
            let Some(place) = &review.place else { return false };
            if !environments.contains(&place.environment.as_str()) {
                environments.push(&place.environment);
            }
            cells.entry(&place.app).or_default().insert(&place.environment, (number, review.judgement.verdict));
        }
    }
    environments.sort_unstable();
    if environments.len() < 2 || environments.len() > MOST_ENVIRONMENTS || cells.len() < 2 {
        return false;
    }
    // What stops somebody stands first.
    let worst = |row: &BTreeMap<&str, (usize, Verdict)>| row.values().map(|(_, verdict)| *verdict).max();
    let mut rows: Vec<_> = cells.iter().collect();
    rows.sort_by_key(|(app, row)| (std::cmp::Reverse(worst(row)), **app));
    out.push_str("<table class=\"matrix\"><thead><tr><th scope=\"col\">App</th>");
    for environment in &environments {
        let _ = write!(out, "<th scope=\"col\"><span>{}</span></th>", escaped(environment));
    }
    out.push_str("</tr></thead><tbody>");
    for (app, row) in rows {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(app));
        for environment in &environments {
            match row.get(environment) {
                Some((number, verdict)) => {
                    let target = if *number < MOST_REVIEWS { format!(" href=\"#r{number}\"") } else { String::new() };
                    let said = format!("{app} in {environment}: {}", spoken(*verdict));
                    let _ = write!(
                        out,
                        "<td data-review=\"{number}\"><a{target} class=\"{}\" title=\"{said}\" \
                            aria-label=\"{said}\">{}</a></td>",
                        class(*verdict),
                        sign(*verdict),
                        said = escaped(&said)
                    );
                }
                None => out.push_str("<td></td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>");
    true
}

/// What is wrong with the files themselves, errors first.
fn findings(findings: &[Finding], out: &mut String) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section class=\"findings\" aria-label=\"The files themselves\"><h2>The files themselves: {}</h2>",
        summary(findings)
    );
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    for finding in sorted.iter().take(MOST_FINDINGS) {
        let level = finding.level.word();
        let spot = &finding.spot;
        let subject = finding.subject.as_ref().map(|subject| format!(", {}", named(subject))).unwrap_or_default();
        let place = format!("{}:{}:{}{subject}", spot.file, spot.line, spot.column);
        let _ = write!(
            out,
            "<div class=\"finding {level}\" data-find=\"{}\"><span class=\"badge\">{level}</span> {} <p \
                class=\"where\"><code>{}</code> · {} {}</p>",
            findable(&format!("{level} {place} {} {} {}", finding.message, finding.code.id, finding.code.name)),
            spoken_text(&finding.message),
            escaped(&place),
            finding.code.id,
            finding.code.name
        );
        snippet(spot, out);
        if let Some(help) = &finding.help {
            let _ = write!(out, "<p><b>Help:</b> {}</p>", spoken_text(help));
        }
        out.push_str("</div>\n");
    }
    if findings.len() > MOST_FINDINGS {
        let _ = writeln!(
            out,
            "<p class=\"rest\">{} not shown here.</p>",
            counted(findings.len() - MOST_FINDINGS, "more finding")
        );
    }
    out.push_str("</section>\n");
}

/// The line, with the place marked in it.
fn snippet(spot: &Spot, out: &mut String) {
    if spot.text.trim().is_empty() {
        return;
    }
    let letters: Vec<char> = spot.text.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    let begin = (spot.mark.0 as usize).saturating_sub(1).min(letters.len());
    let end = (begin + spot.mark.1 as usize).min(letters.len());
    let (first, last) = (begin.saturating_sub(AROUND), (end + AROUND).min(letters.len()).min(begin + 3 * AROUND));
    let text = |from: usize, to: usize| escaped(&letters.get(from..to).unwrap_or_default().iter().collect::<String>());
    let (cut_before, cut_behind) = (if first > 0 { "… " } else { "" }, if last < letters.len() { " …" } else { "" });
    let end = end.min(last);
    let _ = write!(
        out,
        "<pre class=\"snippet\"><span>{}</span>{cut_before}{}<mark>{}</mark>{}{cut_behind}</pre>",
        spot.line,
        text(first, begin),
        text(begin, end),
        text(end, last)
    );
}
