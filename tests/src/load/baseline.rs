//! What durable ingest is measured against: a handler that parses the same body natively and stores nothing.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

/// Serves on a free port until the process is killed; prints `ready address=…` as the daemon does.
pub async fn serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    eprintln!("ready address={}", listener.local_addr().expect("a bound socket has an address"));
    let router = Router::new().route("/webhook/{name}/{token}", post(handle));
    axum::serve(listener, router).await.expect("the listener works");
}

async fn handle(request: Request) -> StatusCode {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(Ok(boundary)) = content_type.map(multer::parse_boundary) else { return StatusCode::BAD_REQUEST };
    let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    let mut event = None;
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("payload") {
            let Ok(bytes) = field.bytes().await else { return StatusCode::BAD_REQUEST };
            event = serde_json::from_slice::<Value>(&bytes)
                .ok()
                .and_then(|message| message["event"].as_str().map(str::len));
        }
    }
    if event.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}
