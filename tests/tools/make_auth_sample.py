"""The authentication log of four machines over the two hours of the web sample."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 3, 10, 9, 0, 0, tzinfo=UTC)
DURATION_S: Final = 7_200


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


_HOSTS: Final = ("gate", "web1", "db1", "build")
_CRON: Final = (
    (300, "root", "/usr/lib/sysstat/debian-sa1 1 1"),
    (600, "www-data", "php /srv/shop/bin/cron.php"),
    (900, "backup", "/usr/local/bin/backup-increment"),
    (3_600, "root", "cd / && run-parts --report /etc/cron.hourly"),
)
_SUDO: Final = {
    "anna": ("/usr/bin/systemctl restart shop", "/usr/bin/journalctl -u shop -n 200"),
    "bela": ("/usr/bin/apt-get update", "/usr/bin/apt-get install -y htop", "/usr/bin/dmesg"),
    "deploy": ("/usr/bin/systemctl reload nginx", "/usr/local/bin/release shop 2026.3.2"),
    "dora": ("/usr/bin/tail -n 100 /var/log/nginx/error.log", "/usr/sbin/nginx -t"),
}
_SPRAYED: Final = words(
    "anna bela carl deploy dora emil frida greta hugo ines jonas karla lars mia nils olga paul "
    "root svea tim uwe vera wim zoe admin test oracle postgres"
)
_GUESSED: Final = words(
    "root admin root ubuntu root test root user root oracle root pi root git root ftpuser root "
    "guest root support root postgres"
)


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    uid: int
    addresses: tuple[str, ...]
    hosts: tuple[str, ...]
    method: str


_PEOPLE: Final = (
    _Person("anna", 1001, ("10.20.4.11", "198.51.100.34"), ("gate", "web1"), "publickey"),
    _Person("bela", 1002, ("10.20.4.12",), ("gate", "web1", "db1", "build"), "publickey"),
    _Person("carl", 1003, ("10.20.4.13", "198.51.100.61"), ("gate", "db1"), "password"),
    _Person("dora", 1004, ("10.20.4.17",), ("gate", "web1"), "publickey"),
    _Person("emil", 1005, ("10.20.4.21",), ("build",), "password"),
    _Person("frida", 1006, ("10.20.4.22", "2001:db8:51:7::22"), ("gate",), "publickey"),
    _Person("deploy", 1100, ("10.20.0.30",), ("web1", "build"), "publickey"),
    _Person("hugo", 1007, ("10.20.4.40",), ("gate", "db1"), "password"),
)


class _AuthLog:
    """Collects lines; keeps process and session numbers going per host."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[tuple[float, str]] = []
        self._pids = {host: 900 + 350 * i for i, host in enumerate(_HOSTS)}
        self._sessions = dict.fromkeys(_HOSTS, 40)

    def pid(self, host: str) -> int:
        """The next process number of a host."""
        self._pids[host] += self.rng.randrange(1, 14)
        return self._pids[host]

    def session(self, host: str) -> int:
        """The next session number of a host."""
        self._sessions[host] += 1
        return self._sessions[host]

    def add(self, at_s: float, host: str, tag: str, message: str) -> None:
        """Add one line."""
        if 0 <= at_s < DURATION_S:
            moment = START + timedelta(seconds=int(at_s))
            stamp = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
            self.lines.append((at_s, f"{stamp} {host} {tag}: {message}"))


def _cron(log: _AuthLog) -> None:
    for number, host in enumerate(_HOSTS):
        for period_s, user, command in _CRON:
            if user != "root" and host != ("web1" if user == "www-data" else "db1"):
                continue
            for at_s in range(1 + number % 2, DURATION_S, period_s):
                tag = f"CRON[{log.pid(host)}]"
                opened = f"session opened for user {user}(uid=0) by (uid=0)"
                log.add(at_s, host, tag, f"pam_unix(cron:session): {opened}")
                log.add(at_s, host, tag, f"({user}) CMD ({command})")
                closed = f"pam_unix(cron:session): session closed for user {user}"
                log.add(at_s + 1, host, tag, closed)


def _fingerprint(rng: random.Random) -> str:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(rng.choice(signs) for _ in range(43))


def _login(
    log: _AuthLog, at_s: float, host: str, user: str, address: str, method: str, stay_s: float
) -> None:
    """An accepted login with what PAM and logind say, and its end."""
    rng, pid, session = log.rng, log.pid(host), log.session(host)
    tag, port = f"sshd[{pid}]", rng.randrange(32_768, 61_000)
    key = f": ED25519 SHA256:{_fingerprint(random.Random(user))}" if method == "publickey" else ""  # noqa: S311 - the same key each time
    uid = next((person.uid for person in _PEOPLE if person.name == user), 1200)
    log.add(at_s, host, tag, f"Accepted {method} for {user} from {address} port {port} ssh2{key}")
    opened = f"session opened for user {user}(uid={uid}) by (uid=0)"
    log.add(at_s, host, tag, f"pam_unix(sshd:session): {opened}")
    log.add(at_s, host, "systemd-logind[612]", f"New session {session} of user {user}.")
    end_s = at_s + stay_s
    bye = f"Received disconnect from {address} port {port}:11: disconnected by user"
    log.add(end_s, host, tag, bye)
    log.add(end_s, host, tag, f"Disconnected from user {user} {address} port {port}")
    log.add(end_s, host, tag, f"pam_unix(sshd:session): session closed for user {user}")
    log.add(end_s, host, "systemd-logind[612]", f"Removed session {session}.")


