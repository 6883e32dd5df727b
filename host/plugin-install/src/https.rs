//! A plugin from a web server, with minisign's signature beside it.

use futures_util::StreamExt;
use playrelay_plugin_host::artifact::SIZE_LIMIT;
use playrelay_plugin_host::http::tls;
use playrelay_plugin_host::http::tls::Trust;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::error::{FetchError, reason};
use crate::request::{CONNECT_TIMEOUT, READ_TIMEOUT, USER_AGENT};
use crate::signature::SIGNATURE_LIMIT_BYTES;

/// Redirects that are followed: releases at a forge have one or two.
const MAX_REDIRECTS: usize = 5;

/// Fetches a component; and the signature beside it, where there is one.
pub(crate) async fn fetch(url: &Url) -> Result<(Vec<u8>, Option<Vec<u8>>), FetchError> {
    let client = client(url)?;
    let bytes = found(&client, url, SIZE_LIMIT).await?;
    let mut beside = url.clone();
    beside.set_path(&format!("{}.minisig", url.path()));
    let signature = match get(&client, &beside).await? {
        Answer::Found(response) => Some(body(response, &beside, SIGNATURE_LIMIT_BYTES).await?),
        Answer::Missing(_) => None,
    };
    Ok((bytes, signature))
}

/// Fetches a file of at most so many bytes from an https address.
///
/// # Errors
///
/// The server cannot be reached, answers with another status than 200, or the file is larger.
pub async fn download(url: &Url, limit: usize) -> Result<Vec<u8>, FetchError> {
    found(&client(url)?, url, limit).await
}

fn client(url: &Url) -> Result<Client, FetchError> {
    let failed = |reason: String| FetchError::unreachable(url, reason);
    let tls = tls::config(&Trust::SystemRoots).map_err(|error| failed(error.to_string()))?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(Policy::limited(MAX_REDIRECTS))
        .https_only(true)
        .build()
        .map_err(|error| failed(error.to_string()))
}

async fn found(client: &Client, url: &Url, limit: usize) -> Result<Vec<u8>, FetchError> {
    match get(client, url).await? {
        Answer::Found(response) => body(response, url, limit).await,
        Answer::Missing(status) => {
            Err(FetchError::unreachable(url, format!("the server answered with {status}")))
        }
    }
}

enum Answer {
    Found(Response),
    Missing(StatusCode),
}

async fn get(client: &Client, url: &Url) -> Result<Answer, FetchError> {
    let failed = |reason: String| FetchError::unreachable(url, reason);
    let response = client.get(url.clone()).send().await.map_err(|error| failed(reason(&error)))?;
    match response.status() {
        StatusCode::OK => Ok(Answer::Found(response)),
        // Some servers hide what is not there behind another status.
        status @ (StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE) => {
            Ok(Answer::Missing(status))
        }
        status => Err(failed(format!("the server answered with {status}"))),
    }
}

async fn body(response: Response, url: &Url, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| FetchError::unreachable(url, reason(&error)))?;
        if bytes.len() + piece.len() > limit {
            return Err(FetchError::Size { source_text: url.to_string() });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
