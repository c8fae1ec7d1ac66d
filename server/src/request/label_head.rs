//! Which of a model's heads gives the labels that are asked for.

use std::ops::Range;

use engine::config::{Labels, Task};

use crate::{error::ApiError, model_kind::ModelKind};

/// A head.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelHead {
    /// What it scores.
    pub labels: Labels,
    /// Where its scores stand among what the engine gives.
    pub scores: Range<usize>,
    /// Whether it reads pairs or single texts, if only one of the two.
    pub reads_pairs: Option<bool>,
}

/// Where requests name one.
pub(super) const FIELD: &str = "head";

impl LabelHead {
    /// The only one of a model.
    pub(super) fn only(kind: &ModelKind) -> Result<Self, ApiError> {
        let labels = kind.labels().cloned().ok_or_else(|| kind.refusal())?;
        Ok(Self { scores: 0..labels.names.len(), labels, reads_pairs: None })
    }

    /// The one that is named, or the only one.
    pub(super) fn named(kind: &ModelKind, name: Option<&str>) -> Result<Self, ApiError> {
        let Some(tasks) = kind.tasks() else {
            let only = Self::only(kind)?;
            let says = "is for models with several heads";
            return name.map_or(Ok(only), |_| Err(ApiError::invalid_value(FIELD, says)));
        };
        let name = name.ok_or_else(|| ApiError::missing(FIELD))?;
        let names = || tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(", ");
        let place = tasks.iter().position(|task| task.name == name);
        let place = place.ok_or_else(|| ApiError::invalid_value(FIELD, format_args!("must be one of {}", names())))?;
        let first = tasks[..place].iter().map(|task| task.labels.names.len()).sum();
        let Task { labels, is_pair, .. } = tasks[place].clone();
        Ok(Self { scores: first..first + labels.names.len(), labels, reads_pairs: Some(is_pair) })
    }

    /// Fails where texts are not as the head reads them.
    pub(super) fn check(&self, field: &str, texts: &[(String, Option<String>)]) -> Result<(), ApiError> {
        let fits =
            |(_, second): &(String, Option<String>)| self.reads_pairs.is_none_or(|pairs| pairs == second.is_some());
        if texts.iter().all(fits) {
            return Ok(());
        }
        let says =
            if self.reads_pairs == Some(true) { "must be pairs: text and text_pair" } else { "must be single texts" };
        Err(ApiError::invalid_value(field, format_args!("{says}, as the head reads them")))
    }
}

/// The name of the head that tells praise from blame: the first that has both as labels.
pub(super) fn of_sentiment(kind: &ModelKind) -> Option<&str> {
    let has = |task: &Task, word: &str| task.labels.names.iter().any(|label| label.eq_ignore_ascii_case(word));
    let tasks = kind.tasks()?.iter();
    let mut heads = tasks.filter(|task| has(task, "positive") && has(task, "negative"));
    heads.next().map(|task| task.name.as_str())
}
