//! Members of a chat that are bookkeeping or hints: checked, served, and named where they would have had an effect.

use proto::{ChatRequest, List, Metadata, ServiceTier, Text};

use crate::error::ApiError;

/// Checks the members and lists those that would have had an effect elsewhere.
pub(super) fn ignored(request: &ChatRequest) -> Result<Vec<String>, ApiError> {
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
        for (text, max) in [(name.as_str(), Metadata::MAX_NAME), (value, Metadata::MAX_VALUE)] {
            let length = text.chars().count();
            if length > max {
                return Err(ApiError::string_above(&format!("metadata.{name}"), length, max, "characters"));
            }
        }
    }
    Ok(())
}

fn check_modalities(modalities: &List<Text, 16, 1>) -> Result<(), ApiError> {
    match modalities.iter().position(|modality| &**modality != "text") {
        Some(index) => Err(ApiError::unsupported_value(&format!("modalities[{index}]"), "must be text")),
        None => Ok(()),
    }
}
