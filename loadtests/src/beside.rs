//! A load that runs beside a scenario's own: another model, other requests, marks of its own.

use serde::{Deserialize, Serialize};

use crate::{
    marks::Marks,
    scenario::{Checks, Load, Scenario},
    shape::Shape,
};

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its short name.
    pub name: String,
    /// The model's id.
    pub model: String,
    /// How requests arrive.
    pub load: Load,
    /// What they look like.
    #[serde(default)]
    pub request: Shape,
    /// Which figures it must reach.
    #[serde(default)]
    pub marks: Marks,
}

impl Beside {
    /// The same as a scenario with nothing beside it, of which nothing is checked but its marks.
    pub fn scenario(&self, whole: &Scenario) -> Scenario {
        let Self { name, model, load, request, marks } = self.clone();
        let (model, checks, beside) = (Some(model), Checks::default(), Vec::new());
        Scenario { name, model, load, request, checks, marks, beside, ..whole.clone() }
    }
}
