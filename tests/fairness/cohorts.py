"""Small tables that can be audited, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fairness.declaration import Declaration


def declaration(**keys: Any) -> Declaration:
    """Declare sensitivity by sex; ``keys`` stand in place of that."""
    usual: dict[str, Any] = {
        "title": "test",
        "metrics": [{"name": "sensitivity", "margin": 0.05}],
        "groups": [{"attribute": "sex"}],
    }
    return Declaration.model_validate(usual | keys)


def predictions(n_patients: int = 6, units: int = 4) -> pd.DataFrame:
    """Half of the units have the condition, half of these are found."""
    patients = np.repeat([f"p{i}" for i in range(n_patients)], units)
    n = len(patients)
    return pd.DataFrame(
        {
            "patient": patients,
            "unit": [f"u{i}" for i in range(n)],
            "truth": np.arange(n) % 2,
            "prediction": np.arange(n) % 4 // 3,
            "score": np.linspace(0, 1, n),
        }
    )


def subjects(n_patients: int = 6) -> pd.DataFrame:
    """Women and men in turn, older and older, watched for a day."""
    return pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(n_patients)],
            "sex": ["F" if i % 2 else "M" for i in range(n_patients)],
            "age": [20 + 10 * i for i in range(n_patients)],
            "monitored_h": 24.0,
        }
    )
