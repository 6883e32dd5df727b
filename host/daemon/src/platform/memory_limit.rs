//! A limit on the memory of this process.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Memory that a command may write to which reads what others answer. Bytes.
const MAX_MEMORY_BYTES: u64 = 2 << 30;

/// Lets this process, and those that it starts, write to 2 GiB of memory and no more.
///
/// # Errors
///
/// The system does not allow it.
pub(crate) fn set() -> std::io::Result<()> {
    let limit = Rlimit { current: Some(MAX_MEMORY_BYTES), maximum: Some(MAX_MEMORY_BYTES) };
    Ok(setrlimit(Resource::Data, limit)?)
}
