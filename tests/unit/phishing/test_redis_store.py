import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.redis_store import PREFIX, RedisCache, RedisSessions, connect
from soc_copilot.phishing.sessions import MAX_EACH
from tests.unit.phishing.parts import FakePart, TurnedClock, url
from tests.unit.phishing.redis_parts import RedisServer


@pytest.mark.parametrize("bad", ["", "http://127.0.0.1", "127.0.0.1:6379", "redis://host:port"])
def test_what_is_no_redis_url_is_refused(bad: str) -> None:
    with pytest.raises(PolicyError, match="Redis URL"):
        connect(bad)


def test_an_answer_is_known_to_all_for_its_time_and_over_a_restart(
    redis_server: RedisServer,
) -> None:
    pipeline = Orchestrator([FakePart()])
    answer = pipeline.analyse(url("evil"), "r-1")
    assert pipeline.close()
    clock = TurnedClock()
    cache, other = (RedisCache(redis_server.redis(), clock=clock) for _ in range(2))
    assert cache.get("a") is None
    cache.put("a", answer)
    assert other.get("a") == answer
    with redis_server.redis() as redis:
        assert 290_000 < redis.pttl(f"{PREFIX}known:a") <= 300_000
        redis.set(f"{PREFIX}known:b", b'{"written":"by another"}')
    assert cache.get("b") is None
    redis_server.kill()
    for _ in range(5):  # costs no answer, and after some attempts no time
        assert cache.get("a") is None
        cache.put("a", answer)
    redis_server.start()
    assert cache.get("a") is None  # left alone for a while
    clock.s += 10
    assert cache.get("a") == answer
    cache.close()
    other.close()


def test_a_session_is_known_to_all(redis_server: RedisServer) -> None:
    sessions, other = (RedisSessions(redis_server.redis()) for _ in range(2))
    for number in range(MAX_EACH + 5):
        sessions.note("ann", "s", b"%d" % number)
    found = other.recent("ann", "s")
    assert (len(found), found[0]) == (MAX_EACH, b"104")
    assert other.recent("bob", "s") == []
    with redis_server.redis() as redis:
        assert 290_000 < redis.pttl(f"{PREFIX}session:ann:s") <= 300_000
    redis_server.kill()
    sessions.note("ann", "s", b"x")  # costs nothing but itself
    with pytest.raises(PolicyError, match="cannot be reached"):
        sessions.recent("ann", "s")
