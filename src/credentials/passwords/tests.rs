//! Hashes verify, and what is not a hash verifies nothing.

use super::*;

const PASSWORD: &str = "three tall ships";

#[test]
fn a_password_verifies_against_its_own_hash_only() {
    let passwords = Passwords::new().unwrap();
    let (first, second) = (passwords.hash(PASSWORD).unwrap(), passwords.hash(PASSWORD).unwrap());
    assert_ne!(first, second);
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    assert!(passwords.verify(PASSWORD, &first));
    assert!(passwords.verify(PASSWORD, &second));
    assert!(!passwords.verify("three tall shipz", &first));
    assert!(!passwords.verify("", &first));
    assert!(!passwords.needs_rehash(&first));
}

#[test]
fn the_same_text_in_other_bytes_is_the_same_password() {
    let passwords = Passwords::new().unwrap();
    let composed = passwords.hash("caf\u{e9} au lait chaud").unwrap();
    assert!(passwords.verify("cafe\u{301} au\u{a0}lait chaud", &composed));
}

#[test]
fn other_parameters_verify_and_ask_for_a_new_hash() {
    let passwords = Passwords::new().unwrap();
    let with = |algorithm, memory, passes, output| {
        let params = Params::new(memory, passes, 1, Some(output)).unwrap();
        let argon2 = Argon2::new(algorithm, Version::V0x13, params);
        argon2.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
    };
    let others = [
        with(Algorithm::Argon2id, 8 * 1024, PASSES, OUTPUT_BYTES),
        with(Algorithm::Argon2id, MEMORY_KIB, 1, OUTPUT_BYTES),
        with(Algorithm::Argon2id, MEMORY_KIB, PASSES, 16),
        with(Algorithm::Argon2i, MEMORY_KIB, PASSES, OUTPUT_BYTES),
    ];
    for stored in others {
        assert!(passwords.verify(PASSWORD, &stored), "{stored}");
        assert!(passwords.needs_rehash(&stored), "{stored}");
    }
}

#[test]
fn what_is_no_hash_verifies_nothing() {
    let passwords = Passwords::new().unwrap();
    let salt_and_hash = "bm9ib2R5IGlzIGhlcmUhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let strings = [
        String::new(),
        PASSWORD.to_string(),
        "$argon2id$".to_string(),
        format!("$argon2id$v=19$m=4194304,t=2,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=19456,t=4000000,p=1${salt_and_hash}"),
        format!("$scrypt$ln=1,r=1,p=1${salt_and_hash}"),
        "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ".to_string(),
    ];
    for stored in strings {
        assert!(!passwords.verify(PASSWORD, &stored), "{stored}");
        assert!(passwords.needs_rehash(&stored), "{stored}");
    }
}

#[test]
fn an_endless_password_is_refused_without_work() {
    let passwords = Passwords::new().unwrap();
    let endless = "a".repeat(10_000_000);
    assert_eq!(passwords.hash(&endless), Err(PasswordError::TooLong));
    assert!(!passwords.verify(&endless, NOBODY));
}

#[test]
fn nobody_costs_what_somebody_costs() {
    let passwords = Passwords::new().unwrap();
    assert!(!passwords.needs_rehash(NOBODY), "the made-up hash has other parameters than real ones");
    assert!(!passwords.verify(PASSWORD, NOBODY));
    passwords.verify_unknown(PASSWORD);
}
