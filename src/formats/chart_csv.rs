//! A chart of accounts as CSV: every account once, under a parent of its own type, parents before their children.
//!
//! Columns: `code`, `name`, `type` (asset, liability, equity, income, expense); optional `parent` (the code of a group),
//! `group` (yes or no), `control` (see [`Control`]), `currency` and `statement_line` (where the account appears in the
//! financial statements).

use std::collections::{HashMap, HashSet};

use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::table::{Column, Dialect, Layout, Reported, Row, Table, needed, optional};
use crate::text;

words! {
    /// The five kinds of accounts.
    pub enum AccountType {
        /// What the company owns.
        Asset = "asset",
        /// What it owes.
        Liability = "liability",
        /// What is left for its owners.
        Equity = "equity",
        /// What it earns.
        Income = "income",
        /// What it spends.
        Expense = "expense",
    }
}

words! {
    /// The role of an account that the books themselves post to.
    pub enum Control {
        /// What customers owe.
        Receivable = "receivable",
        /// What is owed to vendors.
        Payable = "payable",
        /// A bank account.
        Bank = "bank",
        /// Tax paid to vendors.
        InputTax = "input_tax",
        /// Tax taken from customers.
        OutputTax = "output_tax",
        /// Where the profit of a closed year goes.
        RetainedEarnings = "retained_earnings",
        /// Where differences of rounding go.
        Rounding = "rounding",
        /// Where what a payment gains or loses by the exchange rate goes.
        ExchangeDifference = "exchange_difference",
        /// Where a revaluation posts what is not realised.
        UnrealizedExchange = "unrealized_exchange",
        /// What customers need not pay because they paid early.
        DiscountAllowed = "discount_allowed",
        /// What need not be paid to vendors because it was paid early.
        DiscountReceived = "discount_received",
        /// What reminders cost customers.
        DunningFee = "dunning_fee",
        /// Interest that reminders ask customers for.
        DunningInterest = "dunning_interest",
        /// Where what nobody can place yet waits.
        Suspense = "suspense",
        /// What fixed assets cost.
        FixedAsset = "fixed_asset",
        /// What of that is written off.
        AccumulatedDepreciation = "accumulated_depreciation",
    }
}