def _fail(log: _AuthLog, at_s: float, host: str, user: str, address: str, known: bool) -> str:
    """A wrong password with what PAM says; gives the tag for more from the same process."""
    tag, port = f"sshd[{log.pid(host)}]", log.rng.randrange(32_768, 61_000)
    if not known:
        log.add(at_s, host, tag, f"Invalid user {user} from {address} port {port}")
    who = f" user={user}" if known else ""
    log.add(
        at_s, host, tag, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 "
        f"tty=ssh ruser= rhost={address} {who}",
    )  # fmt: skip
    invalid = "" if known else "invalid user "
    failed = f"Failed password for {invalid}{user} from {address} port {port} ssh2"
    log.add(at_s + 2, host, tag, failed)
    return tag


def _sudo(log: _AuthLog, at_s: float, host: str, user: str, command: str, folder: str = "") -> None:
    folder = folder or f"/home/{user}"
    rest = f"TTY=pts/{log.rng.randrange(4)} ; PWD={folder} ; USER=root ; COMMAND={command}"
    log.add(at_s, host, "sudo", f"{user:>8} : {rest}")
    opened = f"session opened for user root(uid=0) by {user}(uid=1001)"
    log.add(at_s, host, "sudo", f"pam_unix(sudo:session): {opened}")
    log.add(at_s + 1, host, "sudo", "pam_unix(sudo:session): session closed for user root")


def _ordinary(log: _AuthLog) -> None:
    """People and programs at work, and the odd mistyped password."""
    rng = log.rng
    for person in _PEOPLE:
        known = set(_known(person))
        at_s = rng.random() * 500
        while at_s < DURATION_S:
            host, address = rng.choice(person.hosts), rng.choice(person.addresses)
            stay_s = 60 + rng.expovariate(1 / 900)
            if person.method == "password" and rng.random() < 0.25:
                _fail(log, at_s - 6, host, person.name, address, known=True)
            _login(log, at_s, host, person.name, address, person.method, stay_s)
            for _ in range(rng.randrange(3) if person.name in known else 0):
                command = rng.choice(_SUDO[person.name])
                _sudo(log, at_s + rng.random() * stay_s, host, person.name, command)
            at_s += stay_s + rng.expovariate(1 / 700)
    for at_s in range(50, DURATION_S, 600):  # the release robot
        _login(log, at_s, "web1", "deploy", "10.20.0.30", "publickey", 9)
    for _ in range(30):  # what every machine on the net gets
        address = f"198.51.100.{rng.randrange(200, 250)}"
        port, at_s, tag = rng.randrange(2_000, 60_000), rng.random() * DURATION_S, log.pid("gate")
        text = rng.choice(
            (
                f"Did not receive identification string from {address} port {port}",
                f"Connection closed by {address} port {port} [preauth]",
                f"Connection reset by {address} port {port} [preauth]",
                f"Unable to negotiate with {address} port {port}: no matching key exchange method "
                "found. Their offer: diffie-hellman-group1-sha1 [preauth]",
            )
        )
        log.add(at_s, "gate", f"sshd[{tag}]", text)


def _known(person: _Person) -> Sequence[str]:
    return (person.name,) if person.name in _SUDO else ()


def _brute_force(log: _AuthLog) -> None:
    """One address, one machine, root and the usual names, as fast as it may."""
    at_s, address = 1_500.0, "203.0.113.77"
    host_name = "host-77.dyn.example.net"
    for i in range(60):
        user = _GUESSED[i % len(_GUESSED)]
        tag = _fail(log, at_s, "gate", user, address, known=user == "root")
        if i % 7 == 0:
            log.add(
                at_s, "gate", tag, f"reverse mapping checking getaddrinfo for {host_name} "
                f"[{address}] failed - POSSIBLE BREAK-IN ATTEMPT!",
            )  # fmt: skip
        if user == "root" and i % 4 == 0:
            port = log.rng.randrange(32_768, 61_000)
            again = f"Failed password for root from {address} port {port} ssh2"
            log.add(at_s + 6, "gate", tag, f"message repeated 5 times: [ {again}]")
            worn = f"for root from {address} port {port} ssh2 [preauth]"
            log.add(
                at_s + 7, "gate", tag, "error: maximum authentication attempts exceeded " + worn
            )
            log.add(
                at_s + 7, "gate", tag, f"Disconnecting authenticating user root {address} port "
                f"{port}: Too many authentication failures [preauth]",
            )  # fmt: skip
        at_s += 3 + log.rng.expovariate(0.25)


