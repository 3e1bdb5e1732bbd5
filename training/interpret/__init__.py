"""Why a beat was called so: attributions, tests of them, and models that tell it themselves."""
