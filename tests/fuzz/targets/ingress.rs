//! Ingress: whatever comes over the wire is kept, or refused with a reason.

#![no_main]

use axum::body::Body;
use axum::extract::Request;

const TYPES: [&str; 6] = [
    "application/json",
    "text/plain; charset=utf-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=\"b\"",
    "multipart/form-data",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let (query, body) = bytes.split_at(usize::from(how / 16).min(bytes.len()));
    let query: String = query.iter().map(|byte| format!("%{byte:02x}=")).collect();
    let of_file = playrelay::web::ingress::parse_raw_request(bytes);
    let built = Request::post(format!("/webhook/home?{query}"))
        .header("content-type", TYPES[usize::from(how % 16) % TYPES.len()])
        .body(Body::from(body.to_vec()));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (Ok(runtime), Ok(built)) = (runtime, built) else { return };
    for request in [Ok(built), of_file].into_iter().flatten() {
        let kept = runtime.block_on(playrelay::web::ingress::to_webhook_request(request, Some("token"), 1 << 16));
        if let Err(reason) = kept {
            assert!(!reason.is_empty());
        }
    }
});
