use std::collections::BTreeMap;

use proptest::prelude::*;

use super::anime::{AnimeCatalogues, AnimeEntry, AnimeIndex};
use super::numbering::{AIR_DATE, evident_order};
use super::*;

const CATALOGUES: AnimeCatalogues = AnimeCatalogues { anime: &["anidb"], general: &["imdb", "tvdb"] };

fn show(ids: &[(&str, &str)]) -> Show {
    Show {
        title: "Heron".to_owned(),
        original_title: None,
        year: Some(2020),
        ids: ids.iter().copied().collect(),
    }
}

fn episode(ids: &[(&str, &str)], season: u32, numbers: &[u32]) -> Item {
    let numbers = numbers.to_vec();
    Item::of(ItemKind::Episode(Episode {
        show: show(ids),
        season: Some(season),
        numbers,
        title: Some("Low tide".to_owned()),
        ids: [("tvdb", "99")].into_iter().collect(),
        ..Episode::default()
    }))
}

fn ids(named: &[(&str, &str)]) -> BTreeMap<String, String> {
    named.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect()
}

fn mapping(told: &Item) -> TitleMapping {
    TitleMapping {
        told: ToldTitle::of(told),
        ids: BTreeMap::new(),
        order: None,
        shifts: Vec::new(),
        films: Vec::new(),
    }
}

fn shift(season: u32, first: u32, last: Option<u32>, to_season: u32, offset: i32) -> SeasonShift {
    SeasonShift { season, first, last, to_season, offset }
}

fn shown(mappings: &Mappings, mut item: Item) -> String {
    mappings.apply(&mut item);
    format!("{item} {}", item.describe_ids())
}

#[test]
fn a_season_is_shifted_in_parts() {
    let told = episode(&[("tvdb", "7")], 2, &[5]);
    let shifts = vec![shift(2, 1, None, 1, 12), shift(2, 8, Some(9), 3, -7)];
    let mappings = Mappings::new(vec![TitleMapping { shifts, ..mapping(&told) }]);
    for (season, numbers, expected) in [
        (2, &[5][..], "Heron S01E17 “Low tide” tvdb:7"),
        (2, &[5, 6], "Heron S01E17E18 “Low tide” tvdb:7"),
        (2, &[8], "Heron S03E01 “Low tide” tvdb:7"),
        (2, &[10], "Heron S01E22 “Low tide” tvdb:7"),
        // Over the edge of a part: it is not clear what that is.
        (2, &[9, 10], "Heron S02E09E10 “Low tide” tvdb:7"),
        (1, &[5], "Heron S01E05 “Low tide” tvdb:7"),
    ] {
        assert_eq!(shown(&mappings, episode(&[("tvdb", "7")], season, numbers)), expected);
    }
}

#[test]
fn a_title_is_known_by_an_id_or_else_by_its_name() {
    let told = ToldTitle::of(&episode(&[("tvdb", "7"), ("imdb", "tt1")], 1, &[1]));
    for (other, expected) in [
        (&[("tvdb", "7")][..], true),
        (&[("tvdb", "8")], false),
        // One of several that agrees is enough: catalogues merge their entries.
        (&[("tvdb", "8"), ("imdb", "tt1")], true),
        (&[("tvmaze", "3")], true),
        (&[], true),
    ] {
        assert_eq!(told.matches(&episode(other, 4, &[9])), expected, "{other:?}");
    }
    let movie = Item::of(ItemKind::Movie(Movie { title: "Heron".to_owned(), ..Movie::default() }));
    assert!(!told.matches(&movie));
    assert!(!ToldTitle { title: String::new(), ids: BTreeMap::new(), ..told }.matches(&movie));
}

