//! Volumes that the cluster makes by itself when they are claimed.

use crate::block::{Placed, Read, Shape, block, wrong_type};
use crate::diagnostic::Diagnostics;
use crate::value::{Data, Node, Text};

block! {
    /// Volumes that the cluster makes by itself when they are claimed.
    pub(super) struct DynamicForm = "`dynamic`" {
        /// The storage class; the cluster's default where none is named.
        /// Example: `standard`
        class: Placed<Text>,
    }
}

/// A class name, or nothing for the cluster's default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dynamic {
    /// The class, if one is named.
    pub class: Option<Placed<Text>>,
}

impl Read for Dynamic {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.data {
            Data::Text(_) => Placed::<Text>::read(node, found).map(|class| Self { class: Some(class) }),
            Data::Bool(true) => Some(Self::default()),
            Data::Map(_) => DynamicForm::read(node, found).map(|form| Self { class: form.class }),
            _ => {
                wrong_type(node, "a class name, or `{}` for the cluster's default", found);
                None
            }
        }
    }
    fn shape() -> Shape {
        Shape::Either(&[|| Shape::Text, || Shape::Bool, DynamicForm::shape])
    }
}
