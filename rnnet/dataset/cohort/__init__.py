"""The cohort: which lesions of a longitudinal data set the published inclusion rules select."""
