from soc_copilot.service.bench_sockets import _frame_bytes, bench_sockets
from tests.unit.service.analysis_parts import Analysing
from tests.unit.service.parts import TOKEN


def test_messages_are_counted_as_they_arrive() -> None:
    with Analysing() as service:
        found = bench_sockets(service.side, service.server.port, TOKEN.decode(), 3, 0.2)
        assert found.clients == 3
        assert found.n_messages > 0
        assert found.messages_per_s > 0
        assert service.side.hub.n_sent * _frame_bytes() >= found.n_messages
        assert service.side.hub.n_cut_off == 0
