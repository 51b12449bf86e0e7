//! The records of this department that are found by their own id.

use super::client::ClientDocument;
use super::disposal::Disposal;
use super::document::Document;
use super::folder::DocumentFolder;
use super::hold::LegalHold;
use super::ids::{
    ClientDocumentId, DisposalId, DocumentFolderId, DocumentId, DocumentShareId, DocumentTypeId, DocumentVersionId,
    LegalHoldId, RetentionScheduleId,
};
use super::kind::DocumentType;
use super::retention::RetentionSchedule;
use super::share::DocumentShare;
use super::version::{self, DocumentVersion};

crate::platform::nodes! {
    DocumentType: DocumentTypeId by DocumentType;
    DocumentFolder: DocumentFolderId by DocumentFolder;
    Document: DocumentId by Document;
    DocumentVersion: DocumentVersionId by version::ById;
    ClientDocument: ClientDocumentId by ClientDocument;
    DocumentShare: DocumentShareId by DocumentShare;
    LegalHold: LegalHoldId by LegalHold;
    RetentionSchedule: RetentionScheduleId by RetentionSchedule;
    Disposal: DisposalId by Disposal;
}
