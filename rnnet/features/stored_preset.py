"""A preset of radiomics put into the stored plan of a data set."""

from __future__ import annotations

from collections.abc import Iterable

from rnnet.core.codec import artefact_inputs
from rnnet.core.errors import StaleArtefactError
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import read_plan_of
from rnnet.features.presets import with_preset
from rnnet.features.radiomics_cache import radiomics_digest
from rnnet.planning.plan import ExperimentPlan, write_plan


def store_preset(
    workspace: Workspace, name: str, plan_name: str, preset: str, *, configs: Iterable[str]
) -> ExperimentPlan:
    """The plan of a data set with the fields of a preset, written in place of the stored one.

    configs: those that use radiomics.

    Raises:
        UnknownComponentError: no such preset.
        StaleArtefactError: the features would change, and a model of `configs` was trained on those of the plan: it
            would be given features that only have the same names.
    """
    path = workspace.preprocessed_dataset(name).plans_json(plan_name)
    old = read_plan_of(workspace, name, plan_name)
    new = with_preset(old, preset)
    if radiomics_digest(new.features) != radiomics_digest(old.features):
        results = workspace.results_dataset(name, plan_name)
        for config in configs:
            if any(fold.tabular_model.is_file() for fold in results.folds(config)):
                raise StaleArtefactError(
                    f"'{config}' of {name} was trained on the radiomics of the plan '{plan_name}', which preset "
                    f"'{preset}' would change.", where=results.config(config),
                    fix=f"Make another plan (rnnet_plan_experiment -d {name} -p OTHER) and use it with -p OTHER, or "
                        "delete the trained configuration.",
                )
    if new != old:
        write_plan(path, new, inputs=artefact_inputs(path, made_by="rnnet_plan_experiment"))
    return new
