//! What is sent without being asked for, who is disturbed by whom, and what goes out and comes in by the heap: followers,
//! webhooks, neighbours, exports and imports.

mod bulk;
mod followers;
mod neighbours;
mod webhooks;

pub use bulk::bulk;
pub use followers::followers;
pub use neighbours::neighbours;
pub use webhooks::webhooks;

use crate::database::Database;
use crate::rows;

/// Writes so many events of a client at once, as a large import would.
fn tell(database: &Database, client: u64, kind: &str, count: usize) {
    let statements = format!(
        "SELECT core.set_tenant('{}');
         SELECT core.emit(array_agg(gen_random_uuid()), array_agg('{kind}'::text), array_agg('Customer'::text),
                          array_agg(md5(n::text)::uuid))
           FROM generate_series(1, {count}) AS n",
        rows::tenant(client)
    );
    // The connection waits in its own way, which a thread that drives others must not.
    std::thread::scope(|scope| scope.spawn(|| database.run(&statements)).join()).expect("the events are written");
}
