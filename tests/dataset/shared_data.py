"""Data sets that share the scans of another one."""

from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.leakage_sources import names_to_carry
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids
from tests.factories import write_raw_dataset


def selection_of(root, home, name, scans):
    """A data set that shares some scans of `home`, as rnnet_select_cohort writes it."""
    layout, dataset = RawLayout(root / name), read_dataset(home)
    chosen = {s.scan_id: s for s in dataset.scans if s.scan_id in scans}
    cases = [c for c in dataset.cases if c.scan_id in chosen]
    write_cases(layout, dataset.manifest, cases, chosen, sources={k: source_of(s) for k, s in chosen.items()})
    write_other_ids(layout, names_to_carry(home, {c.patient_id for c in cases}))
    write_manifest(layout, dataset.manifest)
    return layout


def write_followed(root):
    """Dataset005_Home: four patients on two scans each, P000_s1 and P004_s1 of the patient P000 and so on."""
    layout = write_raw_dataset(root, name="Dataset005_Home", n_patients=8, n_test=0, lesions_per_patient=1)
    table = layout.cases_csv.read_text()
    for number in range(4, 8):
        table = table.replace(f",P00{number},", f",P00{number - 4},")
    layout.cases_csv.write_text(table)
    return layout
