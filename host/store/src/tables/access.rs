//! Members, their sessions, and tokens of programs.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, Row, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::time;
use crate::{AccessStore, ApiToken, Member, Role, Scope, StoreError, TokenHash, WebSession};

#[async_trait]
impl AccessStore for SqlStore {
    async fn members(&self) -> Result<Vec<Member>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT name, role, password, subject, created_at FROM members WHERE household = household() ORDER BY name",
                )?
                .query_map(params![], |row| member(row, 0))?
                .collect()
        })
        .await
    }

    async fn member(&self, name: &str) -> Result<Option<Member>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT name, role, password, subject, created_at FROM members WHERE household = household() AND name = ?1",
                )?
                .query_row([name], |row| member(row, 0))
                .optional()
        })
        .await
    }

    async fn add_member(&self, member: Member) -> Result<bool, StoreError> {
        self.write(move |connection| insert(connection, &member)).await
    }

    async fn add_first_member(&self, member: Member) -> Result<bool, StoreError> {
        self.write(move |connection| Ok(count_members(connection)? == 0 && insert(connection, &member)?))
            .await
    }

    async fn change_member(&self, member: Member, keep: Option<TokenHash>) -> Result<bool, StoreError> {
        self.write(move |connection| {
            if member.role != Role::Admin && !has_admin_beside(connection, &member.name)? {
                return Ok(false);
            }
            let changed = connection
                .prepare_cached(
                    "UPDATE members SET role = ?2, password = ?3, subject = ?4 WHERE household = household() AND name = ?1",
                )?
                .execute(params![member.name, member.role.as_str(), member.password, member.subject])?;
            connection
                .prepare_cached(
                    "DELETE FROM web_sessions WHERE household = household() AND member = ?1 AND hash IS DISTINCT FROM ?2",
                )?
                .execute(params![member.name, keep.as_ref().map(|hash| &hash[..])])?;
            Ok(changed > 0)
        })
        .await
    }

    async fn remove_member(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |connection| {
            if !has_admin_beside(connection, &name)? {
                return Ok(false);
            }
            connection
                .prepare_cached("DELETE FROM web_sessions WHERE household = household() AND member = ?1")?
                .execute([&name])?;
            let removed = connection
                .prepare_cached("DELETE FROM members WHERE household = household() AND name = ?1")?
                .execute([&name])?;
            Ok(removed > 0)
        })
        .await
    }

    async fn add_web_session(&self, session: WebSession) -> Result<(), StoreError> {
        self.write(move |connection| {
            let WebSession { hash, member, device, created_at, seen_at, expires_at } = &session;
            connection
                .prepare_cached(
                    "INSERT INTO web_sessions (household, hash, member, device, created_at, seen_at, expires_at)
                     VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    &hash[..],
                    member,
                    device,
                    created_at.as_millisecond(),
                    seen_at.as_millisecond(),
                    expires_at.as_millisecond()
                ])
                .map(drop)
        })
        .await
    }

    async fn web_session(
        &self,
        hash: TokenHash,
        now: Timestamp,
    ) -> Result<Option<(WebSession, Member)>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT hash, member, device, s.created_at, seen_at, expires_at, name, role, password, subject, m.created_at
                     FROM web_sessions s JOIN members m ON m.household = household() AND m.name = s.member
                     WHERE s.household = household() AND hash = ?1 AND expires_at > ?2",
                )?
                .query_row(params![&hash[..], now.as_millisecond()], |row| Ok((session(row)?, member(row, 6)?)))
                .optional()
        })
        .await
    }

    async fn touch_web_session(
        &self,
        hash: TokenHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE web_sessions SET seen_at = ?2, expires_at = ?3 WHERE household = household() AND hash = ?1",
                )?
                .execute(params![&hash[..], seen_at.as_millisecond(), expires_at.as_millisecond()])
                .map(drop)
        })
        .await
    }

    async fn web_sessions(
        &self,
        member: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<WebSession>, StoreError> {
        let member = member.map(str::to_owned);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM web_sessions WHERE household = household() AND expires_at <= ?1",
                )?
                .execute([now.as_millisecond()])?;
            connection
                .prepare_cached(
                    "SELECT hash, member, device, created_at, seen_at, expires_at FROM web_sessions
                     WHERE household = household() AND (member = ?1 OR ?1 IS NULL) ORDER BY seen_at DESC",
                )?
                .query_map(params![member], session)?
                .collect()
        })
        .await
    }

    async fn end_web_session(&self, hash: TokenHash) -> Result<bool, StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM web_sessions WHERE household = household() AND hash = ?1")?
                .execute([&hash[..]])
                .map(|removed| removed > 0)
        })
        .await
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, hash, name, scopes, created_at, used_at, expires_at FROM api_tokens
                     WHERE household = household() ORDER BY created_at, id",
                )?
                .query_map(params![], token)?
                .collect()
        })
        .await
    }

    async fn api_token(&self, hash: TokenHash) -> Result<Option<ApiToken>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, hash, name, scopes, created_at, used_at, expires_at FROM api_tokens
                     WHERE household = household() AND hash = ?1",
                )?
                .query_row([&hash[..]], token)
                .optional()
        })
        .await
    }

    async fn add_api_token(&self, token: ApiToken) -> Result<(), StoreError> {
        self.write(move |connection| {
            let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
            connection
                .prepare_cached(
                    "INSERT INTO api_tokens (household, hash, id, name, scopes, created_at, used_at, expires_at)
                     VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    &token.hash[..],
                    token.id,
                    token.name,
                    scopes.join(" "),
                    token.created_at.as_millisecond(),
                    token.used_at.map(Timestamp::as_millisecond),
                    token.expires_at.map(Timestamp::as_millisecond)
                ])
                .map(drop)
        })
        .await
    }

    async fn touch_api_token(&self, hash: TokenHash, used_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE api_tokens SET used_at = ?2 WHERE household = household() AND hash = ?1",
                )?
                .execute(params![&hash[..], used_at.as_millisecond()])
                .map(drop)
        })
        .await
    }

    async fn remove_api_token(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM api_tokens WHERE household = household() AND id = ?1")?
                .execute(params![id])
                .map(|removed| removed > 0)
        })
        .await
    }
}

