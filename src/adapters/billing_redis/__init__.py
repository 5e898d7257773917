"""Redis, for what may be lost at any time: a cache, the carrying of events, rate limits.

The driver's import is a sixth of a command's start, and most commands ask Redis for nothing: these names are imported
when somebody first asks for one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from billing_redis.cache import RedisAccessCache
    from billing_redis.link import RedisLink, open_redis
    from billing_redis.publisher import RedisEventPublisher
    from billing_redis.rate_limits import Allowance, RateLimiter
else:
    _ASKING: Final = {
        "Allowance": "rate_limits",
        "RateLimiter": "rate_limits",
        "RedisAccessCache": "cache",
        "RedisEventPublisher": "publisher",
        "RedisLink": "link",
        "open_redis": "link",
    }

    def __getattr__(name: str) -> object:
        if name not in _ASKING:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_ASKING[name]}"), name)


__all__ = ["Allowance", "RateLimiter", "RedisAccessCache", "RedisEventPublisher", "RedisLink", "open_redis"]
