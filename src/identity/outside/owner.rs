//! Whose an identity provider is, and so for whom it speaks.

use uuid::Uuid;

/// A client or the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A client: it speaks for the client's people, in this client.
    Client(Uuid),
    /// The provider: it speaks for the staff.
    Provider,
}

/// How handles of the provider's own begin, where others have their client.
const STAFF: &str = "staff";

impl Owner {
    /// What portals call an identity provider of this owner.
    pub fn handle(self, id: Uuid) -> String {
        match self {
            Self::Client(client) => format!("{}.{}", client.simple(), id.simple()),
            Self::Provider => format!("{STAFF}.{}", id.simple()),
        }
    }
}

#[cfg(feature = "oidc")]
impl Owner {
    /// As a sign-in on its way has it.
    pub fn of(client: Option<Uuid>) -> Self {
        client.map_or(Self::Provider, Self::Client)
    }

    /// The client, unless it is the provider.
    pub fn client(self) -> Option<Uuid> {
        match self {
            Self::Client(client) => Some(client),
            Self::Provider => None,
        }
    }

    /// Owner and identity provider of a handle.
    pub fn parse(handle: &str) -> Option<(Self, Uuid)> {
        let (owner, id) = handle.trim().split_once('.')?;
        let parse = |text: &str| (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten();
        let owner = if owner == STAFF { Self::Provider } else { Self::Client(parse(owner)?) };
        Some((owner, parse(id)?))
    }

    /// What the secret of an identity provider is sealed for.
    pub fn place(self, id: Uuid) -> String {
        match self {
            Self::Client(_) => format!("identity provider {}", id.simple()),
            Self::Provider => format!("staff identity provider {}", id.simple()),
        }
    }
}

#[cfg(all(test, feature = "oidc"))]
mod tests {
    use super::*;
    use crate::platform::ids::new_uuid;

    #[test]
    fn a_handle_names_owner_and_identity_provider() {
        let id = new_uuid();
        for owner in [Owner::Client(new_uuid()), Owner::Provider] {
            assert_eq!(Owner::parse(&owner.handle(id)), Some((owner, id)));
            assert_eq!(Owner::of(owner.client()), owner);
        }
        let client = new_uuid();
        for wrong in
            ["", ".", "a.b", "staff", "staff.", "Staff.x", &client.simple().to_string(), &format!("{client}.{id}")]
        {
            assert_eq!(Owner::parse(wrong), None, "{wrong}");
        }
    }
}
