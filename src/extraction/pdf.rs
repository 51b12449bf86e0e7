//! PDF: the text that its pages show, as far as their fonts say which characters that is.

use lopdf::{Document, LoadOptions};

use super::{Collected, Limits, Problem};

pub(crate) fn read(bytes: &[u8], limits: &Limits, text: &mut Collected) -> Result<(), Problem> {
    let broken = |error: lopdf::Error| Problem::Broken(error.to_string().chars().take(200).collect());
    let options = LoadOptions { max_decompressed_size: Some(limits.unpacked), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(broken)?;
    if document.is_encrypted() {
        return Err(Problem::Locked);
    }
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    if pages.is_empty() {
        return Err(Problem::Broken("it has no pages".to_owned()));
    }
    let mut failed = None;
    for page in pages.iter().take(limits.parts) {
        match document.extract_text_with_limit(&[*page], limits.unpacked) {
            Ok(page) => text.push(&page),
            // The other pages may be whole.
            Err(error) => failed = failed.or(Some(error)),
        }
        text.line();
        if text.is_full() {
            return Ok(());
        }
    }
    match failed {
        Some(error) if text.text.trim().is_empty() => Err(broken(error)),
        _ => Ok(()),
    }
}
