"""A small tree as NYUMets-Brain is released."""

import numpy as np

from rnnet.core.volume import write_volume
from tests.dataset.converters.conversion import SHAPE_ZYX, blobs
from tests.factories import make_volume

FLAGS = ("T1", "CT1", "T2", "FLAIR", "RTSTRUCT_MRI", "RTSTRUCT_segmentation")


def study_folder(root, patient, study):
    return root / "imaging" / "patientId" / patient / "studyId" / study


def write_study(root, patient, study, series, *, n_lesions=1, seed=0, soft=False):
    """Files of one study; soft: the segmentation was interpolated."""
    image = make_volume(SHAPE_ZYX, seed=seed)
    for name in series:
        array = image.array
        if name == "RTSTRUCT_segmentation":
            array = (blobs(n_lesions) > 0).astype(np.float32)
            if soft:
                array = np.maximum(array, 0.4 * np.roll(array, 1, axis=2)).astype(np.float32)
        elif name == "RTSTRUCT_MRI":
            array = array * 2
        write_volume(study_folder(root, patient, study) / f"{name}.nii.gz", image.with_array(array))


def write_csv(root, rows, *, name="nyumets_brain_imaging.csv"):
    """rows: (PatientID, StudyID, RelativeTimepoint, ExpertAdjusted, names of the series that are flagged)."""
    lines = [",".join(["PatientID", "StudyID", "RelativeTimepoint", "ExpertAdjusted", *FLAGS])]
    for patient, study, time, adjusted, series in rows:
        lines.append(",".join([patient, study, time, adjusted, *("1" if f in series else "0" for f in FLAGS)]))
    (root / name).write_text("\n".join(lines) + "\n")


def write_tree(root):
    """Two patients, three studies: segmented, CT1 only, and segmented without the planning image."""
    write_study(root, "00012345", "0000000011", FLAGS, n_lesions=2, seed=1, soft=True)
    write_study(root, "00012345", "0000000012", ("T1", "CT1", "FLAIR"), seed=2)
    write_study(root, "20000001", "3000000013", ("CT1", "RTSTRUCT_segmentation"), seed=3)
    write_csv(root, [
        ("12345", "11", "-30", "1", FLAGS), ("12345.0", "12", "61", "0", ("T1", "CT1", "FLAIR")),
        ("20000001", "3000000013", "0", "0", ("CT1", "RTSTRUCT_segmentation")),
    ])
    return root