fn count_members(connection: &Connection) -> sql::Result<u32> {
    connection
        .prepare_cached("SELECT count(*) FROM members WHERE household = household()")?
        .query_row(params![], |row| row.get(0))
}

/// Whether somebody else has the role admin.
fn has_admin_beside(connection: &Connection, name: &str) -> sql::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM members WHERE household = household() AND role = 'admin' AND name <> ?1)",
        )?
        .query_row([name], |row| row.get(0))
}

/// Adds a member. False where the name, or the subject, is taken.
fn insert(connection: &Connection, member: &Member) -> sql::Result<bool> {
    let Member { name, role, password, subject, created_at } = member;
    connection
        .prepare_cached(
            "INSERT INTO members (household, name, role, password, subject, created_at)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute(params![name, role.as_str(), password, subject, created_at.as_millisecond()])
        .map(|added| added > 0)
}

fn member(row: &Row<'_>, first: usize) -> sql::Result<Member> {
    let role: String = row.get(first + 1)?;
    Ok(Member {
        name: row.get(first)?,
        role: Role::parse(&role).ok_or_else(|| unknown(first + 1, &role))?,
        password: row.get(first + 2)?,
        subject: row.get(first + 3)?,
        created_at: time(row.get(first + 4)?),
    })
}

fn session(row: &Row<'_>) -> sql::Result<WebSession> {
    Ok(WebSession {
        hash: row.get(0)?,
        member: row.get(1)?,
        device: row.get(2)?,
        created_at: time(row.get(3)?),
        seen_at: time(row.get(4)?),
        expires_at: time(row.get(5)?),
    })
}

fn token(row: &Row<'_>) -> sql::Result<ApiToken> {
    let words: String = row.get(3)?;
    let scopes = words.split_whitespace().map(|word| Scope::parse(word).ok_or_else(|| unknown(3, word)));
    let optional = |column| row.get::<Option<i64>>(column).map(|ms| ms.map(time));
    Ok(ApiToken {
        id: row.get(0)?,
        hash: row.get(1)?,
        name: row.get(2)?,
        scopes: scopes.collect::<Result<_, _>>()?,
        created_at: time(row.get(4)?),
        used_at: optional(5)?,
        expires_at: optional(6)?,
    })
}

/// A word in a row that this program does not know.
fn unknown(column: usize, word: &str) -> sql::Error {
    sql::Error::Column { column, reason: format!("unknown word {word:?}") }
}
