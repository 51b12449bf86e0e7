//! The ids of the benchmark's rows: digits only, made of kind, client and number (see `data.sql`).

/// What a row is, as the number that its id holds.
#[derive(Clone, Copy)]
pub enum Kind {
    Tenant = 10,
    Ledger = 11,
    Account = 13,
    TaxCode = 14,
    Customer = 18,
    Invoice = 20,
    Draft = 25,
    /// New rows that pgbench writes: this and the following kinds.
    Bare = 30,
}

impl Kind {
    /// What stands before the fifteen digits.
    pub fn prefix(self) -> String {
        prefix(self as u64)
    }
}

/// What stands before the fifteen digits in ids of that kind.
pub fn prefix(kind: u64) -> String {
    format!("01900000000070{kind:02}8")
}

/// The fifteen digits of a client's row.
pub fn digits(client: u64, n: u64) -> u64 {
    100_000_000_000_000 + client * 1_000_000_000 + n
}

/// The 32 digits of an id.
pub fn id(kind: Kind, client: u64, n: u64) -> String {
    format!("{}{}", kind.prefix(), digits(client, n))
}

/// The client's own id.
pub fn tenant(client: u64) -> String {
    id(Kind::Tenant, client, 0)
}
