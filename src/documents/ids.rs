//! The ids of documents.

crate::platform::ids! {
    /// Names a document.
    DocumentId = "doc";
    /// Names a version of a document.
    DocumentVersionId = "docv";
    /// Names a type of documents.
    DocumentTypeId = "dtyp";
    /// Names a folder of documents.
    DocumentFolderId = "dfol";
    /// Names a document as its client sees it.
    ClientDocumentId = "cdoc";
    /// Names a link by which somebody without a sign-in takes a document.
    DocumentShareId = "dshr";
    /// Names a legal hold.
    LegalHoldId = "hold";
    /// Names a retention schedule.
    RetentionScheduleId = "rets";
    /// Names what becomes of a document that is to be purged.
    DisposalId = "dsp";
}
