//! The scenarios that are part of the program; the same files can be given by path.

use crate::scenario::Scenario;

/// What flags alone describe: one client, and nothing may fail.
pub fn plain() -> Scenario {
    parse(
        "name = 'plain'\n\
         [load]\nkind = 'closed'\nclients = 1\nrequests = 8\n\
         [marks]\nerrors = 0\nrefused = 0\n",
    )
}

/// What every change must survive.
pub fn smoke() -> Scenario {
    parse(include_str!("../scenarios/smoke.toml"))
}

/// A long prompt while streams run.
pub fn stall() -> Scenario {
    parse(include_str!("../scenarios/stall.toml"))
}

/// Equal requests at once.
pub fn equal() -> Scenario {
    parse(include_str!("../scenarios/equal.toml"))
}

/// Clients that vanish.
pub fn disconnect() -> Scenario {
    parse(include_str!("../scenarios/disconnect.toml"))
}

fn parse(text: &str) -> Scenario {
    Scenario::parse(text).expect("shipped scenarios are valid")
}
