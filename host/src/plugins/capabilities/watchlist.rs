//! `watchlist`

use futures_util::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::sink::receipt;
use super::{Capability, Failure, Receipt};
use crate::dispatch::model::Item;
use crate::plugins::bindings::exports::playrelay::plugin::watchlist::GuestIndices;
use crate::plugins::call::CallState;
use crate::plugins::convert;
use crate::plugins::limits::Budget;

/// Takes an item off a watchlist.
pub enum Unlist {}

impl Capability for Unlist {
    const NAME: &'static str = "watchlist";
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Receipt, Failure>;

    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        item: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>> {
        Box::pin(async move {
            let guest = GuestIndices::new(pre)?.load(&mut *store, instance)?;
            let answer = guest.call_remove(store, &[convert::to_guest(&item)]).await?;
            Ok(match answer {
                Ok(receipts) => {
                    receipts.into_iter().next().map(receipt).ok_or_else(|| {
                        Failure::Rejected("the plugin gave no receipt for the item".to_owned())
                    })
                }
                Err(failure) => Err(convert::failure(failure)),
            })
        })
    }
}
