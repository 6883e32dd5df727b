//! `playrelay connect`, in all its ends.

use playrelay_tests::fake_trakt::{Approval, FakeTrakt};
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::Home;

async fn connect(home: &Home) -> (bool, String) {
    let output = tokio::task::block_in_place(|| home.run(&["connect", "bob"]));
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn granted_after_a_while() {
    let trakt = FakeTrakt::start().await;
    trakt.approve_logins(Approval::After(1));
    trakt.faults().next("/oauth/device/token", 1, Fault::status(429));
    let home = Home::plex_to_trakt(None, &trakt, "");
    let (success, text) = connect(&home).await;
    assert!(success, "{text}");
    assert!(text.contains("5055CC52") && text.contains("/activate"), "{text}");
    assert!(text.contains("bob is logged in as sean"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_expired_and_refused() {
    let cases = [
        (Approval::Denied, None, "denied"),
        (Approval::Never, Some(("/oauth/device/token", Fault::status(410))), "expired"),
        (Approval::Never, Some(("/oauth/device/token", Fault::status(409))), "start again"),
        (Approval::Never, Some(("/oauth/device/code", Fault::status(403))), "client id"),
    ];
    for (approval, fault, words) in cases {
        let trakt = FakeTrakt::start().await;
        trakt.approve_logins(approval);
        if let Some((path, fault)) = fault {
            trakt.faults().always(path, fault);
        }
        let home = Home::plex_to_trakt(None, &trakt, "");
        let (success, text) = connect(&home).await;
        assert!(!success && text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_names_the_nearest() {
    let trakt = FakeTrakt::start().await;
    let home = Home::plex_to_trakt(None, &trakt, "");
    let output = home.run(&["connect", "bbo"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("did you mean `bob`?"), "{text}");
}
