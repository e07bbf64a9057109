"""A trained configuration: its fold models, its threshold, and what they say of lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnet.core.errors import MissingStageError, SettingError, StaleArtefactError, UnknownComponentError
from rnnet.core.types import CONFIGS, IMAGING_CONFIGS, LesionCase, LesionPrediction
from rnnet.core.workspace import ResultsLayout, Workspace, trained_folds
from rnnet.dataset.manifest import Manifest, read_manifest
from rnnet.evaluation.deciding import decide
from rnnet.evaluation.decision import Decision
from rnnet.evaluation.predictions import ensemble
from rnnet.experiment.access import read_plan_of
from rnnet.features.table import FeatureTable
from rnnet.fusion.blocks import IMAGING, IMAGING_PART, USES_IMAGING, USES_RADIOMICS
from rnnet.fusion.remarks import prediction_remarks
from rnnet.fusion.tabular import TabularModel
from rnnet.fusion.trained_with import check_imaging_models, load_trained
from rnnet.inference.parts import decide_parts
from rnnet.inference.strippers import training_strippers
from rnnet.networks.classifier import Classifier
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.fold_record import training_command
from rnnet.training.loader import ReadCase
from rnnet.training.predict import ClassifierInfo, load_classifier, predict_cases

Predictions = tuple[LesionPrediction, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImagingModel:
    """A loaded classifier and what it is."""

    classifier: Classifier
    info: ClassifierInfo


@dataclass(frozen=True, slots=True, eq=False)
class FoldModel:
    """The models of one fold. A full stacking model ('all') averages the imaging logits of all folds."""

    name: str
    imaging: tuple[ImagingModel, ...]
    tabular: TabularModel | None

    def imaging_predictions(self, cases: Sequence[LesionCase], read_case: ReadCase) -> Predictions:
        """What the imaging part alone says; empty without an imaging part."""
        if not self.imaging:
            return ()
        return ensemble([
            predict_cases(m.classifier, m.info, cases, read_case, mirror_tta=m.info.plan.finetune.mirror_tta)
            for m in self.imaging
        ])

    def final_predictions(
        self, cases: Sequence[LesionCase], imaging: Predictions, radiomics: FeatureTable | None
    ) -> Predictions:
        """What the whole configuration says, given what its imaging part says."""
        if self.tabular is None:
            return imaging
        return self.tabular.predict(cases, radiomics=radiomics, imaging_logits=_logits(imaging))

    def inputs(
        self, cases: Sequence[LesionCase], imaging: Predictions, radiomics: FeatureTable | None
    ) -> dict[str, tuple[str, ...]]:
        """By case id, the blocks of inputs that the prediction comes from; () where the lesion has none."""
        if self.tabular is None:
            return {case.case_id: (IMAGING,) for case in cases}
        return self.tabular.inputs_of(cases, radiomics=radiomics, imaging_logits=_logits(imaging))


@dataclass(frozen=True, slots=True)
class BundlePredictions:
    """Predictions by fold, of the whole configuration and of its imaging part alone.

    inputs: by fold and case id, the blocks of inputs that the prediction comes from.
    """

    folds: Mapping[str, Predictions]
    imaging: Mapping[str, Predictions]
    inputs: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def joined(self) -> Predictions:
        """The ensemble of the folds."""
        return ensemble(list(self.folds.values()))

    def inputs_of(self, case_id: str) -> tuple[tuple[str, ...], ...]:
        """The different combinations of blocks that the folds used for a lesion: one, unless a fold lacks a model."""
        return tuple(dict.fromkeys(of[case_id] for of in self.inputs.values()))


@dataclass(frozen=True, slots=True, eq=False)
class ModelBundle:
    """Everything that prediction with one configuration needs.

    decision: calibration, threshold and conformal limits. part_decisions: those of lesions that lack a block of inputs,
    by the blocks that they have. imaging_decision: of the imaging part alone, where a stacking model has one.
    """

    dataset: str
    config: str
    plan: ExperimentPlan
    manifest: Manifest
    decision: Decision
    folds: tuple[FoldModel, ...]
    # What the training scans were skull-stripped with, as the training runs recorded it; empty if they did not.
    skull_strippers: tuple[str, ...] = ()
    part_decisions: Mapping[tuple[str, ...], Decision] = field(default_factory=dict)
    imaging_decision: Decision | None = None

    def decision_of(self, inputs: Sequence[tuple[str, ...]]) -> Decision:
        """The decision for a lesion with these inputs, as BundlePredictions.inputs_of gives them."""
        return self.part_decisions.get(inputs[0], self.decision) if len(inputs) == 1 else self.decision

    @property
    def needs_radiomics(self) -> bool:
        """Whether the configuration uses radiomics."""
        return self.config in USES_RADIOMICS

    @classmethod
    def load(
        cls, workspace: Workspace, dataset: str, plan_name: str, *, config: str, folds: Sequence[str] | None,
        device: str,
    ) -> ModelBundle:
        """The trained folds of a configuration, or those that are named.

        Raises:
            UnknownComponentError: no such configuration.
            MissingStageError: it, or a named fold of it, is not trained.
            StaleArtefactError: it was trained on other crops, preprocessing or radiomics than the plan describes, or on
                logits of other imaging models than those that are there.
        """
        if config not in CONFIGS:
            raise UnknownComponentError.of("configuration", config, CONFIGS)
        plan = read_plan_of(workspace, dataset, plan_name)
        results = workspace.results_dataset(dataset, plan_name)
        command = "rnnet_fuse" if config in USES_IMAGING else f"rnnet_train {dataset} FOLD -c {config}"
        names = list(folds) if folds else trained_folds(results, config, command)
        check_imaging_models(results, config, names)
        models = tuple(_load_fold(results, config, name, plan, device) for name in names)
        manifest = read_manifest(workspace.raw_dataset(dataset))
        decision = decide(results, config, plan)
        strippers = training_strippers(results.fold(config, name) for name in names)
        return cls(
            dataset, config, plan, manifest, decision, models, strippers, decide_parts(results, config, plan),
            decide(results, IMAGING_PART, plan) if config in USES_IMAGING else None,
        )

    def predict(
        self, cases: Sequence[LesionCase], read_case: ReadCase, radiomics: FeatureTable | None
    ) -> BundlePredictions:
        """What every fold says of every case."""
        imaging = {f.name: f.imaging_predictions(cases, read_case) for f in self.folds}
        final = {f.name: f.final_predictions(cases, imaging[f.name], radiomics) for f in self.folds}
        inputs = {f.name: f.inputs(cases, imaging[f.name], radiomics) for f in self.folds}
        return BundlePredictions(final, {name: said for name, said in imaging.items() if said}, inputs)

    def warnings(
        self, cases: Sequence[LesionCase], radiomics: FeatureTable | None, said: BundlePredictions
    ) -> dict[str, tuple[str, ...]]:
        """By case id, what makes the prediction less sure."""
        fold = next((f for f in self.folds if f.tabular is not None), None)
        if fold is None or fold.tabular is None:
            return {}
        logits = _logits(said.imaging.get(fold.name, ()))
        return prediction_remarks(fold.tabular, cases, radiomics=radiomics, imaging_logits=logits)


def _logits(predictions: Predictions) -> dict[str, float] | None:
    return {p.case_id: p.logit for p in predictions} or None


def _load_fold(
    results: ResultsLayout, config: str, name: str, plan: ExperimentPlan, device: str
) -> FoldModel:
    layout = results.fold(config, name)
    if config in IMAGING_CONFIGS:
        if not layout.checkpoint_best.is_file():
            raise MissingStageError(f"Fold {name} of '{config}' is not trained.", where=layout.folder,
                                    fix=f"Run {training_command(results, config, name)}.")
        return FoldModel(name, (_load_imaging(results, config, name, plan, device),), None)
    tabular = load_trained(layout.tabular_model, plan)
    if config not in USES_IMAGING:
        return FoldModel(name, (), tabular)
    parts = trained_folds(results, IMAGING_PART, "rnnet_train") if name == "all" else [name]
    return FoldModel(name, tuple(_load_imaging(results, IMAGING_PART, p, plan, device) for p in parts), tabular)


def _load_imaging(
    results: ResultsLayout, config: str, fold: str, plan: ExperimentPlan, device: str
) -> ImagingModel:
    path = results.fold(config, fold).checkpoint_best
    classifier, info = load_classifier(path, device)
    if info.control:
        raise SettingError(
            f"The model is the negative control '{info.control}', not a model to predict with.", where=path,
            fix=f"Train again: {training_command(results, config, fold)}.",
        )
    if info.positive_outcome != plan.positive_outcome:
        raise SettingError(
            f"The model's positive outcome is '{info.positive_outcome}', the plan's is '{plan.positive_outcome}'.",
            where=path, fix="Train again.",
        )
    if (info.plan.crop, info.plan.preprocessing) != (plan.crop, plan.preprocessing):
        raise StaleArtefactError(
            "The model was trained on other crops or other preprocessing than the plan describes.", where=path,
            fix=f"Train again: {training_command(results, config, fold)}.",
        )
    return ImagingModel(classifier, info)
