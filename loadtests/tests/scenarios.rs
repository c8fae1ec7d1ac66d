//! Every shipped scenario can be read and run, and none passes whatever happens.

use std::{fs, path::Path};

use loadtests::scenario::Scenario;

fn shipped() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = fs::read_dir(folder).expect("the scenarios are here");
    files.map(|file| Scenario::read(&file.expect("a file").path()).expect("a valid scenario")).collect()
}

#[test]
fn every_scenario_is_valid_and_named_after_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let scenarios = shipped();
    assert!(scenarios.len() >= 8);
    for scenario in scenarios {
        assert!(folder.join(format!("{}.toml", scenario.name)).is_file(), "{}", scenario.name);
        assert!(!scenario.about.is_empty(), "{}", scenario.name);
    }
}

#[test]
fn every_scenario_can_fail() {
    for scenario in shipped() {
        assert_eq!(scenario.marks.errors, Some(0.0), "{} allows errors", scenario.name);
        let refuses = scenario.marks.refusal_p99_ms.is_some();
        assert_eq!(scenario.marks.refused == Some(0.0), !refuses, "{}: refusals are unmarked", scenario.name);
        let leaves = scenario.request.leave_share > 0.0;
        assert_eq!(leaves, scenario.marks.left.is_some(), "{}: who leaves is counted", scenario.name);
        for beside in scenario.beside {
            let marks = (beside.marks.errors, beside.marks.refused);
            assert_eq!(marks, (Some(0.0), Some(0.0)), "{}, {}", scenario.name, beside.name);
        }
    }
}
