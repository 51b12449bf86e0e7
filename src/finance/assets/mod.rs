//! Fixed assets: what is owned for long, what it cost, and how that is written off in one or several books.
//!
//! The book `LEDGER` is posted: its cost and accumulated depreciation equal their control accounts at every date, because
//! whatever moves them comes with an entry of the same day and amount. Other books only compute.

use async_graphql::MergedObject;

pub mod asset;
pub mod change;
pub mod class;
pub mod create;
pub mod dispose;
pub mod keep;
pub mod plan;
pub mod post;
pub mod register;

/// The book that is posted.
pub const LEDGER: &str = "LEDGER";

/// The longest plan: a hundred years.
pub const MOST_MONTHS: i32 = 1200;

/// The queries about assets.
#[derive(MergedObject, Default)]
pub struct AssetsQuery(class::AssetClassQuery, asset::AssetQuery, register::AssetRegisterQuery);

/// The changes of assets.
#[derive(MergedObject, Default)]
pub struct AssetsMutation(
    class::AssetClassMutation,
    create::AssetCreateMutation,
    change::AssetChangeMutation,
    dispose::AssetDisposeMutation,
    post::DepreciationMutation,
);
