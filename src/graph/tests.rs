//! What holds of the types of all departments together.

use crate::notices::about::{inside, sights, types};
use crate::platform::can::Can;

#[test]
fn what_the_client_sees_is_the_providers_record() {
    super::declare_records();
    let twins: Vec<&str> = types().map(|(name, _)| name).filter(|name| inside(name) != *name).collect();
    assert!(!twins.is_empty());
    for shown in twins {
        let kind = inside(shown);
        let all: Vec<&str> = sights(kind).into_iter().map(|(name, _)| name).collect();
        assert_eq!(all, [kind, shown]);
    }
    assert_eq!(sights("Invoice"), [("Invoice", Can::InvoiceRead)]);
    assert!(sights("Event").is_empty() && sights("Comment").is_empty());
}

/// Types that are called after the client and are no other record than what they are to the provider.
const OWN: &[&str] = &["Client", "ClientContact"];

/// Whoever adds a type that shows the client's people a record of another type names it in `notices::about`.
#[test]
fn every_type_that_is_shown_to_the_client_is_a_twin() {
    super::declare_records();
    let shown = |name: &str| name.starts_with("Client") && !OWN.contains(&name) || name.starts_with("Shared");
    let named: Vec<&str> = types().map(|(name, _)| name).filter(|name| shown(name)).collect();
    assert!(named.contains(&"ClientRequest"));
    let missing: Vec<&str> = named.into_iter().filter(|name| inside(name) == *name).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
