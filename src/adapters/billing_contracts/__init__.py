"""The contract suites of the ports: inherit one to prove an adapter.

A suite is a class of tests. To run it, subclass it under a name that begins with ``Test`` and give the
fixture that its docstring names. Suites use pytest and pytest-asyncio (mode ``auto``), and know nothing but
the port. `billing_contracts.examples` has values to store.
"""

import pkgutil

import pytest

# A failed assertion then shows the values on both sides, as in a test file.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))
