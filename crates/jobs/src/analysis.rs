//! Analyses as jobs.

use std::sync::Arc;

use dinoscope_engine::LayerFeatures;
use dinoscope_engine::analysis::{Analysis, AnalysisError, Compute, Context, Found, Subject};

use crate::picture::OpenPicture;
use crate::runner::JobContext;

/// One layer of a picture, as analyses take it.
pub fn subject(name: impl Into<String>, picture: &OpenPicture, layer: &LayerFeatures) -> Subject {
    Subject {
        name: name.into(),
        grid: layer.grid,
        features: layer.patches.clone(),
        cls: layer.cls.clone().into(),
        registers: layer.registers.clone().into(),
        picture: Some(Arc::clone(&picture.rgb)),
    }
}

/// Runs an analysis where `compute` says, until the job is cancelled.
pub fn run(
    analysis: &Analysis,
    subjects: &[Subject],
    compute: &Compute,
    cx: &JobContext,
) -> Result<Found, AnalysisError> {
    let context = Context {
        compute: compute.clone(),
        cancel: cx.cancel().clone(),
    };
    analysis.run(subjects, &context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::tests::{built_in, picture};
    use dinoscope_engine::Request;
    use dinoscope_engine::analysis::CancelToken;

    #[test]
    fn every_analysis_runs_on_computed_features_and_ends_when_cancelled() {
        let extractor = built_in(None);
        let picture = picture(96, 64);
        let cx = JobContext::alone(CancelToken::default());
        let features = extractor
            .features(&picture.picture, &Request::default())
            .unwrap();
        let subjects = [subject("a", &picture, &features.layers[0])];
        let norms = Analysis::from_id("norm").unwrap();
        let found = run(&norms, &subjects, &Compute::cpu(), &cx).unwrap();
        assert!(!found.maps.is_empty());
        cx.cancel().cancel();
        let stopped = run(&norms, &subjects, &Compute::cpu(), &cx);
        assert!(matches!(stopped, Err(AnalysisError::Cancelled)));
    }
}
