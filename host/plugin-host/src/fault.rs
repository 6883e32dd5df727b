//! Why a call gave no result.

use std::fmt;

use crate::text;

/// Why a call gave no result. The text says which limit, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// The same, one sentence for people.
    pub text: String,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The guest crashed.
    Trap,
    /// It computed too long.
    Cpu,
    /// It took too long.
    Wall,
    /// It wanted too much memory.
    Memory,
    /// It returned too much.
    Output,
    /// It is paused after too many faults.
    Paused,
    /// The host could not make the call.
    Host,
}

impl FaultKind {
    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Cpu => "cpu-limit",
            Self::Wall => "time-limit",
            Self::Memory => "memory-limit",
            Self::Output => "output-limit",
            Self::Paused => "paused",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    pub(crate) fn new(kind: FaultKind, words: impl AsRef<str>) -> Self {
        Self { kind, text: text::cut(words.as_ref(), text::WORDS) }
    }
}
