//! A whole chart at once: what is there with the same data stays, what is new is added, anything else is refused line
//! by line, and then nothing is added.

use std::collections::HashMap;

use diesel::sql_types::{Array, Bool, Nullable, Text, Uuid as SqlUuid};

use super::{Account, AccountKind, Control, by_code, by_id, is_code};
use crate::finance::ids::AccountId;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::scalars::CurrencyCode;
use crate::platform::sql::sql;

/// How deep a chart may be; the database refuses more.
const MAX_DEPTH: usize = 20;

/// An account as a file or a template states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Its number.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: AccountKind,
    /// Number of the group that it belongs to, in the same list or in the chart.
    pub parent: Option<String>,
    /// A heading for others.
    pub is_group: bool,
    /// Its role.
    pub control: Option<Control>,
    /// The only currency that it takes.
    pub currency: Option<CurrencyCode>,
    /// Its line in the financial statements.
    pub statement_line: Option<String>,
}

/// Why one account of a list was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The column: `code`, `name`, `parent` or `control`.
    pub column: &'static str,
    /// A sentence for the person who made the list.
    pub message: String,
}

/// What became of a list. Either nothing is refused, or nothing was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many accounts are new.
    pub created: usize,
    /// How many were there already with the same data.
    pub unchanged: usize,
    /// What stood in the way.
    pub refused: Vec<Refused>,
}

/// What is there already, as much as the rules ask of it.
struct Existing {
    same: NewAccount,
    id: AccountId,
}

/// Adds the accounts of a list to the chart in one statement, parents first.
pub async fn import(tx: &Tx, accounts: Vec<NewAccount>) -> Result<Imported> {
    let mut codes: Vec<String> =
        accounts.iter().flat_map(|new| [Some(new.code.clone()), new.parent.clone()]).flatten().collect();
    codes.sort_unstable();
    codes.dedup();
    let existing = existing(tx, &codes).await?;
    let plan = plan(&accounts, &existing);
    let unchanged = accounts.len().saturating_sub(plan.order.len());
    if !plan.refused.is_empty() {
        return Ok(Imported { refused: plan.refused, ..Imported::default() });
    }
    let mut ids: HashMap<&str, AccountId> = existing.iter().map(|(code, found)| (code.as_str(), found.id)).collect();
    let mut columns = Columns::default();
    for new in plan.order.iter().filter_map(|index| accounts.get(*index)) {
        let id = AccountId::new();
        columns.push(id, new, new.parent.as_deref().and_then(|parent| ids.get(parent).copied()));
        ids.insert(new.code.as_str(), id);
    }
    let created = columns.ids.len();
    if created > 0 {
        columns.insert(tx).await?;
    }
    Ok(Imported { created, unchanged, refused: Vec::new() })
}

async fn existing(tx: &Tx, codes: &[String]) -> Result<HashMap<String, Existing>> {
    let found = by_code(tx, codes).await?;
    let parents: Vec<AccountId> = found.values().filter_map(|account| account.parent_id).collect();
    let parents = if parents.is_empty() { HashMap::new() } else { by_id(tx, &parents).await? };
    Ok(found
        .into_iter()
        .map(|(code, account)| {
            let parent = account.parent_id.and_then(|id| parents.get(&id)).map(|parent| parent.code.clone());
            (code, Existing { id: account.id, same: stated(account, parent) })
        })
        .collect())
}

fn stated(account: Account, parent: Option<String>) -> NewAccount {
    NewAccount {
        code: account.code,
        name: account.name,
        kind: account.kind,
        parent,
        is_group: account.is_group,
        control: account.control,
        currency: account.currency,
        statement_line: account.statement_line,
    }
}

/// Which accounts of a list are to be created, parents before children, and what stands in the way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    order: Vec<usize>,
    refused: Vec<Refused>,
}

fn plan(accounts: &[NewAccount], existing: &HashMap<String, Existing>) -> Plan {
    let mut plan = Plan::default();
    let mut listed: HashMap<&str, usize> = HashMap::with_capacity(accounts.len());
    for (index, new) in accounts.iter().enumerate() {
        if listed.insert(new.code.as_str(), index).is_some() {
            plan.refuse(index, "code", format!("Account {} stands in the list twice.", new.code));
        }
    }
    let find = |code: &str| {
        listed.get(code).and_then(|index| accounts.get(*index)).or_else(|| existing.get(code).map(|found| &found.same))
    };
    let mut by_depth: Vec<(usize, usize)> = Vec::new();
    for (index, new) in accounts.iter().enumerate() {
        if let Some(found) = existing.get(&new.code) {
            if found.same != *new {
                plan.refuse(index, "code", format!("Account {} is in the chart already, with other data.", new.code));
            }
            continue;
        }
        if !is_code(&new.code) {
            plan.refuse(
                index,
                "code",
                "An account's number has 1 to 20 letters, digits, points and hyphens.".to_owned(),
            );
        }
        if new.name.trim().is_empty() || new.name.chars().count() > 200 {
            plan.refuse(index, "name", "An account's name has 1 to 200 characters.".to_owned());
        }
        if new.statement_line.as_ref().is_some_and(|line| line.chars().count() > 100) {
            plan.refuse(index, "statement_line", "A line of the statements has at most 100 characters.".to_owned());
        }
        if let Some(control) = new.control
            && (new.is_group || !control.suits(new.kind))
        {
            plan.refuse(index, "control", format!("An account of this kind cannot be `{}`.", control.text()));
        }
        match new.parent.as_deref().map(&find) {
            Some(None) => plan.refuse(index, "parent", "There is no such parent account.".to_owned()),
            Some(Some(parent)) if !parent.is_group || parent.kind != new.kind => {
                plan.refuse(index, "parent", "The parent has to be a group account of the same kind.".to_owned());
            }
            _ => {}
        }
        // The walk upwards ends at the top, or goes on for too long because the list runs in a circle.
        let above = std::iter::successors(new.parent.as_deref(), |code| find(code)?.parent.as_deref());
        let depth = above.take(MAX_DEPTH).count();
        if depth == MAX_DEPTH {
            plan.refuse(index, "parent", "The account is below itself, or too deep in the chart.".to_owned());
        }
        by_depth.push((depth, index));
    }
    by_depth.sort_unstable();
    plan.order = by_depth.into_iter().map(|(_, index)| index).collect();
    plan
}

