//! Lamps and buzzer on GPIO lines, or on the coils of a Modbus box on a serial line of its own.

use super::Scene;
use super::pattern::{Lit, Pattern, pattern};
use gpiocdev::Request;
use gpiocdev::line::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_modbus::Slave;
use tokio_modbus::client::{Context, Writer, rtu};
use tokio_serial::SerialStream;

/// Before lamps that failed are tried again.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Longest wait for a Modbus box.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// How long the self-test lights each lamp.
const TRY_FOR: Duration = Duration::from_millis(500);

/// Where lamps and buzzer are; numbers of lines or coils, nothing where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LampsConfig {
    /// How they are reached.
    pub port: LampsPort,
    /// Green, red, amber, buzzer.
    pub places: [Option<u16>; 4],
}

/// How lamps are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LampsPort {
    /// Lines of a GPIO chip.
    Gpio {
        /// The chip's device.
        chip: PathBuf,
        /// A lit lamp is a low level.
        active_low: bool,
    },
    /// Coils of a Modbus RTU box.
    Modbus {
        /// The serial device; not the barrier's.
        serial: PathBuf,
        /// Bits a second, 8N1.
        baud: u32,
        /// Its number on the line.
        unit: u8,
    },
}

/// Why lamps did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum LampsError {
    /// GPIO lines.
    #[error("the lamps' GPIO chip: {0}; check `chip` and the lines under [lamps]")]
    Gpio(#[from] gpiocdev::Error),
    /// The serial line.
    #[error("the lamps' serial line: {0}; check its cable, and `serial` under [lamps]")]
    Open(#[from] tokio_serial::Error),
    /// The Modbus box.
    #[error("the lamps' Modbus box: {0}; check its power, cable and unit")]
    Modbus(#[from] tokio_modbus::Error),
    /// It refused.
    #[error("the lamps' Modbus box refused: {0}; check the coils under [lamps]")]
    Exception(#[from] tokio_modbus::ExceptionCode),
    /// It said nothing.
    #[error(
        "the lamps' Modbus box did not answer within {ANSWER_TIMEOUT:?}; check power and cable"
    )]
    Silent,
}

enum Port {
    Gpio(Request),
    Modbus(Box<Context>),
}

struct Lamps {
    port: Port,
    places: [Option<u16>; 4],
    /// What was set last; nothing is known at first.
    lit: Option<Lit>,
}

impl Lamps {
    fn open(config: &LampsConfig) -> Result<Self, LampsError> {
        let port = match &config.port {
            LampsPort::Gpio { chip, active_low } => {
                let mut request = Request::builder();
                request.on_chip(chip).with_consumer("faregate");
                for place in config.places.into_iter().flatten() {
                    request.with_line(place.into()).as_output(Value::Inactive);
                    if *active_low {
                        request.as_active_low();
                    }
                }
                Port::Gpio(request.request()?)
            }
            LampsPort::Modbus { serial, baud, unit } => {
                let line = tokio_serial::new(serial.to_string_lossy(), *baud);
                let line = SerialStream::open(&line)?;
                Port::Modbus(Box::new(rtu::attach_slave(line, Slave(*unit))))
            }
        };
        Ok(Self {
            port,
            places: config.places,
            lit: None,
        })
    }

    /// Lights these and no others; says only what changes.
    async fn set(&mut self, lit: Lit) -> Result<(), LampsError> {
        let levels = |lit: Lit| [lit.green, lit.red, lit.amber, lit.buzzer];
        let before = self.lit.take().map(levels);
        for (number, (place, on)) in self.places.into_iter().zip(levels(lit)).enumerate() {
            let was = before.and_then(|before| before.get(number).copied());
            let (Some(place), false) = (place, was == Some(on)) else {
                continue;
            };
            match &mut self.port {
                Port::Gpio(request) => {
                    let value = if on { Value::Active } else { Value::Inactive };
                    request.set_value(place.into(), value)?;
                }
                Port::Modbus(context) => {
                    match timeout(ANSWER_TIMEOUT, context.write_single_coil(place, on)).await {
                        Ok(answer) => answer??,
                        Err(_elapsed) => return Err(LampsError::Silent),
                    }
                }
            }
        }
        self.lit = Some(lit);
        Ok(())
    }
}

/// Lights the lamps for each scene, for ever.
pub(super) async fn light(
    config: LampsConfig,
    mut scenes: watch::Receiver<Scene>,
    answers: Arc<AtomicBool>,
) {
    let mut failing = false;
    loop {
        let end = show_all(&config, &mut scenes, &answers, &mut failing).await;
        let Err(err) = end else { return };
        answers.store(false, Ordering::Relaxed);
        if !std::mem::replace(&mut failing, true) {
            tracing::error!(%err, "lamps lost, trying again");
        }
        sleep(RETRY_WAIT).await;
    }
}

/// Until the lamps fail (the error) or the daemon has ended (`Ok`), after which they are dark.
async fn show_all(
    config: &LampsConfig,
    scenes: &mut watch::Receiver<Scene>,
    answers: &AtomicBool,
    failing: &mut bool,
) -> Result<(), LampsError> {
    let mut lamps = Lamps::open(config)?;
    loop {
        let scene = *scenes.borrow_and_update();
        let Pattern { steps, repeats } = pattern(scene);
        let ended = tokio::select! {
            changed = scenes.changed() => changed.is_err(),
            shown = async {
                loop {
                    for step in &steps {
                        lamps.set(step.lit).await?;
                        answers.store(true, Ordering::Relaxed);
                        if std::mem::take(failing) {
                            tracing::info!("lamps are back");
                        }
                        sleep(step.time).await;
                    }
                    if !repeats {
                        return std::future::pending::<Result<(), LampsError>>().await;
                    }
                }
            } => return shown,
        };
        if ended {
            return lamps.set(Lit::default()).await;
        }
    }
}

/// Lights one after the other, for the self-test; their number.
///
/// # Errors
/// When one did not do as told.
pub async fn try_lamps(config: &LampsConfig) -> Result<usize, LampsError> {
    let mut lamps = Lamps::open(config)?;
    let dark = Lit::default();
    let each = [
        Lit {
            green: true,
            ..dark
        },
        Lit { red: true, ..dark },
        Lit {
            amber: true,
            ..dark
        },
        Lit {
            buzzer: true,
            ..dark
        },
    ];
    let there = each.into_iter().zip(config.places);
    for (lit, _) in there.filter(|(_, place)| place.is_some()) {
        lamps.set(lit).await?;
        sleep(TRY_FOR).await;
    }
    lamps.set(dark).await?;
    Ok(config.places.into_iter().flatten().count())
}
