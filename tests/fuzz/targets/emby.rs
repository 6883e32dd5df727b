//! The parser of emby: whatever comes, it gives reports or says why not.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let request = playrelay_fuzz::request(bytes);
    let first = playrelay_emby::parse(&request);
    assert_eq!(first, playrelay_emby::parse(&request), "the same request gives the same reports");
});
