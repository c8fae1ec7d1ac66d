//! Members of a chat that are bookkeeping or hints: checked, served, and named where they would have had an effect.

use proto::{ChatRequest, List, Metadata, ServiceTier, Text};

use super::range::short;
use crate::error::ApiError;

const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// Checks the members and lists those that would have had an effect elsewhere.
pub(super) fn ignored(request: &ChatRequest) -> Result<Vec<String>, ApiError> {
    short("safety_identifier", request.safety_identifier.as_ref())?;
    short("prompt_cache_key", request.prompt_cache_key.as_ref())?;
    short("prompt_cache_retention", request.prompt_cache_retention.as_ref())?;
    request.metadata.as_ref().map_or(Ok(()), check_metadata)?;
    request.modalities.as_ref().map_or(Ok(()), check_modalities)?;
    let effects = [
        ("store", request.store == Some(true)),
        ("verbosity", request.verbosity.is_some()),
        (
            "service_tier",
            request.service_tier.is_some_and(|tier| !matches!(tier, ServiceTier::Auto | ServiceTier::Default)),
        ),
    ];
    Ok(effects.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect())
}

fn check_metadata(metadata: &Metadata) -> Result<(), ApiError> {
    if metadata.0.len() > Metadata::MAX {
        return Err(ApiError::string_above("metadata", metadata.0.len(), Metadata::MAX, "pairs"));
    }
    for (name, value) in &metadata.0 {
        for (text, max) in [(name.as_str(), MAX_NAME), (value, MAX_VALUE)] {
            let length = text.chars().count();
            if length > max {
                return Err(ApiError::string_above(&format!("metadata.{name}"), length, max, "characters"));
            }
        }
    }
    Ok(())
}

fn check_modalities(modalities: &List<Text, 16>) -> Result<(), ApiError> {
    if modalities.is_empty() {
        return Err(ApiError::array_below("modalities"));
    }
    match modalities.iter().position(|modality| &**modality != "text") {
        Some(index) => Err(ApiError::unsupported_value(&format!("modalities[{index}]"), "must be text")),
        None => Ok(()),
    }
}
