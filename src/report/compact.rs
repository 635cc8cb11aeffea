//! Many names in little room: those that end in successive numbers become one, `data-kubia-0…99`.

use std::collections::{BTreeMap, BTreeSet};

/// So few are named one by one.
const FEW: u64 = 2;

/// The names, and how many each stands for.
pub(super) fn compact(names: &BTreeSet<&str>) -> Vec<(String, usize)> {
    let mut numbered: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let mut out = Vec::new();
    for name in names {
        match split(name) {
            Some((stem, number)) => _ = numbered.entry(stem).or_default().insert(number),
            None => out.push(((*name).to_owned(), 1)),
        }
    }
    for (stem, numbers) in numbered {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for number in numbers {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => runs.push((number, number)),
            }
        }
        for (first, last) in runs {
            if last - first < FEW {
                out.extend((first..=last).map(|number| (format!("{stem}{number}"), 1)));
            } else {
                let count = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
                out.push((format!("{stem}{first}…{last}"), count));
            }
        }
    }
    out
}

/// A name that ends in a number, and that number, if it is written without zeros before it.
fn split(name: &str) -> Option<(&str, u64)> {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let digits = &name[stem.len()..];
    let plain = !digits.is_empty() && digits.len() < 10 && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().ok().map(|number| (stem, number))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_numbers_become_one() {
        let names = BTreeSet::from(["a-0", "a-1", "a-2", "a-3", "a-5", "a-6", "b", "c-007", "d-9", "d-10", "d-11"]);
        let texts: Vec<String> = compact(&names).into_iter().map(|(text, count)| format!("{text}*{count}")).collect();
        assert_eq!(texts, ["b*1", "c-007*1", "a-0…3*4", "a-5*1", "a-6*1", "d-9…11*3"]);
    }
}
