//! The part of the configuration about lamps, buzzer and voice.

use super::barrier::{DEFAULT_UNIT, UNIT_MAX};
use super::check::Checker;
use super::raw::{RawLamps, RawLampsKind, RawVoice};
use crate::signals::{LampsConfig, LampsPort, VoiceConfig};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// What most boxes of Modbus relays are delivered with.
const DEFAULT_BAUD: u32 = 9_600;

impl Checker<'_> {
    pub(super) fn lamps(&mut self, spanned: &Spanned<RawLamps>) -> Option<LampsConfig> {
        let raw = spanned.get_ref();
        let lamps = [&raw.green, &raw.red, &raw.amber, &raw.buzzer];
        let mut seen = BTreeSet::new();
        for lamp in lamps.into_iter().flatten() {
            if !seen.insert(*lamp.get_ref()) {
                let message = format!("{} is written twice", lamp.get_ref());
                return self.wrong(lamp.span(), message);
            }
        }
        if seen.is_empty() {
            let message = "there is no lamp; write green, red, amber or buzzer with its number";
            return self.wrong(spanned.span(), message.to_owned());
        }
        let port = match raw.kind {
            RawLampsKind::Gpio => self.gpio_lamps(raw, spanned.span()),
            RawLampsKind::Modbus => self.modbus_lamps(raw, spanned.span()),
        };
        Some(LampsConfig {
            port: port?,
            places: lamps.map(|lamp| lamp.as_ref().map(|lamp| *lamp.get_ref())),
        })
    }

    fn gpio_lamps(&mut self, raw: &RawLamps, section: Range<usize>) -> Option<LampsPort> {
        if raw.serial.is_some() || raw.baud.is_some() || raw.unit.is_some() {
            let message = "serial, baud and unit are for kind = \"modbus\"; leave them out";
            return self.wrong(section, message.to_owned());
        }
        let Some(chip) = &raw.chip else {
            let message = "the chip is missing; write chip = \"/dev/gpiochip0\"";
            return self.wrong(section, message.to_owned());
        };
        Some(LampsPort::Gpio {
            chip: self.path(chip),
            active_low: raw.active_low,
        })
    }

    fn modbus_lamps(&mut self, raw: &RawLamps, section: Range<usize>) -> Option<LampsPort> {
        if raw.chip.is_some() || raw.active_low {
            let message = "chip and active_low are for kind = \"gpio\"; leave them out";
            return self.wrong(section, message.to_owned());
        }
        let Some(serial) = &raw.serial else {
            let message = "the serial line is missing; write serial = \"/dev/…\"";
            return self.wrong(section, message.to_owned());
        };
        let unit = raw
            .unit
            .as_ref()
            .map_or(DEFAULT_UNIT, |unit| *unit.get_ref());
        if !(1..=UNIT_MAX).contains(&unit) {
            let message = format!("unit is {unit}; Modbus units are 1 to {UNIT_MAX}");
            return self.wrong(section, message);
        }
        Some(LampsPort::Modbus {
            serial: self.path(serial),
            baud: self.baud(raw.baud.as_ref(), DEFAULT_BAUD)?,
            unit,
        })
    }

    pub(super) fn voice(&mut self, raw: &RawVoice) -> Option<VoiceConfig> {
        let folder = self.path(&raw.folder);
        let languages = raw.languages.get_ref();
        if languages.is_empty() {
            let message = "write at least one language, for example languages = [\"en\"]";
            return self.wrong(raw.languages.span(), message.to_owned());
        }
        if let Some(missing) = languages.iter().find(|it| !folder.join(it).is_dir()) {
            let missing = folder.join(missing);
            let message = format!(
                "there is no folder {}; put the sentences there, such as admitted.wav",
                missing.display()
            );
            return self.wrong(raw.languages.span(), message);
        }
        if raw.player.get_ref().is_empty() {
            let message = "write a program, for example player = [\"aplay\", \"-q\"]";
            return self.wrong(raw.player.span(), message.to_owned());
        }
        Some(VoiceConfig {
            folder,
            languages: languages.clone(),
            player: raw.player.get_ref().clone(),
        })
    }
}
