//! Charts of accounts that a new client can start from, in the format of [`crate::chart_csv`].

/// A ready chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its name for programs.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The chart as CSV.
    pub csv: &'static str,
}

/// A small company that reports under IFRS.
pub const IFRS_SMALL: &str = include_str!("charts/ifrs_small.csv");

/// A small company that reports under US GAAP.
pub const US_GAAP_SMALL: &str = include_str!("charts/us_gaap_small.csv");

/// Every ready chart.
pub const ALL: &[Template] = &[
    Template { key: "ifrs_small", title: "IFRS, small company", csv: IFRS_SMALL },
    Template { key: "us_gaap_small", title: "US GAAP, small company", csv: US_GAAP_SMALL },
];

/// The chart of that key.
pub fn find(key: &str) -> Option<&'static Template> {
    ALL.iter().find(|template| template.key == key)
}

#[cfg(test)]
mod tests {
    use crate::chart_csv::{self, Control};
    use crate::table::Dialect;

    #[test]
    fn each_parses_and_has_the_accounts_that_the_books_post_to() {
        for template in super::ALL {
            let chart = chart_csv::parse(template.csv.as_bytes(), &Dialect::default())
                .unwrap_or_else(|problems| panic!("{}: {problems}", template.key));
            // What is not realised goes to the accounts of exchange differences where it has none of its own.
            for control in Control::ALL.iter().filter(|control| **control != Control::UnrealizedExchange) {
                assert!(
                    chart.iter().any(|account| account.control == Some(*control)),
                    "{} lacks {control}",
                    template.key
                );
            }
            assert!(chart.iter().filter(|account| !account.group).all(|account| account.statement_line.is_some()));
            assert_eq!(super::find(template.key), Some(template));
        }
    }
}
