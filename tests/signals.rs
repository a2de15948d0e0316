//! The real daemon with lamps on Modbus coils and a voice whose player is a script.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::event;
use common::{PATIENCE, Process, Site, change, program, until};
use fare_sim::board::{Board, BoardEvent, Habits};
use fare_sim::cast::Cast;
use fare_sim::city::GateFiles;
use fare_sim::lamps::LampBox;
use fare_sim::scanner::{Scanner, Settings};
use faregate::clock;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const GREEN: u16 = 0;
const RED: u16 = 1;
const BUZZER: u16 = 3;

/// An entry gate with lamps, voice and scanner; the answer is what the player writes down.
fn gate(site: &Site) -> (GateFiles, PathBuf) {
    let files = site.entry(None);
    let (player, said) = (site.path("player"), site.path("said"));
    let script = format!("#!/bin/sh\necho \"$1\" >> {}\n", said.display());
    fs::write(&player, script).unwrap();
    fs::set_permissions(&player, fs::Permissions::from_mode(0o755)).unwrap();
    for language in ["en", "zh"] {
        let folder = site.path("voice").join(language);
        fs::create_dir_all(&folder).unwrap();
        for sentence in ["admitted", "refused"] {
            fs::write(folder.join(format!("{sentence}.wav")), "RIFF").unwrap();
        }
    }
    fs::write(site.path("voice/en/refused-21.wav"), "RIFF").unwrap();
    let sections = format!(
        "[lamps]\nkind = \"modbus\"\nserial = \"lamps\"\ngreen = {GREEN}\nred = {RED}\n\
         buzzer = {BUZZER}\n\n[voice]\nfolder = \"voice\"\nlanguages = [\"en\", \"zh\"]\n\
         player = [{player:?}]\n\n[scanner]\nkind = \"serial\"\ndevice = \"scanner\"\n\n[barrier]"
    );
    change(&files.config, "[barrier]", &sections);
    (files, said)
}

async fn lit(lamps: &mut LampBox, wanted: (u16, bool)) {
    let found = async {
        while let Some(written) = lamps.next_write().await {
            if written == wanted {
                return true;
            }
        }
        false
    };
    assert!(
        tokio::time::timeout(PATIENCE, found).await.unwrap(),
        "{wanted:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn riders_see_and_hear_what_the_lane_says() {
    let site = Site::new(101);
    let (files, said) = gate(&site);
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let mut lamps = LampBox::spawn(&site.path("lamps")).unwrap();
    let mut scanner = Scanner::plug_in(&site.path("scanner"), Settings::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("the scanner is there");
    scanner.read("https://example.org/").await.unwrap();
    lit(&mut lamps, (RED, true)).await;
    lit(&mut lamps, (BUZZER, true)).await;
    let heard = |count: usize| {
        until(|| {
            let lines = fs::read_to_string(&said).ok()?;
            let names: Vec<_> = lines.lines().map(str::to_owned).collect();
            (names.len() >= count).then_some(names)
        })
    };
    let refused = heard(2).unwrap();
    assert!(
        refused[0].ends_with("voice/en/refused-21.wav"),
        "{refused:?}"
    );
    assert!(refused[1].ends_with("voice/zh/refused.wav"), "{refused:?}");
    let mut rider = Cast::new(&site.seed, clock::now()).rider(1);
    scanner.read(&rider.make_code(clock::now())).await.unwrap();
    lit(&mut lamps, (GREEN, true)).await;
    event(&mut board, BoardEvent::Passed).await;
    let all = heard(4).unwrap();
    assert!(all[2].ends_with("voice/en/admitted.wav"), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lamps_and_voice_that_fail_harm_nobody() {
    let site = Site::new(102);
    let (files, _) = gate(&site);
    fs::write(site.path("player"), "#!/bin/sh\nexit 1\n").unwrap();
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let mut scanner = Scanner::plug_in(&site.path("scanner"), Settings::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("the scanner is there");
    daemon.wait_for("lamps lost");
    let mut rider = Cast::new(&site.seed, clock::now()).rider(1);
    scanner.read(&rider.make_code(clock::now())).await.unwrap();
    event(&mut board, BoardEvent::Passed).await;
    daemon.wait_for("a sentence was not spoken");
    let _lamps = LampBox::spawn(&site.path("lamps")).unwrap();
    daemon.wait_for("lamps are back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selftest_lights_and_speaks() {
    let site = Site::new(103);
    let (files, said) = gate(&site);
    let mut lamps = LampBox::spawn(&site.path("lamps")).unwrap();
    let mut selftest = program("faregate");
    selftest.args([
        "selftest", "--skip", "frames", "--skip", "scanner", "--skip", "barrier",
    ]);
    selftest.arg("--config").arg(&files.config);
    let tried = tokio::task::spawn_blocking(move || selftest.output().unwrap());
    for coil in [GREEN, RED, BUZZER] {
        lit(&mut lamps, (coil, true)).await;
    }
    let out = String::from_utf8(tried.await.unwrap().stdout).unwrap();
    assert!(out.contains("3 were told to light, and obeyed"), "{out}");
    assert!(out.contains("admitted.wav was played to its end"), "{out}");
    assert!(
        fs::read_to_string(said)
            .unwrap()
            .contains("en/admitted.wav")
    );
}
