//! Global ids of the practice's records.

crate::platform::ids! {
    /// Names a manifest of a portal's documents.
    DocumentManifestId = "dman";
}

crate::platform::ids! {
    /// Names an engagement of a client.
    EngagementId = "eng";
    /// Names a contact of a client.
    ClientContactId = "ccon";
    /// Names a group of clients of the provider.
    ClientGroupId = "cgrp";
    /// Names an onboarding template of the provider.
    OnboardingTemplateId = "onb";
}
