from pathlib import Path

from setuptools import find_packages, setup

COMMANDS = (
    "verify_dataset_integrity",
    "extract_fingerprint",
    "plan_experiment",
    "preprocess",
    "plan_and_preprocess",
    "pretrain",
    "train",
    "fuse",
    "predict",
    "evaluate",
    "explain",
    "download_assets",
    "demo",
)

setup(
    name="rnnet",
    version="0.1.0",
    description="A self-configuring, self-supervised, multimodal classifier of lesions on MRI",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["rnnet", "rnnet.*"]),
    package_data={"rnnet": ["py.typed"]},
    install_requires=[
        "torch>=2.4",
        "numpy>=1.26",
        "scipy>=1.11",
        "pandas>=2.1",
        "scikit-learn>=1.7",
        "SimpleITK>=2.3",
        "nibabel>=5.2",
        "tqdm>=4.66",
        "joblib>=1.4",
        "matplotlib>=3.8",
        "blosc2>=3.0",
        "batchgenerators>=0.25",
        "acvl-utils>=0.2.3",
        "HD-BET>=2.0.1",
        "nnunetv2>=2.5.1,<2.6",
        "pyradiomics-bhklab>=3.1.4",
        "deepbet>=1.0.2",
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "hypothesis>=6.100",
            "ruff>=0.6",
            "mypy>=1.11",
            "import-linter>=2.0",
            "pandas-stubs",
            "types-tqdm",
        ],
    },
    entry_points={"console_scripts": [f"rnnet_{name} = rnnet.cli.{name}:main" for name in COMMANDS]},
)
