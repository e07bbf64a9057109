import pytest

from rnnet.core.codec import write_artefact
from rnnet.core.errors import RnnetError
from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import Workspace
from rnnet.evaluation.predictions import ensemble, sigmoid, write_predictions
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST, Evaluation, subset_file, summarise
from trials.arms import MAIN, TRIALS
from trials.paired import paired_difference
from trials.tables import _controls_table, _seeds_table, insert, main, trial_tables

TRIAL = TRIALS["nodules"]
DATASET, SECOND = "Dataset011_Nodules", "Dataset013_NodulesThick"
SIZES = {CROSS_VALIDATION: 8, SAME_CENTER_TEST: 12, SECOND: 12}


def _predictions(n, *, right, start=0):
    """n lesions of n / 2 patients; a `right` model ranks every one rightly, another one only half of them."""
    rows = []
    for i in range(start, start + n):
        y = i // 2 % 2
        logit = (1.0 if y else -1.0) * (1 if right or i % 2 else -1) * (1 + i / 10)
        rows.append(LesionPrediction(f"case{i}", f"P{i // 2}", "A", "test", y, logit, sigmoid(logit)))
    return rows


def _write_arm(root, arm, configs):
    results = Workspace.under(root).results_dataset(DATASET, arm)
    summaries = []
    for config in configs:
        for subset, n in SIZES.items():
            folds = [
                _predictions(n, right=config == "ssl_vit", start=n * fold if subset == CROSS_VALIDATION else 0)
                for fold in range(2)
            ]
            for fold, rows in enumerate(folds):
                layout = results.fold(config, fold)
                write_predictions(layout.predictions(subset_file(subset)), rows, positive_outcome="poorly_defined")
                layout.checkpoint_best.touch()
            summaries.append(summarise(
                config, subset, folds, threshold=0.5, positive_outcome="poorly_defined", negative_outcome="sharp",
                seed=0, n_resamples=50,
            ))
    write_artefact(results.report.summary_json, Evaluation(DATASET, arm, tuple(summaries)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    for name in (DATASET, SECOND):
        (Workspace.under(folder).raw / name).mkdir(parents=True)
    _write_arm(folder, MAIN, ("ssl_vit", "vit_scratch"))
    _write_arm(folder, "labels_25", ("ssl_vit", "vit_scratch"))
    _write_arm(folder, "finetuned_longer", ("ssl_vit", "vit_scratch"))
    _write_arm(folder, "plain_views", ("ssl_vit",))
    return folder


def test_the_tables_name_the_positive_class_and_what_was_not_run(root):
    text = trial_tables(TRIAL, root)
    assert text.startswith("Positive class in every table: poorly_defined.")
    assert "Not run: labels_50, restoration_only" in text


def test_the_best_model_has_an_auc_of_one_with_its_folds(root):
    row = next(line for line in trial_tables(TRIAL, root).splitlines() if line.startswith("| `ssl_vit` |"))
    assert row.count("1.00 (1.00 to 1.00); 1.00 ± 0.00") == 3


def test_the_difference_between_models_stands_in_the_table(root):
    lines = trial_tables(TRIAL, root).splitlines()
    row = next(line for line in lines if line.startswith("| `ssl_vit` - `vit_scratch`"))
    assert row.count("+") == 9


def test_label_shares_and_ablations_have_their_rows(root):
    text = trial_tables(TRIAL, root)
    assert "| 25 % of the training labels | `vit_scratch` |" in text
    assert "on the fold's whole labelled validation part" in text
    assert "| all labels | difference |" in text
    assert "| views by mirroring and shift alone |" in text
    ways = ("as planned", "fine-tuned for 100 epochs, as the planner would")
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("|")}
    for way in ways:
        # Every ranking of `ssl_vit` is right, and half of those of `vit_scratch`.
        assert rows[way].count("1.00 (1.00 to 1.00)") == 3
        assert "1.00 (1.00 to 1.00)" not in rows[f"{way}, `vit_scratch`"]
        assert rows[f"{way}, difference"].count("+") == 9


def test_models_trained_several_times_have_their_spread_and_the_difference_of_their_means():
    def spread(config, *aucs):
        return SeedSpread(config, CROSS_VALIDATION, "", "sharp", 4, 4, ("0",), tuple(range(len(aucs))), aucs)

    found = Evaluation(DATASET, MAIN, (), seeds=(spread("vit_scratch", 0.5, 0.6), spread("ssl_vit", 0.7, 0.9)))
    rows = _seeds_table(found, {CROSS_VALIDATION: "cross-validation", "test": "test"})[1].splitlines()[2:]
    assert rows == [
        "| `ssl_vit` | 0.80 ± 0.14 (0.70 to 0.90; 2) |  |", "| `vit_scratch` | 0.55 ± 0.07 (0.50 to 0.60; 2) |  |",
        "| difference of the means | +0.25 |  |",
    ]
    assert _seeds_table(Evaluation(DATASET, MAIN, ()), {}) == []


def test_controls_stand_with_what_their_figures_should_be():
    interval = Interval(0.5, 0.4, 0.6, 50)
    control = ControlResult(
        "ssl_vit", "shuffled_labels", CROSS_VALIDATION, "", "poorly_defined", 4, 4, ("0",), interval, None
    )
    evaluation = Evaluation(DATASET, MAIN, (), (control,))
    *_, table, notes = _controls_table(evaluation, {CROSS_VALIDATION: "cross-validation"})
    assert "| `shuffled_labels` | 0.50 (0.40 to 0.60) |" in table
    assert "One dealing alone can lie far above or below" in notes
    assert "pretrain.probe.patience" in notes


def test_a_model_does_not_differ_from_itself():
    rows = list(ensemble([_predictions(12, right=False)]))
    interval = paired_difference(rows, rows)
    assert (interval.low, interval.value, interval.high) == (0, 0, 0)


def test_a_better_model_differs_by_the_difference_of_the_aucs():
    interval = paired_difference(_predictions(12, right=True), _predictions(12, right=False))
    assert 0 < interval.low <= interval.value <= interval.high
    assert interval.value == pytest.approx(0.5, abs=0.2)


def test_the_tables_replace_what_stood_between_the_marks():
    document = "before\n<!-- nodules:begin -->\nold\n<!-- nodules:end -->\nafter\n"
    once = insert(document, "nodules", "| new |\n")
    assert once == "before\n<!-- nodules:begin -->\n\n| new |\n\n<!-- nodules:end -->\nafter\n"
    assert insert(once, "nodules", "| new |\n") == once


def test_a_document_without_the_marks_is_refused():
    with pytest.raises(RnnetError, match="phantom:begin"):
        insert("no marks", "phantom", "")


def test_the_command_writes_into_the_document(root, tmp_path):
    page = tmp_path / "evidence.md"
    page.write_text("<!-- nodules:begin -->\n<!-- nodules:end -->\n")
    assert main(["nodules", str(root), "--document", str(page)]) == 0
    assert "Label efficiency" in page.read_text()


def test_without_the_main_arm_there_are_no_tables(tmp_path, capsys):
    for name in (DATASET, SECOND):
        (Workspace.under(tmp_path).raw / name).mkdir(parents=True)
    assert main(["nodules", str(tmp_path)]) == 2
    assert "The main arm is not finished" in capsys.readouterr().err
