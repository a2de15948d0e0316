//! What a rider shows at a gate, once it is believed.

use crate::{AccountId, CodeRef, RiderClass, VerifiedPicture, VerifiedRideCode};

/// A credential whose signatures hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made for a tap, none is stored"
)]
pub enum VerifiedCredential {
    /// Made by the phone for this moment.
    RideCode(VerifiedRideCode),
    /// Made by the server for the exit of one journey.
    Picture(VerifiedPicture),
}

impl VerifiedCredential {
    /// Who pays.
    pub fn account(&self) -> AccountId {
        match self {
            Self::RideCode(code) => code.claims().issuer.account,
            Self::Picture(picture) => picture.picture().account,
        }
    }

    /// The fares that apply.
    pub fn class(&self) -> RiderClass {
        match self {
            Self::RideCode(code) => code.claims().issuer.class,
            Self::Picture(picture) => picture.picture().class,
        }
    }

    /// Names it without being it.
    pub fn code_ref(&self) -> CodeRef {
        match self {
            Self::RideCode(code) => code.claims().code_ref,
            Self::Picture(picture) => picture.code_ref(),
        }
    }
}

impl From<VerifiedRideCode> for VerifiedCredential {
    fn from(code: VerifiedRideCode) -> Self {
        Self::RideCode(code)
    }
}

impl From<VerifiedPicture> for VerifiedCredential {
    fn from(picture: VerifiedPicture) -> Self {
        Self::Picture(picture)
    }
}
