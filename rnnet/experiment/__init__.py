"""Opens what earlier commands left behind: plan, folds, preprocessed lesions, results."""
