//! How people watch, and what goes wrong meanwhile.

/// How somebody watches something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewingPattern {
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

impl ViewingPattern {
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
    pub(super) fn programme(self) -> Vec<(u32, Step)> {
        const LAST: u32 = 79;
        match self {
            Self::Through => vec![(LAST, Step::Stop)],
            Self::Paused => vec![(30, Step::Pause), (50, Step::Resume), (LAST + 18, Step::Stop)],
            Self::SkippingAhead => vec![(32, Step::Seek(70)), (55, Step::Stop)],
            Self::SkippingBack => vec![(48, Step::Seek(30)), (100, Step::Stop)],
            Self::GivenUp => vec![(40, Step::Stop)],
            Self::Killed => vec![(74, Step::Kill)],
            Self::Autoplay => vec![(78, Step::Next), (78 + LAST, Step::Stop)],
            Self::LeavingAtCredits => vec![(62, Step::Stop)],
            Self::OnTwoDevices => vec![(36, Step::Stop), (40, Step::GoOnElsewhere), (84, Step::Stop)],
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
pub(super) enum Step {
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
pub enum Disruption {
    /// It restarts: it is away for two minutes, and numbers its sessions anew.
    Restart(usize),
    /// Its connections break.
    Cut(usize),
    /// Playrelay is killed, and started again.
    Killed,
}
