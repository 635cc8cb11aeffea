//! Rules in CEL that a schema holds, each read when it is first asked. Evaluates nothing.

use crate::api::cel::{Program, Unread};
use crate::value::{Node, Text};
use std::sync::OnceLock;

/// One of `x-kubernetes-validations`.
#[derive(Debug)]
pub struct Rule {
    /// `rule`
    pub written: Text,
    /// `message`
    pub message: Text,
    /// `messageExpression`
    pub message_expression: Text,
    /// `reason`
    pub reason: Reason,
    /// `fieldPath`
    pub field_path: Text,
    /// `optionalOldSelf`
    pub optional_old_self: bool,
    program: OnceLock<Result<Program, Unread>>,
    message_program: OnceLock<Result<Program, Unread>>,
}

/// What kind of fault it is that a rule finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// `FieldValueInvalid`
    #[default]
    Invalid,
    /// `FieldValueForbidden`
    Forbidden,
    /// `FieldValueRequired`
    Required,
    /// `FieldValueDuplicate`
    Duplicate,
}

impl Rule {
    /// The rule that an item of `x-kubernetes-validations` holds.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let text = |key: &str| Text::new(node.get(key).and_then(Node::as_str).unwrap_or_default());
        Self {
            written: text("rule"),
            message: text("message").trim().into(),
            message_expression: text("messageExpression"),
            reason: match &*text("reason") {
                "FieldValueForbidden" => Reason::Forbidden,
                "FieldValueRequired" => Reason::Required,
                "FieldValueDuplicate" => Reason::Duplicate,
                _ => Reason::Invalid,
            },
            field_path: text("fieldPath"),
            optional_old_self: node.get("optionalOldSelf").and_then(Node::as_bool).unwrap_or(false),
            program: OnceLock::new(),
            message_program: OnceLock::new(),
        }
    }

    /// The rule, ready to be asked; or why it cannot be.
    pub fn program(&self) -> &Result<Program, Unread> {
        self.program.get_or_init(|| Program::read(&self.written))
    }

    /// The expression that makes its message, if it has one.
    pub fn message_program(&self) -> Option<&Result<Program, Unread>> {
        let is_written = !self.message_expression.is_empty();
        is_written.then(|| self.message_program.get_or_init(|| Program::read(&self.message_expression)))
    }

    /// What names it where it has no message: the message, or the rule itself.
    #[must_use]
    pub fn named(&self) -> &str {
        if self.message.is_empty() { self.written.trim() } else { &self.message }
    }
}

impl Reason {
    /// The type of the server's error.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
        }
    }
}
