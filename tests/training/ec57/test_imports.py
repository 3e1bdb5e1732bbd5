"""Who scores needs no torch, and loads pandas only with wfdb, when files are read."""

import subprocess
import sys


def test_importing_the_scorer_loads_neither_torch_nor_pandas_nor_wfdb():
    code = (
        "import sys, training.ec57, training.ec57.html;"
        "print(sorted({'torch', 'pandas', 'wfdb', 'deploy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
