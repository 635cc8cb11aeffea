//! What an acknowledgement covers. It names one change exactly; `{2..4}` in it stands for several that differ by that
//! number, all of which must happen.

use super::risk::Risk;
use std::ops::RangeInclusive;

/// No acknowledgement stands for more changes.
const MOST: u64 = 10_000;

/// The risks, by position, that an acknowledgement covers. None of a range that is not there as a whole.
#[must_use]
pub(crate) fn covered(said: &str, risks: &[Risk]) -> Vec<usize> {
    let position = |change: &str| risks.iter().position(|risk| risk.change == change);
    let Some((before, numbers, behind)) = range(said) else { return position(said).into_iter().collect() };
    if numbers.end().saturating_sub(*numbers.start()) >= MOST {
        return Vec::new();
    }
    let found: Option<Vec<usize>> = numbers.map(|number| position(&format!("{before}{number}{behind}"))).collect();
    found.unwrap_or_default()
}

/// Successive changes that differ by the number at their end.
struct Run {
    change: String,
    stem: Option<String>,
    first: u64,
    last: u64,
}

/// The fewest acknowledgements that cover all risks which none covers yet.
#[must_use]
pub(crate) fn entries(risks: &[Risk]) -> Vec<String> {
    let mut runs: Vec<Run> = Vec::new();
    for change in risks.iter().filter(|risk| !risk.acknowledged).map(|risk| &risk.change) {
        let (stem, number) = numbered(change).unzip();
        let number = number.unwrap_or_default();
        match runs.last_mut() {
            Some(run) if stem.is_some() && run.stem == stem && run.last.checked_add(1) == Some(number) => {
                run.last = number;
            }
            _ => runs.push(Run { change: change.clone(), stem, first: number, last: number }),
        }
    }
    let written = |run: Run| match run.stem {
        Some(stem) if run.last > run.first => format!("{stem}{{{}..{}}}", run.first, run.last),
        _ => run.change,
    };
    runs.into_iter().map(written).collect()
}

/// What stands before a range, its numbers, and what stands behind.
fn range(said: &str) -> Option<(&str, RangeInclusive<u64>, &str)> {
    let (before, rest) = said.split_once('{')?;
    let (numbers, behind) = rest.split_once('}')?;
    let (first, last) = numbers.split_once("..")?;
    Some((before, first.parse().ok()?..=last.parse().ok()?, behind))
}

/// A change that ends in a number: all but the number, and the number.
fn numbered(change: &str) -> Option<(String, u64)> {
    let stem = change.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let digits = &change[stem.len()..];
    let is_plain = stem.ends_with('-') && (digits == "0" || !digits.starts_with('0'));
    is_plain.then(|| digits.parse().ok()).flatten().map(|number| (stem.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::ResourceId;
    use crate::review::danger::Danger;

    fn risks(changes: &[&str]) -> Vec<Risk> {
        let about = ResourceId { group: "".into(), kind: "Pod".into(), namespace: "".into(), name: "x".into() };
        let risk = |change: &&str| Risk {
            danger: Danger::Selector,
            change: (*change).to_owned(),
            of: about.clone(),
            about: about.clone(),
            field: "",
            acknowledged: false,
        };
        changes.iter().map(risk).collect()
    }

    #[test]
    fn a_range_covers_all_or_nothing() {
        let risks = risks(&["scale-down a 5 to 2", "remove b-2", "remove b-3", "remove b-4"]);
        assert_eq!(covered("remove b-{2..4}", &risks), [1, 2, 3]);
        assert_eq!(covered("remove b-3", &risks), [2]);
        assert!(covered("remove b-{1..4}", &risks).is_empty(), "there is no b-1");
        assert!(covered("remove b-{2..}", &risks).is_empty() && covered("remove b-{0..99999999}", &risks).is_empty());
        assert_eq!(entries(&risks), ["scale-down a 5 to 2", "remove b-{2..4}"]);
    }
}
