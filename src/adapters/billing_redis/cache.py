"""The cache of grants in Redis.

Per user there are three keys: the value, which carries its epoch and lives for seconds; the least version
that is still taken, which lives longer; and the marks of the changes that are announced, which ``mark_stale``
adds and ``lift`` takes away. Each step is one script, so no two of them mix. There is no value while a
change is announced. Where two changes crossed and have one version, it cannot be told which result is the latest:
one more mark, ``crossed``, keeps both out until a newer version comes or its time is over.

The epoch is one key for all. After a failed call, and after a connection to another server, marks may have
been lost: a new epoch is begun then, and all values of the old one are nothing. Who changes something tries to tell
Redis also right after a failure, which may have been a moment's, and again before it is answered that it is made:
as long as Redis can be reached nobody is served what was there before.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

from billing_core.domain.access import UserAccess
from billing_redis.joined import Joined
from billing_redis.link import FAILURES, RedisLink

__all__ = ["RedisAccessCache"]

T = TypeVar("T")

#: For so long a value is served: how stale access may be at worst, across a partition.
VALUE_MILLISECONDS = 5_000
#: After so long a change that was announced, but never lifted, no longer bars the cache.
STALE_MILLISECONDS = 5_000
#: So long an outdated value may be on its way without a chance to come back.
LEAST_VERSION_MILLISECONDS = 60_000
#: What took longer to read is not put. It is less than values and announcements live, which tell of a change meanwhile,
#: by as much as a call may be under way.
READING_SECONDS_MAX = 4.0
#: When the result of a change is told again that Redis did not take.
AGAIN_SECONDS = (0.02, 0.1)
#: Of so many users a process keeps what their values were decoded to: some kilobytes each.
DECODED_MAX = 5_000

_PUT = """
-- KEYS: epoch; value, least version and announced, for each user.  ARGV: a new epoch, lifetimes of value and version;
-- version and value, for each user
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local epoch = redis.call('GET', KEYS[1])
for user = 0, (#KEYS - 1) / 3 - 1 do
    local value_key, least_key, announced_key = KEYS[3 * user + 2], KEYS[3 * user + 3], KEYS[3 * user + 4]
    local version, least = tonumber(ARGV[2 * user + 4]), tonumber(redis.call('GET', least_key) or '-1')
    local held = redis.call('GET', value_key)
    local is_known = held and version == least and string.sub(held, 1, #epoch) == epoch
    if version >= least and not is_known and redis.call('EXISTS', announced_key) == 0 then
        redis.call('SET', value_key, epoch .. ARGV[2 * user + 5], 'PX', ARGV[2])
        redis.call('SET', least_key, version, 'PX', ARGV[3])
    end
end
return 1
"""

_MARK = """
-- KEYS: value and announced, for each user.  ARGV: how long the announcement counts, its mark
local clock = redis.call('TIME')
local until_when = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
for place = 1, #KEYS, 2 do
    redis.call('DEL', KEYS[place])
    redis.call('ZADD', KEYS[place + 1], string.format('%.0f', until_when), ARGV[2])
    redis.call('PEXPIRE', KEYS[place + 1], ARGV[1])
end
return 1
"""

_LIFT = """
-- KEYS: epoch; value, least version and announced, for each user.  ARGV: a new epoch, lifetimes of value, of version
-- and of a crossing, the mark; version and value, for each user
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local epoch, clock = redis.call('GET', KEYS[1]), redis.call('TIME')
local milliseconds = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now, crossing = string.format('%.0f', milliseconds), string.format('%.0f', milliseconds + ARGV[4])
for user = 0, (#KEYS - 1) / 3 - 1 do
    local value_key, least_key, announced_key = KEYS[3 * user + 2], KEYS[3 * user + 3], KEYS[3 * user + 4]
    redis.call('ZREMRANGEBYSCORE', announced_key, '-inf', now)
    local in_time = redis.call('ZREM', announced_key, ARGV[5]) == 1
    local crossed = redis.call('ZSCORE', announced_key, 'crossed')
    local under_way = redis.call('ZCARD', announced_key) - (crossed and 1 or 0)
    local version, least = tonumber(ARGV[2 * user + 6]), tonumber(redis.call('GET', least_key) or '-1')
    if version >= least then redis.call('SET', least_key, version, 'PX', ARGV[3]) end
    if under_way > 0 then
        redis.call('ZADD', announced_key, crossing, 'crossed')
        redis.call('PEXPIRE', announced_key, ARGV[4])
    elseif version > least or (version == least and in_time and not crossed) then
        redis.call('DEL', announced_key)
        redis.call('SET', value_key, epoch .. ARGV[2 * user + 7], 'PX', ARGV[2])
    end
end
return 1
"""

#: Bytes of an epoch, in hexadecimal.
_EPOCH_LENGTH = 16


class RedisAccessCache:
    """The cache port on Redis. While Redis is away it knows nothing, and costs next to nothing."""

    def __init__(self, link: RedisLink, *, prefix: str = "billing:access") -> None:
        self._link = link
        self._prefix = prefix
        self._epoch_key = f"{prefix}:epoch"
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(UserAccess).decode
        self._put = link.client.register_script(_PUT)
        self._mark = link.client.register_script(_MARK)
        self._lift = link.client.register_script(_LIFT)
        #: Values as they last came, and what they were decoded to: most come again and again.
        self._decoded: dict[str, tuple[bytes, UserAccess]] = {}
        self._questions = Joined(self._known_to_all)
        self._line = link.line()
        #: How often a mark of ours may have been lost, as a call failed or was not even tried.
        self._lost = 0
        #: How many of all doubts a new epoch was begun for: before it is all, no value may be trusted.
        self._settled = self._doubts

    async def get(self, user_id: str) -> UserAccess | None:
        """The grants of a user, where they are known and not stale."""
        (found,) = await self.get_all((user_id,))
        return found

    async def get_all(self, user_ids: Sequence[str]) -> tuple[UserAccess | None, ...]:
        """The same of several: one round trip for all who ask at once, as of what was committed before they asked."""
        return await self._questions.ask(user_ids)

    async def _known_to_all(self, asked: Sequence[Sequence[str]]) -> list[tuple[UserAccess | None, ...]]:
        known = await self._known({user_id for user_ids in asked for user_id in user_ids})
        return [tuple(map(known.get, user_ids)) for user_ids in asked]

    async def _known(self, users: Collection[str]) -> dict[str, UserAccess]:
        keys = [self._epoch_key, *(self._key("value", user_id) for user_id in users)]
        epoch, *values = await self._try(lambda: self._values(keys)) or (None,)
        if epoch is None:
            return {}
        found = {}
        for user_id, value in zip(users, values, strict=True):
            if value is not None and value.startswith(epoch):
                # What another version of the code has written is not known.
                with suppress(msgspec.MsgspecError):
                    found[user_id] = self._decoded_once(user_id, value)
        return found

    async def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        with self._link.watch("MGET"):
            values: list[bytes | None] = await self._line.ask("MGET", *keys)
        return values

    def _decoded_once(self, user_id: str, value: bytes) -> UserAccess:
        """What the value says; the very same object as long as it is the same value."""
        known = self._decoded.get(user_id)
        if known is not None and known[0] == value:
            return known[1]
        if len(self._decoded) >= DECODED_MAX:
            self._decoded.pop(next(iter(self._decoded)), None)
        access = self._decode(value[_EPOCH_LENGTH:])
        self._decoded[user_id] = value, access
        return access

    def moment(self) -> float:
        """Now, as this process counts."""
        return time.monotonic()

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Remember what was read, unless a newer version was seen, a change is announced, or it took too long."""
        if time.monotonic() >= begun_at + READING_SECONDS_MAX:
            return
        args = [_new_epoch(), VALUE_MILLISECONDS, LEAST_VERSION_MILLISECONDS, *self._versions_and_values(accesses)]
        await self._try(lambda: self._put(keys=self._keys(accesses), args=args))

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Forget these users until their changes are lifted."""
        mark = secrets.token_hex(8)
        keys = [self._key(name, user_id) for user_id in user_ids for name in ("value", "marks")]
        if keys:
            await self._try(lambda: self._mark(keys=keys, args=[STALE_MILLISECONDS, mark]), urgent=True)
        return mark

    async def lift(self, accesses: Collection[UserAccess], mark: str) -> None:
        """Announced changes are committed; the result of each is remembered where no other one is under way."""
        if not accesses:
            return
        lifetimes = VALUE_MILLISECONDS, LEAST_VERSION_MILLISECONDS, STALE_MILLISECONDS
        keys, args = self._keys(accesses), [_new_epoch(), *lifetimes, mark, *self._versions_and_values(accesses)]
        for seconds in AGAIN_SECONDS:
            is_told = await self._try(lambda: self._lift(keys=keys, args=args), urgent=True)
            if is_told or not self._link.breaker.may_be_a_moment:
                return
            await asyncio.sleep(seconds)
        await self._try(lambda: self._lift(keys=keys, args=args), urgent=True)

    def _key(self, name: str, user_id: str) -> str:
        return f"{self._prefix}:{name}:{user_id}"

    def _keys(self, accesses: Collection[UserAccess]) -> list[str]:
        names = ("value", "least", "marks")
        return [self._epoch_key, *(self._key(name, access.user_id) for access in accesses for name in names)]

    def _versions_and_values(self, accesses: Collection[UserAccess]) -> Iterator[int | bytes]:
        for access in accesses:
            yield access.version
            yield self._encode(access)

    async def _try(self, call: Callable[[], Awaitable[T]], *, urgent: bool = False) -> T | None:
        """What ``call`` gives; None where Redis is away, or where what it gave may be from before it was."""
        if not self._link.breaker.allows(urgent=urgent):
            self._lost += 1
            return None
        try:
            async with self._link.patience():
                await self._settle()
                result = await call()
                if await self._settle():
                    return None
        except FAILURES:
            self._lost += 1
            self._link.failed("cache")
            return None
        self._link.breaker.succeeded()
        return result

    @property
    def _doubts(self) -> int:
        """How often marks may have been lost: ours by failed calls, or everybody's with a server."""
        return self._lost + self._link.server_changes

    async def _settle(self) -> bool:
        """Where marks may have been lost, make nothing of all values, everybody's; whether they may have been."""
        doubts = self._doubts  # those that come up from now on are not settled by this
        if doubts == self._settled:
            return False
        await self._link.client.set(self._epoch_key, _new_epoch())
        self._settled = doubts
        return True


def _new_epoch() -> str:
    return secrets.token_hex(_EPOCH_LENGTH // 2)
