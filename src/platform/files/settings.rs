//! How files are kept, and how texts are read from them.

use std::path::PathBuf;
use std::time::Duration;

use super::Place;

/// How files are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where their bytes lie.
    pub place: Place,
    /// The largest file that is taken, in bytes.
    pub most_bytes: u64,
    /// How many bytes of files a client may keep for which nothing else was said; none: as many as there is room for.
    pub most_bytes_of_client: Option<i64>,
    /// A program that looks at each file before it can be used, with its arguments; the file's path comes last.
    pub check: Option<String>,
    /// How this server is reached from outside; without it addresses begin with `/`.
    pub public_url: Option<String>,
    /// How long the next piece of an upload may take.
    pub piece_wait: Duration,
    /// How texts are read from files.
    pub reading: Reading,
}

/// How texts are read from files: by programs of their own, with an end.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The program that reads; this one if it is not said. It is called with `read-text` and what the file is.
    pub program: Option<PathBuf>,
    /// A program that makes text of a picture, with its arguments; the picture's path comes last, the text on its output.
    pub recognition: Option<String>,
    /// How long either may take for one file.
    pub time: Duration,
}

impl Default for Reading {
    fn default() -> Self {
        Self { program: None, recognition: None, time: Duration::from_secs(60) }
    }
}

impl Settings {
    /// Files in that folder, everything else as usual.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self {
            place: Place::Folder(folder),
            most_bytes: 256 * 1024 * 1024,
            most_bytes_of_client: None,
            check: None,
            public_url: None,
            piece_wait: Duration::from_secs(15),
            reading: Reading::default(),
        }
    }
}
