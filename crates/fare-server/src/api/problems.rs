//! The list of all problems that requests can meet: `docs/problems.md` is made from it, and a test holds
//! it and the sources together.

use super::problem::TYPE;

/// One problem: its code, its HTTP statuses, what it means and what to do.
pub type Listed = (&'static str, &'static str, &'static str);

/// All of them, by code.
pub const PROBLEMS: &[Listed] = &[
    (
        "bad-proof",
        "403",
        "A gate that enrols has not got the keys that it names; enrol with `faregate enroll`.",
    ),
    (
        "bad-request",
        "400",
        "A header, parameter or field is missing or wrong; `field` names it where it is one alone.",
    ),
    (
        "bad-signature",
        "401",
        "A phone's request is not signed by the key that it names, or not over what was sent.",
    ),
    (
        "busy",
        "429",
        "Too many gates upload, or ask about pay codes, at once; come again when `Retry-After` says.",
    ),
    (
        "cleared",
        "409",
        "Later records cleared the conflict: nothing is left to decide.",
    ),
    (
        "decided",
        "409",
        "Somebody decided the conflict otherwise; that is done once.",
    ),
    (
        "denied",
        "403",
        "Gates refuse this account at present; the rider asks at a service desk.",
    ),
    (
        "fault",
        "500",
        "The server has a fault; nothing was stored. Tell whoever runs it.",
    ),
    (
        "gate-revoked",
        "403",
        "The gate, or whose certificate was shown, is believed no longer; it must enrol anew.",
    ),
    (
        "key-revoked",
        "403",
        "A gate enrols with keys that were revoked; have it make new ones.",
    ),
    (
        "key-used",
        "422",
        "The `Idempotency-Key` was sent with another request before.",
    ),
    (
        "let-through-waits",
        "409",
        "The gate has not let somebody through yet as it was told before; come again when `Retry-After` says.",
    ),
    (
        "method-not-allowed",
        "405",
        "The path is right, the method is not; `Allow` says which are.",
    ),
    (
        "no-authority",
        "404",
        "This server certifies no gates; `[enrolment]` in its configuration would.",
    ),
    (
        "no-such-conflict",
        "404",
        "There is no conflict with this id.",
    ),
    ("no-such-gate", "404", "No gate with this id is registered."),
    ("no-such-journey", "404", "This rider has no such journey."),
    (
        "no-such-platform",
        "404",
        "No payment platform has this name.",
    ),
    (
        "no-such-station",
        "404",
        "No gate stands at a station with this id.",
    ),
    (
        "no-such-table",
        "404",
        "There is no table of fares with this hash.",
    ),
    (
        "not-allowed",
        "403",
        "The person who is signed in has none of the roles that this needs.",
    ),
    (
        "not-believed",
        "401",
        "A platform's notice is not signed by that platform, or too old; the order is asked after instead.",
    ),
    ("not-enrolled", "401", "The phone's key is not enrolled."),
    ("not-found", "404", "There is nothing at this path."),
    (
        "not-local",
        "421",
        "The console answers only under localhost or a loopback address.",
    ),
    (
        "not-ready",
        "503",
        "The database is away, or its schema is another program's.",
    ),
    (
        "not-signed",
        "401",
        "A phone's request lacks a header of its signature, or has a wrong one.",
    ),
    (
        "not-signed-in",
        "401",
        "Nobody is signed in at the pages of staff, or the session is over.",
    ),
    (
        "nothing-missing",
        "409",
        "The journey's exit is not missing, so nothing can be told of it.",
    ),
    (
        "other-gate",
        "403",
        "The certificate that was shown is another gate's; each gate asks by its own, at its own address.",
    ),
    (
        "other-site",
        "403",
        "A page of another site tried to do something in a signed-in person's name.",
    ),
    (
        "passage-pending",
        "409",
        "The passage of this tap is not known yet; decide later.",
    ),
    (
        "repeated",
        "409",
        "This very request of a phone was made before; it signs another.",
    ),
    (
        "request-timeout",
        "408",
        "The request took longer than it may; send it again.",
    ),
    (
        "stale-time",
        "401",
        "The phone's clock is too far from the server's.",
    ),
    (
        "ticket-over",
        "403",
        "A gate's ticket has outlived its time; have a new one written: `fareserver gate invite`.",
    ),
    (
        "ticket-used",
        "403",
        "Another gate used the ticket, or this one with other keys; have a new one written.",
    ),
    (
        "told-already",
        "409",
        "Something else was told of this journey before; staff look at that.",
    ),
    (
        "too-large",
        "413",
        "The body is longer than this path takes; send less at once.",
    ),
    (
        "too-many-records",
        "413",
        "One upload has at most 500 records.",
    ),
    (
        "too-often",
        "429",
        "Asked too often; nothing was done. Come again when `Retry-After` says.",
    ),
    (
        "unavailable",
        "503",
        "The database cannot be written now; nothing was taken. Send it again.",
    ),
    (
        "unknown-ticket",
        "403",
        "Nobody was invited with this ticket; copy it whole, or have a new one written.",
    ),
    (
        "unsupported-media-type",
        "415",
        "A body is not said to be `application/json`; name it in `Content-Type`.",
    ),
    (
        "wrong-password",
        "401",
        "No account has this name and this password.",
    ),
];

const PAGE: &str = "\
# Problems

Every answer of `fareserver` that is an error is `application/problem+json` (RFC 9457), on all of its
addresses:

    {\"type\": \"urn:faregate:problem:bad-request\", \"title\": \"bad-request\", \"status\": 400,
     \"detail\": \"one sentence: what was got, what is expected, what to do\", \"field\": \"after\"}

`type` is stable, and so is `title`, which is its last part; programs look at one of them, people at `detail`.
`field` names the header, parameter or field of the body at fault and is absent where no single one is. Other
errors of HTTP itself have their own name as title.

| type ends with | status | what it means |
|---|---|---|
";

/// `docs/problems.md`.
pub fn markdown() -> String {
    let mut page = PAGE.to_owned();
    for (code, status, meaning) in PROBLEMS {
        page.push_str(&format!("| `{code}` | {status} | {meaning} |\n"));
    }
    debug_assert!(page.contains(TYPE), "the page shows a type");
    page
}
