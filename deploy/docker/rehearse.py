"""Run the steps of an image without a container engine: in a clean Debian under a folder.

``python -m deploy.docker.rehearse monitor`` makes a minimal Debian by debootstrap, runs the
instructions of the target and of the stages it copies from in it by chroot, starts what the image
would start, as its user, with ``--help``, and tells its size. It needs root, and Debian's apt.
It shows that the steps work and what comes of them; layers, health checks, networks and the
engine itself it does not try.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.docker.dockerfile import Instruction, Stage, lineage, read
from ingest.errors import InputError

HERE = Path(__file__).parent
SOURCE = HERE.parents[1]
_FROM_HOST = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
"""How this machine reaches packages, lent to the root."""
_CERTIFICATES, _LENT_CERTIFICATES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/run/lent.crt"),
)
"""Whom this machine trusts: packages may come by way of its own authority."""


class Rehearsal:
    """A folder with one root a stage.

    Parameters
    ----------
    folder : Path
        Where to; some GiB.
    stages : dict of str to Stage
        The Dockerfile.
    """

    def __init__(self, folder: Path, stages: dict[str, Stage]) -> None:
        self._folder, self._stages = folder, stages

    def make(self, target: str) -> Path:
        """Make a stage and all that it stands on; return its root."""
        root = self._folder / target
        if root.exists():
            return root
        stage = self._stages[target]
        if stage.parent in self._stages:
            parent = self.make(stage.parent)
        else:
            parent = self._debian(stage.parent)
        subprocess.run(["cp", "-a", "--reflink=auto", parent, root], check=True)
        env: dict[str, str] = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        }
        for before in lineage(self._stages, target)[:-1]:
            for instruction in before.instructions:
                _note_env(env, instruction)
        for instruction in stage.instructions:
            self._take(root, instruction, env)
        return root

    def start(self, target: str) -> None:
        """Start the image's command with ``--help``, as its user."""
        root, env = self.make(target), {"PATH": "/usr/bin:/bin"}
        entry: list[str] = []
        command: list[str] = []
        user = "0:0"
        for stage in lineage(self._stages, target):
            for instruction in stage.instructions:
                _note_env(env, instruction)
                if instruction.name == "ENTRYPOINT":
                    entry = instruction.words()
                elif instruction.name == "CMD":
                    command = instruction.words()
                elif instruction.name == "USER":
                    user = instruction.text
        words = [*entry, *(word for word in command if word != "--help"), "--help"]
        done = self._chroot(root, ["--userspec", user], words, env)
        print(done.stdout.decode(errors="replace"))

    def size_mib(self, target: str) -> float:
        """Return what the files of an image take, MiB."""
        done = subprocess.run(
            ["du", "-sxk", self._folder / target], capture_output=True, check=True
        )
        return int(done.stdout.split()[0]) / 1024

    def _debian(self, image: str) -> Path:
        """Make a minimal Debian of the release that an image such as debian:bookworm-slim has."""
        root = self._folder / "debian"
        if not root.exists():
            name, _, tag = image.partition(":")
            if name != "debian":
                raise InputError(f"can make debian:RELEASE only, not {image}")
            release = tag.removesuffix("-slim")
            tool = self._debootstrap()
            env = {**os.environ, "DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")}
            script = str(tool / "usr/sbin/debootstrap")
            half = self._folder / "debian.half"
            shutil.rmtree(half, ignore_errors=True)  # of somebody who was interrupted
            words = [script, "--variant=minbase", release, str(half), _mirror()]
            subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL)
            shutil.copytree("/etc/apt", half / "etc/apt", dirs_exist_ok=True)
            for path in map(Path, _FROM_HOST):
                if path.exists():
                    shutil.copy(path, half / path.relative_to("/"))
            if _CERTIFICATES.exists():
                shutil.copy(_CERTIFICATES, half / _LENT_CERTIFICATES.relative_to("/"))
            half.rename(root)
        return root

    def _debootstrap(self) -> Path:
        tool = self._folder / "debootstrap"
        tool.mkdir(exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", "debootstrap"], cwd=tool, check=True)
        subprocess.run(["dpkg", "-x", *map(str, tool.glob("*.deb")), str(tool)], check=True)
        return tool

    def _take(self, root: Path, instruction: Instruction, env: dict[str, str]) -> None:
        print(f"{instruction.name} {instruction.text[:100]}", flush=True)
        _note_env(env, instruction)
        if instruction.name == "RUN":
            shell = ["/bin/bash", "-euo", "pipefail", "-c", instruction.text]
            lent = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or "proxy" in k}
            lent["PIP_CERT"] = str(_LENT_CERTIFICATES)
            self._chroot(root, [], shell, {**lent, **env})
        elif instruction.name == "COPY":
            self._copy(root, instruction)
        elif instruction.name == "WORKDIR":
            (root / instruction.text.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _copy(self, root: Path, instruction: Instruction) -> None:
        words = shlex.split(instruction.text)
        source = SOURCE
        if words[0].startswith("--from="):
            source = self.make(words.pop(0).removeprefix("--from="))
        *given, to = words
        target = root / to.lstrip("/")
        for name in given:
            if name == ".":  # what .dockerignore lets through
                for wanted in _context():
                    _copy_tree(source / wanted, target / wanted)
            else:
                _copy_tree(source / name.lstrip("/"), target)

    def _chroot(
        self, root: Path, options: list[str], words: list[str], env: dict[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        for device in ("null", "urandom"):
            if not (root / "dev" / device).exists():
                subprocess.run(["cp", "-a", f"/dev/{device}", root / "dev"], check=True)
        done = subprocess.run(
            ["/usr/sbin/chroot", *options, root, *words], env=env, capture_output=True, check=False
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
            raise InputError(f"{shlex.join(words)[:200]} ended with {done.returncode}: {said}")
        return done


def _note_env(env: dict[str, str], instruction: Instruction) -> None:
    if instruction.name == "ENV":
        for word in shlex.split(instruction.text):
            key, _, value = word.partition("=")
            env[key] = value.replace("$PATH", env.get("PATH", ""))


def _context() -> list[str]:
    lines = (SOURCE / ".dockerignore").read_text("utf-8").splitlines()
    return [line.strip("!/") for line in lines if line.startswith("!")]


def _copy_tree(source: Path, target: Path) -> None:
    leave = shutil.ignore_patterns("__pycache__", "target", "node_modules")
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=leave, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _mirror() -> str:
    """Return the place that this machine's apt has its packages from."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    sites = [site for site in done.stdout.split() if "security" not in site]
    if not sites:
        raise InputError("apt has no list of packages: run apt-get update")
    return sites[0]


def main() -> int:
    """Rehearse the targets that are named."""
    parser = argparse.ArgumentParser(prog="python -m deploy.docker.rehearse", description=__doc__)
    parser.add_argument("target", nargs="+", help="stage of the Dockerfile, such as monitor")
    parser.add_argument("--folder", type=Path, help="where to keep the roots; else a new one")
    told = parser.parse_args()
    folder = told.folder or Path(tempfile.mkdtemp(prefix="vigil-images-"))
    folder.mkdir(parents=True, exist_ok=True)
    made = Rehearsal(folder.resolve(), read(HERE / "Dockerfile"))
    try:
        for target in told.target:
            made.make(target)
            made.start(target)
            print(f"{target}: {made.size_mib(target):.0f} MiB in {folder / target}")
    except (InputError, subprocess.CalledProcessError) as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