impl Control {
    /// The account types that can play this role: a bank account may be overdrawn, tax may be owed by the authority or to it.
    pub fn types(self) -> &'static [AccountType] {
        match self {
            Self::Receivable | Self::FixedAsset | Self::AccumulatedDepreciation => &[AccountType::Asset],
            Self::Payable => &[AccountType::Liability],
            Self::Bank | Self::InputTax | Self::OutputTax | Self::Suspense => {
                &[AccountType::Asset, AccountType::Liability]
            }
            Self::RetainedEarnings => &[AccountType::Equity],
            Self::Rounding
            | Self::ExchangeDifference
            | Self::UnrealizedExchange
            | Self::DiscountAllowed
            | Self::DiscountReceived
            | Self::DunningFee
            | Self::DunningInterest => &[AccountType::Income, AccountType::Expense],
        }
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartAccount {
    /// Line of the file.
    pub line: u64,
    /// The account's number; text, because zeros in front count.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub account_type: AccountType,
    /// Code of the group it belongs to.
    pub parent: Option<String>,
    /// A heading that other accounts belong to; nothing is posted to it.
    pub group: bool,
    /// Its role.
    pub control: Option<Control>,
    /// ISO 4217 code if it holds one currency only; the form is checked, not whether the currency exists.
    pub currency: Option<String>,
    /// Its line in the financial statements.
    pub statement_line: Option<String>,
}

const COLUMNS: &[Column<'_>] = &[
    needed("code"),
    needed("name"),
    needed("type"),
    optional("parent"),
    optional("group"),
    optional("control"),
    optional("currency"),
    optional("statement_line"),
];

/// The accounts of a file, each parent before its children.
pub fn parse(file: &[u8], dialect: &Dialect) -> Result<Vec<ChartAccount>, Problems> {
    let text = text::decode(file, dialect.encoding)?;
    let table = Table::read(&text, Layout::exactly(COLUMNS), dialect)?;
    let mut problems = Problems::new();
    let accounts = table.each(&mut problems, account);
    if accounts.is_empty() && problems.is_empty() {
        problems.push(Problem::new(1, ProblemCode::Empty, "the file has no accounts below its header"));
    }
    // accounts of bad lines are unknown, so parents are looked for only when every line was good
    let accounts = problems.or(accounts)?;
    check(&accounts)?;
    Ok(parents_first(accounts))
}

fn account(row: &mut Row<'_, '_>) -> Result<ChartAccount, Reported> {
    let (code, name) = (row.required("code"), row.required("name"));
    let account_type = row.word("type", "asset, liability, equity, income, expense", AccountType::from_word);
    let account_type = account_type.and_then(|found| match found {
        Some(found) => Ok(found),
        None => Err(row.refuse("type", ProblemCode::Required, "type is missing")),
    });
    let parent = row.text("parent");
    let group = row.word("group", "yes, no", yes_or_no);
    let controls = "receivable, payable, bank, input_tax, output_tax, retained_earnings, rounding, exchange_difference, unrealized_exchange, suspense, fixed_asset, accumulated_depreciation";
    let control = row.word("control", controls, Control::from_word);
    let (currency, statement_line) = (row.currency("currency"), row.text("statement_line"));
    let account = ChartAccount {
        line: row.line,
        code: code?,
        name: name?,
        account_type: account_type?,
        parent: parent?,
        group: group?.unwrap_or(false),
        control: control?,
        currency: currency?,
        statement_line: statement_line?,
    };
    check_role(row, &account)?;
    Ok(account)
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn check_role(row: &mut Row<'_, '_>, account: &ChartAccount) -> Result<(), Reported> {
    let Some(control) = account.control else { return Ok(()) };
    if account.group {
        let message =
            format!("{} is a group; nothing is posted to it, so it cannot be the {control} account", account.code);
        return Err(row.refuse("control", ProblemCode::TypeMismatch, message));
    }
    if !control.types().contains(&account.account_type) {
        let types: Vec<&str> = control.types().iter().map(|allowed| allowed.as_str()).collect();
        let message = format!("a {control} account is of type {}, not {}", types.join(" or "), account.account_type);
        return Err(row.refuse("control", ProblemCode::TypeMismatch, message));
    }
    Ok(())
}

/// The rules between accounts.
fn check(accounts: &[ChartAccount]) -> Result<(), Problems> {
    let mut problems = Problems::new();
    let mut by_code: HashMap<&str, &ChartAccount> = HashMap::with_capacity(accounts.len());
    let mut roles: HashMap<Control, &ChartAccount> = HashMap::new();
    for account in accounts {
        if let Some(first) = by_code.get(account.code.as_str()) {
            let message = format!("account {} stands on line {} already", shown(&account.code), first.line);
            problems.push(Problem::new(account.line, ProblemCode::Duplicate, message).in_column("code"));
        } else {
            by_code.insert(&account.code, account);
        }
        if let Some(control @ (Control::RetainedEarnings | Control::Rounding)) = account.control {
            let first = *roles.entry(control).or_insert(account);
            if first.line != account.line {
                let message = format!("there is one {control} account, and line {} has it already", first.line);
                problems.push(Problem::new(account.line, ProblemCode::Duplicate, message).in_column("control"));
            }
        }
    }
    for account in accounts {
        if let Some((code, message)) = parent_fault(account, &by_code) {
            problems.push(Problem::new(account.line, code, message).in_column("parent"));
        }
    }
    cycles(accounts, &by_code, &mut problems);
    problems.or(())
}

fn parent_fault(account: &ChartAccount, by_code: &HashMap<&str, &ChartAccount>) -> Option<(ProblemCode, String)> {
    let parent = account.parent.as_deref()?;
    let Some(parent) = by_code.get(parent) else {
        return Some((ProblemCode::UnknownParent, format!("the parent {} is not in the file", shown(parent))));
    };
    if !parent.group {
        let message = format!("the parent {} is not a group; set its group column to yes", parent.code);
        return Some((ProblemCode::ParentNotGroup, message));
    }
    if parent.account_type != account.account_type {
        let message = format!(
            "{} is of type {} and its parent {} of type {}",
            account.code, account.account_type, parent.code, parent.account_type
        );
        return Some((ProblemCode::TypeMismatch, message));
    }
    None
}

/// Names each cycle once, on the line of its first account. Every account is walked over once, so the work is linear.
fn cycles(accounts: &[ChartAccount], by_code: &HashMap<&str, &ChartAccount>, problems: &mut Problems) {
    let mut done: HashSet<&str> = HashSet::with_capacity(accounts.len());
    for start in accounts {
        let mut path: Vec<&ChartAccount> = Vec::new();
        let mut on_path: HashSet<&str> = HashSet::new();
        let mut here = Some(start);
        while let Some(account) = here {
            if on_path.contains(account.code.as_str()) {
                let ring: Vec<&ChartAccount> =
                    path.iter().copied().skip_while(|passed| passed.code != account.code).collect();
                problems.push(cycle_problem(&ring));
                break;
            }
            if !done.insert(&account.code) {
                break;
            }
            on_path.insert(&account.code);
            path.push(account);
            here = account.parent.as_deref().and_then(|parent| by_code.get(parent)).copied();
        }
    }
}

fn cycle_problem(ring: &[&ChartAccount]) -> Problem {
    const NAMED: usize = 10;
    let line = ring.iter().map(|account| account.line).min().unwrap_or(1);
    let mut names: Vec<&str> = ring.iter().take(NAMED).map(|account| account.code.as_str()).collect();
    if ring.len() > NAMED {
        names.push("…");
    }
    names.extend(ring.first().map(|account| account.code.as_str()));
    let message = format!("accounts are their own parents: {}", names.join(" → "));
    Problem::new(line, ProblemCode::Cycle, message).in_column("parent")
}

/// Puts every account behind its parent, otherwise in the order of the file. The parents are known to exist without cycles.
fn parents_first(accounts: Vec<ChartAccount>) -> Vec<ChartAccount> {
    let mut children: HashMap<Option<String>, Vec<ChartAccount>> = HashMap::new();
    let mut ordered = Vec::with_capacity(accounts.len());
    for account in accounts.into_iter().rev() {
        children.entry(account.parent.clone()).or_default().push(account);
    }
    // a stack, not recursion: a hostile chart may nest as deep as it has lines
    let mut waiting = children.remove(&None).unwrap_or_default();
    while let Some(account) = waiting.pop() {
        waiting.extend(children.remove(&Some(account.code.clone())).unwrap_or_default());
        ordered.push(account);
    }
    ordered
}

#[cfg(test)]
mod tests;
