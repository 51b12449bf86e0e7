//! Whether an archive is whole: every part is there with its length and SHA-256, once, in the order of the manifest, and
//! nothing else is.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::manifest::{FORMAT, FORMAT_VERSION, Manifest, Part, hex, sha256};
use crate::name::Kind;
use crate::tar::Entries;
use crate::{Refused, refuse};

/// The entry that says what an archive is of.
pub const MANIFEST: &str = "manifest.json";
/// The entry with the SHA-256 of the manifest: written last.
pub const MANIFEST_SUM: &str = "manifest.sha256";
/// The most bytes that a manifest has.
pub const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

/// Reads a whole archive; gives its manifest and the SHA-256 of that.
pub fn verify(source: impl Read) -> Result<(Manifest, String), Refused> {
    let mut entries = Entries::new(source);
    let mut found: Vec<Part> = Vec::new();
    loop {
        let Some((name, size)) = entries.next_entry()? else {
            return refuse("The archive is not complete: it has no manifest.");
        };
        if name == MANIFEST {
            return finish(&mut entries, size, &found);
        }
        let rows = match Kind::of(&name) {
            None => return refuse(format!("{name:?} is no part of an archive.")),
            Some(Kind::File(_)) => None,
            Some(_) => Some(0),
        };
        found.push(part(&mut entries, name, size, rows)?);
    }
}

fn part<R: Read>(entries: &mut Entries<R>, name: String, size: u64, rows: Option<u64>) -> Result<Part, Refused> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
    let (mut lines, mut last) = (0_u64, b'\n');
    loop {
        let read = entries.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        hash.update(piece);
        let ends = piece.iter().filter(|byte| **byte == b'\n').count();
        lines = lines.saturating_add(u64::try_from(ends).unwrap_or_default());
        last = piece.last().copied().unwrap_or(last);
    }
    if rows.is_some() && last != b'\n' {
        return refuse(format!("{name} ends in the middle of a line."));
    }
    Ok(Part { name, rows: rows.map(|_| lines), bytes: size, sha256: hex(&hash.finalize()), without: Vec::new() })
}

fn small<R: Read>(entries: &mut Entries<R>, size: u64, most: u64) -> Result<Vec<u8>, Refused> {
    if size > most {
        return refuse("The archive's manifest is larger than one can be.");
    }
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let read = entries.read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
}

fn finish<R: Read>(entries: &mut Entries<R>, size: u64, found: &[Part]) -> Result<(Manifest, String), Refused> {
    let bytes = small(entries, size, MAX_MANIFEST)?;
    let sum = sha256(&bytes);
    match entries.next_entry()? {
        Some((name, size)) if name == MANIFEST_SUM => {
            let told = small(entries, size, 200)?;
            if told != format!("{sum}  {MANIFEST}\n").as_bytes() {
                return refuse("manifest.json is not as it was written.");
            }
        }
        _ => return refuse("The archive is not complete: the sum of its manifest is missing."),
    }
    if entries.next_entry()?.is_some() {
        return refuse("The archive holds something behind its manifest.");
    }
    Ok((check(&bytes, found)?, sum))
}

