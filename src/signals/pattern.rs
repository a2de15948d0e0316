//! Which lamps are lit for what the lane shows, and for how long. Pure.

use super::Scene;
use std::time::Duration;

/// Which lamps are lit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lit {
    /// Green: go through.
    pub green: bool,
    /// Red: do not.
    pub red: bool,
    /// Amber: something is wrong with the gate.
    pub amber: bool,
    /// The buzzer.
    pub buzzer: bool,
}

/// Lamps, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which are lit.
    pub lit: Lit,
    /// For so long.
    pub time: Duration,
}

/// Steps that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// One after the other; never empty.
    pub steps: Vec<Step>,
    /// From the first again, for ever; otherwise the last stays.
    pub repeats: bool,
}

/// The buzzer's long and short tone, and the pause between.
const LONG: Duration = Duration::from_millis(300);
const SHORT: Duration = Duration::from_millis(100);

/// Half of a blinking lamp's time.
const BLINK: Duration = Duration::from_millis(500);

/// The pattern for what is shown: one long tone is yes, three short ones are no.
pub fn pattern(scene: Scene) -> Pattern {
    let dark = Lit::default();
    let green = Lit {
        green: true,
        ..dark
    };
    let red = Lit { red: true, ..dark };
    let amber = Lit {
        amber: true,
        ..dark
    };
    let loud = |lit: Lit| Lit {
        buzzer: true,
        ..lit
    };
    let step = |lit, time| Step { lit, time };
    let (steps, repeats) = match scene {
        Scene::Ready => (vec![step(dark, BLINK)], false),
        Scene::Admitted => (vec![step(loud(green), LONG), step(green, BLINK)], false),
        Scene::Refused(_) => {
            let tone = [step(loud(red), SHORT), step(red, SHORT)];
            (tone.repeat(3), false)
        }
        Scene::Closed => (vec![step(red, BLINK)], false),
        Scene::FreePassage => (vec![step(green, BLINK), step(dark, BLINK)], true),
        Scene::OutOfService => (vec![step(amber, BLINK), step(dark, BLINK)], true),
    };
    Pattern { steps, repeats }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fare_rules::Refusal;

    fn all_scenes() -> Vec<Scene> {
        let mut scenes = vec![
            Scene::Ready,
            Scene::Admitted,
            Scene::Closed,
            Scene::FreePassage,
            Scene::OutOfService,
        ];
        scenes.extend(Refusal::ALL.map(Scene::Refused));
        scenes
    }

    #[test]
    fn green_is_only_for_those_who_may_go_and_nothing_buzzes_for_ever() {
        for scene in all_scenes() {
            let Pattern { steps, repeats } = pattern(scene);
            let may_go = matches!(scene, Scene::Admitted | Scene::FreePassage);
            assert_eq!(steps.iter().any(|step| step.lit.green), may_go, "{scene:?}");
            assert!(!steps.iter().any(|step| step.lit.green && step.lit.red));
            let stays = steps.last().is_some_and(|step| step.lit.buzzer);
            let buzzes = steps.iter().any(|step| step.lit.buzzer);
            assert!(!stays, "{scene:?}");
            assert!(!(repeats && buzzes), "{scene:?}");
        }
    }

    #[test]
    fn a_refusal_buzzes_three_times_and_stays_red() {
        let steps = pattern(Scene::Refused(Refusal::NotOurs)).steps;
        assert_eq!(steps.iter().filter(|step| step.lit.buzzer).count(), 3);
        assert!(steps.iter().all(|step| step.lit.red));
    }
}
