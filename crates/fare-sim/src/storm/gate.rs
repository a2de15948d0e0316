//! One gate of a storm: its backlog, and how it brings that to the server.

use anyhow::{Context, bail, ensure};
use ed25519_dalek::SigningKey;
use fare_protocol::wire::{
    AnswerOutcome, Envelope, UPLOAD_RECORDS_MAX, UploadRecord, UploadRequest, UploadResponse,
};
use fare_protocol::{
    AccountId, CodeRef, Confirmation, Direction, LaneNo, Location, Millis, Mode, Passage,
    PassageOutcome, Record, RecordBody, RecordHash, RecordId, RiderClass, Seq, Signer, Stamp,
    UnixMs,
};
use fare_rules::{RULES_VERSION, Station};
use fare_server::store;
use reqwest::{Certificate, Client, Identity, StatusCode, header};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for an answer, as the gate's courier has it.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Shortest and longest wait after a failure that says nothing of when to come again.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// How the server is reached.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) server: String,
    pub(super) ca: String,
    pub(super) identity: String,
}

/// What requests met with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All that were sent.
    pub requests: u64,
    /// Answered with 429.
    pub turned_away: u64,
    /// Answered with another error, or not at all.
    pub failed: u64,
    /// The slowest that was taken, in ms.
    pub slowest_ms: u128,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
    }
}

/// A gate's records, made as they are sent.
pub(super) struct Backlog {
    number: u32,
    gate: store::Gate,
    key: SigningKey,
    location: Location,
    from: UnixMs,
    riders: u32,
    /// The rider whose tap is next.
    next: u32,
    seq: Seq,
    previous: RecordHash,
}

impl Backlog {
    pub(super) fn new(
        number: u32,
        station: &Station,
        riders: u32,
        now: UnixMs,
    ) -> anyhow::Result<Self> {
        let mut seed = [0x5a; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_bytes(&seed);
        let gate = store::Gate {
            id: format!("{}-{number}", station.id).parse()?,
            key: Signer::public(&key),
            station: station.id,
            line: station.line,
        };
        let location = Location {
            station: station.id,
            line: station.line,
            lane: LaneNo(1),
            point: station.point,
        };
        // Riders enter in the first half of the two hours before now, and leave in the second.
        let hours = if number.is_multiple_of(2) { 2 } else { 1 };
        Ok(Self {
            number,
            gate,
            key,
            location,
            from: UnixMs(now.0 - hours * 3_600_000),
            riders,
            next: 0,
            seq: Seq::FIRST,
            previous: RecordHash::NONE,
        })
    }

    pub(super) fn registered(&self) -> store::Gate {
        self.gate
    }

    /// Uploads everything, batch after batch, until each record has its answer.
    pub(super) async fn drain(mut self, wire: &Wire) -> anyhow::Result<Tally> {
        let client = wire.client()?;
        let url = format!("{}/v1/gates/{}/records", wire.server, self.gate.id);
        let mut tally = Tally::default();
        loop {
            let request = self.batch();
            let sent = request.records.len();
            if sent == 0 {
                return Ok(tally);
            }
            let body = serde_json::to_vec(&request)?;
            send_until_taken(&client, &url, body, sent, &mut tally).await?;
        }
    }

    fn batch(&mut self) -> UploadRequest {
        let mut records = Vec::new();
        while records.len() + 2 <= UPLOAD_RECORDS_MAX && self.next < self.riders {
            let rider = self.next;
            self.next += 1;
            let step = 3_000_000 / i64::from(self.riders.max(1));
            let at = UnixMs(self.from.0 + i64::from(rider) * step);
            let tap = self.record(at, RecordBody::Confirmation(self.confirmation(rider)));
            let passage = RecordBody::Passage(Passage {
                confirmation: tap.id,
                outcome: PassageOutcome::Passed,
            });
            records.push(tap);
            records.push(self.record(UnixMs(at.0 + 2_000), passage));
        }
        UploadRequest { records }
    }

    /// Gates stand in pairs: who enters at one leaves at the other.
    fn confirmation(&self, rider: u32) -> Confirmation {
        let pair = self.number / 2;
        let mut account = [0; 16];
        account[..4].copy_from_slice(&pair.to_be_bytes());
        account[4..8].copy_from_slice(&rider.to_be_bytes());
        let mut code = account;
        code[8..12].copy_from_slice(&self.number.to_be_bytes());
        Confirmation {
            direction: if self.number.is_multiple_of(2) {
                Direction::Entry
            } else {
                Direction::Exit
            },
            code_ref: CodeRef(code),
            account: AccountId(account),
            class: RiderClass::Adult,
            location: self.location,
            mode: Mode::Normal,
            fare_quoted: None,
            entry: None,
            tariff: None,
            rules: RULES_VERSION,
        }
    }

    fn record(&mut self, at: UnixMs, body: RecordBody) -> UploadRecord {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&self.number.to_be_bytes());
        id[8..].copy_from_slice(&self.seq.0.to_be_bytes());
        let id = RecordId(id);
        let record = Record {
            id,
            gate: self.gate.id,
            seq: self.seq,
            previous: self.previous,
            stamp: Stamp {
                at,
                error_ms: Millis(50),
            },
            body,
        };
        let signed = record.sign(&self.key);
        self.seq = self.seq.next();
        self.previous = signed.hash();
        UploadRecord {
            id,
            envelope: Envelope(signed.bytes().to_vec()),
        }
    }
}

