//! What MDBList keeps.

use jiff::Timestamp;

use crate::catalogue::Entry;
use crate::device_login::DeviceLogins;
use crate::service::Service;
use crate::user_library::Library;

pub(super) struct World {
    pub(super) catalogue: Vec<Entry>,
    pub(super) library: Library,
    pub(super) logins: DeviceLogins,
    pub(super) allowed: u32,
    pub(super) used: u32,
    pub(super) most_in_a_day: u32,
    pub(super) day: i64,
    /// When writes, and when reads, were sent lately.
    pub(super) lately: [Vec<Timestamp>; 2],
    pub(super) now: Timestamp,
}

pub(super) type Shared = Service<World>;
