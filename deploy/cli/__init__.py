"""The command ``vigil``."""

from deploy.cli.main import main

__all__ = ["main"]
