//! Mappings of titles: one for each title, of one household, with a version that says when they change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use playrelay_engine::mapping::numbering::Order;
use playrelay_engine::mapping::{TitleKind, TitleMapping, ToldTitle};
use playrelay_store::{Household, MappingStore};

use crate::place::{Place, each_store};

fn mapping(title: &str, order: Order) -> TitleMapping {
    let told = ToldTitle { kind: TitleKind::Show, title: title.to_owned(), year: None, ids: BTreeMap::new() };
    TitleMapping { told, ids: BTreeMap::new(), order: Some(order), shifts: Vec::new(), films: Vec::new() }
}

async fn a_title_has_one_mapping_in_its_household(place: Place) {
    let home = place.store().await;
    let other = home.of_household(Household::new("other"));
    let now = Timestamp::UNIX_EPOCH;
    let mut versions = vec![home.mappings_version().await.unwrap()];
    let id = home.add_mapping(mapping("Heron", Order::Dvd), now).await.unwrap().unwrap();
    versions.push(home.mappings_version().await.unwrap());
    assert_eq!(home.add_mapping(mapping("HERON", Order::Absolute), now).await.unwrap(), Some(id));
    versions.push(home.mappings_version().await.unwrap());
    assert_eq!(home.mappings().await.unwrap()[0].mapping.order, Some(Order::Absolute));
    // Another household has none of it, and changes none of it.
    assert!(other.mappings().await.unwrap().is_empty());
    assert!(!other.replace_mapping(id, mapping("Heron", Order::Dvd)).await.unwrap());
    assert!(!other.remove_mapping(id).await.unwrap());
    assert_eq!(home.mappings().await.unwrap().len(), 1);
    assert!(home.replace_mapping(id, mapping("Gull", Order::Dvd)).await.unwrap());
    versions.push(home.mappings_version().await.unwrap());
    assert!(home.remove_mapping(id).await.unwrap() && !home.remove_mapping(id).await.unwrap());
    versions.push(home.mappings_version().await.unwrap());
    assert!(versions.is_sorted() && versions.windows(2).all(|pair| pair[0] != pair[1]), "{versions:?}");
}

each_store!(a_title_has_one_mapping_in_its_household,);
