//! This node, and whether it owns the household.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use playrelay_plugin_host::ports::WriteGate;
use playrelay_store::leases::{LEASE_DURATION, RENEW_INTERVAL};
use playrelay_store::{Claim, Node, SharedOwner, SharedStore, StoreError, vault};
use playrelay_util::{clock, private_file};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::AppError;

/// The file of the node's name in the data folder.
const FILE: &str = "node.id";

/// Whether this node owns the household.
#[derive(Clone)]
pub enum Ownership {
    /// It does: the store of its tasks.
    Owner(SharedOwner),
    /// Another node does, as far as is known.
    Standby {
        /// That node's name.
        owner: Option<String>,
    },
}

/// The node of a data folder. Its random name is made up with the first start.
///
/// # Errors
///
/// The file with the name cannot be read or written.
pub fn node_of_folder(data: &Path, port: u16) -> Result<Node, AppError> {
    let path = data.join(FILE);
    let failed = |error| AppError::Data { path: path.clone(), error };
    let id = match fs::read_to_string(&path) {
        Ok(id) => id.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = vault::random_token()?.expose().to_owned();
            private_file::replace(&path, "new", format!("{id}\n").as_bytes()).map_err(failed)?;
            id
        }
        Err(error) => return Err(failed(error)),
    };
    // A name for people: any will do.
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "node" } else { host.trim() };
    Ok(Node { id: id.into(), name: format!("{host}:{port}").into() })
}

/// How long a lease must last for a request to be sent: longer than the way to the network takes.
const MIN_LEASE_LEFT: Duration = Duration::from_secs(2);

/// Until when the lease lasts at least, by this machine's own clock, which is never set.
#[derive(Debug)]
pub struct LeaseClock {
    start: Instant,
    /// Milliseconds since `start`.
    held_until: AtomicU64,
}

impl LeaseClock {
    fn new() -> Self {
        Self { start: Instant::now(), held_until: AtomicU64::new(0) }
    }

    /// It was renewed by a request that began then.
    fn renewed(&self, began: Instant) {
        let until = (began + LEASE_DURATION).saturating_duration_since(self.start);
        self.held_until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn ended(&self) {
        self.held_until.store(0, Ordering::Relaxed);
    }
}

impl WriteGate for LeaseClock {
    fn may_write(&self) -> bool {
        let end = (self.start.elapsed() + MIN_LEASE_LEFT).as_millis();
        end < u128::from(self.held_until.load(Ordering::Relaxed))
    }
}

/// The lease of this node, which is kept until this is dropped.
pub struct Lease {
    /// Whether the node owns the household.
    pub ownership: watch::Receiver<Ownership>,
    /// Until when it may write as its owner.
    pub clock: Arc<LeaseClock>,
    sender: Arc<watch::Sender<Ownership>>,
    keeper: JoinSet<()>,
}

impl Lease {
    /// Claims the household for a node, and goes on doing so.
    ///
    /// # Errors
    ///
    /// The database cannot be used.
    pub async fn keep(store: SharedStore, node: Node) -> Result<Self, StoreError> {
        let clock = Arc::new(LeaseClock::new());
        let began = Instant::now();
        let first = claim(&store, &node).await?;
        match &first {
            Ownership::Owner(_) => clock.renewed(began),
            Ownership::Standby { owner } => {
                let owner = owner.as_deref().unwrap_or("another node");
                tracing::info!("{owner} owns the household: this node takes webhooks and stands by");
            }
        }
        let (sender, ownership) = watch::channel(first);
        let sender = Arc::new(sender);
        let mut keeper = JoinSet::new();
        let task = LeaseKeeper { store, node, ownership: Arc::clone(&sender), clock: Arc::clone(&clock) };
        keeper.spawn(task.run());
        Ok(Self { ownership, clock, sender, keeper })
    }

    /// The lease of a file's only node, which is never lost.
    ///
    /// # Errors
    ///
    /// The database cannot be used.
    pub async fn of_only_node(store: &SharedStore) -> Result<Self, StoreError> {
        let node = Node { id: "alone".into(), name: "alone".into() };
        let (sender, ownership) = watch::channel(claim(store, &node).await?);
        let clock = Arc::new(LeaseClock::new());
        Ok(Self { ownership, clock, sender: Arc::new(sender), keeper: JoinSet::new() })
    }

    /// The node is not to own the household any more, and does not claim it again.
    pub fn end(mut self) {
        self.keeper.abort_all();
        self.clock.ended();
        self.sender.send_replace(Ownership::Standby { owner: None });
    }
}

/// Keeps the node's lease.
struct LeaseKeeper {
    store: SharedStore,
    node: Node,
    ownership: Arc<watch::Sender<Ownership>>,
    clock: Arc<LeaseClock>,
}

impl LeaseKeeper {
    async fn run(self) {
        let mut is_out_of_reach = false;
        loop {
            let owner = self.owner();
            let lost = async {
                match &owner {
                    // Its other end lives as long as the store.
                    Some(owner) => drop(owner.lost().wait_for(|is_lost| *is_lost).await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tokio::time::sleep(RENEW_INTERVAL) => {}
                () = lost => {}
            }
            let looked = self.look(owner.as_ref()).await;
            if let Err(error) = &looked
                && !is_out_of_reach
            {
                tracing::warn!("whether this node owns the household cannot be seen: {error}");
            }
            is_out_of_reach = looked.is_err();
        }
    }

    fn owner(&self) -> Option<SharedOwner> {
        match &*self.ownership.borrow() {
            Ownership::Owner(owner) => Some(Arc::clone(owner)),
            Ownership::Standby { .. } => None,
        }
    }

    async fn look(&self, owner: Option<&SharedOwner>) -> Result<(), StoreError> {
        let began = Instant::now();
        let Some(owner) = owner else {
            let next = claim(&self.store, &self.node).await?;
            if matches!(next, Ownership::Owner(_)) {
                tracing::info!("this node owns the household from here on");
                self.clock.renewed(began);
            }
            self.ownership.send_if_modified(|now| {
                let is_news = match (&*now, &next) {
                    (Ownership::Standby { owner: before }, Ownership::Standby { owner }) => before != owner,
                    _ => true,
                };
                *now = next;
                is_news
            });
            return Ok(());
        };
        self.store.renew(&self.node).await?;
        if *owner.lost().borrow() || !owner.is_held().await? {
            self.clock.ended();
            self.ownership.send_replace(Ownership::Standby { owner: None });
        } else {
            self.clock.renewed(began);
        }
        Ok(())
    }
}

async fn claim(store: &SharedStore, node: &Node) -> Result<Ownership, StoreError> {
    Ok(match store.claim(node, clock::now()).await? {
        Claim::Owned(owner) => Ownership::Owner(owner),
        Claim::Standby { owner } => Ownership::Standby { owner },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_may_have_ended_lets_nothing_be_sent() {
        let clock = LeaseClock::new();
        assert!(!clock.may_write());
        clock.renewed(Instant::now());
        assert!(clock.may_write());
        clock.ended();
        assert!(!clock.may_write());
        // Nearly as long ago as it lasts.
        let before = LEASE_DURATION - MIN_LEASE_LEFT / 2;
        clock.renewed(Instant::now().checked_sub(before).expect("the machine runs for longer"));
        assert!(!clock.may_write());
    }
}
