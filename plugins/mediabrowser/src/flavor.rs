//! Where the two servers differ.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::server;

/// Which of the two a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// It moves positions on by itself between two words of a client, and gives what a list is about without being asked for it.
    Jellyfin,
    /// Its API lies below `/emby`, and it leaves out of lists what is not asked for by name.
    Emby,
}

impl Flavor {
    /// The prefix of the paths of the API.
    fn prefix(self) -> &'static str {
        match self {
            Self::Jellyfin => "",
            Self::Emby => "/emby",
        }
    }

    /// A path below the address that was typed, with which the prefix may have been typed already.
    pub(crate) fn path(self, path: &str) -> String {
        let typed = server::address().unwrap_or_default();
        format!("{}{path}", &self.join(&typed)[typed.len()..])
    }

    /// The address of the API, without a slash at its end.
    pub fn api(self) -> Result<String, Failure> {
        Ok(self.join(&server::address()?))
    }

    /// An address with the prefix at its end, once.
    fn join(self, address: &str) -> String {
        format!("{}{}", address.strip_suffix(self.prefix()).unwrap_or(address), self.prefix())
    }

    /// The fields of an item that a request must name.
    pub(crate) fn item_fields(self) -> &'static str {
        match self {
            Self::Jellyfin => "ProviderIds,Path,OriginalTitle",
            Self::Emby => "ProviderIds,Path,OriginalTitle,ProductionYear,PremiereDate,Chapters",
        }
    }

    /// The same of an item that was played.
    pub(crate) fn played_fields(self) -> &'static str {
        match self {
            Self::Jellyfin => "ProviderIds,Path",
            Self::Emby => "ProviderIds,Path,ProductionYear,PremiereDate,UserDataLastPlayedDate",
        }
    }

    /// Where items of a user are asked for; a query is to follow.
    pub(crate) fn items_of(self, user: &str) -> String {
        match self {
            Self::Jellyfin => format!("/Items?UserId={user}&"),
            Self::Emby => format!("/Users/{user}/Items?"),
        }
    }

    /// Whether the server moves positions on by itself.
    pub(crate) fn extrapolates_position(self) -> bool {
        self == Self::Jellyfin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_was_typed_is_not_repeated() {
        let emby = |address| Flavor::Emby.join(address);
        assert_eq!(
            (emby("http://a"), emby("http://a/emby")),
            ("http://a/emby".to_owned(), "http://a/emby".to_owned())
        );
        assert_eq!(Flavor::Jellyfin.join("http://a/base"), "http://a/base");
    }
}
