//! The codes of verdicts and of the steps of a timeline: what happened, in a word that does not change. `docs/codes.md` lists them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($variant:ident = $name:literal: $meaning:literal,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
            /// The code of a plugin that ignores a message, or a stored code of another version of the program.
            Other(String),
        }

        impl Code {
            /// Every code but those of plugins, and what it means: one sentence.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, $meaning)),*];

            /// The word, as it is stored and shown.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// The code of a word.
            pub fn parse(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name.to_owned()),
                }
            }
        }
    };
}

codes! {
    ImportedBefore = "imported-before": "An import has this watch, and Playrelay has sent it to a tracker.",
    Imported = "imported": "A job tells trackers what an import has written.",
    Received = "received": "The webhook, or the report of a connection, is stored.",
    StoredRequest = "stored-request": "The stored input cannot be read.",
    SourceOff = "source-off": "The source is switched off in the configuration.",
    WebhooksOff = "webhooks-off": "The source takes no webhooks.",
    Parsed = "parsed": "The plugin has read the message.",
    Malformed = "malformed": "The message is broken.",
    Unsupported = "unsupported": "The plugin does not know this form of message; of a delivery: the tracker has no such action for the item.",
    Trap = "trap": "The plugin crashed.",
    CpuLimit = "cpu-limit": "The plugin computed for too long.",
    TimeLimit = "time-limit": "The plugin took too long.",
    MemoryLimit = "memory-limit": "The plugin wanted too much memory.",
    OutputLimit = "output-limit": "The plugin returned too much.",
    Host = "host": "Playrelay could not run the plugin.",
    Nothing = "nothing": "The message reports nothing.",
    LeftOut = "left-out": "The input has more steps than its timeline keeps.",
    LookedUp = "looked-up": "The media server gave the details that the item lacked.",
    LookedUpBefore = "looked-up-before": "The media server gave the details before.",
    NotLookedUp = "not-looked-up": "The media server was not asked, or gave nothing: the item goes on as it is.",
    UserLookedUp = "user-looked-up": "The media server said whose playback it is.",
    UserNotLookedUp = "user-not-looked-up": "The media server could not say whose playback it is.",
    Found = "found": "A catalogue gave the ids of the item.",
    FoundBefore = "found-before": "A catalogue gave the ids before.",
    Ambiguous = "ambiguous": "A catalogue has several titles that the item can be.",
    Mapped = "mapped": "A mapping says that the item, or its numbers, are others in catalogues.",
    NotMapped = "not-mapped": "The numbers of the item are of another order, and no catalogue could map them.",
    NotFound = "not-found": "No catalogue gave ids of the item.",
    Started = "started": "A play began.",
    Continues = "continues": "A play goes on where an earlier one ended.",
    Joined = "joined": "Another source reports a play that is known.",
    Resumed = "resumed": "Playback goes on after a pause.",
    Paused = "paused": "Playback paused, or the pause is queued; of a plugin: its calls are paused after repeated faults.",
    Sought = "sought": "The viewer jumped to another position.",
    Completed = "completed": "The play reached what counts as watched.",
    CompletedUnseen = "completed-unseen": "The first report of a play says that it counts as watched.",
    PausedUnseen = "paused-unseen": "The first report of a play says that it is paused.",
    Ended = "ended": "The play ended.",
    EndedUnseen = "ended-unseen": "The first report of a play says that it has ended.",
    Stale = "stale": "The play ended because nothing more was heard of it.",
    Vanished = "vanished": "The play ended because the server no longer lists it.",
    Restarted = "restarted": "The play ended because the same item was started again.",
    ItemChanged = "item-changed": "The play ended because its session plays another item.",
    Amended = "amended": "A late report corrects a play that has ended.",
    NoChange = "no-change": "The report changes nothing.",
    Unheard = "unheard": "The connection is lost: plays may go on unseen.",
    OutOfOrder = "out-of-order": "A later report was taken before.",
    AfterTheEnd = "after-the-end": "The report comes after the play was watched to its end.",
    FinishRepeated = "finish-repeated": "The end of the play was reported before.",
    PositionBeyondEnd = "position-beyond-end": "The position is far beyond the end of the item, and is ignored.",
    UserInferred = "user-inferred": "The server named no user, and only one can be meant.",
    NoUser = "no-user": "Nobody knows whose report it is.",
    MediaKind = "media-kind": "The item is not a movie or an episode.",
    TooShort = "too-short": "The item is shorter than `min_duration`.",
    LiveTv = "live-tv": "The item is live television, and `live_tv` is off.",
    Recording = "recording": "The item is a recording, and `recordings` is off.",
    Extra = "extra": "The item is a trailer or another extra, and `extras` is off.",
    Marked = "marked": "The user marked the item as watched.",
    Unmarked = "unmarked": "The user marked the item as unwatched.",
    MarkRepeated = "mark-repeated": "The item was marked so before.",
    Rating = "rating": "The user rated the item.",
    RatingRepeated = "rating-repeated": "The item was rated so before.",
    CountedByServer = "counted-by-server": "The server counted the play as watched.",
    Threshold = "threshold": "The play ended beyond the threshold.",
    BelowThreshold = "below-threshold": "The play ended before the threshold.",
    Credits = "credits": "The play is past the start of the credits.",
    CreditsGrace = "credits-grace": "The play ended shortly before its end.",
    ClaimBelieved = "claim-believed": "The server says that the item was played to its end, and time and position allow it.",
    ClaimDoubted = "claim-doubted": "The server says that the item was played to its end, and time or position contradict it.",
    PositionUnknown = "position-unknown": "The play ended at an unknown position.",
    StillPlaying = "still-playing": "The play has not ended.",
    WatchedJustNow = "watched-just-now": "The item was watched so shortly before that this play is no second watch.",
    OtherPerson = "other-person": "The report came to the address of a person, and is about somebody else.",
    NotRecorded = "not-recorded": "The report came to the address of a person who does not record such reports.",
    Repeats = "repeats": "The play repeats one that was just watched.",
    Kind = "kind": "The item is of a kind that is not among the route's `kinds`.",
    Server = "server": "The server is not among the route's servers.",
    ServerExcepted = "server-excepted": "The server is among those that the route leaves out.",
    ServerUnknown = "server-unknown": "The server is unknown, and the route asks for it.",
    Library = "library": "The library is not among the route's libraries.",
    LibraryExcepted = "library-excepted": "The library is among those that the route leaves out.",
    LibraryUnknown = "library-unknown": "The library is unknown, and the route asks for it.",
    Device = "device": "The device is not among the route's devices.",
    DeviceExcepted = "device-excepted": "The device is among those that the route leaves out.",
    DeviceUnknown = "device-unknown": "The device is unknown, and the route asks for it.",
    Path = "path": "The file is in none of the route's `paths`.",
    PathExcepted = "path-excepted": "The file is in a path that the route leaves out.",
    PathUnknown = "path-unknown": "No file is known, and the route asks for its path.",
    EditionExcepted = "edition-excepted": "The edition is among those that the route leaves out.",
    UnknownUser = "unknown-user": "No route names the user: the play is held until somebody decides.",
    UserIgnored = "user-ignored": "Somebody decided that nothing is sent for the user.",
    Assigned = "assigned": "Somebody assigned the user, or a route names the user now: held plays are sent.",
    RouteAdded = "route-added": "A route was added, and sends from now on.",
    ToldBefore = "told-before": "Playrelay sent this watch to the tracker before.",
    NotWatched = "not-watched": "By this route's rules the play is no watch.",
    MarksOff = "marks-off": "The route sends no marks.",
    UnwatchedOff = "unwatched-off": "The route sends no removals from the history.",
    NotTaken = "not-taken": "The tracker takes no such event.",
    NearTheEnd = "near-the-end": "A start so near to the end is not sent.",
    Playing = "playing": "\u{201c}Playing\u{201d} is queued.",
    Stopped = "stopped": "\u{201c}Stopped\u{201d} is queued.",
    Watched = "watched": "\u{201c}Watched\u{201d} is queued.",
    Rated = "rated": "The rating is queued.",
    Unrated = "unrated": "The removal of the rating is queued.",
    Unwatched = "unwatched": "The removal from the history is queued.",
    Undone = "undone": "Somebody took the play back.",
    Unlisted = "unlisted": "The removal from the watchlist is queued.",
    Waiting = "waiting": "The delivery waits.",
    Delivered = "delivered": "The tracker took the event.",
    Duplicate = "duplicate": "The tracker had the event already.",
    Unmatched = "unmatched": "The tracker does not know the item.",
    Superseded = "superseded": "A later event took the place of this one.",
    Withheld = "withheld": "The event would change nothing at the tracker.",
    Held = "held": "The delivery waits for a person.",
    Skipped = "skipped": "The event was too old to be sent.",
    Dropped = "dropped": "Somebody dropped the delivery.",
    Dead = "dead": "The delivery failed for good.",
    Postponed = "postponed": "The delivery failed, and is tried again.",
    Overtaken = "overtaken": "Somebody matched the item while the delivery was under way: it is sent again.",
    Retried = "retried": "Somebody had the delivery sent again.",
    MatchedByHand = "matched-by-hand": "Somebody said which item is meant: the delivery is sent again.",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::parse(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_that_of_one_code() {
        for (code, meaning) in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), *code);
            assert!(meaning.ends_with('.'), "{code}: {meaning}");
            let is_word = code.as_str().chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
            assert!(is_word, "{code}");
        }
        let plugin = Code::parse("library.new");
        assert_eq!((plugin.as_str(), &plugin), ("library.new", &Code::Other("library.new".to_owned())));
        assert_eq!(serde_json::to_string(&Code::NoChange).unwrap(), "\"no-change\"");
        assert_eq!(serde_json::from_str::<Code>("\"no-change\"").unwrap(), Code::NoChange);
    }
}
