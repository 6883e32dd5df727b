//! How people watch, and what goes wrong meanwhile.

/// How somebody watches something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// From its beginning to its end.
    Through,
    /// With a pause of ten minutes.
    Paused,
    /// Skipping a part.
    SkippingAhead,
    /// Seeing a part twice.
    SkippingBack,
    /// Giving up in the middle.
    GivenUp,
    /// The app is killed near the end, and nobody says so.
    Killed,
    /// The next episode begins by itself.
    Autoplay,
    /// Leaving when the credits begin, long before the end.
    LeavingAtCredits,
    /// The first half on one device, the rest on another.
    OnTwoDevices,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Through,
        Self::Paused,
        Self::SkippingAhead,
        Self::SkippingBack,
        Self::GivenUp,
        Self::Killed,
        Self::Autoplay,
        Self::LeavingAtCredits,
        Self::OnTwoDevices,
    ];

    /// What happens when: ticks from the beginning.
    pub(super) fn programme(self) -> Vec<(u32, Act)> {
        const LAST: u32 = 79;
        match self {
            Self::Through => vec![(LAST, Act::Stop)],
            Self::Paused => vec![(30, Act::Pause), (50, Act::Resume), (LAST + 18, Act::Stop)],
            Self::SkippingAhead => vec![(32, Act::Seek(70)), (55, Act::Stop)],
            Self::SkippingBack => vec![(48, Act::Seek(30)), (100, Act::Stop)],
            Self::GivenUp => vec![(40, Act::Stop)],
            Self::Killed => vec![(74, Act::Kill)],
            Self::Autoplay => vec![(78, Act::Next), (78 + LAST, Act::Stop)],
            Self::LeavingAtCredits => vec![(62, Act::Stop)],
            Self::OnTwoDevices => vec![(36, Act::Stop), (40, Act::GoOnElsewhere), (84, Act::Stop)],
        }
    }

    /// How many of the titles it watches to their end, where it is known where the credits are or is not.
    pub(super) fn watches(self, knows_credits: bool) -> usize {
        match self {
            Self::GivenUp => 0,
            Self::LeavingAtCredits => usize::from(knows_credits),
            Self::Autoplay => 2,
            _ => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Pause,
    Resume,
    /// To so many percent.
    Seek(u32),
    Next,
    Kill,
    Stop,
    GoOnElsewhere,
}

/// What happens to a server at a tick of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It restarts: it is away for two minutes, and numbers its sessions anew.
    Restart(usize),
    /// Its connections break.
    Cut(usize),
    /// Playrelay is killed, and started again.
    Killed,
}
