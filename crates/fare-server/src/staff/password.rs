//! Passwords: Argon2id with the crate's own costs (19 MiB, two passes), kept as PHC strings.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::LazyLock;

/// Shortest password that somebody may choose, in characters.
pub const CHARS_MIN: usize = 12;

/// Longest password, in bytes: longer ones cost time and nothing else.
pub const LEN_MAX: usize = 256;

/// Letters of generated passwords: without those that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters of a generated password: five bits each.
const GENERATED_LEN: usize = 20;

/// Why a password was not taken or made.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has {CHARS_MIN} characters or more, and at most {LEN_MAX} bytes")]
    Length,
    /// The operating system gives no randomness.
    #[error("no randomness for a password: {0}")]
    Random(#[from] getrandom::Error),
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// A new password that nobody can guess.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate() -> Result<String, PasswordError> {
    let mut random = [0; GENERATED_LEN];
    getrandom::fill(&mut random)?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().map(char::from);
    Ok(random.iter().filter_map(letter).collect())
}

/// What is kept of a password. Takes some tens of milliseconds and 19 MiB, on purpose.
///
/// # Errors
/// When it is too short or too long, or there is no randomness.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < CHARS_MIN || password.len() > LEN_MAX {
        return Err(PasswordError::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(PasswordError::Hash)?.to_string())
}

/// Whether this is the password of which `kept` was made; with nothing kept it takes as long to say no.
pub fn is_right(password: &str, kept: Option<&str>) -> bool {
    static NOBODY: LazyLock<Option<String>> =
        LazyLock::new(|| hash("nobody has this password").ok());
    if password.len() > LEN_MAX {
        return false;
    }
    let there = kept.is_some();
    let Some(kept) = kept.or(NOBODY.as_deref()) else {
        return false;
    };
    let argon2 = Argon2::default();
    PasswordVerifier::<str>::verify_password(&argon2, password.as_bytes(), kept).is_ok() && there
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let password = generate().unwrap();
        assert_eq!(password.len(), GENERATED_LEN);
        assert_ne!(generate().unwrap(), password);
        let kept = hash(&password).unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(is_right(&password, Some(&kept)));
        for wrong in ["", "another password", &password[1..]] {
            assert!(!is_right(wrong, Some(&kept)), "{wrong}");
        }
        assert!(!is_right("nobody has this password", None));
        assert!(!is_right(&password, Some("no hash at all")));
        for wrong in ["short", &"x".repeat(257)] {
            assert!(hash(wrong).is_err());
        }
    }
}
