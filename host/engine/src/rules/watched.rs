//! Whether a play is a watch.

use jiff::SignedDuration;

use crate::code::Code;
use crate::model::Completion;
use crate::play::{Play, percent};
use crate::policy::Policy;

/// A stop before this is never taken for "skipped the credits", however short the item. Percent.
const CREDITS_GRACE_FLOOR: f64 = 80.0;

/// The code of the judgement that a play is a repetition of the one before.
pub const REPEATED_WATCH: Code = Code::WatchedJustNow;

/// The judgement over a play, and the numbers that decided.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedEvaluation {
    /// Whether it is a watch.
    pub watched: bool,
    /// The rule, stable.
    pub code: Code,
    /// The rule with its numbers, in words.
    pub text: String,
}

/// Judges a play as it stands. While it is open only a count by the server and the credits marker decide; the
/// threshold is for where it ends.
pub fn evaluate(play: &Play, policy: &Policy) -> WatchedEvaluation {
    let judgement = evaluate_evidence(play, policy);
    if judgement.watched && play.earlier.repeats {
        return no(Code::Repeats, "it repeats a play that was just watched".to_owned());
    }
    let Some(previous) = play.earlier.previous_watch_at.filter(|_| judgement.watched) else {
        return judgement;
    };
    // A pause that is left standing is no second viewing, however long it stands; a tick is of when it is made.
    let moved = play.position.moved_at.filter(|_| !play.evidence.marked).unwrap_or(play.last_seen_at);
    let since = moved.duration_since(previous);
    if since >= play.merge_window() {
        return judgement;
    }
    let (since, needed) = (minutes(since), minutes(play.merge_window()));
    no(
        REPEATED_WATCH,
        format!("the same item was watched {since} before, and a second watch takes at least {needed}"),
    )
}

fn evaluate_evidence(play: &Play, policy: &Policy) -> WatchedEvaluation {
    if play.evidence.marked {
        return yes(Code::Marked, "it was marked as watched by hand".to_owned());
    }
    if play.evidence.completion == Completion::Counted {
        return yes(Code::CountedByServer, "the server counted this play as watched".to_owned());
    }
    // Credits in the first half are the opening ones, whatever they are called.
    let are_closing = |credits: u32| play.item.runtime_ms.is_none_or(|runtime| credits >= runtime / 2);
    if policy.credits
        && let (Some(credits), Some(position)) = (play.evidence.credits_start_ms, play.position.ms)
        && position >= credits
        && are_closing(credits)
    {
        return yes(Code::Credits, format!("{} is past the credits at {}", clock(position), clock(credits)));
    }
    if play.is_open() {
        return no(Code::StillPlaying, "still playing".to_owned());
    }
    let runtime = play.item.runtime_ms.filter(|runtime| *runtime > 0);
    match (play.progress(), runtime, play.position.ms) {
        (Some(progress), _, _) if progress >= policy.watched_threshold => yes(
            Code::Threshold,
            format!("ended at {progress:.1} %, watched from {:.1} %", policy.watched_threshold),
        ),
        (Some(progress), Some(runtime), Some(position))
            if policy.credits
                && progress >= CREDITS_GRACE_FLOOR
                && u128::from(runtime.saturating_sub(position)) <= policy.credits_grace.as_millis() =>
        {
            yes(
                Code::CreditsGrace,
                format!("ended {} before the end", clock(runtime.saturating_sub(position))),
            )
        }
        (Some(_), runtime, _)
            if play.evidence.claimed_without_position && judge_claim(play, runtime, policy).watched =>
        {
            judge_claim(play, runtime, policy)
        }
        (Some(progress), _, _) => no(
            Code::BelowThreshold,
            format!("ended at {progress:.1} %, watched from {:.1} %", policy.watched_threshold),
        ),
        (None, runtime, _) if play.evidence.completion == Completion::Claimed => {
            judge_claim(play, runtime, policy)
        }
        (None, _, _) => {
            no(Code::PositionUnknown, "ended at an unknown position, which is no evidence".to_owned())
        }
    }
}

/// "Played to the end" without a position to hold it against: time is the only witness.
fn judge_claim(play: &Play, runtime: Option<u32>, policy: &Policy) -> WatchedEvaluation {
    let elapsed = play.elapsed();
    if runtime.is_some() && !play.evidence.duration_unknown && play.has_only_end_report() {
        // A server that cannot measure a file calls every stop complete; one that can has something to go by.
        let text = "the server says that it was played to the end, and nobody saw more of it".to_owned();
        return yes(Code::ClaimBelieved, text);
    }
    if let Some(runtime) = runtime
        && let Ok(reach) = u32::try_from(play.max_possible_position_ms())
        && percent(reach, runtime).is_some_and(|reach| reach >= policy.watched_threshold)
    {
        let text = format!(
            "the server says that it was played to the end, and it can have come as far as {} of {}",
            clock(reach.min(runtime)),
            clock(runtime)
        );
        return yes(Code::ClaimBelieved, text);
    }
    let needed = match runtime {
        Some(runtime) => std::time::Duration::from_millis(u64::from(runtime) / 2),
        None => policy.min_watched_with_unknown_runtime,
    };
    let text = format!(
        "the server says that it was played to the end; it lasted {} s of the {} s needed to believe that",
        elapsed.as_secs(),
        needed.as_secs()
    );
    // Where it was told where it is, again and again, that and the time since are known better.
    let is_known = play.is_steady() && play.progress().is_some();
    if elapsed >= needed && !is_known { yes(Code::ClaimBelieved, text) } else { no(Code::ClaimDoubted, text) }
}

fn yes(code: Code, text: String) -> WatchedEvaluation {
    WatchedEvaluation { watched: true, code, text }
}

fn no(code: Code, text: String) -> WatchedEvaluation {
    WatchedEvaluation { watched: false, code, text }
}

fn clock(ms: u32) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn minutes(duration: SignedDuration) -> String {
    format!("{:.0} min", duration.as_secs_f64() / 60.0)
}
