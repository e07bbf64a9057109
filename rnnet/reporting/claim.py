"""CLAIM 2024, the checklist for studies of artificial intelligence in medical imaging, in rnnet's own words."""

from __future__ import annotations

from rnnet.reporting.checklist import Guideline, Item

_TITLE, _INTRODUCTION, _METHODS, _RESULTS = "Title and abstract", "Introduction", "Methods", "Results"
_DISCUSSION, _OTHER = "Discussion", "Other information"

CLAIM = Guideline("CLAIM 2024", "Tejani et al. 2024, Radiology: Artificial Intelligence 6(4), e240300", (
    Item("1", _TITLE, "The kind of artificial intelligence is named"),
    Item("2", _TITLE, "Structured abstract"),
    Item("3", _INTRODUCTION, "Background, intended use and role"),
    Item("4", _INTRODUCTION, "Aims and hypotheses"),
    Item("5", _METHODS, "Prospective or retrospective"),
    Item("6", _METHODS, "Goal of the study"),
    Item("7", _METHODS, "Where the data come from", ("source",), "centres, years and permission of use"),
    Item("8", _METHODS, "Who was included and excluded", ("selection",), "how candidates were found"),
    Item("9", _METHODS, "Preprocessing of the images", ("preprocessing",)),
    Item("10", _METHODS, "Parts of the data that were chosen", ("crop",)),
    Item("11", _METHODS, "De-identification"),
    Item("12", _METHODS, "Missing data", ("missing",)),
    Item("13", _METHODS, "Acquisition of the images", ("scans",), "scanners, sequences and contrast agent"),
    Item("14", _METHODS, "What the reference standard is", ("labels",), "how each source of labels was determined"),
    Item("15", _METHODS, "Why this reference standard"),
    Item("16", _METHODS, "Who annotated, with which qualification"),
    Item("17", _METHODS, "Annotation of the test set"),
    Item("18", _METHODS, "Variability within and between annotators"),
    Item("19", _METHODS, "How cases were assigned to partitions", ("splits",)),
    Item("20", _METHODS, "At which level partitions are apart", ("leakage",)),
    Item("21", _METHODS, "Intended sample size", ("flow",), "why this number was thought enough"),
    Item("22", _METHODS, "The model in detail", ("plan",)),
    Item("23", _METHODS, "Software and its versions", ("software",)),
    Item("24", _METHODS, "First values of the parameters", ("plan",)),
    Item("25", _METHODS, "Training in detail", ("plan",)),
    Item("26", _METHODS, "How the final model was selected", ("selected-model",)),
    Item("27", _METHODS, "How models are put together", ("ensemble",)),
    Item("28", _METHODS, "Measures of performance", ("results",)),
    Item("29", _METHODS, "Uncertainty and significance", ("comparisons", "results")),
    Item("30", _METHODS, "Robustness and sensitivity", ("controls", "seeds", "subgroups")),
    Item("31", _METHODS, "Explanation of predictions", ("attention", "kept")),
    Item("32", _METHODS, "Evaluation on internal data", ("internal",)),
    Item("33", _METHODS, "Test on external data", ("external",)),
    Item("34", _METHODS, "Registration as a clinical trial"),
    Item("35", _RESULTS, "Numbers included and excluded, with a diagram", ("flow", "selection")),
    Item("36", _RESULTS, "Characteristics of the cases, by partition", ("partitions", "characteristics")),
    Item("37", _RESULTS, "Performance with its uncertainty", ("results", "calibration")),
    Item("38", _RESULTS, "Diagnostic accuracy with its precision", ("results",)),
    Item("39", _RESULTS, "What goes wrong, and where", ("errors", "subgroups"), "a reading of the wrong cases"),
    Item("40", _DISCUSSION, "Limitations", ("limits",), "limitations of this study beyond the figures"),
    Item("41", _DISCUSSION, "What it means for practice"),
    Item("42", _OTHER, "Protocol and technical details", ("plan", "software"), "a reference to the protocol"),
    Item("43", _OTHER, "Availability of software, models and data", ("digests",), "where they can be had"),
    Item("44", _OTHER, "Funding and the role of funders"),
), caution="Numbers and topics agree with a public summary of the guideline; they were not compared with the published "
           "table itself: do so before submission.")
