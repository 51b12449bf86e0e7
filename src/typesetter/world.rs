//! The world of one letter: the layout, the job and its picture. There is nothing else in it.

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::job::Job;

/// The layout of a letter.
const LAYOUT: &str = include_str!("letter.typ");

struct Letter {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    layout: Source,
    job: (FileId, Bytes),
    logo: Option<(FileId, Bytes)>,
    day: Option<Datetime>,
}

fn file(path: &str) -> Result<FileId, String> {
    let path = VirtualPath::new(path).map_err(|_| "a path of the layout is none".to_owned())?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

impl Letter {
    fn new(job: &Job) -> Result<Self, String> {
        let fonts: Vec<Font> = typst_assets::fonts().flat_map(|data| Font::iter(Bytes::new(data))).collect();
        let mut shown = job.clone();
        let logo = match (&job.logo, job.logo()?) {
            (Some(logo), Some(bytes)) => Some((file(&format!("/logo.{}", logo.format))?, Bytes::new(bytes))),
            _ => None,
        };
        // The layout needs to know that there is one, not what is in it.
        if let Some(logo) = &mut shown.logo {
            logo.data.clear();
        }
        let text = serde_json::to_string(&shown).map_err(|error| error.to_string())?;
        let (year, month, day) = job.day;
        Ok(Self {
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            layout: Source::new(file("/letter.typ")?, LAYOUT.to_owned()),
            job: (file("/letter.json")?, Bytes::from_string(text)),
            logo,
            day: Datetime::from_ymd(year, month, day),
        })
    }
}

impl World for Letter {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.layout.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.layout.id() { Ok(self.layout.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let known = std::iter::once(&self.job).chain(&self.logo).find(|(known, _)| *known == id);
        known.map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        self.day
    }
}

/// Sets a letter; gives the PDF.
pub fn typeset(job: &Job) -> Result<Vec<u8>, String> {
    let letter = Letter::new(job)?;
    let told = |errors: &[typst::diag::SourceDiagnostic]| {
        let first = errors.first().map_or_else(String::new, |error| error.message.to_string());
        format!("The letter cannot be set: {first}.")
    };
    let document: PagedDocument = typst::compile(&letter).output.map_err(|errors| told(&errors))?;
    let options = PdfOptions { creator: Smart::Custom(Some("Backoffice".to_owned())), ..PdfOptions::default() };
    typst_pdf::pdf(&document, &options).map_err(|errors| told(&errors))
}
