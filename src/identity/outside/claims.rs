//! What an identity provider says of a person, and whether that lets him in.

use serde_json::{Map, Value};

use super::super::account::address;

/// The most groups of one person.
const MOST_GROUPS: usize = 1000;

/// A person as an identity provider describes him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub subject: String,
    /// As accounts keep it; nothing if it is none.
    pub email: Option<String>,
    pub verified: bool,
    pub name: Option<String>,
    pub groups: Vec<String>,
}

/// Why somebody is not let in, although the identity provider vouches for him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// What was said later is of somebody else.
    AnotherSubject,
    /// His groups are too many to be told.
    TooManyGroups,
    /// His address is missing, not verified, or of another domain than is allowed.
    Domain,
}

/// Whether the person has to be asked for besides the ID token.
pub(super) fn says_too_little(token: &Map<String, Value>, groups_claim: Option<&str>) -> bool {
    !token.contains_key("email") || groups_claim.is_some_and(|claim| !token.contains_key(claim))
}

/// The person of an ID token that was checked, and of what was said of him besides.
pub(super) fn person(
    token: &Map<String, Value>,
    besides: Option<&Map<String, Value>>,
    groups_claim: Option<&str>,
) -> Result<Person, Barred> {
    let subject = token.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    let nothing = Map::new();
    let besides = besides.unwrap_or(&nothing);
    if !besides.is_empty() && besides.get("sub").and_then(Value::as_str) != Some(&subject) {
        return Err(Barred::AnotherSubject);
    }
    // Whether an address is verified is said where the address is.
    let of_address = if token.contains_key("email") { token } else { besides };
    let email = of_address.get("email").and_then(Value::as_str).and_then(address);
    let verified = match of_address.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(word)) => word == "true",
        _ => false,
    };
    let text = |name: &str| {
        let value = token.get(name).or_else(|| besides.get(name)).and_then(Value::as_str)?;
        Some(value.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
    };
    let groups = match groups_claim {
        None => Vec::new(),
        Some(claim) => {
            // A person in very many groups: the list is somewhere else, which is not asked.
            let elsewhere =
                |said: &Map<String, Value>| said.get("_claim_names").is_some_and(|names| names.get(claim).is_some());
            match token.get(claim).or_else(|| besides.get(claim)) {
                Some(Value::Array(all)) if all.len() > MOST_GROUPS => return Err(Barred::TooManyGroups),
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(Value::String(one)) => vec![one.clone()],
                _ if elsewhere(token) || elsewhere(besides) => return Err(Barred::TooManyGroups),
                _ => Vec::new(),
            }
        }
    };
    Ok(Person { subject, email, verified, name: text("name").filter(|name| !name.is_empty()), groups })
}

impl Person {
    /// Whether the person's address lies in one of those domains; with none named, whatever it is.
    pub fn comes_from(&self, domains: &[String]) -> Result<(), Barred> {
        if domains.is_empty() {
            return Ok(());
        }
        let domain = self.email.as_deref().filter(|_| self.verified).and_then(|email| email.rsplit_once('@'));
        match domain {
            Some((_, domain)) if domains.iter().any(|allowed| allowed == domain) => Ok(()),
            _ => Err(Barred::Domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn of(token: Value) -> Person {
        person(&said(token), None, Some("groups")).unwrap()
    }

    #[test]
    fn an_address_is_verified_only_if_that_is_said() {
        for (verified, is) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(1), false),
            (Value::Null, false),
        ] {
            let found = of(json!({ "sub": "1", "email": " Ada@Example.org", "email_verified": verified }));
            assert_eq!((found.email.as_deref(), found.verified), (Some("ada@example.org"), is), "{verified}");
        }
        assert!(!of(json!({ "sub": "1", "email": "ada@example.org" })).verified);
        assert_eq!(of(json!({ "sub": "1", "email": "ada", "email_verified": true })).email, None);
        // What is said elsewhere of another address verifies nothing here.
        let token = said(json!({ "sub": "1", "email": "ada@example.org" }));
        let besides = said(json!({ "sub": "1", "email": "eve@example.org", "email_verified": true, "groups": ["a"] }));
        let found = person(&token, Some(&besides), Some("groups")).unwrap();
        assert_eq!((found.email.as_deref(), found.verified), (Some("ada@example.org"), false));
        assert_eq!(found.groups, ["a"]);
    }

    #[test]
    fn what_is_said_besides_has_to_be_of_the_same_person() {
        let token = said(json!({ "sub": "1" }));
        for besides in [json!({ "sub": "2", "email": "eve@example.org" }), json!({ "email": "eve@example.org" })] {
            assert_eq!(person(&token, Some(&said(besides)), None), Err(Barred::AnotherSubject));
        }
    }

    #[test]
    fn groups_are_a_list_or_a_word() {
        assert_eq!(of(json!({ "sub": "1", "groups": ["a", 7, "b"] })).groups, ["a", "b"]);
        assert_eq!(of(json!({ "sub": "1", "groups": "a" })).groups, ["a"]);
        for none in [json!({ "sub": "1" }), json!({ "sub": "1", "groups": { "a": true } })] {
            assert_eq!(of(none).groups, Vec::<String>::new());
        }
        let many = json!({ "sub": "1", "groups": vec!["x"; 1001] });
        let elsewhere = json!({ "sub": "1", "_claim_names": { "groups": "src1" } });
        for barred in [many, elsewhere] {
            assert_eq!(person(&said(barred.clone()), None, Some("groups")), Err(Barred::TooManyGroups));
            assert!(person(&said(barred), None, None).is_ok());
        }
    }

    #[test]
    fn a_domain_is_the_whole_domain_of_a_verified_address() {
        let allowed = ["example.org".to_owned()];
        let from = |email: &str, verified: bool| {
            of(json!({ "sub": "1", "email": email, "email_verified": verified })).comes_from(&allowed)
        };
        assert_eq!(from("ada@example.org", true), Ok(()));
        for (email, verified) in [
            ("ada@example.org", false),
            ("ada@evil.example.org", true),
            ("ada@evilexample.org", true),
            ("ada@example.org.evil", true),
            ("\"x@example.org\"@evil.org", true),
            ("", true),
        ] {
            assert_eq!(from(email, verified), Err(Barred::Domain), "{email}");
        }
        assert_eq!(of(json!({ "sub": "1" })).comes_from(&[]), Ok(()));
    }

    #[test]
    fn the_person_is_asked_for_where_the_token_says_too_little() {
        assert!(says_too_little(&said(json!({ "sub": "1" })), None));
        assert!(says_too_little(&said(json!({ "email": "x" })), Some("groups")));
        assert!(!says_too_little(&said(json!({ "email": "x", "groups": [] })), Some("groups")));
        assert!(!says_too_little(&said(json!({ "email": "x" })), None));
    }
}
