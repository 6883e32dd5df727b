//! Faults of plugins: crashes and exceeded limits.

use std::fmt;

use playrelay_engine::code::Code;

use crate::text;

/// The reason why a call gave no result. The text names the limit and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The reason, one sentence for people.
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
    /// The code of an input that ended so.
    pub fn code(self) -> Code {
        match self {
            Self::Trap => Code::Trap,
            Self::Cpu => Code::CpuLimit,
            Self::Wall => Code::TimeLimit,
            Self::Memory => Code::MemoryLimit,
            Self::Output => Code::OutputLimit,
            Self::Paused => Code::Paused,
            Self::Host => Code::Host,
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
