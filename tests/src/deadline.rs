//! How long tests wait.

use std::time::Duration;

/// How long a test waits for something to happen. Machines of CI are three times as slow as ours, and large plugins are compiled beside.
pub const DEADLINE: Duration = Duration::from_secs(300);
