"""The checked-in code of ``frame.proto`` is what its generator makes.

To make it again, from the repository's root, in the development environment:

    python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. ingest/frame.proto
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["frame_pb2.py", "frame_pb2.pyi"])
def test_generated_code_matches_its_proto(name: str, tmp_path: Path) -> None:
    # The generator of another version writes another file: it is pinned in requirements/dev.txt.
    pytest.importorskip("grpc_tools", reason="grpcio-tools, of the dev group, is not installed")
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I."]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*command, *outputs, "ingest/frame.proto"], cwd=ROOT, check=True)

    assert (tmp_path / "ingest" / name).read_text() == (ROOT / "ingest" / name).read_text()
