//! All that can be asked of the server, as one list. `GET /openapi.json` is made from it, and a test holds
//! it and the routers together.

use crate::metrics::Listener;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anybody who gets to the address.
    Anybody,
    /// A gate, by its client certificate.
    Gate,
    /// A phone, by its signature.
    Phone,
    /// Somebody of the staff, by a session; at the loopback address nobody need be signed in to look.
    Staff,
}

/// What a parameter of the query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number from 0, at most this.
    Count(u64),
    /// A whole number that may be negative.
    Number,
    /// 32 hexadecimal digits.
    Id,
    /// The last 4 to 32 hexadecimal digits.
    Tail,
}

/// One thing that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// At which addresses.
    pub listeners: &'static [Listener],
    /// `get`, `post` or `delete`.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// By whom.
    pub auth: Auth,
    /// What it does, in one line.
    pub what: &'static str,
    /// What may stand in the query, each with what it is.
    pub query: &'static [Parameter],
    /// Whether it comes with an `Idempotency-Key`.
    pub once: bool,
    /// The schema of the body that is sent.
    pub body: Option<&'static str>,
    /// The status when it is done, the media type, and the schema of what is answered.
    pub answer: (u16, &'static str, Option<&'static str>),
    /// Another status when it is done, and when that is.
    pub also: Option<(u16, &'static str)>,
    /// Problems of its own, beside those that come with who asks and with what is sent.
    pub problems: &'static [&'static str],
}

/// A parameter of the query: its name, what it says, what it is.
pub type Parameter = (&'static str, &'static str, Kind);

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";
const EVENTS: &str = "text/event-stream";

const GATES: &[Listener] = &[Listener::Gates];
const RIDERS: &[Listener] = &[Listener::Riders];
const CONSOLE: &[Listener] = &[Listener::Console];
const STATUS: &[Listener] = &[Listener::Status];
const ENROLMENT: &[Listener] = &[Listener::Enrolment];
const NOTICES: &[Listener] = &[Listener::Notices];

