//! Pictures: asked of the catalogue, fetched once, and kept in the data folder. A browser that shows one never learns where it
//! lies, nor does the catalogue learn who looks at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use playrelay_engine::model::Item;
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::capabilities::Picture;
use playrelay_plugin_host::http::client::REQUEST_TIMEOUT;
use playrelay_plugin_host::http::{Request, RequestPurpose};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::{call_error, capabilities};
use playrelay_util::{backoff, private_file};
use url::Url;

/// Below the data folder.
const FOLDER: &str = "cache/artwork";
/// How long a picture is kept: six months are the most that catalogues allow.
const CACHE_TTL: Duration = Duration::from_secs(180 * 24 * 60 * 60);
/// Pictures that are kept.
const MAX_FILES: usize = 2_000;
/// The kinds of pictures that are taken, and how their files end.
const TYPES: [(&str, &str); 3] = [("image/jpeg", "jpg"), ("image/png", "png"), ("image/webp", "webp")];

/// The reason why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ArtworkError {
    /// Nobody knows one.
    #[error("no catalogue has such a picture of it")]
    None,
    /// The catalogue, or the place where its pictures lie, does not give it.
    #[error("the picture cannot be fetched: {0}")]
    Fetch(String),
    /// The folder fails.
    #[error("the picture cannot be kept: {0}")]
    Folder(#[from] std::io::Error),
}

/// Fetches pictures from a catalogue, and keeps them.
pub struct Artwork {
    plugin: Arc<Plugin>,
    target: CallTarget,
    folder: PathBuf,
}

impl Artwork {
    /// Pictures of a catalogue.
    pub fn new(plugin: Arc<Plugin>, target: CallTarget, data: &Path) -> Self {
        Self { plugin, target, folder: data.join(FOLDER) }
    }

    /// A picture of an item, `poster`, `backdrop` or `still`: its media type and its bytes.
    ///
    /// # Errors
    ///
    /// Fails where no catalogue has such a picture, it cannot be fetched, or the cache cannot be written to.
    pub async fn get(&self, item: &Item, kind: &str) -> Result<(&'static str, Vec<u8>), ArtworkError> {
        let name = Digest::of(format!("{kind}\n{}", item.catalogue_key()).as_bytes()).to_string();
        if let Some(kept) = self.cached(&name) {
            return Ok(kept);
        }
        let answer = self.plugin.call::<capabilities::Artwork>(&self.target, item.clone()).await.0;
        let pictures: Vec<Picture> =
            call_error::value(answer).map_err(|error| ArtworkError::Fetch(error.to_string()))?;
        let picture = pictures.into_iter().find(|picture| picture.kind == kind).ok_or(ArtworkError::None)?;
        let (media_type, ending, bytes) = self.fetch(&picture.url).await?;
        fs::create_dir_all(&self.folder)?;
        self.evict()?;
        // Two requests for one picture write two files, and the last one stays.
        let new = format!("{}.new", backoff::random().to_bits());
        private_file::replace(&self.folder.join(format!("{name}.{ending}")), &new, &bytes)?;
        Ok((media_type, bytes))
    }

    /// Removes what is too old, and all where there is too much: it is only a cache.
    fn evict(&self) -> std::io::Result<()> {
        let files = fs::read_dir(&self.folder)?.collect::<Result<Vec<_>, _>>()?;
        let is_full = files.len() >= MAX_FILES;
        for file in files {
            let age = SystemTime::now().duration_since(file.metadata()?.modified()?).unwrap_or_default();
            if is_full || age >= CACHE_TTL {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    fn cached(&self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        TYPES.iter().find_map(|(media_type, ending)| {
            let file = self.folder.join(format!("{name}.{ending}"));
            let written = fs::metadata(&file).and_then(|facts| facts.modified()).ok()?;
            let age = SystemTime::now().duration_since(written).unwrap_or_default();
            (age < CACHE_TTL).then(|| fs::read(file).ok()).flatten().map(|bytes| (*media_type, bytes))
        })
    }

    async fn fetch(&self, url: &str) -> Result<(&'static str, &'static str, Vec<u8>), ArtworkError> {
        let failed = |reason: String| ArtworkError::Fetch(reason);
        let request = Request {
            method: reqwest::Method::GET,
            url: Url::parse(url)
                .map_err(|error| failed(format!("its address is not a valid URL: {error}")))?,
            headers: Vec::new(),
            body: None,
            timeout: REQUEST_TIMEOUT,
        };
        let answer = self.target.account.outbound.send(request, RequestPurpose::Picture).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        let found = answer.header("content-type").unwrap_or_default();
        let known = TYPES.iter().find(|(media_type, _)| found.split(';').next() == Some(media_type));
        match (answer.status, known) {
            (200, Some((media_type, ending))) => Ok((media_type, ending, answer.body)),
            (200, None) => Err(failed(format!("it is {found:?}, and no picture"))),
            (status, _) => Err(failed(format!("the answer was {status}"))),
        }
    }
}
