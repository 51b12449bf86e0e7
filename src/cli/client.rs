//! `backoffice client` at the terminal: a client's archive into this server, and purging those that have left.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use backoffice_archive::Manifest;
use clap::Subcommand;

use super::{Database, Failure, say};
use crate::config::Settings;
use crate::practice::offboarding::{load, purge};
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
    /// Purge what is left of clients that have left, where two people have said so (`clientPurgePropose`,
    /// `clientPurgeDecide`) and the day until which it is kept is over. For every night. Beside a working server, whose
    /// writers wait meanwhile.
    Purge {
        /// Only say what would be purged.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(settings: &Settings, command: ClientCommand) -> Result<ExitCode, Failure> {
    let (archive, manifest_sha256, verify_only) = match command {
        ClientCommand::Load { archive, manifest_sha256, verify_only } => (archive, manifest_sha256, verify_only),
        ClientCommand::Purge { dry_run } => return purge_due(settings, dry_run),
    };
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
    load::load(&mut database::connect(&url)?, &settings.files()?.place, archive, manifest, &database::known_steps()?)?;
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

fn purge_due(settings: &Settings, dry_run: bool) -> Result<ExitCode, Failure> {
    let database = Database::reach(settings)?;
    let mut connection = database::connect(&database.owner_url())?;
    let place = settings.files()?.place;
    let due = purge::due(&mut connection)?;
    let mut kept = 0_usize;
    for client in &due {
        let name = &client.client_name;
        if let Some(reason) = client.kept_for() {
            kept = kept.saturating_add(1);
            say(&format!("{name} stays: {reason}."));
        } else if dry_run {
            say(&format!("{name} would be purged."));
        } else {
            let gone = purge::purge(&mut connection, &place, client)?;
            say(&format!(
                "{name} is purged: {} rows and {} files; {} people have no name any more.",
                gone.rows, gone.files, gone.people
            ));
        }
    }
    say(&format!("{} confirmed, {kept} of them stay.", due.len()));
    Ok(ExitCode::SUCCESS)
}
