//! Sets one letter. The job comes in as JSON, the PDF goes out; what went wrong is a sentence on the error output and an
//! exit code of 1. The program opens no file and no connection: all that it needs is in the job or in the program.
//!
//! It is a program of its own because typesetting is heavy to build and hungry to run: the server does not become larger by
//! it, and a letter that takes too much ends this process and nothing else.

use std::io::{Read, Write};
use std::process::ExitCode;

mod job;
mod world;

/// The most bytes of a job.
const MOST_JOB: u64 = 8 * 1024 * 1024;
/// Memory that one letter may take.
const MEMORY: u64 = 1024 * 1024 * 1024;
/// Seconds of computing that one letter may take.
const SECONDS: u64 = 60;

fn limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (what, most) in [(Resource::As, MEMORY), (Resource::Cpu, SECONDS), (Resource::Core, 0), (Resource::Fsize, 0)] {
        // Whoever starts this may have set less, which stays.
        let _ = setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

fn set() -> Result<Vec<u8>, String> {
    let mut text = String::new();
    let mut bounded = std::io::stdin().lock().take(MOST_JOB.saturating_add(1));
    bounded.read_to_string(&mut text).map_err(|error| format!("The job cannot be read: {error}."))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MOST_JOB {
        return Err("The job is too large.".to_owned());
    }
    world::typeset(&job::Job::read(&text)?)
}

fn main() -> ExitCode {
    limit();
    match set() {
        Ok(pdf) => match std::io::stdout().lock().write_all(&pdf) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}
