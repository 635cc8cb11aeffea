//! Whose turn it is to write below a folder: one run's at a time. Knows locks of the operating system, and no clock:
//! how long to wait is the caller's to say.

use crate::failure::{Failure, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits a little for the folder that another run is writing in, the n-th time; false when it has been waiting long
/// enough.
type Patience = Box<dyn Fn(&Path, u32) -> bool + Send + Sync>;

/// The turns that a run has. A turn is about the folder in which a tree lies; the threads of one run share it, each
/// with a tree of its own. A run waits for one turn at a time and has few at once, so that no two runs can wait for
/// each other.
pub struct Turns {
    patience: Patience,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<PathBuf, Held>,
    /// Once it has waited in vain it does not wait again: the other run may be stopped, and there may be thousands of
    /// folders.
    impatient: bool,
}

struct Held {
    _lock: Lock,
    targets: BTreeSet<PathBuf>,
}

impl Turns {
    /// `patience` is called whenever another run is writing; it waits a little and says whether to try again.
    #[must_use]
    pub fn new(patience: impl Fn(&Path, u32) -> bool + Send + Sync + 'static) -> Self {
        Self { patience: Box::new(patience), state: Mutex::default() }
    }

    /// Waits until nobody else writes in `folder`, nor this run at `target` in it.
    pub(super) fn wait(&self, folder: &Path, target: &Path) -> Result<Turn<'_>, Failure> {
        for attempt in 0.. {
            let mut state = self.state();
            if let Some(held) = state.held.get_mut(folder) {
                if held.targets.insert(target.to_owned()) {
                    return Ok(self.turn(folder, target));
                }
            } else if let Some(lock) = lock(folder)? {
                state
                    .held
                    .insert(folder.to_owned(), Held { _lock: lock, targets: BTreeSet::from([target.to_owned()]) });
                return Ok(self.turn(folder, target));
            }
            let is_over = state.impatient;
            drop(state);
            if is_over || !(self.patience)(folder, attempt) {
                break;
            }
        }
        self.state().impatient = true;
        Err(Failure::new(format!(
            "another run is writing in {} and was not done in time. Run again when it is done; if none is, look for \
                one that is stopped",
            shown(folder)
        )))
    }

    fn turn(&self, folder: &Path, target: &Path) -> Turn<'_> {
        Turn { turns: self, folder: folder.to_owned(), target: target.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Turns")
    }
}

/// While it lives, nobody else writes there.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    folder: PathBuf,
    target: PathBuf,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let Some(held) = state.held.get_mut(&self.folder) else { return };
        held.targets.remove(&self.target);
        if held.targets.is_empty() {
            state.held.remove(&self.folder);
        }
    }
}

/// Held while a folder is worked in; the system lets go of it when the run ends, however it ends.
struct Lock {
    #[cfg(unix)]
    folder: std::fs::File,
}

/// Let go of aloud: a process that is being started at this moment may have the folder open too, and would keep the
/// lock.
#[cfg(unix)]
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.folder, rustix::fs::FlockOperation::Unlock);
    }
}

/// Takes the lock of a folder; `None` when another run has it.
#[cfg(unix)]
fn lock(folder: &Path) -> Result<Option<Lock>, Failure> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;
    let file = std::fs::File::open(folder).map_err(|error| Failure::io("open", folder, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        // Some network file systems know no locks; there, two runs at once are the users' own affair.
        _ => Ok(Some(Lock { folder: file })),
    }
}

#[cfg(not(unix))]
fn lock(_: &Path) -> Result<Option<Lock>, Failure> {
    Ok(Some(Lock {}))
}
