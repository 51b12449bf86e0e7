//! The records of the platform itself that are found by their own id.

use super::files::{File, FileId};
use super::job::Job;
use super::jobs::JobId;

crate::nodes! {
    File: FileId by File;
    Job: JobId by Job;
}
