"""An Azure Machine Learning workspace on this machine. See docs/emulator.md."""
