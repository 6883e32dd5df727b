//! The parser of jellyfin: whatever comes, it gives reports or says why not.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let request = playrelay_fuzz::request(bytes);
    let first = playrelay_jellyfin::parse(&request);
    assert_eq!(first, playrelay_jellyfin::parse(&request), "the same request gives the same reports");
    // What a socket says is read by both servers' plugins, and says the same of the same, too.
    let heard = || playrelay_mediabrowser::realtime::handle_message(&request.body, Vec::new(), &request.received_at, playrelay_mediabrowser::Flavor::Jellyfin);
    assert_eq!(heard(), heard());
});
