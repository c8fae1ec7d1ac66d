//! `POST /v1/rerank`: which texts are ranked by which, in the form of either of two families of servers.

use proto::{InputText, RerankRequest};

use super::{
    PairsRequest, RequestRules,
    range::size,
    reading::{check_texts, reading, reading_of_served},
};
use crate::error::ApiError;

/// The member that texts are ranked by.
const QUERY: &str = "query";

/// A request to rank the second texts of pairs.
#[derive(Clone, Debug)]
pub struct RankRequest {
    /// One first text with each of the others.
    pub pairs: PairsRequest,
    /// So many are told, the best; all if absent.
    pub top: Option<usize>,
    /// They are told with their texts.
    pub with_texts: bool,
    /// How they are told.
    pub form: RankForm,
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankForm {
    /// An object with results, as Jina and Cohere have it.
    Results,
    /// A bare list, as text-embeddings-inference has it.
    List,
}

impl RankForm {
    /// The member whose texts are ranked.
    fn field(self) -> &'static str {
        match self {
            Self::Results => "documents",
            Self::List => "texts",
        }
    }

    /// The form of a request, if it has no member of the other.
    fn of(request: &RerankRequest) -> Result<Self, ApiError> {
        let form = match (&request.documents, &request.texts) {
            (_, Some(_)) => Self::List,
            (Some(_), None) => Self::Results,
            (None, None) => return Err(ApiError::missing("documents")),
        };
        let others = match form {
            Self::Results => of_lists(request),
            Self::List => of_results(request),
        };
        match others.into_iter().find(|(_, is_there)| *is_there) {
            Some((other, _)) => Err(ApiError::invalid_value(other, format_args!("does not go with {}", form.field()))),
            None => Ok(form),
        }
    }
}

/// Members that only one form has, and whether they are there.
type Members = Vec<(&'static str, bool)>;

fn of_results(request: &RerankRequest) -> Members {
    let reading = &request.reading;
    vec![
        ("documents", request.documents.is_some()),
        ("top_n", request.top_n.is_some()),
        ("return_documents", request.return_documents.is_some()),
        ("truncate_prompt_tokens", reading.truncate_prompt_tokens.is_some()),
        ("priority", reading.priority.is_some()),
        ("user", reading.user.is_some()),
    ]
}

fn of_lists(request: &RerankRequest) -> Members {
    let truncation = &request.truncation;
    vec![
        ("return_text", request.return_text.is_some()),
        ("truncate", truncation.truncate.is_some()),
        ("truncation_direction", truncation.truncation_direction.is_some()),
    ]
}

/// Reads a request to rank texts.
pub fn rank(request: RerankRequest, rules: &RequestRules) -> Result<RankRequest, ApiError> {
    let form = RankForm::of(&request)?;
    let field = form.field();
    let reading = match (form, request.model) {
        (RankForm::Results, None) => return Err(ApiError::missing("model")),
        (RankForm::Results, Some(model)) => reading(model, &request.reading, rules)?,
        (RankForm::List, model) => {
            let served = reading_of_served(&request.truncation, "truncation_direction", rules)?;
            if let Some(model) = model {
                rules.check_model(&model)?;
            }
            served
        }
    };
    let scorer = rules.pair_scorer()?;
    let firsts = vec![request.query.into_string()];
    let documents = request.documents.unwrap_or_default().0.into_iter().map(proto::Document::into_text);
    let texts = documents.chain(request.texts.unwrap_or_default().0);
    let seconds: Vec<_> = texts.map(InputText::into_string).collect();
    check_texts(QUERY, &firsts, rules)?;
    check_texts(field, &seconds, rules)?;
    let raw = request.raw_scores.unwrap_or(false);
    Ok(RankRequest {
        pairs: PairsRequest { reading, scorer, firsts, seconds, first_field: QUERY, field, raw },
        top: request.top_n.map(size),
        with_texts: request.return_documents.or(request.return_text).unwrap_or(false),
        form,
    })
}
