//! `playrelay mapping`

use clap::{Args, Subcommand};
use playrelay_engine::mapping::numbering::Order;
use playrelay_engine::mapping::{EpisodeFilm, SeasonShift, TitleKind, TitleMapping, ToldTitle};
use playrelay_store::SharedStore;
use serde::Serialize;

use crate::app::{open_store, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::outbox::parse_external_id;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, count};
use crate::config::Config;
use crate::operations::mappings;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List what is kept for titles that catalogues call otherwise.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Keep for a title what catalogues call it. What waits for you because of it is tried again.
    Add(Add),
    /// Forget a mapping, by the number in the list. What was mapped by it stays as it is.
    Remove {
        /// The mapping.
        id: i64,
    },
}

#[derive(Args)]
pub(crate) struct Add {
    /// The title as the media server tells it.
    title: String,
    /// The year as the media server tells it.
    #[arg(long)]
    year: Option<u16>,
    /// It is a film, and no series.
    #[arg(long)]
    movie: bool,
    /// An id that the media server tells: tvdb=121361. May be given several times.
    #[arg(long = "told-id", value_name = "CATALOGUE=ID", value_parser = parse_external_id)]
    told_ids: Vec<(String, String)>,
    /// An id of what it is: imdb=tt1375666. May be given several times.
    #[arg(long = "id", value_name = "CATALOGUE=ID", value_parser = parse_external_id)]
    ids: Vec<(String, String)>,
    /// The order of the numbers that the media server tells: aired, absolute, dvd, digital, story-arc, production, broadcast or air-date.
    #[arg(long, value_parser = order)]
    order: Option<Order>,
    /// Episodes with other numbers: S2=S1E13 for a season, S2E1-E12=S1E13 for a part of it. May be given several times.
    #[arg(long = "shift", value_name = "FROM=TO")]
    shifts: Vec<SeasonShift>,
    /// An episode that is a film: S0E4=imdb:tt0000040. May be given several times.
    #[arg(long = "film", value_name = "EPISODE=CATALOGUE:ID")]
    films: Vec<EpisodeFilm>,
}

fn order(word: &str) -> Result<Order, String> {
    Order::parse(word).ok_or_else(|| format!("expected one of {}", Order::ALL.map(Order::as_str).join(", ")))
}

/// A mapping, as it is printed.
#[derive(Serialize)]
struct Line {
    id: i64,
    #[serde(flatten)]
    mapping: TitleMapping,
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::List { output } => list(&open_store_to_read(&config).await?.store, output).await,
        Command::Add(add) => {
            let store: SharedStore = open_store(&config).await?;
            let kept = mappings::keep(&*store, add.mapping()).await?;
            say!("mapping {} is kept for later plays", kept.id);
            if !kept.tried_again.is_empty() {
                let tried = kept.tried_again.len();
                say!(
                    "{} that waited {} tried again",
                    count(tried, "event"),
                    if tried == 1 { "is" } else { "are" }
                );
            }
            Ok(())
        }
        Command::Remove { id } => {
            let store: SharedStore = open_store(&config).await?;
            mappings::remove(&*store, id).await?;
            say!("mapping {id} is forgotten");
            Ok(())
        }
    }
}

impl Add {
    fn mapping(self) -> TitleMapping {
        let kind = if self.movie { TitleKind::Movie } else { TitleKind::Show };
        let told =
            ToldTitle { kind, title: self.title, year: self.year, ids: self.told_ids.into_iter().collect() };
        TitleMapping {
            told,
            ids: self.ids.into_iter().collect(),
            order: self.order,
            shifts: self.shifts,
            films: self.films,
        }
    }
}

async fn list(store: &SharedStore, output: Output) -> Result<(), CliError> {
    let stored = mappings::list(&**store).await?.into_iter();
    let lines: Vec<Line> = stored.map(|it| Line { id: it.id, mapping: it.mapping }).collect();
    output.print(&lines, |lines| {
        if lines.is_empty() {
            return "no title has a mapping\n".to_owned();
        }
        let mut table = Table::default();
        for line in lines {
            let year = line.mapping.told.year.map(|year| format!(" ({year})")).unwrap_or_default();
            let title = format!("{}{year}", line.mapping.told.title);
            table.row([line.id.to_string(), title, line.mapping.summary()]);
        }
        table.text(columns())
    })
}
