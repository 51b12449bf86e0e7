//! The container: POSIX ustar, regular files only. Written as a stream, read as a stream, strictly: whatever another
//! program may put into a tar beside plain files is refused.

use std::io::Read;

use crate::{Refused, refuse};

/// The unit of a tar.
pub const BLOCK: usize = 512;
/// What stands behind the last entry.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// The largest size that is written in digits; above, in binary.
const MOST_OCTAL: u64 = 0o77_777_777_777;

/// The header of a file of that name and size. Names are those of [`crate::Kind`]: at most 100 bytes.
#[must_use]
pub fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put(&mut block, 0, name.as_bytes().get(..name.len().min(100)).unwrap_or_default());
    put(&mut block, 100, b"0000600\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    if size <= MOST_OCTAL {
        put(&mut block, 124, format!("{size:011o}\0").as_bytes());
    } else {
        put(&mut block, 124, &[0x80, 0, 0, 0]);
        put(&mut block, 128, &size.to_be_bytes());
    }
    put(&mut block, 136, b"00000000000\0");
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    let sum = checksum(&block);
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

/// What stands between the end of a file of that size and the next header.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(size % 512).unwrap_or_default();
    let missing = if over == 0 { 0 } else { BLOCK.saturating_sub(over) };
    ZEROS.get(..missing).unwrap_or_default()
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    for (to, from) in block.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// The sum of all bytes, those of the sum itself taken for spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let of = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) };
    block.iter().enumerate().map(of).sum()
}

/// The entries of an archive, one behind the other.
pub struct Entries<R> {
    source: R,
    left: u64,
    pad: usize,
    over: bool,
}

impl<R: Read> Entries<R> {
    /// From its first byte.
    pub fn new(source: R) -> Self {
        Self { source, left: 0, pad: 0, over: false }
    }

    /// Name and size of the next entry; none behind the last one. The entry before has to be read to its end.
    pub fn next_entry(&mut self) -> Result<Option<(String, u64)>, Refused> {
        if self.left > 0 {
            return refuse("An entry of the archive was not read to its end.");
        }
        if self.over {
            return Ok(None);
        }
        let mut rest = [0; BLOCK];
        let rest = rest.get_mut(..self.pad).unwrap_or_default();
        self.source.read_exact(rest).map_err(cut)?;
        if rest.iter().any(|byte| *byte != 0) {
            return refuse("The archive holds bytes between its entries.");
        }
        self.pad = 0;
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block).map_err(cut)?;
        if block.iter().all(|byte| *byte == 0) {
            return self.end();
        }
        let (name, size) = read_header(&block)?;
        self.left = size;
        self.pad = padding(size).len();
        Ok(Some((name, size)))
    }

    /// The next bytes of the entry; 0 at its end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Refused> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return refuse("The archive is cut off.");
        }
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }

    fn end(&mut self) -> Result<Option<(String, u64)>, Refused> {
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block).map_err(cut)?;
        let mut one = [0; 1];
        if block.iter().any(|byte| *byte != 0) || self.source.read(&mut one)? > 0 {
            return refuse("The archive holds something behind its end.");
        }
        self.over = true;
        Ok(None)
    }
}

fn cut(error: std::io::Error) -> Refused {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Refused("The archive is cut off.".to_owned()),
        _ => error.into(),
    }
}

fn read_header(block: &[u8; BLOCK]) -> Result<(String, u64), Refused> {
    let field = |from: usize, length: usize| block.get(from..from.saturating_add(length)).unwrap_or_default();
    let told = octal(field(148, 8));
    if told != Some(u64::from(checksum(block))) {
        return refuse("This is no archive of a client, or its headers are damaged.");
    }
    let name = field(0, 100);
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else { return refuse("An entry of the archive has no readable name.") };
    if field(156, 1) != b"0" || field(257, 6) != b"ustar\0" || field(345, 155).iter().any(|byte| *byte != 0) {
        return refuse(format!("The archive holds an entry that is no plain file: {name:?}."));
    }
    let size = field(124, 12);
    let size = match size.split_first() {
        Some((0x80, _)) => size.get(4..12).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes),
        _ => octal(size),
    };
    match size.filter(|size| i64::try_from(*size).is_ok()) {
        Some(size) => Ok((name.to_owned(), size)),
        None => refuse(format!("The archive does not say how large {name:?} is.")),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if digits.is_empty() || !digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, bytes) in entries {
            out.extend(header(name, bytes.len() as u64));
            out.extend_from_slice(bytes);
            out.extend_from_slice(padding(bytes.len() as u64));
        }
        out.extend(END);
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Refused> {
        let mut entries = Entries::new(bytes);
        let mut all = Vec::new();
        while let Some((name, size)) = entries.next_entry()? {
            let (mut content, mut buffer) = (Vec::new(), [0; 100]);
            loop {
                let read = entries.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                content.extend_from_slice(&buffer[..read]);
            }
            assert_eq!(content.len() as u64, size);
            all.push((name, content));
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read() {
        let large = vec![7; 1024];
        let bytes = archive(&[("a", b""), ("b/c", b"x"), ("d", &large)]);
        assert_eq!(bytes.len() % BLOCK, 0);
        let read = read(&bytes).unwrap();
        assert_eq!(read, [("a".to_owned(), vec![]), ("b/c".to_owned(), b"x".to_vec()), ("d".to_owned(), large)]);
    }

    #[test]
    fn sizes_beyond_eight_gibibytes_are_told_in_binary() {
        for size in [0, 1, MOST_OCTAL, MOST_OCTAL + 1, 1 << 40] {
            assert_eq!(read_header(&header("a", size)).unwrap(), ("a".to_owned(), size));
        }
    }

    #[test]
    fn half_an_archive_is_none() {
        let whole = archive(&[("a", b"some bytes"), ("b", b"more")]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes of {}", whole.len());
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(read(&longer).unwrap_err().0, "The archive holds something behind its end.");
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        for kind in *b"12345671xgLK" {
            let mut bytes = archive(&[("a", b"")]);
            bytes[156] = kind;
            let mut block: [u8; BLOCK] = bytes[..BLOCK].try_into().unwrap();
            let sum = checksum(&block);
            put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
            bytes[..BLOCK].copy_from_slice(&block);
            assert!(read(&bytes).unwrap_err().0.contains("no plain file"));
        }
        assert!(read(&vec![1; 2048]).unwrap_err().0.contains("no archive of a client"));
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_fall(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_damaged_header_is_noticed(at in 0_usize..512, to in any::<u8>()) {
            let mut bytes = archive(&[("tables/finance.account.jsonl", b"{}\n")]);
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            // Only what stands in the field of the sum can be written in several ways.
            prop_assert!((148..156).contains(&at) || read(&bytes).is_err());
        }
    }
}
