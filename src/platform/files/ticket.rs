//! A signed address of a file: who may do what with which file until when. It is good for nothing else, and only as long
//! as its holder's session and right last: the database is asked again when it is used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::scope::Caller;
use crate::platform::seal::Seals;

const PURPOSE: &str = "files";
/// Verb, kind of actor, four ids, size, end.
const LENGTH: usize = 2 + 4 * 16 + 8 + 8;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To bring the bytes.
    Put = 1,
    /// To take them as a file.
    Get = 2,
    /// To look at them, if they are of a kind that can be shown.
    Show = 3,
    /// To bring the bytes of what the client was asked for.
    Bring = 4,
    /// To take them as the current version of a document that the client's people see.
    Shown = 5,
    /// To take them as what the caller is asked to sign, or has signed.
    ToSign = 6,
}

/// What an address says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What it is for.
    pub verb: Verb,
    /// Who it was made for: the account.
    pub actor: Uuid,
    /// The session of a person; none for a service account.
    pub session: Option<Uuid>,
    /// The client.
    pub client: Uuid,
    /// The file.
    pub file: Uuid,
    /// How many bytes it has.
    pub size: u64,
    /// Until when, in seconds since 1970.
    pub expires_at_s: i64,
}

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTicket {
    /// This server has not signed it.
    Foreign,
    /// Its time is over.
    Expired,
}

impl Ticket {
    /// The ticket as it stands in an address; none if there is no key.
    #[must_use]
    pub fn write(&self, seals: &Seals) -> Option<String> {
        let mut bytes = Vec::with_capacity(LENGTH + 32);
        bytes.extend([self.verb as u8, u8::from(self.session.is_some())]);
        for id in [self.actor, self.session.unwrap_or_default(), self.client, self.file] {
            bytes.extend(id.as_bytes());
        }
        bytes.extend(self.size.to_be_bytes());
        bytes.extend(self.expires_at_s.to_be_bytes());
        let seal = seals.seal(PURPOSE, &bytes)?;
        bytes.extend(seal);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What an address says, if this server has signed it and its time is not over.
    pub fn read(text: &str, seals: &Seals, now_s: i64) -> Result<Self, BadTicket> {
        if text.len() > 2 * (LENGTH + 32) {
            return Err(BadTicket::Foreign);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadTicket::Foreign)?;
        let (said, seal) = bytes.split_at_checked(LENGTH).ok_or(BadTicket::Foreign)?;
        if !seals.knows(PURPOSE, said, seal) {
            return Err(BadTicket::Foreign);
        }
        let ticket = Self::parse(said).ok_or(BadTicket::Foreign)?;
        if ticket.expires_at_s <= now_s { Err(BadTicket::Expired) } else { Ok(ticket) }
    }

    fn parse(said: &[u8]) -> Option<Self> {
        let verb = match said.first()? {
            1 => Verb::Put,
            2 => Verb::Get,
            3 => Verb::Show,
            4 => Verb::Bring,
            5 => Verb::Shown,
            6 => Verb::ToSign,
            _ => return None,
        };
        let id = |at: usize| Uuid::from_slice(said.get(2 + at * 16..18 + at * 16)?).ok();
        let number = |at: usize| <[u8; 8]>::try_from(said.get(66 + at * 8..74 + at * 8)?).ok();
        Some(Self {
            verb,
            actor: id(0)?,
            session: if *said.get(1)? == 1 { Some(id(1)?) } else { None },
            client: id(2)?,
            file: id(3)?,
            size: u64::from_be_bytes(number(0)?),
            expires_at_s: i64::from_be_bytes(number(1)?),
        })
    }

    /// The one right that it is good for.
    #[must_use]
    pub fn right(&self) -> Can {
        match self.verb {
            Verb::Put => Can::FileManage,
            Verb::Get | Verb::Show => Can::FileRead,
            Verb::Bring => Can::ClientRequestAnswer,
            Verb::Shown => Can::ClientDocumentRead,
            Verb::ToSign => Can::SignatureSign,
        }
    }

    /// Whoever comes with it: the one it was made for, with that one right.
    #[must_use]
    pub fn caller(&self) -> Caller {
        match self.session {
            Some(session) => Caller::Person { account: self.actor, session, client: Some(self.client) },
            None => Caller::Service { account: self.actor, client: self.client, scopes: vec![self.right()] },
        }
    }
}

#[cfg(test)]
mod tests {
    use backoffice_credentials::MacKey;
    use proptest::prelude::*;

    use super::*;

    fn seals(secret: &[u8]) -> Seals {
        let seals = Seals::default();
        seals.renew(vec![MacKey::derive(secret)]);
        seals
    }

    fn ticket(session: bool, size: u64) -> Ticket {
        let id = Uuid::now_v7();
        Ticket {
            verb: Verb::Put,
            actor: id,
            session: session.then_some(id),
            client: Uuid::now_v7(),
            file: Uuid::now_v7(),
            size,
            expires_at_s: 100,
        }
    }

    #[test]
    fn it_is_read_as_it_was_written_until_its_end() {
        let seals = seals(b"ours");
        for session in [true, false] {
            let ticket = ticket(session, u64::MAX);
            let text = ticket.write(&seals).unwrap();
            assert_eq!(Ticket::read(&text, &seals, 99), Ok(ticket));
            assert_eq!(Ticket::read(&text, &seals, 100), Err(BadTicket::Expired));
            assert_eq!(Ticket::read(&text, &super::tests::seals(b"theirs"), 99), Err(BadTicket::Foreign));
        }
        assert_eq!(Ticket::read("", &seals, 0), Err(BadTicket::Foreign));
        assert_eq!(Ticket::read(&"A".repeat(100_000), &seals, 0), Err(BadTicket::Foreign));
    }

    proptest! {
        #[test]
        fn one_changed_bit_makes_it_foreign(at in 0..(LENGTH + 32), bit in 0..8u32) {
            let seals = seals(b"ours");
            let text = ticket(true, 7).write(&seals).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Ticket::read(&URL_SAFE_NO_PAD.encode(bytes), &seals, 0), Err(BadTicket::Foreign));
        }
    }
}
