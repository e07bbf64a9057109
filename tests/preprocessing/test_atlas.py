from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import FileFormatError, MissingWeightsError
from rnnet.core.volume import Volume, write_volume
from rnnet.preprocessing.atlas import Atlas, load_atlas
from tests.factories import write_atlas

HEAD, BRAIN = "t1_brats_space", "t1_skullstripped_brats_space"


def test_a_stored_atlas_is_read_back(tmp_path: Path, atlas: Atlas) -> None:
    loaded = load_atlas(write_atlas(tmp_path, atlas))
    for one, other in ((loaded.head, atlas.head), (loaded.brain, atlas.brain)):
        np.testing.assert_array_equal(one.array, other.array)
        assert one.array.dtype == np.float32
        assert one.same_grid(other)


def test_files_that_agree_in_world_space_but_not_by_array_index_are_brought_together(
    tmp_path: Path, atlas: Atlas
) -> None:
    # As the two files of SRI24 are stored.
    for name, volume, code in ((HEAD, atlas.head, "LPI"), (BRAIN, atlas.brain, "RPS")):
        write_volume(tmp_path / f"sri24_{name}.nii.gz", Volume.from_sitk(sitk.DICOMOrient(volume.to_sitk(), code)))
    loaded = load_atlas(tmp_path)
    np.testing.assert_array_equal(loaded.head.array, atlas.head.array)
    np.testing.assert_array_equal(loaded.brain.array, atlas.brain.array)


@pytest.mark.parametrize("missing", [HEAD, BRAIN])
def test_a_missing_file_names_the_ways_to_get_it(missing: str, tmp_path: Path, atlas: Atlas) -> None:
    write_atlas(tmp_path, atlas)
    (tmp_path / f"{missing}.nii.gz").unlink()
    with pytest.raises(MissingWeightsError, match=missing) as caught:
        load_atlas(tmp_path)
    assert "rnnet_download_assets" in caught.value.fix
    assert "--atlas" in caught.value.fix


@pytest.mark.parametrize(
    "change", [{"origin_xyz_mm": (0.0, 0.0, 1.0)}, {"spacing_zyx_mm": (1.0, 1.0, 1.2)}], ids=["origin", "spacing"]
)
def test_two_files_on_different_grids_are_refused(change: dict[str, object], tmp_path: Path, atlas: Atlas) -> None:
    write_atlas(tmp_path, replace(atlas, brain=replace(atlas.brain, **change)))  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match="do not share one grid"):
        load_atlas(tmp_path)


def test_an_atlas_of_other_voxels_than_1_mm_is_refused(tmp_path: Path, atlas: Atlas) -> None:
    head, brain = (replace(volume, spacing_zyx_mm=(2.0, 2.0, 2.0)) for volume in (atlas.head, atlas.brain))
    write_atlas(tmp_path, replace(atlas, head=head, brain=brain))
    with pytest.raises(FileFormatError, match="1 mm"):
        load_atlas(tmp_path)


def test_atlases_are_equal_by_their_digest(tmp_path: Path, atlas: Atlas) -> None:
    first, second = (load_atlas(write_atlas(tmp_path / name, atlas)) for name in "ab")
    brighter = replace(atlas, head=atlas.head.with_array(atlas.head.array * 2))
    other = load_atlas(write_atlas(tmp_path / "c", brighter))
    assert first == second
    assert hash(first) == hash(second)
    assert first != other
