//! The other apps that an expression can ask for: `app('es').peers`. Knows no file.

use super::identity::Identity;

/// The apps that an expression can ask for.
pub trait Apps: Send + Sync {
    /// Who the replicas of an app are in an environment.
    ///
    /// # Errors
    /// Why that is not known, and what helps.
    fn identity(&self, name: &str, environment: &str) -> Result<Identity, String>;
}