def _spray(log: _AuthLog) -> None:
    """Two rounds over every account that can be thought of, one password each."""
    names = {person.name for person in _PEOPLE} | {"root", "postgres"}
    for start in (3_000.0, 4_800.0):
        at_s = start
        for user in _SPRAYED:
            tag = _fail(log, at_s, "gate", user, "192.0.2.200", known=user in names)
            bye = "Received disconnect from 192.0.2.200 port 40022:11: Bye Bye [preauth]"
            log.add(at_s + 2, "gate", tag, bye)
            at_s += 7 + log.rng.expovariate(0.2)


def _break_in(log: _AuthLog) -> None:
    """Guesses at one account that succeed, and what follows; a key used from a strange network."""
    at_s = 5_400.0
    for _ in range(14):
        _fail(log, at_s, "gate", "carl", "203.0.113.150", known=True)
        at_s += 5 + log.rng.expovariate(0.2)
    _login(log, at_s, "gate", "carl", "203.0.113.150", "password", 1_100)
    refused = "TTY=pts/2 ; PWD=/home/carl ; USER=root ; COMMAND="
    log.add(at_s + 40, "gate", "sudo", f"    carl : user NOT in sudoers ; {refused}/usr/bin/id")
    tries = f"    carl : 3 incorrect password attempts ; {refused}/bin/su -"
    log.add(
        at_s + 60, "gate", "sudo", "pam_unix(sudo:auth): authentication failure; logname=carl "
        "uid=1003 euid=0 tty=/dev/pts/2 ruser=carl rhost=  user=carl",
    )  # fmt: skip
    log.add(at_s + 75, "gate", "sudo", tries)
    log.add(at_s + 90, "gate", f"su[{log.pid('gate')}]", "FAILED SU (to root) carl on pts/2")
    log.add(at_s + 120, "gate", "sudo", f"    carl : user NOT in sudoers ; {refused}/bin/bash")
    log.add(at_s + 150, "gate", "sudo", f"    carl : command not allowed ; {refused}/bin/sh")
    at_s = 6_300.0
    _login(log, at_s, "web1", "deploy", "192.0.2.145", "publickey", 700)
    for pause_s, command in (
        (30, "/usr/bin/cat /etc/shadow"),
        (55, "/usr/sbin/useradd -m -s /bin/bash -G sudo support2"),
        (80, "/usr/bin/passwd support2"),
        (140, "/usr/bin/tee -a /etc/sudoers.d/90-support"),
        (200, "/bin/bash"),
        (260, "/usr/bin/crontab -u root -e"),
    ):
        _sudo(log, at_s + pause_s, "web1", "deploy", command, "/tmp")  # noqa: S108 - a text
    tag = f"useradd[{log.pid('web1')}]"
    log.add(at_s + 55, "web1", tag, "new group: name=support2, GID=1201")
    user = (
        "name=support2, UID=1201, GID=1201, home=/home/support2, shell=/bin/bash, from=/dev/pts/1"
    )
    log.add(at_s + 55, "web1", tag, f"new user: {user}")
    log.add(at_s + 55, "web1", tag, "add 'support2' to group 'sudo'")
    log.add(at_s + 55, "web1", tag, "add 'support2' to shadow group 'sudo'")
    changed = "pam_unix(passwd:chauthtok): password changed for support2"
    log.add(at_s + 86, "web1", f"passwd[{log.pid('web1')}]", changed)


def auth_log() -> str:
    """The text of auth.log."""
    log = _AuthLog(random.Random(514))  # noqa: S311 - a fixed seed is the point
    _cron(log)
    _ordinary(log)
    _brute_force(log)
    _spray(log)
    _break_in(log)
    log.lines.sort(key=lambda entry: int(entry[0]))
    return "".join(f"{line}\n" for line in _renumbered([line for _, line in log.lines]))


def _renumbered(lines: Sequence[str]) -> list[str]:
    """The lines with process numbers that rise with time on each host."""
    numbers: dict[tuple[str, str], int] = {}
    latest = {host: 21_000 + 1_700 * i for i, host in enumerate(_HOSTS)}
    rng = random.Random(22)  # noqa: S311 - a fixed seed is the point

    def renumber(match: re.Match[str]) -> str:
        head, host, tag, pid = match.groups()
        if tag == "systemd-logind":
            return match[0]
        if (host, pid) not in numbers:
            latest[host] += rng.randrange(1, 9)
            numbers[host, pid] = latest[host]
        return f"{head}{host} {tag}[{numbers[host, pid]}]:"

    return [re.sub(r"^(.{16})(\w+) ([^ \[:]+)\[(\d+)\]:", renumber, line) for line in lines]
