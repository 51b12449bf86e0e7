//! Compressed answers, by what the caller accepts.
//!
//! Small ones are sent as they are. So are those that tell a secret (a token, a key): the length of a compressed answer
//! says how much of it repeats, and who can put words into an answer and see its length finds out a secret in it, letter
//! by letter (BREACH).

use std::io::Write;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};
use actix_web::web;

/// Answers shorter than this fit into one packet as they are.
pub const WORTH_IT: usize = 1024;
/// Longer ones are compressed on a thread of their own, so that nobody else waits for it.
const LONG: usize = 48 * 1024;

/// How an answer is compressed. The first is the best of those that the caller likes alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Zstd];

    /// Its name in headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What the caller likes best; nothing if he names none of ours.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut wanted: [Option<f32>; 3] = [None; 3];
        let mut others = None;
        let values = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
        for part in values.flat_map(|value| value.split(',')) {
            let mut pieces = part.split(';').map(str::trim);
            let name = pieces.next().unwrap_or_default();
            let quality = pieces
                .find_map(|piece| piece.strip_prefix("q=").or_else(|| piece.strip_prefix("Q=")))
                .map_or(1.0, |value| value.trim().parse::<f32>().unwrap_or(0.0));
            let name = name.strip_prefix("x-").unwrap_or(name);
            if name == "*" {
                others = Some(quality);
            }
            for (coding, slot) in Self::ALL.into_iter().zip(&mut wanted) {
                if name.eq_ignore_ascii_case(coding.name()) {
                    *slot = Some(quality);
                }
            }
        }
        let mut best: Option<(f32, Self)> = None;
        for (coding, quality) in Self::ALL.into_iter().zip(wanted) {
            let quality = quality.or(others).unwrap_or(0.0);
            if quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, coding));
            }
        }
        best.map(|(_, coding)| coding)
    }

    /// The bytes compressed; nothing if that failed or did not make them fewer.
    #[must_use]
    pub fn compress(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let compressed = match self {
            Self::Brotli => {
                let mut out = Vec::with_capacity(bytes.len() / 3);
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: 3,
                    lgwin: 20,
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*bytes, &mut out, &parameters).ok()?;
                out
            }
            Self::Gzip => {
                let room = Vec::with_capacity(bytes.len() / 3);
                let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::new(5));
                encoder.write_all(bytes).ok()?;
                encoder.finish().ok()?
            }
            Self::Zstd => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
        };
        (compressed.len() < bytes.len()).then_some(compressed)
    }
}

/// The answer compressed if that is worth it and the caller accepts it; else as it was.
pub async fn compressed(headers: &HeaderMap, bytes: Vec<u8>) -> (Vec<u8>, Option<Coding>) {
    let Some(coding) = Some(bytes.len()).filter(|length| *length >= WORTH_IT).and_then(|_| Coding::accepted(headers))
    else {
        return (bytes, None);
    };
    if bytes.len() <= LONG {
        return match coding.compress(&bytes) {
            Some(compressed) => (compressed, Some(coding)),
            None => (bytes, None),
        };
    }
    let bytes = Arc::new(bytes);
    let shared = Arc::clone(&bytes);
    // No thread has time for it only while the server stops: then it goes as it is.
    match web::block(move || coding.compress(&shared)).await.ok().flatten() {
        Some(compressed) => (compressed, Some(coding)),
        None => (Arc::try_unwrap(bytes).unwrap_or_else(|bytes| bytes.to_vec()), None),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use actix_web::http::header::HeaderValue;

    fn accepted(values: &[&'static str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        Coding::accepted(&headers)
    }

    #[test]
    fn the_better_liked_coding_wins() {
        assert_eq!(accepted(&[]), None);
        assert_eq!(accepted(&[""]), None);
        assert_eq!(accepted(&["identity"]), None);
        assert_eq!(accepted(&["deflate, compress"]), None);
        assert_eq!(accepted(&["gzip, deflate, br, zstd"]), Some(Coding::Brotli));
        assert_eq!(accepted(&["gzip, zstd"]), Some(Coding::Gzip));
        assert_eq!(accepted(&["zstd"]), Some(Coding::Zstd));
        assert_eq!(accepted(&["br;q=0.5, gzip;q=0.8"]), Some(Coding::Gzip));
        assert_eq!(accepted(&["br;q=0, gzip;q=0"]), None);
        assert_eq!(accepted(&["br;q=nonsense, x-gzip"]), Some(Coding::Gzip));
        assert_eq!(accepted(&["*"]), Some(Coding::Brotli));
        assert_eq!(accepted(&["br;q=0", "*;q=0.1"]), Some(Coding::Gzip));
    }

    #[test]
    fn what_is_compressed_comes_out_again() {
        let text = br#"{"data":{"invoices":{"nodes":["#.iter().copied().cycle().take(200_000).collect::<Vec<u8>>();
        for coding in Coding::ALL {
            let small = coding.compress(&text).unwrap();
            let mut out = Vec::new();
            match coding {
                Coding::Brotli => brotli::BrotliDecompress(&mut &*small, &mut out).unwrap(),
                Coding::Gzip => assert!(flate2::read::GzDecoder::new(&*small).read_to_end(&mut out).unwrap() > 0),
                Coding::Zstd => {
                    assert!(
                        ruzstd::decoding::StreamingDecoder::new(&*small).unwrap().read_to_end(&mut out).unwrap() > 0
                    );
                }
            }
            assert_eq!(out, text, "{coding:?}");
            assert_eq!(coding.compress(&[7, 1, 99, 3]), None, "{coding:?}");
        }
    }
}
