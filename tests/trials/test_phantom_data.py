from rnnet.core.volume import write_volume
from rnnet.demo.dataset import DemoDatasets
from tests.demo.small_atlas import make_atlas
from trials import phantom_data
from trials.phantom_data import SIZE, main


def test_the_demonstrations_generator_gets_seed_size_and_atlas(tmp_path, monkeypatch):
    atlas = make_atlas()
    for stem, volume in (("t1_brats_space", atlas.head), ("t1_skullstripped_brats_space", atlas.brain)):
        write_volume(tmp_path / "atlas" / f"{stem}.nii.gz", volume)
    asked = []

    def write(raw, atlas, **settings):
        asked.append((raw, atlas.head.array.shape, settings))
        return DemoDatasets()

    monkeypatch.setattr(phantom_data, "write_demo_datasets", write)
    assert main([str(tmp_path), "--atlas", str(tmp_path / "atlas"), "--seed", "5"]) == 0
    settings = {"size": SIZE, "seed": 5, "n_processes": 1}
    assert asked == [(tmp_path / "rnnet_raw", atlas.head.array.shape, settings)]


def test_the_trial_has_90_training_lesions():
    assert sum(1 + i % 3 for i in range(SIZE.n_train_patients)) == 90


def test_a_missing_atlas_is_an_error_without_a_traceback(tmp_path, capsys):
    assert main([str(tmp_path), "--atlas", str(tmp_path)]) == 2
    assert "The atlas file" in capsys.readouterr().err