const fn get(
    (listeners, auth): (&'static [Listener], Auth),
    path: &'static str,
    what: &'static str,
    answer: (&'static str, Option<&'static str>),
) -> Route {
    Route {
        listeners,
        method: "get",
        path,
        auth,
        what,
        query: &[],
        once: false,
        body: None,
        answer: (200, answer.0, answer.1),
        also: None,
        problems: &[],
    }
}

const fn post(
    (listeners, auth): (&'static [Listener], Auth),
    path: &'static str,
    what: &'static str,
    (body, status, answer): (Option<&'static str>, u16, &'static str),
) -> Route {
    Route {
        listeners,
        method: "post",
        path,
        auth,
        what,
        query: &[],
        once: false,
        body,
        answer: (status, JSON, Some(answer)),
        also: None,
        problems: &[],
    }
}

const fn asked(route: Route, query: &'static [Parameter]) -> Route {
    Route { query, ..route }
}

const fn once(route: Route) -> Route {
    Route {
        once: true,
        ..route
    }
}

const fn or(route: Route, status: u16, when: &'static str) -> Route {
    Route {
        also: Some((status, when)),
        ..route
    }
}

const fn refused(route: Route, problems: &'static [&'static str]) -> Route {
    Route { problems, ..route }
}

const TO_LOGIN: &str = "nobody is signed in, where one must be: on to /login";

/// All of them, by path.
pub const ROUTES: &[Route] = &[
    or(
        get(
            (CONSOLE, Auth::Staff),
            "/",
            "How settlement stands, as a page.",
            (HTML, None),
        ),
        303,
        TO_LOGIN,
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/console.css",
        "The pages' style.",
        ("text/css", None),
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/console.js",
        "The page's script.",
        ("text/javascript", None),
    ),
    get(
        (
            &[
                Listener::Gates,
                Listener::Riders,
                Listener::Console,
                Listener::Status,
                Listener::Enrolment,
                Listener::Notices,
            ],
            Auth::Anybody,
        ),
        "/healthz",
        "Whether the process answers.",
        (TEXT, None),
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/login",
        "Signing in, as a page.",
        (HTML, None),
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/login.js",
        "The page's script.",
        ("text/javascript", None),
    ),
    get(
        (STATUS, Auth::Anybody),
        "/metrics",
        "Figures for Prometheus: docs/server-metrics.md.",
        (TEXT, None),
    ),
    get(
        (&[Listener::Console, Listener::Status], Auth::Anybody),
        "/openapi.json",
        "This description.",
        (JSON, None),
    ),
    refused(
        get(
            (STATUS, Auth::Anybody),
            "/readyz",
            "Whether the database answers too; else 503.",
            (TEXT, None),
        ),
        &["not-ready"],
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/station.js",
        "The page's script.",
        ("text/javascript", None),
    ),
    refused(
        or(
            get(
                (CONSOLE, Auth::Staff),
                "/stations/{station}",
                "A station, its gates and one rider, as a page.",
                (HTML, None),
            ),
            303,
            TO_LOGIN,
        ),
        &["no-such-station"],
    ),
    asked(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/conflicts",
            "The conflict inbox, newest first.",
            (JSON, Some("Conflicts")),
        ),
        &[
            ("all", "true: those that have ended too", Kind::Flag),
            (
                "most",
                "at most so many, up to 1000",
                Kind::Count(u32::MAX as u64),
            ),
            (
                "before",
                "what comes after this conflict: the `next` of the answer before",
                Kind::Id,
            ),
        ],
    ),
    refused(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/conflicts/{conflict}",
            "One conflict.",
            (JSON, Some("Conflict")),
        ),
        &["no-such-conflict"],
    ),
    refused(
        post(
            (CONSOLE, Auth::Staff),
            "/v1/conflicts/{conflict}/resolution",
            "Decides a conflict, once; the same decision again gets the same answer. Supervisor or finance.",
            (Some("Decision"), 200, "Conflict"),
        ),
        &["no-such-conflict", "cleared", "decided", "passage-pending"],
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/console/events",
        "How settlement stands, as it changes.",
        (EVENTS, None),
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/console/state",
        "How settlement stands.",
        (JSON, Some("State")),
    ),
    refused(
        post(
            (ENROLMENT, Auth::Anybody),
            "/v1/enrol",
            "A gate shows its ticket, and gets certificate and configuration for the keys that it made.",
            (Some("EnrolRequest"), 200, "Enrolment"),
        ),
        &[
            "bad-proof",
            "key-revoked",
            "ticket-over",
            "ticket-used",
            "unknown-ticket",
            "unavailable",
        ],
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/fares",
        "Tables of fares, the newest first.",
        (JSON, Some("FareTables")),
    ),
    refused(
        post(
            (CONSOLE, Auth::Staff),
            "/v1/fares/{table}/release",
            "Releases a table of fares; live once two different people did. Releaser.",
            (Some("Reason"), 200, "FareTable"),
        ),
        &["no-such-table"],
    ),
    get(
        (RIDERS, Auth::Anybody),
        "/v1/gates",
        "The gates' public keys, which check receipts.",
        (JSON, Some("GateKeys")),
    ),
    refused(
        post(
            (GATES, Auth::Gate),
            "/v1/gates/{gate}/certificate",
            "Another certificate for the gate's own key, before the present one ends.",
            (Some("Renewal"), 200, "RenewedCertificate"),
        ),
        &["bad-proof", "no-authority", "unsupported-media-type"],
    ),
    asked(
        Route {
            answer: (200, "application/cose", None),
            ..get(
                (GATES, Auth::Gate),
                "/v1/gates/{gate}/feed",
                "What gates must know, in the server's envelope.",
                ("", None),
            )
        },
        &[
            (
                "after",
                "the cursor of the last answer; 0 for everything",
                Kind::Count(u64::MAX),
            ),
            (
                "wait_ms",
                "how long to wait for news, up to 30000",
                Kind::Count(u32::MAX as u64),
            ),
        ],
    ),
    refused(
        post(
            (GATES, Auth::Gate),
            "/v1/gates/{gate}/pay-codes",
            "Whether a payment platform's code would be charged; a repeat gets the first answer.",
            (Some("PayCodeAsk"), 200, "PayCodeAnswer"),
        ),
        &["busy", "too-often"],
    ),
    refused(
        post(
            (GATES, Auth::Gate),
            "/v1/gates/{gate}/records",
            "A batch of records, each answered by itself; a repeat gets the first answer.",
            (Some("Upload"), 200, "Answers"),
        ),
        &["busy", "too-many-records"],
    ),
    refused(
        once(post(
            (CONSOLE, Auth::Staff),
            "/v1/let-through",
            "Has one gate open once, for one person. Steward or supervisor. With an Idempotency-Key.",
            (Some("LetThrough"), 200, "LetThroughTold"),
        )),
        &["let-through-waits", "no-such-gate", "too-often"],
    ),
    refused(
        once(post(
            (CONSOLE, Auth::Staff),
            "/v1/modes",
            "Tells gates to be in another mode, all or none. Supervisor. With an Idempotency-Key.",
            (Some("Modes"), 200, "Told"),
        )),
        &["no-such-gate"],
    ),
    Route {
        answer: (200, "*/*", None),
        problems: &[
            "no-such-platform",
            "not-believed",
            "too-large",
            "unavailable",
        ],
        ..post(
            (NOTICES, Auth::Anybody),
            "/v1/notices/{platform}",
            "What a payment platform tells, in its own words; believed for its signature alone, and answered in its words.",
            (None, 200, "Problem"),
        )
    },
    or(
        post(
            (RIDERS, Auth::Phone),
            "/v1/rider",
            "Enrols the phone's key; 200 when it was already.",
            (None, 201, "Enrolled"),
        ),
        200,
        "it was enrolled before",
    ),
    refused(
        or(
            post(
                (RIDERS, Auth::Phone),
                "/v1/rider/corrections",
                "Where a journey ended whose exit is missing; 200 when the same was told before.",
                (Some("Correction"), 201, "Journey"),
            ),
            200,
            "the same was told before",
        ),
        &["no-such-journey", "nothing-missing", "told-already"],
    ),
    asked(
        get(
            (RIDERS, Auth::Phone),
            "/v1/rider/events",
            "Vouchers as they are made.",
            (EVENTS, None),
        ),
        &[(
            "after",
            "the number of the last voucher",
            Kind::Count(u64::MAX),
        )],
    ),
    refused(
        post(
            (RIDERS, Auth::Phone),
            "/v1/rider/issuer-part",
            "A fresh issuer part.",
            (None, 200, "Enrolled"),
        ),
        &["denied"],
    ),
    asked(
        get(
            (RIDERS, Auth::Phone),
            "/v1/rider/journeys",
            "The rider's journeys, newest first.",
            (JSON, Some("Journeys")),
        ),
        &[
            (
                "before",
                "those that began before this moment, in unix ms",
                Kind::Number,
            ),
            (
                "most",
                "at most so many, up to 50",
                Kind::Count(u32::MAX as u64),
            ),
        ],
    ),
    get(
        (RIDERS, Auth::Phone),
        "/v1/rider/products",
        "What the rider bought beforehand, and what is left of it.",
        (JSON, Some("Products")),
    ),
    asked(
        get(
            (RIDERS, Auth::Phone),
            "/v1/rider/vouchers",
            "Vouchers that were missed.",
            (JSON, Some("Vouchers")),
        ),
        &[(
            "after",
            "the `cursor` of the answer before",
            Kind::Count(u64::MAX),
        )],
    ),
    asked(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/riders",
            "Riders by the last digits of one thing, with their taps and what to do. Steward, supervisor, finance.",
            (JSON, Some("Riders")),
        ),
        &[
            (
                "receipt",
                "the last digits of a receipt's number",
                Kind::Tail,
            ),
            ("code", "of a code's reference", Kind::Tail),
            ("account", "of an account", Kind::Tail),
        ],
    ),
    Route {
        method: "delete",
        answer: (204, "", None),
        ..get(
            (CONSOLE, Auth::Anybody),
            "/v1/session",
            "Signs out.",
            ("", None),
        )
    },
    get(
        (CONSOLE, Auth::Staff),
        "/v1/session",
        "Who is signed in.",
        (JSON, Some("SignedIn")),
    ),
    refused(
        post(
            (CONSOLE, Auth::Anybody),
            "/v1/session",
            "Signs in; the answer sets the session's cookie.",
            (Some("SignIn"), 200, "SignedIn"),
        ),
        &["too-often", "unavailable", "wrong-password"],
    ),
    get(
        (RIDERS, Auth::Anybody),
        "/v1/stations",
        "The names of stations.",
        (JSON, Some("Stations")),
    ),
    refused(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/stations/{station}",
            "A station and its gates.",
            (JSON, Some("Station")),
        ),
        &["no-such-station"],
    ),
    refused(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/stations/{station}/events",
            "A station, as it changes.",
            (EVENTS, None),
        ),
        &["no-such-station"],
    ),
];
