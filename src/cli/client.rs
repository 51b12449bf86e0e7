//! `backoffice client` at the terminal: a client's archive into this server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use backoffice_archive::Manifest;
use clap::Subcommand;

use super::{Database, Failure, say};
use crate::config::Settings;
use crate::practice::offboarding::load;
use crate::{check, database};

#[derive(Subcommand, Debug)]
pub(super) enum ClientCommand {
    /// Verify the archive of a client (`clientArchiveCreate`), load it into this server, which must not know the client,
    /// and run `check`. Beside a working server, whose writers wait meanwhile.
    Load {
        /// The archive.
        archive: PathBuf,
        /// Load it only if its manifest has this SHA-256: that which the job said that wrote it.
        #[arg(long)]
        manifest_sha256: Option<String>,
        /// Only verify that the archive is complete and undamaged.
        #[arg(long)]
        verify_only: bool,
    },
}

pub(super) fn run(settings: &Settings, command: ClientCommand) -> Result<ExitCode, Failure> {
    let ClientCommand::Load { archive, manifest_sha256, verify_only } = command;
    let manifest = load::examine(&archive, manifest_sha256.as_deref())?;
    if verify_only {
        say(&format!("The archive of {} is complete: {}.", manifest.taken_at, contents(&manifest)));
        return Ok(ExitCode::SUCCESS);
    }
    load_into(settings, &archive, &manifest)
}

fn contents(manifest: &Manifest) -> String {
    format!(
        "{} ({}), {} rows and {} files; {} files had no bytes any more",
        manifest.client.name,
        manifest.client.id,
        manifest.rows(),
        manifest.files(),
        manifest.missing_files.len()
    )
}

fn load_into(settings: &Settings, archive: &Path, manifest: &Manifest) -> Result<ExitCode, Failure> {
    let database = Database::reach(settings)?;
    if matches!(database, Database::Private(_)) {
        database.migrate(settings)?;
    }
    let url = database.owner_url();
    load::load(&mut database::connect(&url)?, &settings.files()?.place, archive, manifest)?;
    say(&format!("Loaded the archive of {}: {}.", manifest.taken_at, contents(manifest)));
    say(
        "Everybody's access ended where it came from; whoever is to come in here is granted a role. Service accounts are revoked, \
         identity providers disabled, webhooks and schedules paused.",
    );
    let report = check::run(&mut database::connect(&url)?)?;
    for finding in &report.findings {
        say(finding);
    }
    say(&format!("{} clients, {} questions, {} findings.", report.clients, report.questions, report.findings.len()));
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
