//! `playrelay connect`, in all its ends.

use std::time::Duration;

use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl;
use playrelay_tests::fake_simkl::FakeSimkl;
use playrelay_tests::fake_trakt::{Approval, FakeTrakt};
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, mdblist_account, simkl_account};
use reqwest::Method;
use serde_json::{Value, json};

async fn connect(home: &TestContext) -> (bool, String) {
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
    let home = TestContext::plex_to_trakt(None, &trakt, "");
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
        let home = TestContext::plex_to_trakt(None, &trakt, "");
        let (success, text) = connect(&home).await;
        assert!(!success && text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_names_the_nearest() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let output = home.run(&["connect", "bbo"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("did you mean `bob`?"), "{text}");
}

/// Logs `bob` in at a SIMKL where the user does this, and allows that.
async fn at_simkl(
    client_id: &str,
    approval: Approval,
    scope: Option<&str>,
) -> (bool, String, FakeSimkl, TestContext) {
    let simkl = FakeSimkl::start().await;
    simkl.approve_logins(approval, scope);
    let home = TestContext::new(&simkl_account("bob", &simkl, client_id));
    let (success, text) = home.run_with_fakes(&["connect", "bob", "--qr"]).await;
    (success, text, simkl, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn simkl_by_device_code_and_by_pin() {
    for (client_id, code) in [(fake_simkl::CLIENT_ID, "BDWP-HQPK"), (fake_simkl::OLD_CLIENT_ID, "ABCDE")] {
        let (success, text, simkl, home) = at_simkl(client_id, Approval::After(1), None).await;
        assert!(success && text.contains(code), "{text}");
        assert!(text.contains("bob is logged in as sean"), "{text}");
        assert!(text.contains('\u{2588}'), "a QR code: {text}");
        let (success, text) = home.run_with_fakes(&["disconnect", "bob"]).await;
        assert!(success && text.contains("stored login of bob"), "{text}");
        assert_eq!(simkl.is_logged_in(), client_id == fake_simkl::OLD_CLIENT_ID, "PINs cannot be revoked");
        for token in simkl.tokens() {
            assert!(!home.log().contains(&token) && !text.contains(&token), "a token was shown");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn simkl_says_no_in_its_own_words() {
    let read_only = Some("media:read");
    for (client_id, approval, scope, words) in [
        (fake_simkl::CLIENT_ID, Approval::AtOnce, read_only, "lacks the right to media:write"),
        ("no-such-client", Approval::AtOnce, None, "refused the app (412"),
    ] {
        let (success, text, ..) = at_simkl(client_id, approval, scope).await;
        assert!(!success && text.contains(words), "{words}: {text}");
    }
}

/// RFC 8628, section 3.5: an answer that says to ask less often, and one that says that it is too late.
#[tokio::test(flavor = "multi_thread")]
async fn simkl_asked_too_often_or_too_late() {
    let says = |error: &str| Fault::Answer {
        status: 400,
        headers: Vec::new(),
        body: format!("{{\"error\":\"{error}\"}}"),
    };
    let simkl = FakeSimkl::start().await;
    simkl.faults().next("/oauth2/token", 1, says("slow_down"));
    let home = TestContext::new(&simkl_account("bob", &simkl, fake_simkl::CLIENT_ID));
    let begun = std::time::Instant::now();
    let (success, text) = home.run_with_fakes(&["connect", "bob"]).await;
    assert!(success && begun.elapsed() >= Duration::from_secs(7), "a second, then six: {text}");
    simkl.faults().next("/oauth2/token", 1, says("expired_token"));
    let (success, text) = home.run_with_fakes(&["connect", "bob"]).await;
    assert!(!success && text.contains("the code has expired; start again"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mdblist_by_key_or_by_code() {
    let mdblist = FakeMdbList::start().await;
    let with_key = TestContext::new(&mdblist_account("bob", &mdblist, true));
    let (success, text) = with_key.run_with_fakes(&["connect", "bob"]).await;
    assert!(success && text.contains("bob needs no login") && text.contains("as sean"), "{text}");
    for (approval, scope, words) in [
        (Approval::Denied, None, "denied at the service"),
        (Approval::AtOnce, Some("read"), "lacks the right to write"),
        (Approval::AtOnce, None, "bob is logged in as sean"),
    ] {
        mdblist.approve_logins(approval, scope);
        let home = TestContext::new(&mdblist_account("bob", &mdblist, false));
        let (_, text) = home.run_with_fakes(&["connect", "bob"]).await;
        assert!(text.contains(words), "{words}: {text}");
    }
    mdblist.faults().next("/oauth/token/", 1, Fault::status(429));
    mdblist.faults().next(
        "/oauth/token/",
        1,
        Fault::Answer { status: 400, headers: Vec::new(), body: r#"{"error":"expired_token"}"#.to_owned() },
    );
    let home = TestContext::new(&mdblist_account("bob", &mdblist, false));
    let (success, text) = home.run_with_fakes(&["connect", "bob"]).await;
    assert!(!success && text.contains("expired"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_accounts_and_small_plans_have_their_own_words() {
    for (status, words) in [(423, "locked the account"), (426, "paying members")] {
        let trakt = FakeTrakt::start().await;
        trakt.faults().always("/oauth/device/code", Fault::status(status));
        let home = TestContext::plex_to_trakt(None, &trakt, "");
        let (success, text) = connect(&home).await;
        assert!(!success && text.contains(words), "{text}");
    }
}

/// What a page does: begins a login, shows the code, asks how it stands, and ends it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_logs_in_and_out() {
    let simkl = FakeSimkl::start().await;
    simkl.approve_logins(Approval::After(1), None);
    let home = TestContext::new(&simkl_account("bob", &simkl, fake_simkl::CLIENT_ID));
    let daemon = home.start();
    let login = |method| daemon.api(method, "/api/v1/accounts/bob/login");
    let begun: Value = answer(login(Method::POST)).await;
    assert_eq!((&begun["state"], &begun["code"]), (&json!("pending"), &json!("BDWP-HQPK")), "{begun}");
    let path = "/api/v1/accounts/bob/login";
    let standing = daemon.get_until(path, "the end of the login", |it| it["state"] != "pending").await;
    assert_eq!(standing, json!({ "state": "granted" }));
    let accounts: Value = daemon.get("/api/v1/accounts").await;
    assert_eq!(accounts["accounts"][0]["requests_a_day"], 500, "{accounts}");
    // A page of another site can do nothing, whoever looks at it.
    let foreign = login(Method::DELETE).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(simkl.is_logged_in());
    let ended: Value = answer(login(Method::DELETE)).await;
    assert_eq!(ended["forgotten"], true);
    assert!(!simkl.is_logged_in());
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
