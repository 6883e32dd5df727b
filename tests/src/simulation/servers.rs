//! A server of each kind.

use jiff::Timestamp;

use crate::fake_mediabrowser::{FakeMediaBrowser, Family};
use crate::fake_playback::{FakePlayback, Person, Title};
use crate::fake_plex::FakePlex;
use crate::harness::WEBHOOK_TOKEN;
use crate::server::Server;
use crate::sockets::Sockets;
use crate::{fake_mediabrowser, fake_plex};

/// The servers.
pub struct Servers {
    /// The first.
    pub plex: FakePlex,
    /// The second.
    pub jellyfin: FakeMediaBrowser,
    /// The third.
    pub emby: FakeMediaBrowser,
}

impl Servers {
    /// Starts them.
    pub async fn start() -> Self {
        Self {
            plex: FakePlex::start().await,
            jellyfin: FakeMediaBrowser::start(Family::Jellyfin).await,
            emby: FakeMediaBrowser::start(Family::Emby).await,
        }
    }

    /// A source for each, with some more keys.
    pub fn config(&self, mode: &str, more: &str) -> String {
        let [plex, jellyfin, emby] =
            [self.plex.server.url(), self.jellyfin.server.url(), self.emby.server.url()];
        let rows = [
            ("plex", plex, fake_plex::TOKEN),
            ("jellyfin", jellyfin, fake_mediabrowser::TOKEN),
            ("emby", emby, fake_mediabrowser::TOKEN),
        ];
        let source = |(plugin, url, token): (&str, String, &str)| {
            format!(
                "[sources.{plugin}]\nplugin = {plugin:?}\nmode = {mode:?}\nurl = {url:?}\ntoken = {token:?}\n\
                 webhook_token = \"{WEBHOOK_TOKEN}-{plugin}\"\n{more}\n\n"
            )
        };
        rows.into_iter().map(source).collect()
    }

    pub(super) fn list(&self, server: usize, screenings: &[FakePlayback]) {
        match server {
            0 => self.plex.set_sessions(screenings),
            1 => self.jellyfin.list(screenings),
            _ => self.emby.list(screenings),
        }
    }

    /// Enters a play into a server's own history.
    pub fn record(&self, server: usize, person: &Person, title: &Title, at: Timestamp) {
        match server {
            0 => self.plex.add_play(person, title, at),
            1 => self.jellyfin.record(person, title, at),
            _ => self.emby.record(person, title, at),
        }
    }

    /// Puts a title into a library.
    pub fn add(&self, server: usize, title: &Title) {
        match server {
            0 => self.plex.add(title.metadata_with_markers()),
            1 => self.jellyfin.add(title.jellyfin()),
            _ => self.emby.add(title.emby()),
        }
    }

    pub(super) async fn go_down(&self, server: usize) {
        self.server(server).go_down().await;
    }

    pub(super) async fn come_up(&self, server: usize) {
        self.server(server).come_up().await;
    }

    /// The sockets of one of them.
    pub(super) fn sockets(&self, server: usize) -> &Sockets {
        match server {
            0 => self.plex.sockets(),
            1 => self.jellyfin.sockets(),
            _ => self.emby.sockets(),
        }
    }

    fn server(&self, server: usize) -> &Server {
        match server {
            0 => &self.plex.server,
            1 => &self.jellyfin.server,
            _ => &self.emby.server,
        }
    }
}
