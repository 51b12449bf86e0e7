//! What a letter is made of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A letter that is to be set.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The language: `de`, `en`, `de-AT`; decides hyphenation.
    pub language: String,
    /// Who writes.
    pub sender: String,
    /// The small line above the address.
    pub sender_line: String,
    /// The lines of the address.
    pub recipient: Vec<String>,
    /// What stands beside the address: names and values.
    pub reference: Vec<(String, String)>,
    /// The subject.
    pub subject: String,
    /// The text; an empty line begins a paragraph.
    pub text: String,
    /// The colour of the subject and of the line above the footer, `#rrggbb`.
    pub color: String,
    /// What stands at the foot of each page.
    pub footer: String,
    /// The word for "page".
    pub page_word: String,
    /// The day of the letter, year, month and day: the date of the file.
    pub day: (i32, u8, u8),
    /// The logo.
    pub logo: Option<Logo>,
}

/// A picture.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Logo {
    /// `png` or `jpg`.
    pub format: String,
    /// Its bytes in base64.
    pub data: String,
}

impl Job {
    /// Reads a job, and refuses what the layout does not know.
    pub fn read(text: &str) -> Result<Self, String> {
        let job: Self = serde_json::from_str(text).map_err(|error| format!("The job is not understood: {error}."))?;
        let is_color = job.color.len() == 7
            && job.color.strip_prefix('#').is_some_and(|hex| hex.bytes().all(|one| one.is_ascii_hexdigit()));
        if !is_color {
            return Err("The colour is not written #rrggbb.".to_owned());
        }
        if job.logo.as_ref().is_some_and(|logo| !["png", "jpg"].contains(&logo.format.as_str())) {
            return Err("The logo is neither PNG nor JPEG.".to_owned());
        }
        Ok(job)
    }

    /// The bytes of the logo.
    pub fn logo(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(logo) = &self.logo else { return Ok(None) };
        STANDARD.decode(&logo.data).map(Some).map_err(|_| "The logo is not base64.".to_owned())
    }
}
