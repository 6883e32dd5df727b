//! `playrelay webhooks`

use serde::Serialize;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::House;

#[derive(Serialize)]
struct Address {
    source: String,
    url: String,
}

pub(super) async fn run(config: Config, output: Output) -> Result<(), Failure> {
    let house = House::open(config).await?;
    let server = &house.config.server;
    let base =
        server.public_url.clone().unwrap_or_else(|| format!("http://<this-host>:{}", server.listen.port()));
    let mut addresses = Vec::new();
    for source in house.config.sources.keys() {
        let token = house.webhook_token(source).await?;
        addresses.push(Address {
            source: source.clone(),
            url: format!("{base}/webhook/{source}/{}", token.expose()),
        });
    }
    output.print(&addresses, |addresses| {
        if addresses.is_empty() {
            return "no sources are configured\n".to_owned();
        }
        addresses.iter().map(|address| format!("{}\t{}\n", address.source, address.url)).collect()
    })
}
