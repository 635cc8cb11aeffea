//! One row of who holds what, in words.

use crate::k8s::object::ObjectName;
use crate::review::holdings::{Behind, Holding};

/// Its pod, claim, volume and disk; empty where there is none.
pub(super) fn cells(holding: &Holding, home: &str) -> [String; 4] {
    let seen =
        |name: &Option<ObjectName>| name.as_ref().map(|name| name.seen_from(home).to_string()).unwrap_or_default();
    [
        seen(&holding.pod),
        seen(&holding.claim),
        holding.volume.as_deref().unwrap_or_default().to_owned(),
        holding.disk.as_ref().map(behind).unwrap_or_default(),
    ]
}

fn behind(disk: &Behind) -> String {
    match disk {
        Behind::Disk(disk) => disk.clone(),
        Behind::MadeBy(class) => format!("made by class {class}"),
    }
}
