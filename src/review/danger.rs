//! What can cost data, as values, and what an acknowledgement calls each. The sentences are made where reports are.

use super::mounts::Kept;
use super::names::Names;
use super::set::When;
use crate::bundle::ResourceId;
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::StatedAmount;
use crate::value::Text;

/// A change that can cost data. The object whose change it is stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Danger {
    /// A set's selector changes.
    Selector,
    /// From now on a set's claims are deleted.
    Retention(When),
    /// A set loses replicas.
    ScaleDown {
        /// How many it had.
        old: i64,
        /// How many it has.
        new: i64,
        /// Whether the number is no longer said.
        unsaid: bool,
        /// The claims of those that go.
        claims: Names,
        /// Whether they are deleted.
        deleted: bool,
    },
    /// A set's ordinals begin elsewhere.
    Ordinals {
        /// Where they began.
        old: i64,
        /// Where they begin.
        new: i64,
    },
    /// A claim, or a claim template of a set, asks for less.
    Shrink {
        /// The template; none for a claim.
        template: Option<Text>,
        /// How much it asked for.
        from: StatedAmount,
        /// How much it asks for.
        to: StatedAmount,
    },
    /// A claim template names another class.
    Class {
        /// The template.
        template: Text,
        /// The class before; none for the default one.
        from: Option<Text>,
        /// The class now.
        to: Option<Text>,
    },
    /// A claim template has another name.
    RenameTemplate {
        /// Its name before.
        from: Text,
        /// Its name now.
        to: Text,
        /// The claims that are made, empty.
        empty: Names,
        /// The claims that nobody uses any more.
        left: Names,
    },
    /// A claim template is gone.
    DropTemplate {
        /// The template.
        template: Text,
        /// Its claims.
        left: Names,
    },
    /// A container does not find its data where it was.
    Mount {
        /// The container.
        container: Text,
        /// What it showed.
        kept: Kept<Text>,
        /// Where.
        path: Text,
        /// What is there now.
        fate: Mounted,
    },
    /// An object is gone, and another has its place.
    Rename {
        /// The new name.
        to: ResourceId,
        /// What is lost by it.
        loss: Loss,
    },
    /// An object is gone.
    Remove(Loss),
    /// A volume is no longer kept once its claim is gone.
    Reclaim(Text),
    /// A volume is reserved for another claim.
    Claim {
        /// The claim before.
        from: ObjectName,
        /// The claim now.
        to: ObjectName,
    },
    /// A volume names another disk.
    Disk {
        /// The disk before.
        from: String,
        /// The disk now.
        to: String,
    },
    /// The Service that gives the pods of a set their names is gone.
    Governing {
        /// The set.
        set: ResourceId,
    },
    /// Several volumes name one disk.
    Share {
        /// The disk.
        disk: String,
        /// The volumes.
        volumes: Names,
    },
    /// A claim is deleted.
    DeleteClaim(ObjectName),
    /// A claim is deleted and made again.
    ReplaceClaim(ObjectName),
    /// A claim loses its volume.
    LoseClaim(ObjectName),
}

/// What is at the path of a mount now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The data is at another path.
    At(Text),
    /// Another directory of it: the one before, the one now.
    Directory(Text, Text),
    /// Other data.
    Other(Kept<Text>),
    /// No container shows the data.
    Nowhere,
}

/// What goes with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The pods of a set, and what holds for its claims.
    Set {
        /// Its claims.
        claims: Names,
        /// Whether they are deleted.
        deleted: bool,
    },
    /// A volume that a claim uses.
    Volume(ObjectName),
    /// A claim.
    Claim,
    /// A namespace, with so many claims that are known.
    Namespace(usize),
    /// A custom kind, with all its objects.
    Definition,
}

impl Danger {
    /// What an acknowledgement of it says: `scale-down StatefulSet/kubia 5 to 3`. `id` is the object as it was called,
    /// `home` the namespace of the review.
    #[must_use]
    pub fn name(&self, id: &ResourceId, home: &str) -> String {
        let whole = |directory: &Text| if directory.is_empty() { Text::from("/") } else { directory.clone() };
        match self {
            Self::Selector => format!("selector {id}"),
            Self::Retention(when) => format!("retention {id} {} Delete", when.field()),
            Self::ScaleDown { old, new, .. } => format!("scale-down {id} {old} to {new}"),
            Self::Ordinals { old, new } => format!("ordinals {id} {old} to {new}"),
            Self::Shrink { template: Some(template), from, to } => {
                format!("shrink claim template {template} of {id} {from} to {to}")
            }
            Self::Shrink { template: None, from, to } => format!("shrink {id} {from} to {to}"),
            Self::Class { template, .. } => format!("class {id} {template}"),
            Self::RenameTemplate { from, to, .. } => format!("rename claim template of {id} {from} to {to}"),
            Self::DropTemplate { template, .. } => format!("drop claim template of {id} {template}"),
            Self::Mount { kept, path, fate, .. } => match fate {
                Mounted::At(other) => format!("mount {kept} of {id} {path} to {other}"),
                Mounted::Directory(from, to) => format!("subPath of {kept} of {id} {} to {}", whole(from), whole(to)),
                Mounted::Other(other) => format!("mount {other} of {id} at {path} instead of {kept}"),
                Mounted::Nowhere => format!("unmount {kept} of {id}"),
            },
            Self::Rename { to, .. } => format!("rename {id} to {to}"),
            Self::Remove(_) => format!("remove {id}"),
            Self::Reclaim(policy) => format!("reclaim {id} {policy}"),
            Self::Claim { from, to } => format!("claim of {id} {} to {}", from.seen_from(""), to.seen_from("")),
            Self::Disk { from, to } => format!("disk of {id} {from} to {to}"),
            Self::Governing { .. } => format!("remove governing {id}"),
            Self::Share { disk, .. } => format!("share {disk}"),
            Self::DeleteClaim(claim) => format!("delete claim {}", claim.seen_from(home)),
            Self::ReplaceClaim(claim) => format!("replace claim {}", claim.seen_from(home)),
            Self::LoseClaim(claim) => format!("lose claim {}", claim.seen_from(home)),
        }
    }
}
