//! Global ids of the practice's records.

crate::ids! {
    /// Names a manifest of a portal's documents.
    DocumentManifestId = "dman";
}
