//! Who is mentioned in a text: `@[user id or e-mail address]`.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::tell::Audience;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::sql::sql;

/// The most people who are mentioned in one comment.
pub const MOST: usize = 50;
/// The longest name between the brackets: an e-mail address.
const LONGEST: usize = 254;

/// What stands between the brackets, each once, in the order of the text.
#[must_use]
pub fn names(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for part in text.split("@[").skip(1) {
        let Some((name, _)) = part.split_once(']') else { continue };
        let name = name.trim();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
            // One more than is taken is enough to refuse.
            if found.len() > MOST {
                break;
            }
        }
    }
    found
}

#[derive(QueryableByName)]
struct Addressed {
    #[diesel(sql_type = Int4)]
    place: i32,
    #[diesel(sql_type = SqlUuid)]
    account_id: UserId,
}

/// The people whom a text mentions. Each has to see what it stands beside; whoever does not looks like nobody.
pub async fn people(tx: &Tx, text: &str, to: &Audience, record: Uuid) -> Result<Vec<UserId>> {
    let names = names(text);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if names.len() > MOST {
        let message = format!("A comment mentions at most {MOST} people.");
        return Err(Error::refuse(UserErrorCode::Invalid, "text", message));
    }
    let asked: Vec<String> = names
        .iter()
        .map(|name| match UserId::parse(name) {
            Some(id) => id.0.to_string(),
            // An id that is none of ours is no address either.
            None if name.len() > LONGEST || !name.contains('@') => String::new(),
            None => (*name).to_owned(),
        })
        .collect();
    let found: Vec<Addressed> = tx
        .rows(
            sql("SELECT a.place, a.account_id FROM practice.people_addressed($1, $2, $3, $4, $5, $6) a")
                .bind::<Array<Text>, _>(asked)
                .bind::<Array<Text>, _>(to.types.clone())
                .bind::<Array<Text>, _>(to.rights.clone())
                .bind::<SqlUuid, _>(record)
                .bind::<Array<Text>, _>(to.needs.clone())
                .bind::<Bool, _>(to.staff),
        )
        .await?;
    let mut unknown = Vec::new();
    for (name, place) in names.iter().zip(1..) {
        if !found.iter().any(|one| one.place == place) {
            let shown: String = name.chars().take(80).collect();
            let message = format!(
                "Nobody who sees this is called \"{shown}\": mention people as `@[user id or e-mail address]`."
            );
            if let Error::Refused(reasons) = Error::refuse(UserErrorCode::NotFound, "text", message) {
                unknown.extend(reasons);
            }
        }
    }
    if unknown.is_empty() {
        return Ok(found.into_iter().map(|one| one.account_id).collect());
    }
    Err(Error::Refused(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_stands_in_brackets() {
        assert_eq!(names("@[a@b.example] and @[ usr_1 ], @[a@b.example] @[] @[open"), ["a@b.example", "usr_1"]);
        assert_eq!(names("a@b.example [x] @ [y] @[@[z]"), ["z"]);
        assert!(names("").is_empty());
    }

    #[test]
    fn a_bomb_of_mentions_is_counted_no_further_than_it_has_to_be() {
        let bomb: String = (0..10_000).map(|at| format!("@[{at}@b.example]")).collect();
        assert_eq!(names(&bomb).len(), MOST + 1);
        assert_eq!(names(&"@[".repeat(50_000)).len(), 0);
        assert_eq!(names(&"@[x]".repeat(50_000)), ["x"]);
    }
}