#[test]
fn a_pin_replaces_ids_and_what_belongs_to_another_title() {
    let told = episode(&[], 1, &[3]).with_ambiguity("Heron (2001), or Heron (2020)".to_owned());
    let pinned = Mappings::new(vec![TitleMapping { ids: ids(&[("imdb", "tt2")]), ..mapping(&told) }]);
    let mut item = told;
    let mapped = pinned.apply(&mut item);
    assert_eq!(item.ambiguity(), None);
    assert_eq!(mapped.words.len(), 1);
    let ItemKind::Episode(episode) = &item.kind else { panic!("{item:?}") };
    assert_eq!((episode.show.year, episode.ids.len(), episode.show.ids.get("imdb")), (None, 0, Some("tt2")));
    // What is right already is left alone, the ids of the episode too, and nothing is said of it.
    let ItemKind::Episode(episode) = &mut item.kind else { panic!("it is an episode") };
    episode.ids = [("imdb", "tt3")].into_iter().collect();
    episode.show.ids = [("imdb", "tt2"), ("tvdb", "9")].into_iter().collect();
    assert_eq!(pinned.apply(&mut item), Mapped::default());
}

#[test]
fn a_special_may_be_a_film() {
    let told = episode(&[("tvdb", "7")], 0, &[4]);
    let films = vec![EpisodeFilm { season: 0, number: 4, ids: ids(&[("tvmaze", "40")]) }];
    let mappings = Mappings::new(vec![TitleMapping { films, ids: ids(&[("tvdb", "8")]), ..mapping(&told) }]);
    assert_eq!(shown(&mappings, told), "Low tide tvmaze:40");
    let other = episode(&[("tvdb", "7")], 0, &[5]);
    assert_eq!(shown(&mappings, other), "Heron S00E05 “Low tide” tvdb:8");
}

#[test]
fn a_correction_becomes_a_mapping_that_makes_the_same_of_its_item() {
    let told = episode(&[("tvdb", "7")], 2, &[5]);
    let right = episode(&[("tvdb", "8")], 1, &[17]);
    let mapping = TitleMapping::from_correction(&told, &right).unwrap();
    assert_eq!(
        (mapping.ids.clone(), mapping.shifts.as_slice()),
        (ids(&[("tvdb", "8")]), &[shift(2, 1, None, 1, 12)][..])
    );
    assert_eq!(TitleMapping::from_correction(&told, &told), None);
    let mut kept = mapping.clone();
    let newer = TitleMapping {
        shifts: vec![shift(2, 1, None, 1, 13)],
        order: Some(Order::Dvd),
        ..self::mapping(&told)
    };
    kept.merge(newer);
    assert_eq!(
        (kept.shifts[0].offset, kept.shifts.len(), kept.order, kept.ids),
        (13, 1, Some(Order::Dvd), mapping.ids)
    );
}

#[test]
fn a_mapping_may_lead_to_another_and_never_in_a_circle() {
    let (one, other) = (episode(&[("tvdb", "7")], 1, &[1]), episode(&[("tvdb", "8")], 1, &[1]));
    let there = TitleMapping { ids: ids(&[("tvdb", "8")]), ..mapping(&one) };
    let back = TitleMapping { ids: ids(&[("tvdb", "7")]), order: Some(Order::Absolute), ..mapping(&other) };
    let mut item = one;
    let mapped = Mappings::new(vec![there, back]).apply(&mut item);
    assert_eq!((mapped.words.len(), mapped.order), (2, Some(Order::Absolute)));
    assert_eq!(item.describe_ids(), "tvdb:7");
}

