//! What happens, as the servers tell it: to who listens, and by webhook.

use serde_json::json;

use crate::fake_playback::FakePlayback;
use crate::harness::Daemon;
use crate::simulation::{Mode, RUNTIME, SOURCES, SimulatedViewer, Simulation};
use crate::{emby_webhook, jellyfin_webhook, plex_webhook};

impl Simulation {
    /// Says what has changed of what somebody watches.
    pub(super) async fn say(
        &self,
        spectators: &mut [SimulatedViewer],
        index: usize,
        state: &str,
        event: &str,
        daemon: &Daemon<'_>,
    ) {
        let screening = spectators[index].screening.clone().expect("it plays");
        self.webhook(&spectators[index], &screening, event, daemon).await;
        self.listed(spectators, index, Some((&screening, state))).await;
    }

    /// Shows a server's sessions anew, and tells those who listen.
    pub(super) async fn listed(
        &self,
        spectators: &[SimulatedViewer],
        index: usize,
        changed: Option<(&FakePlayback, &str)>,
    ) {
        let server = spectators[index].server;
        let there = spectators.iter().filter(|it| it.server == server).filter_map(|it| it.screening.clone());
        self.servers.list(server, &there.collect::<Vec<_>>());
        match (server, changed) {
            (0, Some((screening, state))) => _ = self.servers.plex.broadcast(&screening.notification(state)),
            (0, None) => {}
            (1, _) => _ = self.servers.jellyfin.tell(),
            _ => _ = self.servers.emby.tell(),
        }
        self.servers.sockets(server).wait_until_drained().await;
    }

    /// What goes on is told again and again.
    pub(super) async fn progress(&self, spectators: &mut [SimulatedViewer], daemon: &Daemon<'_>) {
        for server in 0..SOURCES.len() {
            let of_server = || spectators.iter().filter(|it| it.server == server);
            let there: Vec<FakePlayback> = of_server().filter_map(|it| it.screening.clone()).collect();
            if there.is_empty() {
                continue;
            }
            self.servers.list(server, &there);
            match server {
                0 => {
                    for spectator in of_server().filter(|it| it.killed.is_none()) {
                        if let Some(screening) = &spectator.screening {
                            let state = if screening.paused { "paused" } else { "playing" };
                            self.servers.plex.broadcast(&screening.notification(state));
                        }
                    }
                }
                1 => _ = self.servers.jellyfin.tell(),
                _ => _ = self.servers.emby.tell(),
            }
            self.servers.sockets(server).wait_until_drained().await;
        }
        for spectator in spectators.iter_mut().filter(|it| it.killed.is_none()) {
            let Some(screening) = spectator.screening.clone() else { continue };
            if spectator.server == 1 {
                self.webhook(spectator, &screening, "progress", daemon).await;
            }
            let past = screening.position_ms >= RUNTIME / 100 * 90;
            if past && !std::mem::replace(&mut spectator.was_counted, true) {
                // The server keeps that in a history of its own: one of them when it counts, the others when it began.
                let now = self.servers.jellyfin.clock().now();
                let at = if spectator.server == 0 { now } else { spectator.began };
                self.servers.record(spectator.server, &screening.person, &screening.title, at);
                if spectator.server == 0 {
                    self.webhook(spectator, &screening, "scrobble", daemon).await;
                }
            }
        }
    }

    pub(super) async fn webhook(
        &self,
        spectator: &SimulatedViewer,
        screening: &FakePlayback,
        event: &str,
        daemon: &Daemon<'_>,
    ) {
        if self.mode == Mode::Watch {
            return;
        }
        let at = Some(screening.position_ms);
        let (person, device) = (&screening.person, screening.device.as_str());
        match spectator.server {
            0 => {
                let (name, at) = match event {
                    "start" => ("media.play", None),
                    "pause" => ("media.pause", at),
                    "resume" => ("media.resume", at),
                    // Real ones leave it out.
                    "stop" => ("media.stop", None),
                    "scrobble" => ("media.scrobble", None),
                    _ => return,
                };
                let who = (person.number, person.name);
                let message = plex_webhook::event(name, &screening.title.metadata(), at, who, device);
                let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
                daemon.message("plex", &content_type, plex_webhook::multipart(&message, 500)).await;
            }
            1 => {
                let name = match event {
                    "start" => "PlaybackStart",
                    "stop" => "PlaybackStop",
                    _ => "PlaybackProgress",
                };
                let item = screening.title.jellyfin_webhook();
                let mut message =
                    jellyfin_webhook::event(name, &item, at, (person.guid, person.name), device);
                message["IsPaused"] = json!(screening.paused);
                message["PlayedToCompletion"] = json!(screening.position_ms >= RUNTIME / 100 * 90);
                daemon.json("jellyfin", &message).await;
            }
            _ => {
                let name = match event {
                    "start" => "playback.start",
                    "pause" => "playback.pause",
                    "resume" => "playback.unpause",
                    "stop" => "playback.stop",
                    _ => return,
                };
                let item = screening.title.emby_webhook();
                let message = emby_webhook::event(name, &item, at, (person.guid, person.name), device);
                daemon.json("emby", &message).await;
            }
        }
    }
}
