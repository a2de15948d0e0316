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
    pub query: &'static [(&'static str, &'static str)],
    /// The schema of the body that is sent.
    pub body: Option<&'static str>,
    /// The status when it is done, the media type, and the schema of what is answered.
    pub answer: (u16, &'static str, Option<&'static str>),
}

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
        body: None,
        answer: (200, answer.0, answer.1),
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
        body,
        answer: (status, JSON, Some(answer)),
    }
}

const fn asked(route: Route, query: &'static [(&'static str, &'static str)]) -> Route {
    Route { query, ..route }
}

/// All of them, by path.
pub const ROUTES: &[Route] = &[
    get(
        (CONSOLE, Auth::Staff),
        "/",
        "How settlement stands, as a page.",
        (HTML, None),
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
    get(
        (STATUS, Auth::Anybody),
        "/readyz",
        "Whether the database answers too; else 503.",
        (TEXT, None),
    ),
    get(
        (CONSOLE, Auth::Anybody),
        "/station.js",
        "The page's script.",
        ("text/javascript", None),
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/stations/{station}",
        "A station, its gates and one rider, as a page.",
        (HTML, None),
    ),
    asked(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/conflicts",
            "The conflict inbox, newest first.",
            (JSON, Some("Conflicts")),
        ),
        &[
            ("all", "true: those that have ended too"),
            ("most", "at most so many, up to 1000"),
            (
                "before",
                "what comes after this conflict: the `next` of the answer before",
            ),
        ],
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/conflicts/{conflict}",
        "One conflict.",
        (JSON, Some("Conflict")),
    ),
    post(
        (CONSOLE, Auth::Staff),
        "/v1/conflicts/{conflict}/resolution",
        "Decides a conflict, once; the same decision again gets the same answer. Supervisor or finance.",
        (Some("Decision"), 200, "Conflict"),
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
    post(
        (ENROLMENT, Auth::Anybody),
        "/v1/enrol",
        "A gate shows its ticket, and gets certificate and configuration for the keys that it made.",
        (Some("EnrolRequest"), 200, "Enrolment"),
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/fares",
        "Tables of fares, the newest first.",
        (JSON, Some("FareTables")),
    ),
    post(
        (CONSOLE, Auth::Staff),
        "/v1/fares/{table}/release",
        "Releases a table of fares; live once two different people did. Releaser.",
        (Some("Reason"), 200, "FareTable"),
    ),
    get(
        (RIDERS, Auth::Anybody),
        "/v1/gates",
        "The gates' public keys, which check receipts.",
        (JSON, Some("GateKeys")),
    ),
    post(
        (GATES, Auth::Gate),
        "/v1/gates/{gate}/certificate",
        "Another certificate for the gate's own key, before the present one ends.",
        (Some("Renewal"), 200, "RenewedCertificate"),
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
            ("after", "the cursor of the last answer; 0 for everything"),
            ("wait_ms", "how long to wait for news, up to 30000"),
        ],
    ),
    post(
        (GATES, Auth::Gate),
        "/v1/gates/{gate}/pay-codes",
        "Whether a payment platform's code would be charged; a repeat gets the first answer.",
        (Some("PayCodeAsk"), 200, "PayCodeAnswer"),
    ),
    post(
        (GATES, Auth::Gate),
        "/v1/gates/{gate}/records",
        "A batch of records, each answered by itself; a repeat gets the first answer.",
        (Some("Upload"), 200, "Answers"),
    ),
    post(
        (CONSOLE, Auth::Staff),
        "/v1/let-through",
        "Has one gate open once, for one person. Steward or supervisor. With an Idempotency-Key.",
        (Some("LetThrough"), 200, "LetThroughTold"),
    ),
    post(
        (CONSOLE, Auth::Staff),
        "/v1/modes",
        "Tells gates to be in another mode, all or none. Supervisor. With an Idempotency-Key.",
        (Some("Modes"), 200, "Told"),
    ),
    Route {
        answer: (200, TEXT, None),
        ..post(
            (NOTICES, Auth::Anybody),
            "/v1/notices/{platform}",
            "What a payment platform tells, in its own words; believed for its signature alone.",
            (None, 200, "Problem"),
        )
    },
    post(
        (RIDERS, Auth::Phone),
        "/v1/rider",
        "Enrols the phone's key; 200 when it was already.",
        (None, 201, "Enrolled"),
    ),
    post(
        (RIDERS, Auth::Phone),
        "/v1/rider/corrections",
        "Where a journey ended whose exit is missing; 200 when the same was told before.",
        (Some("Correction"), 201, "Journey"),
    ),
    asked(
        get(
            (RIDERS, Auth::Phone),
            "/v1/rider/events",
            "Vouchers as they are made.",
            (EVENTS, None),
        ),
        &[("after", "the number of the last voucher")],
    ),
    post(
        (RIDERS, Auth::Phone),
        "/v1/rider/issuer-part",
        "A fresh issuer part.",
        (None, 200, "Enrolled"),
    ),
    asked(
        get(
            (RIDERS, Auth::Phone),
            "/v1/rider/journeys",
            "The rider's journeys, newest first.",
            (JSON, Some("Journeys")),
        ),
        &[
            ("before", "those that began before this moment, in unix ms"),
            ("most", "at most so many, up to 50"),
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
        &[("after", "the `cursor` of the answer before")],
    ),
    asked(
        get(
            (CONSOLE, Auth::Staff),
            "/v1/riders",
            "Riders by the last digits of one thing, with their taps and what to do. Steward, supervisor, finance.",
            (JSON, Some("Riders")),
        ),
        &[
            ("receipt", "the last digits of a receipt's number"),
            ("code", "of a code's reference"),
            ("account", "of an account"),
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
    post(
        (CONSOLE, Auth::Anybody),
        "/v1/session",
        "Signs in; the answer sets the session's cookie.",
        (Some("SignIn"), 200, "SignedIn"),
    ),
    get(
        (RIDERS, Auth::Anybody),
        "/v1/stations",
        "The names of stations.",
        (JSON, Some("Stations")),
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/stations/{station}",
        "A station and its gates.",
        (JSON, Some("Station")),
    ),
    get(
        (CONSOLE, Auth::Staff),
        "/v1/stations/{station}/events",
        "A station, as it changes.",
        (EVENTS, None),
    ),
];