#[test]
fn numbers_of_another_order_are_seen() {
    let with = |season, numbers: &[u32], absolute, day: Option<&str>| {
        let ItemKind::Episode(told) = episode(&[], 1, numbers).kind else { unreachable!("it is an episode") };
        let kind = ItemKind::Episode(Episode { season, absolute_number: absolute, ..told });
        let ext = day.map(|day| (AIR_DATE.to_owned(), day.to_owned())).into_iter().collect();
        evident_order(&Item { ext, ..Item::of(kind) })
    };
    let day = Some("2026-11-30");
    assert_eq!(with(Some(1), &[1], Some(1), day), None);
    assert_eq!(with(None, &[], Some(153), None), Some(Order::Absolute));
    assert_eq!(with(Some(1), &[], None, day), Some(Order::AirDate));
    assert_eq!(with(Some(2026), &[334], None, day), Some(Order::AirDate));
    assert_eq!(with(Some(2026), &[334], None, None), None);
    assert_eq!(with(None, &[], None, None), None);
    for order in Order::ALL {
        assert_eq!(Order::parse(order.as_str()), Some(order));
    }
}

#[test]
fn anime_is_mapped_by_its_file() {
    let entry =
        |anidb: &str, entry: AnimeEntry| AnimeEntry { anime: vec![("anidb", anidb.to_owned())], ..entry };
    let tvdb = |id: &str, season, offset| AnimeEntry {
        series: vec![("tvdb", id.to_owned())],
        season: Some(season),
        offset,
        ..AnimeEntry::default()
    };
    let film = AnimeEntry { film: vec![("imdb", "tt4".to_owned())], ..AnimeEntry::default() };
    let index = AnimeIndex::new(
        CATALOGUES,
        vec![
            entry("1", tvdb("70", 3, 0)),
            entry("2", tvdb("70", 3, 12)),
            entry("3", tvdb("71", -1, 24)),
            entry("4", film),
        ],
    );
    let mapped = |anidb: &str, season, numbers: &[u32]| {
        let mut item = episode(&[("anidb", anidb)], season, numbers);
        let words = index.apply(&mut item);
        let absolute = match &item.kind {
            ItemKind::Episode(episode) => episode.absolute_number,
            _ => None,
        };
        words.map(|_| (format!("{item} {}", item.describe_ids()), absolute))
    };
    let is = |text: &str, absolute| Some((text.to_owned(), absolute));
    assert_eq!(mapped("1", 1, &[4]), is("Heron S03E04 “Low tide” tvdb:70", None));
    assert_eq!(mapped("2", 1, &[4, 5]), is("Heron S03E16E17 “Low tide” tvdb:70", None));
    assert_eq!(mapped("3", 1, &[2]), is("Heron “Low tide” tvdb:71", Some(26)));
    assert_eq!(mapped("4", 1, &[1]), is("Heron (2020) imdb:tt4", None));
    assert_eq!(mapped("4", 1, &[2]), None);
    // The file says nothing of specials, nor of what is not in it.
    assert_eq!(mapped("1", 0, &[1]), None);
    assert_eq!(mapped("9", 1, &[1]), None);
    // What has an id that trackers know needs none.
    assert_eq!(index.apply(&mut episode(&[("anidb", "1"), ("tvdb", "5")], 1, &[1])), None);
}

proptest! {
    /// A correction with any numbers makes of its own item what the person said, and keeps the order of the others.
    #[test]
    fn corrections_hold(season in 0u32..60, number in 1u32..3000, to_season in 0u32..60, to_number in 1u32..3000, later in 1u32..50) {
        let told = episode(&[("tvdb", "7")], season, &[number]);
        let right = episode(&[("tvdb", "7")], to_season, &[to_number]);
        let Some(mapping) = TitleMapping::from_correction(&told, &right) else {
            prop_assert_eq!((season, number), (to_season, to_number));
            return Ok(());
        };
        let mappings = Mappings::new(vec![mapping]);
        let place = |season, number| {
            let mut item = episode(&[("tvdb", "7")], season, &[number]);
            mappings.apply(&mut item);
            let ItemKind::Episode(episode) = item.kind else { unreachable!("no film is named") };
            (episode.season, episode.numbers)
        };
        prop_assert_eq!(place(season, number), (Some(to_season), vec![to_number]));
        prop_assert_eq!(place(season, number + later), (Some(to_season), vec![to_number + later]));
    }
}
