"""Every port in plain Python: verified fakes, for tests and for trying things out.

They pass the same contract suites (`billing_contracts`) as the real adapters, say in their ``repr`` that
they are fakes, and never wait for anything, so that `run` drives them without an event loop. The one
exception: a lock that another unit of work holds is waited for while an event loop runs.
"""

from billing_core.use_cases.catalog_prices import CatalogPriceBook
from billing_memory.cache import MemoryAccessCache
from billing_memory.clock import ManualClock
from billing_memory.ids import SequentialIds
from billing_memory.provider.fake import FakeProvider, Trouble
from billing_memory.publisher import MemoryPublisher
from billing_memory.running import run
from billing_memory.store import MemoryStore
from billing_memory.unit_of_work import MemoryUnitOfWork, MemoryUnitsOfWork

__all__ = [
    "CatalogPriceBook",
    "FakeProvider",
    "ManualClock",
    "MemoryAccessCache",
    "MemoryPublisher",
    "MemoryStore",
    "MemoryUnitOfWork",
    "MemoryUnitsOfWork",
    "SequentialIds",
    "Trouble",
    "run",
]
