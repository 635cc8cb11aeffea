//! Reviews that do the same to apps of different names, told together: an image that a hundred apps take is one thing
//! to decide.

use super::differences::{self, Difference, Piece};
use super::{counted, kinds, words};
use crate::review::Review;
use crate::review::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the name of an app.
const APP: char = '\u{1}';

/// Reviews of which the same is to be said: the first in full, the others by their titles. There is always a first.
pub(super) struct Group<'r> {
    /// All of them.
    pub(super) reviews: Vec<&'r Review>,
}

impl Group<'_> {
    /// What all of them do.
    pub(super) fn verdict(&self) -> Verdict {
        self.reviews.first().map_or(Verdict::None, |review| review.judgement.verdict)
    }

    /// What they are called together: `kubia in prod`, `199 reviews in 100 apps`.
    pub(super) fn title(&self) -> String {
        if let [review] = &self.reviews[..] {
            return review.title.clone();
        }
        let apps: BTreeSet<&str> =
            self.reviews.iter().filter_map(|review| Some(review.place.as_ref()?.app.as_str())).collect();
        let is_one_each = apps.len() == self.reviews.len();
        format!(
            "{} reviews{}",
            self.reviews.len(),
            if is_one_each { String::new() } else { format!(" in {}", counted(apps.len(), "app")) }
        )
    }

    /// What is the same in all: the first field that differs, or how many objects come and go.
    pub(super) fn change(&self) -> String {
        let first = self.reviews[0];
        let mut fields = first.changes.iter().flat_map(|change| &change.fields);
        let Some(field) = fields.next() else { return format!("the same change: {}", kinds(first)) };
        let shown = match differences::of_field(field) {
            Difference::Short(old, new) => {
                let text = |pieces: Option<Vec<Piece>>| {
                    pieces.map_or_else(
                        || "(nothing)".into(),
                        |pieces| pieces.into_iter().map(|piece| piece.text).collect::<String>(),
                    )
                };
                format!("{}: {} → {}", field.path, text(old), text(new))
            }
            Difference::Lines(_) => field.path.clone(),
        };
        let more = fields.count();
        let more = if more == 0 { String::new() } else { format!(", and {}", counted(more, "more field")) };
        format!("the same change: {shown}{more}")
    }
}

/// The groups, in the order in which the first of each comes. Where data is at risk every review stands alone.
pub(super) fn grouped(reviews: &[Review]) -> Vec<Group<'_>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for review in reviews {
        let known = what_it_does(review).map(|does| *places.entry(does).or_insert(groups.len()));
        match known.and_then(|place| groups.get_mut(place)) {
            Some(group) => group.reviews.push(review),
            None => groups.push(Group { reviews: vec![review] }),
        }
    }
    groups
}

/// All that a reader decides by, with the app's own name left open. Nothing where that has to be read for each.
fn what_it_does(review: &Review) -> Option<String> {
    let app = &review.place.as_ref()?.app;
    let judgement = &review.judgement;
    if judgement.verdict == Verdict::AtRisk || !judgement.risks.is_empty() || !judgement.stale.is_empty() {
        return None;
    }
    let mut key = String::from(judgement.verdict.word());
    let mut part = |text: &str| {
        key.push('\0');
        open(text, app, &mut key);
    };
    for change in &review.changes {
        for word in [change.verdict.word(), change.kind.word(), &change.id.kind] {
            part(word);
        }
        // Objects that come or go are told by their number alone.
        for field in &change.fields {
            part(&field.path);
            for side in [&field.old, &field.new] {
                part(&side.as_ref().map_or_else(String::new, |node| crate::json::from_node(node).to_string()));
            }
        }
        if change.barrier.is_some() {
            part(&words::effect(review, change));
        }
        for refusal in &change.refusals {
            part(&refusal.field);
            part(&refusal.detail);
        }
    }
    Some(key)
}

/// Adds a text in which an app's name, where it stands for itself, is left open.
fn open(text: &str, app: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(app).filter(|_| !app.is_empty()) {
        let (before, behind) = (&rest[..at], &rest[at + app.len()..]);
        let is_alone = !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric);
        out.push_str(before);
        if is_alone {
            out.push(APP);
        } else {
            out.push_str(app);
        }
        rest = behind;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apps_name_is_left_open_where_it_stands_alone() {
        let opened = |text: &str| {
            let mut out = String::new();
            open(text, "web", &mut out);
            out
        };
        assert_eq!(opened("acme/web:1 web-0 webhook cobweb"), "acme/\u{1}:1 \u{1}-0 webhook cobweb");
        assert_eq!(opened(""), "");
    }
}
