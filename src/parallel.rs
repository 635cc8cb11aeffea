//! Work on many things at once, results in the things' order. Knows nothing of what the work is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So few things are not worth a thread.
const FEW: usize = 64;
/// How many a worker takes at a time.
const HANDFUL: usize = 16;

/// How many can work at once on so many shares. To count the processors takes a dozen reads of what the system says of
/// them: it is done once, and never for a single share.
pub fn workers(shares: usize) -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    match shares {
        0 | 1 => 1,
        _ => shares.min(*PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))),
    }
}

/// Does the work for each thing, on all processors, and gives the results in order.
pub fn map<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if things.len() < FEW { things.iter().map(work).collect() } else { shared(things, HANDFUL, work) }
}

/// The same where each thing is much work.
pub fn map_large<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    shared(things, 1, work)
}

fn shared<T: Sync, R: Send>(things: &[T], handful: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = workers(things.len() / handful);
    if workers < 2 {
        return things.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let labour = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let first = next.fetch_add(handful, Ordering::Relaxed);
            let Some(some) = things.get(first..things.len().min(first + handful)).filter(|some| !some.is_empty())
            else {
                break done;
            };
            done.push((first, some.iter().map(&work).collect()));
        }
    };
    let mut done: Vec<(usize, Vec<R>)> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..workers).map(|_| scope.spawn(labour)).collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap_or_default()).collect()
    });
    done.sort_unstable_by_key(|(first, _)| *first);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        let things: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&things, |thing| thing * 2), (0..1000).map(|thing| thing * 2).collect::<Vec<_>>());
        assert_eq!(map(&things[..3], |thing| thing + 1), [1, 2, 3]);
        assert_eq!(map_large(&things[..3], |thing| thing + 1), [1, 2, 3]);
    }
}
