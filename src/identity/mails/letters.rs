//! What the mails about coming in say: the files beside this one, and the fields that they need.

crate::platform::letter! {
    /// A person is invited to a client.
    Invitation("invitation.txt") {
        /// Who is invited.
        name,
        /// The client.
        client,
        /// The way in: a link, or the token itself.
        way,
        /// Until when it is good.
        until,
    }
}

crate::platform::letter! {
    /// An account was made for a member of the staff.
    Welcome("welcome.txt") {
        /// Whose it is.
        name,
        /// What he signs in with.
        email,
        /// The way to a password: a link, or the token itself.
        way,
        /// Until when it is good.
        until,
    }
}

crate::platform::letter! {
    /// Somebody asked for a new password.
    PasswordReset("password_reset.txt") {
        /// Whose it is.
        name,
        /// The way to a password: a link, or the token itself.
        way,
        /// For how many minutes it is good.
        minutes,
    }
}

crate::platform::letter! {
    /// Somebody signed in from where he was not seen before.
    NewDevice("new_device.txt") {
        /// Whose account it is.
        name,
        /// What the device says it is.
        device,
        /// Its network address.
        address,
        /// When.
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::mail::Letter;

    fn read(letter: &Letter) -> String {
        format!("Subject: {}\n\n{}\n---\n{}", letter.subject, letter.text, letter.html)
    }

    #[test]
    fn people_read_this() {
        let said = str::to_owned;
        let (name, until) = (said("Rosa Kern"), said("29 November 2026, 10:30 UTC"));
        let provider = "Kern & Partner";
        let invitation = Invitation {
            name: name.clone(),
            client: said("Nordwind <GmbH>"),
            way: said("https://portal.example/join#0190aa.boi_x"),
            until: until.clone(),
        };
        insta::assert_snapshot!("invitation", read(&invitation.write(provider)));
        let welcome = Welcome { name: name.clone(), email: said("rosa@firm.example"), way: said("bop_x"), until };
        insta::assert_snapshot!("welcome", read(&welcome.write(provider)));
        let reset = PasswordReset { name: name.clone(), way: said("bop_x"), minutes: said("30") };
        insta::assert_snapshot!("password_reset", read(&reset.write(provider)));
        let device = NewDevice {
            name,
            device: said("Mozilla/5.0 (X11; Linux x86_64)"),
            address: said("192.0.2.7"),
            at: said("22 November 2026, 10:30 UTC"),
        };
        insta::assert_snapshot!("new_device", read(&device.write(provider)));
    }
}
