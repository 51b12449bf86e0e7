//! `backoffice backup` and `backoffice restore` at the terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use backoffice_private_postgres::{SUPERUSER, Tools};
use secrecy::ExposeSecret;

use super::{Database, Failure, say};
use crate::backup::{self, FILES, Restored, Server};
use crate::config::Settings;
use crate::database;
use crate::platform::files::store::Place;

/// Where a restore works until it is complete, below the data folder: what lies there is taken for nothing else.
const UNFINISHED: &str = ".restoring";

pub(super) fn take(settings: &Settings, folder: &Path) -> Result<ExitCode, Failure> {
    let database = Database::reach(settings)?;
    let server = server(&database, &settings.data_dir())?;
    let (place, key) = (settings.files()?.place, settings.secrets_key());
    let taken = backup::take(&server, &place, &key, folder)?;
    say(&format!(
        "Backup of {} clients in {}: {} rows of {} tables, {} files, {} bytes.",
        taken.clients(),
        folder.display(),
        taken.rows(),
        taken.tables.len(),
        taken.parts.len().saturating_sub(1),
        taken.bytes()
    ));
    say(
        "In it: every client's books and trail, people and sessions, and the keys that sign tokens. Whoever has it can come in \
         as anybody, so keep it as safe as the database.",
    );
    say(&format!(
        "Not in it: {}, which opens the stored secrets of webhooks, identity providers and mails. Keep a copy of it in another \
         place: beside this backup it would protect nothing; without it those secrets are lost.",
        key.display()
    ));
    if let Some(bucket) = &taken.bucket {
        say(&format!(
            "Not in it: the {} files in {bucket}, which that bucket has to keep. Their names and SHA-256 are in the manifest; \
             `restore` and `check --files` say whether the bucket has them.",
            taken.objects.len()
        ));
    }
    tell_missing(&taken);
    Ok(ExitCode::SUCCESS)
}

/// Names files that the store did not have when the backup was taken.
fn tell_missing(manifest: &backup::Manifest) {
    let missing = manifest.missing();
    if !missing.is_empty() {
        let named = missing.iter().take(10).copied().collect::<Vec<_>>().join(", ");
        say(&format!("{} files that the database knows of are not in it as they are known: {named}.", missing.len()));
    }
}

/// Looks whether the store has every file that the database knows of; false if not.
pub(super) fn check_files(settings: &Settings, url: &str) -> Result<bool, Failure> {
    let looked = backup::objects::check(&mut database::connect(url)?, &settings.files()?.place)?;
    for finding in &looked.findings {
        say(finding);
    }
    say(&format!("{} files read, {} not as the database knows them.", looked.files, looked.findings.len()));
    Ok(looked.findings.is_empty())
}

pub(super) fn verify(folder: &Path) -> Result<ExitCode, Failure> {
    let manifest = backup::verify(folder)?;
    say(&format!(
        "The backup of {} is complete: {} clients, {} parts, {} bytes.",
        manifest.taken_at,
        manifest.clients(),
        manifest.parts.len(),
        manifest.bytes()
    ));
    tell_missing(&manifest);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(settings: &Settings, folder: &Path) -> Result<ExitCode, Failure> {
    let manifest = backup::verify(folder)?;
    let place = settings.files()?.place;
    let local = matches!(place, Place::Folder(_));
    let restored = match &settings.database_url {
        Some(url) => {
            let files = match &place {
                Place::Folder(files) => files.clone(),
                Place::S3(_) => settings.data_dir().join(FILES),
            };
            backup::refuse_occupied(&files)?;
            let server = Server::own(url.expose_secret())?;
            let mut connection = database::connect(&server.url)?;
            let password = settings.role_password.as_ref().ok_or(
                "Set BACKOFFICE_ROLE_PASSWORD: the roles backoffice_owner, backoffice_app, backoffice_portfolio and \
                 backoffice_identity get it.",
            )?;
            database::create_roles(&mut connection, Some(password.expose_secret()))?;
            let restored = backup::fill(&server, folder, manifest)?;
            if folder.join(FILES).is_dir() {
                let _ = fs::remove_dir(&files);
                backup::copy_files(folder, &files)?;
            }
            restored
        }
        None => into_folder(settings, folder, manifest)?,
    };
    let complete = match (&restored.manifest.bucket, local) {
        (None, _) => true,
        (Some(bucket), true) => {
            say(&format!(
                "The {} files of this backup lie in {bucket}: name it with --file-store, and `check --files` reads them.",
                restored.manifest.objects.len()
            ));
            true
        }
        (Some(_), false) => {
            let database = Database::reach(settings)?;
            check_files(settings, &database.owner_url())?
        }
    };
    let told = tell(&restored);
    Ok(if complete { told } else { ExitCode::FAILURE })
}

/// Into a data folder of its own: made below it, and moved to its place when it is complete and has been compared.
fn into_folder(settings: &Settings, from: &Path, manifest: backup::Manifest) -> Result<Restored, Failure> {
    let place = settings.data_dir();
    let unfinished = place.join(UNFINISHED);
    if unfinished.exists() && backoffice_private_postgres::Neighbour::on(&unfinished).is_none() {
        // Of a restore that was cut short.
        fs::remove_dir_all(&unfinished)?;
    }
    backup::refuse_occupied(&place)?;
    let made = Settings { data_dir: Some(unfinished.clone()), ..settings.clone() };
    let finish = || -> Result<Restored, Failure> {
        let database = Database::open(&made)?;
        // The account that PostgreSQL runs as has to pass through, whatever the umask says.
        let mode = fs::metadata(&unfinished)?.permissions().mode();
        fs::set_permissions(&place, fs::Permissions::from_mode(mode))?;
        let server = server(&database, &unfinished)?;
        database::create_roles(&mut database::connect(&server.url)?, None)?;
        backup::copy_files(from, &unfinished.join(FILES))?;
        let restored = backup::fill(&server, from, manifest)?;
        drop(database);
        // The database last: where it lies, everything does.
        for name in [FILES, "postgres"] {
            if unfinished.join(name).exists() {
                fs::rename(unfinished.join(name), place.join(name))?;
            }
        }
        fs::remove_dir_all(&unfinished)?;
        fs::File::open(&place)?.sync_all()?;
        Ok(restored)
    };
    finish().inspect_err(|_| {
        let _ = fs::remove_dir_all(&unfinished);
    })
}

fn tell(restored: &Restored) -> ExitCode {
    for finding in &restored.report.findings {
        say(finding);
    }
    say(&format!(
        "Restored the backup of {}: {} clients, {} rows of {} tables and {} files, as many as were backed up. {} newer steps \
         of the schema run. Check: {} questions, {} findings.",
        restored.manifest.taken_at,
        restored.manifest.clients(),
        restored.manifest.rows(),
        restored.manifest.tables.len(),
        restored.manifest.parts.len().saturating_sub(1),
        restored.migrated,
        restored.report.questions,
        restored.report.findings.len()
    ));
    // What the check finds was so before the backup; the restore itself is complete.
    if restored.report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn server(database: &Database, data_dir: &Path) -> Result<Server, Failure> {
    match database {
        Database::Own(url) => Ok(Server::own(url.expose_secret())?),
        Database::Private(_) | Database::Neighbour(_) => {
            Ok(Server { url: database.url(SUPERUSER), tools: Tools::of(data_dir)? })
        }
    }
}