/// Sends one batch again and again, as late as the server asks for.
async fn send_until_taken(
    client: &Client,
    url: &str,
    body: Vec<u8>,
    sent: usize,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let [mut wait, longest] = BACKOFF;
    loop {
        tally.requests += 1;
        let begun = Instant::now();
        let asked = match client.post(url).body(body.clone()).send().await {
            Ok(response) if response.status() == StatusCode::OK => {
                let answers = response.bytes().await.ok();
                let answers = answers.and_then(|body| serde_json::from_slice(&body).ok());
                if let Some(answers) = answers {
                    tally.slowest_ms = tally.slowest_ms.max(begun.elapsed().as_millis());
                    return all_taken(&answers, sent);
                }
                tally.failed += 1;
                None
            }
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                tally.turned_away += 1;
                let after = response.headers().get(header::RETRY_AFTER);
                let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
                Some(
                    after
                        .map(Duration::from_secs)
                        .context("429 without Retry-After")?,
                )
            }
            Ok(response) if response.status().is_client_error() => {
                bail!("{}: {}", response.status(), response.text().await?);
            }
            Ok(_) | Err(_) => {
                tally.failed += 1;
                None
            }
        };
        let random = f64::from(getrandom::u32()?) / f64::from(u32::MAX);
        match asked {
            Some(after) => sleep(after + Duration::from_secs_f64(random)).await,
            None => {
                sleep(wait.mul_f64(0.5 + random / 2.0)).await;
                wait = longest.min(wait * 2);
            }
        }
    }
}

fn all_taken(answers: &UploadResponse, sent: usize) -> anyhow::Result<()> {
    let refused = answers
        .answers
        .iter()
        .find_map(|answer| match &answer.outcome {
            AnswerOutcome::Accepted { .. } => None,
            AnswerOutcome::Refused { reason, .. } => Some(reason),
        });
    ensure!(refused.is_none(), "a good record was refused: {refused:?}");
    let got = answers.answers.len();
    ensure!(got == sent, "{got} answers to {sent} records");
    Ok(())
}

impl Wire {
    fn client(&self) -> anyhow::Result<Client> {
        let client = Client::builder()
            .no_proxy()
            .timeout(ANSWER_MAX)
            .tls_certs_only([Certificate::from_pem(self.ca.as_bytes())?])
            .identity(Identity::from_pem(self.identity.as_bytes())?);
        Ok(client.build()?)
    }
}
