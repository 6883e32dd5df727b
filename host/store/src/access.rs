//! Who may open the pages and the API: members of the household, their sessions, and tokens of programs.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The SHA-256 of a secret. The secret has 256 random bits, so that nothing slower is needed.
pub type TokenHash = [u8; 32];

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and changes the own library only: that of the person of the same name.
    Person,
    /// Sees what plays, what became of it and how all stands; no secrets, no raw requests, and changes nothing.
    Viewer,
    /// May do everything.
    Admin,
}

impl Role {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Person, Self::Viewer, Self::Admin];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }

    /// The role of a word; absent for another word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// What a program's token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// What a person may: the own library. No token has it.
    Own,
    /// What a viewer may.
    Read,
    /// Deliveries and users: retry, drop, match, assign, ignore; catch-up and replay.
    Control,
    /// Everything.
    Admin,
    /// Send webhooks to any source.
    Ingest,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Own, Self::Read, Self::Control, Self::Admin, Self::Ingest];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Read => "read",
            Self::Control => "control",
            Self::Admin => "admin",
            Self::Ingest => "ingest",
        }
    }

    /// The scope of a word; absent for another word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A person who may open the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name, as it is typed at the login.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The Argon2id hash of the password, in PHC form; absent for one who logs in elsewhere.
    pub password: Option<String>,
    /// Issuer and subject at an OpenID provider, with a blank between; absent for one with a password.
    pub subject: Option<String>,
    /// When they were added, UTC.
    pub created_at: Timestamp,
}

/// A login of a member in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSession {
    /// The SHA-256 of the cookie's value.
    pub hash: TokenHash,
    /// The member's name.
    pub member: String,
    /// The browser, as it names itself.
    pub device: String,
    /// When it began, UTC.
    pub created_at: Timestamp,
    /// When it was last used, UTC; to a few minutes.
    pub seen_at: Timestamp,
    /// When it ends unless it is used, UTC.
    pub expires_at: Timestamp,
}

/// A token of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// The id, for lists.
    pub id: String,
    /// The SHA-256 of the token.
    pub hash: TokenHash,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made, UTC.
    pub created_at: Timestamp,
    /// When it was last used, UTC, to a few minutes; absent if never.
    pub used_at: Option<Timestamp>,
    /// From when on it is refused, UTC; absent if never.
    pub expires_at: Option<Timestamp>,
}

/// Members, their sessions, and tokens of programs.
///
/// # Errors
///
/// A write that fails leaves everything as it was.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// All members, by name.
    async fn members(&self) -> Result<Vec<Member>, StoreError>;

    /// A member; absent for an unknown name.
    async fn member(&self, name: &str) -> Result<Option<Member>, StoreError>;

    /// Adds a member. False where the name, or the subject, is taken.
    async fn add_member(&self, member: Member) -> Result<bool, StoreError>;

    /// Adds the first member. False where there is one.
    async fn add_first_member(&self, member: Member) -> Result<bool, StoreError>;

    /// Replaces what is stored of a member of this name, and ends their sessions except `keep`. False where the name is unknown, or
    /// nobody with the role admin would be left.
    async fn change_member(&self, member: Member, keep: Option<TokenHash>) -> Result<bool, StoreError>;

    /// Removes a member and their sessions. False where the name is unknown, or nobody with the role admin would be left.
    async fn remove_member(&self, name: &str) -> Result<bool, StoreError>;

    /// Stores a session.
    async fn add_web_session(&self, session: WebSession) -> Result<(), StoreError>;

    /// The session of a cookie and its member; absent where it has ended.
    async fn web_session(
        &self,
        hash: TokenHash,
        now: Timestamp,
    ) -> Result<Option<(WebSession, Member)>, StoreError>;

    /// Notes that a session was used.
    async fn touch_web_session(
        &self,
        hash: TokenHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The sessions that go on, of one member or of all, those used last first. Those that have ended are removed.
    async fn web_sessions(&self, member: Option<&str>, now: Timestamp)
    -> Result<Vec<WebSession>, StoreError>;

    /// Ends a session. False for an unknown one.
    async fn end_web_session(&self, hash: TokenHash) -> Result<bool, StoreError>;

    /// All tokens, the oldest first.
    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError>;

    /// The token of a hash; absent for an unknown hash.
    async fn api_token(&self, hash: TokenHash) -> Result<Option<ApiToken>, StoreError>;

    /// Stores a token.
    async fn add_api_token(&self, token: ApiToken) -> Result<(), StoreError>;

    /// Notes that a token was used.
    async fn touch_api_token(&self, hash: TokenHash, used_at: Timestamp) -> Result<(), StoreError>;

    /// Removes a token by its id. False for an unknown id.
    async fn remove_api_token(&self, id: &str) -> Result<bool, StoreError>;
}
