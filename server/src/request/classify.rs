//! `POST /v1/classify`: whose labels are asked for.

use engine::config::LabelScores;
use proto::ClassifyText;

use super::{
    LabelHead, RequestRules, label_head,
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
    /// Who gives labels, and what is told of their scores.
    pub head: LabelHead,
}

impl ClassifyRequest {
    /// A request for the labels of texts that stand in `field`.
    pub(super) fn new(
        (reading, raw, mut head): (ReadingRules, bool, LabelHead),
        field: &'static str,
        texts: Vec<(String, Option<String>)>,
        rules: &RequestRules,
    ) -> Result<Self, ApiError> {
        if raw {
            head.labels.scores = LabelScores::Raw;
        }
        head.check(field, &texts)?;
        check_texts(field, texts.iter().map(|(first, _)| first), rules)?;
        check_texts(field, texts.iter().filter_map(|(_, second)| second.as_ref()), rules)?;
        Ok(Self { reading, field, texts, head })
    }
}

/// Reads a request for labels.
pub fn classify(request: proto::ClassifyRequest, rules: &RequestRules) -> Result<ClassifyRequest, ApiError> {
    let reading = reading(request.model, &request.reading, rules)?;
    let text = |text: ClassifyText| match text {
        ClassifyText::Text(text) => (text.into_string(), None),
        ClassifyText::Pair(pair) => (pair.text.into_string(), pair.text_pair.map(proto::InputText::into_string)),
    };
    let head = LabelHead::named(&rules.kind, request.head.as_deref())?;
    let texts = request.input.into_vec().into_iter().map(text).collect();
    ClassifyRequest::new((reading, request.raw_scores.unwrap_or(false), head), "input", texts, rules)
}

/// Reads a request for labels to the model's sentiment head, where there are several and it names none.
pub fn sentiment(mut request: proto::ClassifyRequest, rules: &RequestRules) -> Result<ClassifyRequest, ApiError> {
    request.head = request.head.or_else(|| label_head::of_sentiment(&rules.kind).map(Into::into));
    classify(request, rules)
}
