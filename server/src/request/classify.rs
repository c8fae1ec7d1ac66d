//! `POST /v1/classify`: whose labels are asked for.

use engine::config::{LabelScores, Labels};
use proto::ClassifyText;

use super::{
    RequestRules,
    reading::{ReadingRules, check_texts, reading},
};
use crate::error::ApiError;

/// A request for labels.
#[derive(Clone, Debug)]
pub struct ClassifyRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// The member that texts came from.
    pub field: &'static str,
    /// Texts, and what they are read with; at least one.
    pub texts: Vec<(String, Option<String>)>,
    /// The model's labels, and what is told of their scores.
    pub labels: Labels,
}

impl ClassifyRequest {
    /// A request for the labels of texts that stand in `field`.
    pub(super) fn new(
        (reading, raw): (ReadingRules, bool),
        field: &'static str,
        texts: Vec<(String, Option<String>)>,
        rules: &RequestRules,
    ) -> Result<Self, ApiError> {
        let mut labels = rules.kind.labels().cloned().ok_or_else(|| rules.kind.refusal())?;
        if raw {
            labels.scores = LabelScores::Raw;
        }
        check_texts(field, texts.iter().map(|(first, _)| first), rules)?;
        check_texts(field, texts.iter().filter_map(|(_, second)| second.as_ref()), rules)?;
        Ok(Self { reading, field, texts, labels })
    }
}

/// Reads a request for labels.
pub fn classify(request: proto::ClassifyRequest, rules: &RequestRules) -> Result<ClassifyRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    let text = |text: ClassifyText| match text {
        ClassifyText::Text(text) => (text.into_string(), None),
        ClassifyText::Pair(pair) => (pair.text.into_string(), pair.text_pair.map(proto::InputText::into_string)),
    };
    let texts = request.input.into_vec().into_iter().map(text).collect();
    ClassifyRequest::new((reading, request.raw_scores.unwrap_or(false)), "input", texts, rules)
}
