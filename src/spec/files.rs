//! Folders that a container sees: files, secrets, scratch space, volumes that others define.

use crate::block::{Named, Placed, Scalar, block, either};
use crate::value::Text;

/// The files of one folder, by name.
pub(crate) type Files = Named<Placed<File>>;

either! {
    /// A file: its text, or where it comes from.
    pub(crate) enum File {
        /// The text.
        Text(Text),
        /// The long form.
        Form(FileForm),
    }
}

block! {
    /// A file.
    pub(crate) struct FileForm = "a file", one_of ["from", "text"] {
        /// A file beside the spec, taken as it is; one that is not text becomes `binaryData`.
        /// Example: `conf/redis.conf`
        from: Placed<Text>,
        /// The text itself.
        /// Example: `"maxmemory 1gb"`
        text: Placed<Scalar>,
        /// Whether expressions in the file that `from` names are evaluated.
        /// Example: `true`
        expressions: Placed<bool>,
        /// Whether it is mounted by itself, beside what the image has in its folder; default: the folder is replaced.
        /// Example: `true`
        alone: Placed<bool>,
    }
}

either! {
    /// A Secret, by name, or more.
    pub(crate) enum Secret {
        /// Its name.
        Name(Text),
        /// The long form.
        Form(SecretForm),
    }
}

block! {
    /// A Secret mounted as a folder. Statewright never holds its content.
    pub(crate) struct SecretForm = "a secret", needs ["secret"] {
        /// Its name.
        /// Example: `tls`
        secret: Placed<Text>,
        /// Only these keys, and the file names they get.
        /// Example: `{tls.crt: server.crt}`
        items: Named<Placed<Text>>,
        /// The files' mode.
        /// Example: `0o400`
        mode: Placed<i64>,
        /// Whether it may be missing.
        /// Example: `true`
        optional: Placed<bool>,
    }
}

either! {
    /// A scratch folder: nothing more to say, its size, or more.
    pub(crate) enum Scratch {
        /// Its size.
        Size(Text),
        /// The long form.
        Form(ScratchForm),
    }
}

block! {
    /// A folder that is empty when the pod starts and gone when it ends.
    pub(crate) struct ScratchForm = "a scratch folder" {
        /// How much it may hold.
        /// Example: `1Gi`
        size: Placed<Scalar>,
        /// `Memory` for one that never touches a disk.
        /// Example: `Memory`
        medium: Placed<Text>,
    }
}

either! {
    /// Where a volume is seen: a path, or more.
    pub(crate) enum Mount {
        /// The path.
        Path(Text),
        /// Kubernetes' form.
        Form(MountForm),
        /// Several parts of it, each in a place of its own.
        Several(Vec<MountForm>),
    }
}

block! {
    /// Where a volume is seen.
    pub(crate) struct MountForm = "a mount", needs ["path"], rest "core.v1.VolumeMount" {
        /// The folder.
        /// Example: `/backup`
        path: Placed<Text>,
    }
}

either! {
    /// Words of access: one, or several.
    pub(crate) enum Access {
        /// One.
        One(Text),
        /// Several.
        Several(Vec<Placed<Text>>),
    }
}

/// Labels, annotations and other maps of texts.
pub(crate) type Texts = Named<Placed<Scalar>>;
