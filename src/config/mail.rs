//! What can be set about mails.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::{ConfigError, Settings};
use crate::platform::mail::{Inbound, Mailbox, Server, Settings as MailSettings, Way};

impl Settings {
    /// How mails are written and sent.
    pub fn mails(&self) -> Result<MailSettings, ConfigError> {
        let mut settings = MailSettings::in_folder(self.data_dir().join("mail"));
        if let Some(url) = &self.mail_url {
            settings.way = Way::Smtp(Server::parse(url.expose_secret()).map_err(ConfigError)?);
        }
        if let Some(from) = &self.mail_from {
            settings.from.clone_from(from);
        }
        if let Some(provider) = &self.provider_name {
            settings.provider.clone_from(provider);
        }
        for (switch, link) in [
            ("--invitation-link", &self.invitation_link),
            ("--reset-link", &self.reset_link),
            ("--signature-link", &self.signature_link),
        ] {
            if link.as_ref().is_some_and(|link| !link.contains("{token}")) {
                return Err(ConfigError(format!("{switch} is an address with {{token}} in it.")));
            }
        }
        settings.invitation_link.clone_from(&self.invitation_link);
        settings.reset_link.clone_from(&self.reset_link);
        settings.public_url.clone_from(&self.public_url);
        settings.signature_link.clone_from(&self.signature_link);
        settings.inbound = self.inbound()?;
        Ok(settings)
    }

    /// Where mails come in.
    fn inbound(&self) -> Result<Option<Inbound>, ConfigError> {
        let is_domain = |domain: &str| {
            let named =
                |label: &str| !label.is_empty() && label.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-');
            domain.len() <= 200 && domain.split('.').all(named)
        };
        let mailbox = match &self.inbound_mailbox {
            Some(url) => {
                Some(Mailbox::parse(url.expose_secret(), self.data_dir().join("mailbox")).map_err(ConfigError)?)
            }
            None => None,
        };
        match (self.inbound_maildir.is_some() || mailbox.is_some(), &self.inbound_domain) {
            (false, None) => Ok(None),
            (true, Some(domain)) if is_domain(domain) => Ok(Some(Inbound {
                maildir: self.inbound_maildir.clone(),
                mailbox,
                domain: domain.to_ascii_lowercase(),
            })),
            (true, Some(domain)) => {
                Err(ConfigError(format!("--inbound-domain has to look like in.firm.example; `{domain}` does not.")))
            }
            _ => Err(ConfigError(
                "Mails come from somewhere for a domain: set --inbound-maildir or --inbound-mailbox, and --inbound-domain."
                    .to_owned(),
            )),
        }
    }

    /// The settings of mails as they are shown, without secrets.
    pub(super) fn shown_mail(&self) -> String {
        let usual = MailSettings::in_folder(PathBuf::new());
        let url = match self.mail_url.as_ref().map(|url| Server::parse(url.expose_secret())) {
            None => String::new(),
            Some(Ok(server)) => server.shown(),
            Some(Err(_)) => "not usable".to_owned(),
        };
        let mailbox = match self.inbound_mailbox.as_ref().map(|url| Mailbox::parse(url.expose_secret(), PathBuf::new()))
        {
            None => String::new(),
            Some(Ok(mailbox)) => mailbox.shown(),
            Some(Err(_)) => "not usable".to_owned(),
        };
        format!(
            "mail-url = \"{url}\"\nmail-from = \"{}\"\nprovider-name = \"{}\"\ninvitation-link = \"{}\"\nreset-link = \"{}\"\nsignature-link = \"{}\"\ninbound-maildir = \"{}\"\ninbound-mailbox = \"{mailbox}\"\ninbound-domain = \"{}\"",
            self.mail_from.as_deref().unwrap_or(&usual.from),
            self.provider_name.as_deref().unwrap_or(&usual.provider),
            self.invitation_link.as_deref().unwrap_or(""),
            self.reset_link.as_deref().unwrap_or(""),
            self.signature_link.as_deref().unwrap_or(""),
            self.inbound_maildir.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default(),
            self.inbound_domain.as_deref().unwrap_or(""),
        )
    }
}