impl Plan {
    fn refuse(&mut self, index: usize, column: &'static str, message: String) {
        self.refused.push(Refused { index, column, message });
    }
}

#[derive(Default)]
struct Columns {
    ids: Vec<AccountId>,
    codes: Vec<String>,
    names: Vec<String>,
    kinds: Vec<AccountKind>,
    parents: Vec<Option<AccountId>>,
    groups: Vec<bool>,
    controls: Vec<Option<Control>>,
    currencies: Vec<Option<CurrencyCode>>,
    statement_lines: Vec<Option<String>>,
}

impl Columns {
    fn push(&mut self, id: AccountId, new: &NewAccount, parent: Option<AccountId>) {
        self.ids.push(id);
        self.codes.push(new.code.clone());
        self.names.push(new.name.clone());
        self.kinds.push(new.kind);
        self.parents.push(parent);
        self.groups.push(new.is_group);
        self.controls.push(new.control);
        self.currencies.push(new.currency.clone());
        self.statement_lines.push(new.statement_line.clone());
    }

    async fn insert(self, tx: &Tx) -> Result<usize> {
        tx.exec(
            sql("INSERT INTO finance.account (tenant_id, id, code, name, kind, parent_id, is_group, control, currency, statement_line)
                 SELECT $1, n.id, n.code, n.name, n.kind, n.parent_id, n.is_group, n.control, n.currency, n.statement_line
                   FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bool[], $8::text[], $9::text[], $10::text[])
                     WITH ORDINALITY AS n (id, code, name, kind, parent_id, is_group, control, currency, statement_line, position)
                  ORDER BY n.position")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(self.ids)
                .bind::<Array<Text>, _>(self.codes)
                .bind::<Array<Text>, _>(self.names)
                .bind::<Array<Text>, _>(self.kinds)
                .bind::<Array<Nullable<SqlUuid>>, _>(self.parents)
                .bind::<Array<Bool>, _>(self.groups)
                .bind::<Array<Nullable<Text>>, _>(self.controls)
                .bind::<Array<Nullable<Text>>, _>(self.currencies)
                .bind::<Array<Nullable<Text>>, _>(self.statement_lines),
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(code: &str, parent: Option<&str>) -> NewAccount {
        NewAccount {
            code: code.to_owned(),
            name: code.to_owned(),
            kind: AccountKind::Asset,
            parent: parent.map(str::to_owned),
            is_group: true,
            control: None,
            currency: None,
            statement_line: None,
        }
    }

    proptest! {
        /// Whatever the order of the list, every account comes after its parent, and each exactly once.
        #[test]
        fn parents_come_first(parents in prop::collection::vec(any::<prop::sample::Index>(), 1..18), seed in any::<u64>()) {
            let mut list: Vec<NewAccount> = vec![group("r", None)];
            for (at, parent) in parents.iter().enumerate() {
                let parent = list[parent.index(list.len())].code.clone();
                list.push(group(&format!("a{at}"), Some(&parent)));
            }
            let turn = usize::try_from(seed % list.len() as u64).unwrap();
            list.rotate_left(turn);
            list.reverse();
            let plan = plan(&list, &HashMap::new());
            prop_assert!(plan.refused.is_empty());
            prop_assert_eq!(plan.order.len(), list.len());
            let place: HashMap<&str, usize> =
                plan.order.iter().enumerate().map(|(place, index)| (list[*index].code.as_str(), place)).collect();
            for account in &list {
                if let Some(parent) = &account.parent {
                    prop_assert!(place[parent.as_str()] < place[account.code.as_str()]);
                }
            }
        }
    }

    #[test]
    fn circles_doubles_and_strange_parents_are_refused() {
        let refused = |list: &[NewAccount]| -> Vec<(usize, &'static str)> {
            plan(list, &HashMap::new()).refused.into_iter().map(|refused| (refused.index, refused.column)).collect()
        };
        assert_eq!(refused(&[group("1", Some("2")), group("2", Some("1"))]), [(0, "parent"), (1, "parent")]);
        assert_eq!(refused(&[group("1", None), group("1", None)]), [(1, "code")]);
        assert_eq!(refused(&[group("1", Some("9"))]), [(0, "parent")]);
        let mut income = group("2", Some("1"));
        income.kind = AccountKind::Income;
        assert_eq!(refused(&[group("1", None), income]), [(1, "parent")]);
    }

    #[test]
    fn the_same_again_is_nothing_new_and_other_data_is_refused() {
        let there = HashMap::from([("1".to_owned(), Existing { id: AccountId::new(), same: group("1", None) })]);
        assert_eq!(plan(&[group("1", None)], &there), Plan::default());
        let mut other = group("1", None);
        other.name = "another".to_owned();
        assert_eq!(plan(&[other], &there).refused.len(), 1);
    }
}
