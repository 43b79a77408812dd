"""What several machines share through Redis: known answers, and names of keys."""

import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import ParseError, PolicyError
from soc_copilot.domain.phishing import Analysis
from soc_copilot.phishing.breaker import PartBreaker
from soc_copilot.phishing.cache import TTL_S
from soc_copilot.phishing.sessions import MAX_EACH
from soc_copilot.phishing.tasks import decode_analysis, encode_analysis

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

PREFIX: Final = "soc-copilot:phishing:"
SCHEMES: Final = ("redis", "rediss", "unix")
_CONNECT_S: Final = 2.0  # chosen: a local network answers in milliseconds
_READ_S: Final = 5.0  # chosen: a Redis that writes its file may be slow for a moment
_HEALTH_S: Final = 15  # chosen: a connection idle for longer is tried before it is used
_OPEN_S: Final = 5.0  # chosen: a restart takes about that long


def connect(url: str) -> "Redis":
    """A connection to Redis; nothing is sent yet.

    Raises:
        PolicyError: The URL is none, or the package for it is not installed.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise PolicyError(
            "The Redis URL must begin with redis://, rediss:// (TLS) or unix://, such as "
            "redis://127.0.0.1:6379/0."
        )
    try:
        from redis import Redis
    except ImportError as error:
        raise PolicyError(
            'A Redis URL is set but its packages are not installed. Run: pip install "soc-copilot'
            '[redis]"'
        ) from error
    try:
        return Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=_READ_S,
            health_check_interval=_HEALTH_S,
        )
    except ValueError as error:
        raise PolicyError(f"The Redis URL cannot be used: {error}.") from error


class RedisCache:
    """Keeps answers in Redis, for every machine that uses it.

    While Redis cannot be reached nothing is known, which costs time and no answer.

    Args:
        redis: The connection.
        ttl_s: How long an answer is known.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    is_near = False

    def __init__(
        self, redis: "Redis", *, ttl_s: float = TTL_S, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._redis = redis
        self._ttl_ms = int(ttl_s * 1000)
        self._breaker = PartBreaker("redis-cache", open_s=_OPEN_S, clock=clock)

    def get(self, key: str) -> Analysis | None:
        """The answer, None where none is known."""
        from redis import RedisError

        if not self._breaker.admit():
            return None
        try:
            found = self._redis.get(f"{PREFIX}known:{key}")
        except RedisError as error:
            self._breaker.failed(type(error).__name__)
            return None
        self._breaker.succeeded()
        if not isinstance(found, bytes):
            return None
        try:
            return decode_analysis(found)
        except ParseError:  # another version of the program wrote it
            return None

    def put(self, key: str, analysis: Analysis) -> None:
        """Keep an answer."""
        from redis import RedisError

        if not self._breaker.admit():
            return
        try:
            self._redis.set(f"{PREFIX}known:{key}", encode_analysis(analysis), px=self._ttl_ms)
        except RedisError as error:
            self._breaker.failed(type(error).__name__)
            return
        self._breaker.succeeded()

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


class RedisSessions:
    """Keeps sessions in Redis, for every machine that uses it.

    Args:
        redis: The connection.
        ttl_s: How long a session is known after its last answer.

    Thread:
        Any.
    """

    def __init__(self, redis: "Redis", *, ttl_s: float = TTL_S) -> None:
        self._redis = redis
        self._ttl_ms = int(ttl_s * 1000)

    def note(self, user_id: str, session_id: str, data: bytes) -> None:
        """Remember an answer; nothing is where Redis cannot be reached."""
        from redis import RedisError

        key = _session_key(user_id, session_id)
        try:
            with self._redis.pipeline() as pipeline:
                pipeline.lpush(key, data)
                pipeline.ltrim(key, 0, MAX_EACH - 1)
                pipeline.pexpire(key, self._ttl_ms)
                pipeline.execute()
        except RedisError as error:
            logger.debug("A session was not noted. reason=%s", type(error).__name__)

    def recent(self, user_id: str, session_id: str) -> list[bytes]:
        """The last answers, the newest first.

        Raises:
            PolicyError: Redis cannot be reached.
        """
        from redis import RedisError

        try:
            found = self._redis.lrange(_session_key(user_id, session_id), 0, MAX_EACH - 1)
        except RedisError as error:
            raise PolicyError("Sessions are in Redis, which cannot be reached now.") from error
        return [one for one in found if isinstance(one, bytes)]


def _session_key(user_id: str, session_id: str) -> str:
    return f"{PREFIX}session:{user_id}:{session_id}"  # neither holds a colon
