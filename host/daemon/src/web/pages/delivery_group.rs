//! Deliveries, as people ask after them: eleven states are shown as five.

use playrelay_engine::outbox::DeliveryState;

/// What has become of a delivery, in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryGroup {
    /// Somebody has to say what it is, or whether it goes on.
    NeedsYou,
    /// It is still to be sent.
    OnItsWay,
    /// The tracker has it.
    There,
    /// A rule says that it is not sent.
    NotSentByRule,
    /// Somebody has said that it is not sent.
    NotSentByYou,
}

impl DeliveryGroup {
    /// All of them, the most urgent first.
    pub(super) const ALL: [Self; 5] =
        [Self::NeedsYou, Self::OnItsWay, Self::There, Self::NotSentByRule, Self::NotSentByYou];

    /// The group of a state.
    pub(super) fn of(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Held | DeliveryState::Unmatched | DeliveryState::Dead => Self::NeedsYou,
            DeliveryState::Waiting => Self::OnItsWay,
            DeliveryState::Delivered | DeliveryState::Duplicate => Self::There,
            DeliveryState::Superseded
            | DeliveryState::Withheld
            | DeliveryState::Skipped
            | DeliveryState::Unsupported => Self::NotSentByRule,
            DeliveryState::Dropped => Self::NotSentByYou,
        }
    }

    /// The states of the group.
    pub(super) fn states(self) -> Vec<DeliveryState> {
        DeliveryState::ALL.into_iter().filter(|state| Self::of(*state) == self).collect()
    }

    /// The name in an address.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs-you",
            Self::OnItsWay => "on-its-way",
            Self::There => "there",
            Self::NotSentByRule => "not-sent",
            Self::NotSentByYou => "not-sent-by-you",
        }
    }

    /// The group of a name; absent for another name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == name)
    }

    /// What people read.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::NeedsYou => "Needs you",
            Self::OnItsWay => "On its way",
            Self::There => "There",
            Self::NotSentByRule => "Not sent, by rule",
            Self::NotSentByYou => "Not sent, by you",
        }
    }

    /// The icon and the class of its colour.
    pub(super) fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::NeedsYou => ("triangle-alert", "warn"),
            Self::OnItsWay => ("clock", ""),
            Self::There => ("check", "ok"),
            Self::NotSentByRule | Self::NotSentByYou => ("ban", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_and_pages_agree_on_what_needs_a_person() {
        let mut states = DeliveryState::NEED_A_PERSON.to_vec();
        states.sort_by_key(|state| DeliveryState::ALL.iter().position(|known| known == state));
        assert_eq!(DeliveryGroup::NeedsYou.states(), states);
    }

    #[test]
    fn every_state_is_in_one_group() {
        let count: usize = DeliveryGroup::ALL.iter().map(|group| group.states().len()).sum();
        assert_eq!(count, DeliveryState::ALL.len());
        for group in DeliveryGroup::ALL {
            assert_eq!(DeliveryGroup::parse(group.as_str()), Some(group));
        }
    }
}
