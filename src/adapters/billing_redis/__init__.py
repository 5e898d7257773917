"""Redis, for what may be lost at any time: a cache, the carrying of events, rate limits."""

from billing_redis.cache import RedisAccessCache
from billing_redis.link import RedisLink, open_redis
from billing_redis.publisher import RedisEventPublisher
from billing_redis.rate_limits import Allowance, RateLimiter

__all__ = ["Allowance", "RateLimiter", "RedisAccessCache", "RedisEventPublisher", "RedisLink", "open_redis"]
