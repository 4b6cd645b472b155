"""One run of an AutoML job: looks at the data and at what is installed, or trains one algorithm and rates it.

Run as ``python -m automl`` with this package's folder on the path. What it is to do is JSON in the variable
``AMLREST_EMULATOR_AUTOML``; what it finds goes to ``outputs/automl.json``. Models are not kept.
"""
