//! What a rider shows at a gate, once it is believed.

use crate::{
    AccountId, CodeRef, Direction, RiderClass, ShownPayCode, VerifiedPaperCode, VerifiedPicture,
    VerifiedRideCode,
};

/// A credential whose signatures hold, or one that the server is asked about.
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
    /// Printed by the server for one journey.
    PaperCode(VerifiedPaperCode),
    /// A payment platform's: it has no signature, and the server says whether it would charge it.
    PayCode(ShownPayCode),
}

impl VerifiedCredential {
    /// Who pays.
    pub fn account(&self) -> AccountId {
        match self {
            Self::RideCode(code) => code.claims().issuer.account,
            Self::Picture(picture) => picture.picture().account,
            Self::PaperCode(paper) => paper.code().account,
            Self::PayCode(code) => code.account,
        }
    }

    /// The fares that apply. Of who pays by a platform's code nothing is known: the full fare.
    pub fn class(&self) -> RiderClass {
        match self {
            Self::RideCode(code) => code.claims().issuer.class,
            Self::Picture(picture) => picture.picture().class,
            Self::PaperCode(paper) => paper.code().class,
            Self::PayCode(_) => RiderClass::Adult,
        }
    }

    /// Names it, as shown in this direction, without being it.
    pub fn code_ref(&self, direction: Direction) -> CodeRef {
        match self {
            Self::RideCode(code) => code.claims().code_ref,
            Self::Picture(picture) => picture.code_ref(),
            Self::PaperCode(paper) => paper.code_ref(direction),
            Self::PayCode(code) => code.code_ref,
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

impl From<VerifiedPaperCode> for VerifiedCredential {
    fn from(paper: VerifiedPaperCode) -> Self {
        Self::PaperCode(paper)
    }
}

impl From<ShownPayCode> for VerifiedCredential {
    fn from(code: ShownPayCode) -> Self {
        Self::PayCode(code)
    }
}
