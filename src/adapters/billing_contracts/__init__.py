"""The contract suites of the ports: inherit one to prove an adapter.

A suite is a class of tests. To run it, subclass it under a name that begins with ``Test`` and give the
fixture that its docstring names. Suites use pytest and pytest-asyncio (mode ``auto``), and know nothing but
the port. `billing_contracts.examples` has values to store.
"""
