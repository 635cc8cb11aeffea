//! What a review says, in words: made of its values here and nowhere else, and without the secrets that values may
//! quote.

mod barriers;
mod decisions;
mod effects;
mod live;
mod notes;
pub(crate) mod outages;
mod purposes;
mod risks;
mod steps;

use crate::review::names::Names;
use crate::review::orphans::Orphan;
use crate::review::risk::Risk;
use crate::review::runbook::step::{Runbook, Step};
use crate::review::running::Drifted;
use crate::review::{Change, Review};

/// All of a review in one line, the verdict first.
#[must_use]
pub(super) fn line(review: &Review) -> String {
    review.secrets.hide(&decisions::line(review))
}

/// The same without the verdict's own words, for where they stand before it already.
#[must_use]
pub(super) fn rest_of_line(review: &Review) -> String {
    review.secrets.hide(&decisions::rest(review))
}

/// What comes of an object, in a few words; empty where there is nothing to say.
#[must_use]
pub(super) fn effect(review: &Review, change: &Change) -> String {
    if change.effects.is_empty() { String::new() } else { review.secrets.hide(&effects::words(change)) }
}

/// What a risk is, in a sentence.
#[must_use]
pub(super) fn risk(review: &Review, risk: &Risk) -> String {
    review.secrets.hide(&risks::sentence(risk, &review.home))
}

/// What a reviewer should know, a sentence each.
#[must_use]
pub(super) fn notes(review: &Review) -> Vec<String> {
    let notes = review.judgement.notes.iter().map(|note| notes::sentence(note, &review.home));
    let live = review.live.as_ref().map(live::sentences).unwrap_or_default();
    live.into_iter().chain(notes).map(|sentence| review.secrets.hide(&sentence)).collect()
}

/// What others made of an object, each with the field's own sentence.
#[must_use]
pub(super) fn drifts(review: &Review, drifted: &Drifted) -> Vec<String> {
    live::drift(drifted).iter().map(|sentence| review.secrets.hide(sentence)).collect()
}

/// What is left over, and what it costs.
#[must_use]
pub(super) fn orphan(review: &Review, orphan: &Orphan) -> String {
    review.secrets.hide(&live::orphan(orphan))
}

/// A runbook in words and commands.
pub(super) struct Book {
    /// What stands behind "to …".
    pub(super) title: String,
    /// Its steps.
    pub(super) steps: Vec<Told>,
}

/// A step in words and commands; each but the command and what to expect of it may be empty.
pub(super) struct Told {
    pub(super) before: String,
    pub(super) command: String,
    pub(super) expect: String,
    pub(super) check: String,
}

/// What is to be done, in words and commands.
#[must_use]
pub(super) fn books(review: &Review) -> Vec<Book> {
    let hide = |text: &str| review.secrets.hide(text);
    let step = |step: &Step| {
        let (command, mut expect) = (step.command.to_string(), steps::expect(&step.expect));
        let shown = hide(&command);
        if shown != command {
            expect.push_str(" (put the values in first that are hidden here)");
        }
        Told {
            before: step.before.as_ref().map(steps::before).unwrap_or_default(),
            command: shown,
            expect: hide(&expect),
            check: step.check.as_ref().map(|check| hide(&check.to_string())).unwrap_or_default(),
        }
    };
    let book = |book: &Runbook| Book {
        title: hide(&purposes::title(&book.purposes)),
        steps: book.steps.iter().map(step).collect(),
    };
    review.judgement.runbooks.iter().map(book).collect()
}

/// `, and 2 more`.
fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", and {count} more") }
}

/// `a, b and 3 more`.
fn listed(names: &Names) -> String {
    let Names { first, all, .. } = names;
    match &first[..] {
        few if few.len() < *all => format!("{} and {} more", few.join(", "), all - few.len()),
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        few => few.concat(),
    }
}

/// `a, b, c`, or `a, b … z (12 pods)`.
fn shortened(names: &Names) -> String {
    match &names.first[..] {
        [first, second, ..] if names.all > 5 => format!("{first}, {second} … {} ({} pods)", names.last, names.all),
        few => few.join(", "),
    }
}

const fn is_or_are(names: &Names) -> &'static str {
    if names.all == 1 { "is" } else { "are" }
}

const fn stays_or_stay(names: &Names) -> &'static str {
    if names.all == 1 { "stays" } else { "stay" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names = |count: usize| (0..count).map(|number| format!("web-{number}")).collect::<Names>();
        assert_eq!(listed(&names(0)), "");
        assert_eq!(listed(&names(1)), "web-0");
        assert_eq!(listed(&names(3)), "web-0, web-1 and web-2");
        assert_eq!(listed(&names(8)), "web-0, web-1, web-2, web-3, web-4, web-5 and 2 more");
        assert_eq!(shortened(&names(3)), "web-0, web-1, web-2");
        assert_eq!(shortened(&names(9)), "web-0, web-1 … web-8 (9 pods)");
    }
}