fn check(bytes: &[u8], found: &[Part]) -> Result<Manifest, Refused> {
    let manifest: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| Refused(format!("manifest.json cannot be understood: {error}.")))?;
    if manifest.format != FORMAT || manifest.format_version != FORMAT_VERSION {
        return refuse(format!(
            "This is {} in version {}; this program reads {FORMAT} in version {FORMAT_VERSION}.",
            manifest.format, manifest.format_version
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    for part in &manifest.parts {
        if !seen.insert(&part.name) {
            return refuse(format!("{} is in the manifest twice.", part.name));
        }
    }
    for (place, part) in found.iter().enumerate() {
        match manifest.parts.get(place) {
            Some(told) if told.name == part.name => {
                if (told.bytes, &told.sha256, told.rows) != (part.bytes, &part.sha256, part.rows) {
                    return refuse(format!("{} is not as it was written.", part.name));
                }
            }
            Some(told) if !found.iter().any(|part| part.name == told.name) => {
                return refuse(format!("{} is missing.", told.name));
            }
            _ => return refuse(format!("{} is not one of the archive's parts, or not in its place.", part.name)),
        }
    }
    match manifest.parts.get(found.len()) {
        Some(told) => refuse(format!("{} is missing.", told.name)),
        None => Ok(manifest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Client;
    use crate::tar::{END, header, padding};

    fn manifest(parts: Vec<Part>) -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            program: "backoffice 0.1.0".to_owned(),
            taken_at: "2026-11-22T18:00:00Z".to_owned(),
            schema_version: "0190".to_owned(),
            schema_steps: vec!["0190".to_owned()],
            client: Client {
                id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
                name: "Alpha".to_owned(),
                country: "DE".to_owned(),
                currency: "EUR".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
            },
            audit_head: None,
            parts,
            left_out: vec![],
            missing_files: vec![],
            totals: serde_json::json!({}),
        }
    }

    fn entry(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
        out.extend(header(name, bytes.len() as u64));
        out.extend_from_slice(bytes);
        out.extend_from_slice(padding(bytes.len() as u64));
    }

    const PARTS: [(&str, &[u8]); 3] = [
        ("references/identity.account.jsonl", b""),
        ("tables/practice.client.jsonl", b"{\"id\": 1}\n{\"id\": 2}\n"),
        ("files/01890a5d-ac96-774b-bcce-b302099a8057", b"bytes"),
    ];

    fn told() -> Vec<Part> {
        let rows = |name: &str, bytes: &[u8]| {
            (!name.starts_with("files")).then(|| bytes.iter().filter(|byte| **byte == b'\n').count() as u64)
        };
        PARTS
            .iter()
            .map(|(name, bytes)| Part {
                name: (*name).to_owned(),
                rows: rows(name, bytes),
                bytes: bytes.len() as u64,
                sha256: sha256(bytes),
                without: vec![],
            })
            .collect()
    }

    fn written(parts: &[(&str, &[u8])], manifest: &Manifest) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, bytes) in parts {
            entry(&mut out, name, bytes);
        }
        let bytes = manifest.to_bytes().unwrap();
        entry(&mut out, MANIFEST, &bytes);
        entry(&mut out, MANIFEST_SUM, format!("{}  {MANIFEST}\n", sha256(&bytes)).as_bytes());
        out.extend(END);
        out
    }

    #[test]
    fn a_whole_archive_is_let_through() {
        let archive = written(&PARTS, &manifest(told()));
        let (manifest, sum) = verify(archive.as_slice()).unwrap();
        assert_eq!((manifest.rows(), manifest.files(), sum.len()), (2, 1, 64));
    }

    #[test]
    fn what_was_manipulated_is_named() {
        let right = manifest(told());
        let changed: [(&str, &[u8]); 3] =
            [PARTS[0], ("tables/practice.client.jsonl", b"{\"id\": 1}\n{\"id\": 3}\n"), PARTS[2]];
        let longer: [(&str, &[u8]); 4] = [PARTS[0], PARTS[1], PARTS[2], ("tables/finance.account.jsonl", b"")];
        let out: [(&str, &[u8]); 1] = [("../../etc/passwd", b"root")];
        let mut twice = told();
        twice.push(twice[0].clone());
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (written(&changed, &right), "tables/practice.client.jsonl is not as it was written."),
            (written(&PARTS[..2], &right), "files/01890a5d-ac96-774b-bcce-b302099a8057 is missing."),
            (written(&PARTS[1..], &right), "references/identity.account.jsonl is missing."),
            (
                written(&longer, &right),
                "tables/finance.account.jsonl is not one of the archive's parts, or not in its place.",
            ),
            (written(&out, &right), "\"../../etc/passwd\" is no part of an archive."),
            (written(&PARTS, &manifest(twice)), "references/identity.account.jsonl is in the manifest twice."),
            (
                written(&PARTS, &Manifest { format_version: 2, ..right.clone() }),
                "This is backoffice-client-archive in version 2; this program reads backoffice-client-archive in version 1.",
            ),
        ];
        for (archive, sentence) in cases {
            assert_eq!(verify(archive.as_slice()).unwrap_err().0, sentence);
        }
    }

    #[test]
    fn a_manifest_that_was_changed_alone_is_noticed() {
        let mut archive = written(&PARTS, &manifest(told()));
        let at = archive.windows(5).position(|window| window == b"Alpha").unwrap();
        archive[at] = b'B';
        assert_eq!(verify(archive.as_slice()).unwrap_err().0, "manifest.json is not as it was written.");
    }

    #[test]
    fn no_byte_can_be_changed_and_none_be_missing() {
        let archive = written(&PARTS, &manifest(told()));
        for at in 0..archive.len() {
            let mut other = archive.clone();
            other[at] ^= 1;
            // The digits of a header's own sum can be written in several ways; they say nothing of the parts.
            let in_sum = (148..156).contains(&(at % 512));
            assert!(in_sum || verify(other.as_slice()).is_err(), "byte {at}");
        }
        for length in (0..archive.len()).step_by(7) {
            assert!(verify(&archive[..length]).is_err(), "{length}");
        }
    }
}
