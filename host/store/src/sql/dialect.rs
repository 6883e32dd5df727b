//! Statements, as PostgreSQL wants them.

/// The statement with parameters by `$1`, without the hints to SQLite's planner, and with the column `user` quoted: without quotes
/// PostgreSQL takes that word for the name of its own user.
pub fn for_postgres(statement: &str) -> String {
    let mut translated = String::with_capacity(statement.len() + 16);
    let (mut rest, mut count) = (statement, 0);
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' => quoted(rest),
            '?' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                count += 1;
                translated.push('$');
                match digits {
                    0 => translated.push_str(&count.to_string()),
                    _ => translated.push_str(&rest[1..=digits]),
                }
                rest = &rest[1 + digits..];
                continue;
            }
            _ if is_of_word(first) => {
                let word = &rest[..rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len())];
                if let Some(hint) = hint(rest, word) {
                    rest = &rest[hint..];
                    continue;
                }
                if word == "user" {
                    translated.push_str("\"user\"");
                    rest = &rest[word.len()..];
                    continue;
                }
                word.len()
            }
            _ => first.len_utf8(),
        };
        translated.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    translated
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The length of a text in quotes at the beginning.
fn quoted(rest: &str) -> usize {
    rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
}

/// The length of a hint to SQLite's planner at the beginning.
fn hint(rest: &str, word: &str) -> Option<usize> {
    if let Some(after) = rest.strip_prefix("NOT INDEXED") {
        return Some(rest.len() - after.len());
    }
    if word != "INDEXED" {
        return None;
    }
    let after = rest.strip_prefix("INDEXED BY ")?;
    Some(rest.len() - after.trim_start_matches(is_of_word).len())
}

#[cfg(test)]
mod tests {
    use super::for_postgres;

    #[test]
    fn statements_are_translated() {
        for (statement, expected) in [
            ("SELECT ?2, ?1, ?12", "SELECT $2, $1, $12"),
            (
                "WHERE (server, user) IN (VALUES (?, ?), (?, ?))",
                "WHERE (server, \"user\") IN (VALUES ($1, $2), ($3, $4))",
            ),
            ("FROM inbox INDEXED BY inbox_pending\nWHERE id = ?1", "FROM inbox \nWHERE id = $1"),
            ("FROM outbox NOT INDEXED WHERE TRUE", "FROM outbox  WHERE TRUE"),
            (
                "SET detail = 'user ?1 INDEXED BY x', users = plays.user",
                "SET detail = 'user ?1 INDEXED BY x', users = plays.\"user\"",
            ),
            ("VALUES (household(), 'it''s', ?1)", "VALUES (household(), 'it''s', $1)"),
        ] {
            assert_eq!(for_postgres(statement), expected);
        }
    }
}
